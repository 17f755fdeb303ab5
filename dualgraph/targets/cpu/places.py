"""Where values live: the buffer behind a node, and the strides with which a kernel walks it."""

from dataclasses import dataclass

from ...ir.graph import CONST, INPUT, Node
from ...ir.layout import place_of
from ...numerics.view import Layout, Shape, merged_runs


@dataclass(frozen=True, slots=True)
class Place:
    """A node as strided elements of the buffer of ``root`` (a node that is not a view)."""

    root: Node
    layout: Layout

    @property
    def constant(self) -> bool:
        return self.root.op is CONST

    def strides_over(self, shape: Shape) -> tuple[int, ...]:
        """Return the strides along each axis of an iteration space, 0 where broadcast."""
        lead = len(shape) - len(self.layout.shape)
        own = zip(self.layout.shape, self.layout.strides, strict=True)
        return (0,) * lead + tuple(0 if e == 1 else s for e, s in own)


class Places:
    """The place of every node of a graph, worked out once."""

    def __init__(self) -> None:
        self._found: dict[Node, Place] = {}

    def __getitem__(self, node: Node) -> Place:
        place = self._found.get(node)
        if place is None:
            place = self._found[node] = self._find(node)
        return place

    def _find(self, node: Node) -> Place:
        root, layout = place_of(node)
        assert not root.op.is_view, "materialize_views leaves no such view"
        return Place(root, layout)


def is_input(node: Node) -> bool:
    """Tell a graph input from computed values."""
    return node.op is INPUT


def single_stride(shape: Shape, strides: tuple[int, ...]) -> int | None:
    """Return the one stride that walks these axes in row-major order, if there is one."""
    runs = merged_runs(shape, strides)
    if not runs:
        return 0
    return runs[0][1] if len(runs) == 1 else None
