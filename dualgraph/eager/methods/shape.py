"""Ops that only move elements."""

from ...ops import shape as ops, windows


class ShapeMethods:
    """Ops that only move elements."""

    reshape = ops.reshape
    view = ops.view
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
    unfold = windows.unfold
