"""The rewrite rows, applied."""

from ..ir.graph import Graph, Node
from .rebuild import inside, rebuild
from .rewrites import REWRITES, Rewrite

_BY_OP: dict[str, list[Rewrite]] = {}
for _row in REWRITES:
    _BY_OP.setdefault(_row.op, []).append(_row)


def simplify(graph: Graph) -> Graph:
    """Apply the rows of `rewrites.REWRITES` until none fits."""
    return rebuild(inside(graph, simplify), _rewrite)


def _rewrite(node: Node) -> Node:
    for row in _BY_OP.get(node.op.name, ()):
        if row.when(node):
            return _rewrite(row.then(node))
    return node
