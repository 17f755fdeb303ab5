"""Views: which are strides over memory, and which need a copy first."""

from ..core.op import REGISTRY
from ..ir.graph import Graph, Node
from ..ir.layout import place_of
from .rebuild import inside, rebuild


def materialize_views(graph: Graph) -> Graph:
    """Copy before a reshape that strides cannot express, so that every view moves no data."""
    copy = REGISTRY["clone"]

    def place(node: Node) -> Node:
        if not node.op.is_view or place_of(node)[0] is not node:
            return node
        source = node.inputs[0]
        return node.with_inputs((node.beside(copy, (source,), {}, source.aval),))

    return rebuild(inside(graph, materialize_views), place)
