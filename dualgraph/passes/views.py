"""Views: which are strides over memory, and which need a copy first."""

from typing import Any

from ..core.op import REGISTRY
from ..ir.graph import Graph, Node
from ..numerics.view import Layout, row_major
from .rebuild import inside, rebuild


def materialize_views(graph: Graph) -> Graph:
    """Copy before a reshape that strides cannot express, so that every view moves no data."""
    layouts: dict[Node, Any] = {}
    copy = REGISTRY["clone"]

    def place(node: Node) -> Node:
        if not node.op.is_view:
            return node
        layout = view_layout(node, layouts)
        if layout is None:
            source = node.inputs[0]
            node = node.with_inputs((node.beside(copy, (source,), {}, source.aval),))
            layout = view_layout(node, layouts)
        layouts[node] = layout
        return node

    return rebuild(inside(graph, materialize_views), place)


def view_layout(node: Node, layouts: dict[Node, Any]) -> Any:
    """Return the layout of a view node over the buffer of its root, or None."""
    source = node.inputs[0]
    layout = layouts.get(source) or dense_layout(source)
    return node.op.lower.apply(layout, node.shape, **node.static)


def dense_layout(node: Node) -> Layout:
    """Return the row-major layout that every computed value and every input has."""
    return Layout(node.shape, row_major(node.shape), 0)
