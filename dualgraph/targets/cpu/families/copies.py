"""Ops that only copy: a strided loop for each part of the result."""

from ....ir.graph import Node, constant
from ....numerics.facts.data import Cat, Embed, Overwrite
from ....numerics.view import Layout, Shape, row_major
from ..places import Places, contiguous_layout
from ..placing import Placing
from .base import Family, Group
from .loops import emit_copy


class Cats(Family):
    """Each input, side by side along one axis."""

    name = "cat"
    begins = (Cat,)

    def emit(self, group: Group, placing: Placing) -> None:
        (node,) = group.nodes
        axis: int = node.static["axis"]
        strides, start = row_major(node.shape), 0
        for value in node.inputs:
            layout = Layout(value.shape, strides, start * strides[axis])
            emit_copy(value, value.shape, layout, placing.buffer(node), placing)
            start += value.shape[axis]


class Embeds(Family):
    """Zeros with the input in a slice."""

    name = "embed"
    begins = (Embed,)

    def emit(self, group: Group, placing: Placing) -> None:
        (node,) = group.nodes
        (value,) = node.inputs
        _emit_slice(node, constant(0, node.dtype), value, value.shape, placing)


class Overwrites(Family):
    """The first input with the second one in a slice."""

    name = "overwrite"
    begins = (Overwrite,)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        return True

    def emit(self, group: Group, placing: Placing) -> None:
        (node,) = group.nodes
        around, value = node.inputs
        _emit_slice(node, around, value, node.static["lengths"], placing)


def _emit_slice(node: Node, around: Node, value: Node, lengths: Shape, placing: Placing) -> None:
    target = placing.buffer(node)
    emit_copy(around, node.shape, contiguous_layout(node.shape), target, placing)
    own = row_major(node.shape)
    starts, steps = node.static["starts"], node.static["steps"]
    offset = sum(s * t for s, t in zip(starts, own, strict=True))
    strides = tuple([s * t for s, t in zip(steps, own, strict=True)])
    emit_copy(value, lengths, Layout(lengths, strides, offset), target, placing)


CATS, EMBEDS, OVERWRITES = Cats(), Embeds(), Overwrites()
