"""Where values live: the buffer behind a node, and the strides with which a kernel walks it."""

from dataclasses import dataclass

from ...ir.graph import CONST, INPUT, RESULT, Node
from ...ir.layout import place_of
from ...numerics.view import Layout, Shape, merged_runs, row_major


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


_GIVEN = (CONST, INPUT, RESULT)


def is_computed(node: Node) -> bool:
    """Tell what a kernel computes from leaves, views, and single results of such a node."""
    return node.op not in _GIVEN and not node.op.is_view


def contiguous_layout(shape: Shape) -> Layout:
    """Return the row-major layout of a fresh buffer."""
    return Layout(shape, row_major(shape), 0)


def merge_axes(
    shape: Shape, strides: list[tuple[int, ...]]
) -> tuple[list[int], list[tuple[int, ...]]]:
    """Merge neighbouring axes that every pointer walks as one; drop axes of extent 1."""
    axes = [(e, tuple(s[d] for s in strides)) for d, e in enumerate(shape) if e != 1]
    merged: list[tuple[int, tuple[int, ...]]] = []
    for extent, steps in axes:
        outer = merged[-1] if merged else None
        if outer and all(o == s * extent for o, s in zip(outer[1], steps, strict=True)):
            merged[-1] = (outer[0] * extent, steps)
        else:
            merged.append((extent, steps))
    merged = merged or [(1, tuple(0 for _ in strides))]
    extents = [e for e, _ in merged]
    return extents, [tuple(m[1][p] for m in merged) for p in range(len(strides))]


def merged_stride(shape: Shape, strides: tuple[int, ...]) -> int:
    """Return the one stride of merged axes (they were checked to have one)."""
    return merge_axes(shape, [strides])[1][0][-1]


def three_strides(
    shape: Shape, strides: tuple[int, ...], first: int, stop: int
) -> tuple[int, int, int]:
    """Return the strides of a `walkable` operand before, along, and after axes first to stop."""
    parts = (slice(0, first), slice(first, stop), slice(stop, None))
    before, along, after = (merged_stride(shape[p], strides[p]) for p in parts)
    return before, along, after


def single_stride(shape: Shape, strides: tuple[int, ...]) -> int | None:
    """Return the one stride that walks these axes in row-major order, if there is one."""
    runs = merged_runs(shape, strides)
    if not runs:
        return 0
    return runs[0][1] if len(runs) == 1 else None


def walkable(place: Place, shape: Shape, axes: tuple[int, ...]) -> bool:
    """Tell whether an operand has one stride before, along, and after neighbouring axes."""
    if place.constant:
        return True
    strides = place.strides_over(shape)
    first, last = axes[0], axes[-1] + 1
    parts = (slice(0, first), slice(first, last), slice(last, None))
    return all(single_stride(shape[p], strides[p]) is not None for p in parts)
