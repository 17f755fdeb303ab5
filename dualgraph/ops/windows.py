"""Views of overlapping windows, and their transpose."""

from typing import Any

import numpy as np

from ..core.dispatch import apply
from ..core.op import defop
from ..core.types import Aval
from ..errors import ShapeError, at_user_line
from ..kernels.routine import eager_kernel
from ..kernels.view import UnfoldView
from ..kernels.windows import OVERLAP_ADD
from .build import Tensor, need, normal_axis
from .shape import narrow, reshape


def _infer_unfold(x: Any, axis: int, size: int, step: int) -> Aval:
    shape = tuple(x.shape)
    count = (shape[axis] - size) // step + 1
    return Aval((*shape[:axis], count, *shape[axis + 1 :], size), x.dtype)


def _unfold_kernel(x: np.ndarray, axis: int, size: int, step: int) -> np.ndarray:
    shape = _infer_unfold(x, axis, size, step).shape
    own = x.strides
    strides = (*own[:axis], own[axis] * step, *own[axis + 1 :], own[axis])
    alone = step >= size and x.flags.writeable
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=alone)


UNFOLD = defop(
    "unfold",
    inputs="x",
    infer=_infer_unfold,
    kernel=_unfold_kernel,
    lower=UnfoldView(),
    vjp=(
        lambda g, x_shape, *, axis, step: apply(
            OVERLAPPED, g, axis=axis, extent=x_shape[axis], step=step
        ),
    ),
)


def _infer_overlap_add(x: Any, axis: int, extent: int, step: int) -> Aval:
    shape = tuple(x.shape)
    return Aval((*shape[:axis], extent, *shape[axis + 1 : -1]), x.dtype)


OVERLAPPED = defop(
    "overlap_add",
    inputs="x",
    infer=_infer_overlap_add,
    kernel=eager_kernel("overlap_add", OVERLAP_ADD, _infer_overlap_add),
    lower=OVERLAP_ADD,
    vjp=(
        lambda g, x_shape, *, axis, step: apply(UNFOLD, g, axis=axis, size=x_shape[-1], step=step),
    ),
)


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return the view of all windows of ``size`` elements, ``step`` apart, along an axis.

    The axis then counts windows, ``(extent - size) // step + 1`` of them; a new last axis of extent
    ``size`` walks through one. Its gradient adds up what overlaps, windows in ascending order.
    Raises `ShapeError` for a window larger than the axis.

    >>> import dualgraph as dg
    >>> dg.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    shape = input.value.shape
    axis = normal_axis(dimension, len(shape))
    extent = shape[axis] if shape else 1
    need(size >= 0 and step > 0, f"unfold: size {size} must not be negative, step {step} positive")
    if size > extent:
        raise ShapeError(
            at_user_line(f"unfold: a window of {size} is larger than dim {axis} of extent {extent}")
        )
    if not shape:
        return narrow(reshape(input, (1,)), 0, 0, size)
    return apply(UNFOLD, input, axis=axis, size=size, step=step)


def overlap_add(input: Tensor, dimension: int, extent: int, step: int) -> Tensor:
    """Return the transpose of `unfold`: windows added up along an axis of this extent.

    ``input`` is what ``unfold(x, dimension, size, step)`` gives for an ``x`` of that extent.
    """
    axis = normal_axis(dimension, input.value.ndim - 1)
    windows, size = input.value.shape[axis], input.value.shape[-1]
    need(
        step > 0 and (windows == 0 or (windows - 1) * step + size <= extent),
        f"overlap_add: {windows} windows of {size} elements, {step} apart, exceed {extent}",
    )
    return apply(OVERLAPPED, input, axis=axis, extent=extent, step=step)
