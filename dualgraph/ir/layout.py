"""Where the value of a node lies: a view is offset and strides over the buffer of another node."""

from collections.abc import Callable

from ..numerics.view import Layout, row_major
from .graph import Node


def view_chain(node: Node) -> tuple[Node, list[Node]]:
    """Return the value that a node shows (itself when it is no view), and the views on the way."""
    chain: list[Node] = []
    while node.op.is_view:
        chain.append(node)
        node = node.inputs[0]
    return node, chain[::-1]


def dense_layout(node: Node) -> Layout:
    """Return the row-major layout that every computed value and every input has."""
    return Layout(node.shape, row_major(node.shape), 0)


def place_of(
    node: Node, layout_of_root: Callable[[Node], Layout] = dense_layout
) -> tuple[Node, Layout]:
    """Return the node in whose buffer a value lies, and its layout there.

    A view that strides cannot express is a copy, and so a root itself.
    """
    root, chain = view_chain(node)
    layout = layout_of_root(root)
    for view in chain:
        moved = view.op.lower.apply(layout, view.shape, **view.static)
        if moved is None:
            root, moved = view, dense_layout(view)
        layout = moved
    return root, layout
