"""Constants that can be computed now."""

from ..ir.graph import CONST, Graph, Node, const_array, constant
from ..ir.interpreter import evaluate
from .rebuild import inside, rebuild


def fold_constants(graph: Graph) -> Graph:
    """Run ops whose inputs are all constants, when the result is a scalar."""
    return rebuild(inside(graph, fold_constants), _fold)


def _fold(node: Node) -> Node:
    if not node.inputs or any(i.op is not CONST for i in node.inputs):
        return node
    if len(node.results) != 1 or node.shape != ():
        return node
    value = evaluate(node, [const_array(i) for i in node.inputs])
    return constant(value.item(), node.dtype, node.source)
