"""Ops that only move elements."""

from typing import Any

from ...ops.shape import axes, diagonals, repeating, splitting, views as ops
from ...ops.windows import unfolding as windows
from .inplace import in_place


class ShapeMethods:
    """Ops that only move elements."""

    reshape = ops.reshape
    flatten = ops.flatten
    squeeze = ops.squeeze
    unsqueeze = ops.unsqueeze
    permute = ops.permute
    transpose = ops.transpose
    t = ops.t
    narrow = ops.narrow
    select = ops.select
    flip = ops.flip
    split = ops.split
    chunk = ops.chunk
    unbind = ops.unbind
    view = axes.view
    view_as = axes.view_as
    reshape_as = axes.reshape_as
    expand_as = axes.expand_as
    broadcast_to = axes.broadcast_to
    ravel = axes.ravel
    unflatten = axes.unflatten
    movedim = axes.movedim
    moveaxis = axes.moveaxis
    swapaxes = axes.swapaxes
    swapdims = axes.swapdims
    contiguous = axes.contiguous
    stride = axes.stride
    storage_offset = axes.storage_offset
    repeat = repeating.repeat
    tile = repeating.tile
    roll = repeating.roll
    fliplr = repeating.fliplr
    flipud = repeating.flipud
    rot90 = repeating.rot90
    repeat_interleave = repeating.repeat_interleave
    split_with_sizes = splitting.split_with_sizes
    tensor_split = splitting.tensor_split
    hsplit = splitting.hsplit
    vsplit = splitting.vsplit
    dsplit = splitting.dsplit
    diagonal = diagonals.diagonal
    diag = diagonals.diag
    diag_embed = diagonals.diag_embed
    diagflat = diagonals.diagflat
    tril = diagonals.tril
    triu = diagonals.triu
    tril_ = in_place(diagonals.tril)
    triu_ = in_place(diagonals.triu)
    unfold = windows.unfold
    as_strided = windows.as_strided

    def is_contiguous(self: Any, memory_format: Any = None) -> bool:
        """Return whether the elements lie in row-major order without gaps."""
        return axes.is_contiguous(self)
