"""Dead code."""

from ..ir.graph import RESULT, Graph, Node
from ..ir.scan import SCAN, narrowed
from .rebuild import inside, rebuild


def dead_code(graph: Graph) -> Graph:
    """Drop nodes that no output needs, and what a scan computes for results that nobody takes.

    Inputs stay. That an index is out of range is found where it is used: an op whose result nobody
    needs is not run, and raises nothing.
    """
    graph = _alive(graph)
    if any(node.op is SCAN for node in graph.nodes):
        graph = _alive(_narrow_scans(graph))
    return inside(graph, dead_code)


def _alive(graph: Graph) -> Graph:
    live = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node in live:
            live.update(node.inputs)
    return Graph(graph.inputs, tuple(n for n in graph.nodes if n in live), graph.outputs)


def _narrow_scans(graph: Graph) -> Graph:
    taken: dict[Node, set[int]] = {}
    for node in graph.nodes:
        if node.op is RESULT:
            taken.setdefault(node.inputs[0], set()).add(node.static["index"])
    wanted = iter([taken.get(node, {0}) for node in graph.nodes if node.op is SCAN])
    kept: dict[Node, list[int]] = {}  # of a new scan: which results it has of those it had

    def replace(node: Node) -> Node:
        if node.op is SCAN:
            less, results = narrowed(node, next(wanted))
            kept[less] = results
            return less
        if node.op is RESULT and node.inputs[0].op is SCAN:
            return _result(node, kept[node.inputs[0]])
        return node

    return rebuild(graph, replace)


def _result(node: Node, kept: list[int]) -> Node:
    """Return a result of a scan that has only these of its results."""
    (scan,), index = node.inputs, kept.index(node.static["index"])
    if len(kept) == 1:
        return scan
    return node.beside(RESULT, (scan,), {"index": index}, node.aval)
