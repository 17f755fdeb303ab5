"""Common subexpressions."""

from typing import Any

from ..core.op import static_key
from ..ir.graph import CONST, Graph, Node, const_array
from .rebuild import inside, rebuild


def common_subexpressions(graph: Graph) -> Graph:
    """Compute equal nodes once (operands of a commutative op in either order).

    Nodes with regions are equal when their regions compute the same in the same order.
    """
    seen: dict[Any, Node] = {}

    def merge(node: Node) -> Node:
        return seen.setdefault(_key(node, node.inputs), node)

    return rebuild(inside(graph, common_subexpressions), merge)


def _key(node: Node, inputs: tuple[Any, ...]) -> Any:
    """Return what is equal for nodes that compute the same from ``inputs``."""
    if node.op is CONST:
        return (CONST, node.dtype, const_array(node).tobytes())
    taken = frozenset(inputs) if node.op.commutative else inputs
    return (node.op, taken, static_key(node.static), tuple(map(_region_key, node.regions)))


def _region_key(region: Graph) -> Any:
    """Return what is equal for regions with the same nodes, told by their positions."""
    at = {node: k for k, node in enumerate((*region.inputs, *region.nodes))}
    inputs = tuple(node.aval for node in region.inputs)
    nodes = tuple(_key(node, tuple(at[i] for i in node.inputs)) for node in region.nodes)
    return (inputs, nodes, tuple(at[node] for node in region.outputs))
