"""Views of overlapping windows, and their transposes."""

from math import prod
from typing import Any

import numpy as np

from ...core.dispatch import apply, state
from ...core.op import defop
from ...core.types import Aval, Shape
from ...errors import ShapeError
from ...numerics.facts.routine import Routine
from ...numerics.view import StridedView, UnfoldView
from ..arguments import need_int
from ..build import Tensor, in_float32, need, normal_axis, sizes
from ..create.creation import arange, zeros
from ..elementwise.pointwise import add, mul
from ..index.indexing import scatter_add
from ..shape.axes import is_contiguous
from ..shape.views import narrow, reshape


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
    vjp=(lambda g, x_shape, *, axis, step: _added(g, axis=axis, extent=x_shape[axis], step=step),),
)


def _infer_overlap_add(x: Any, axis: int, extent: int, step: int) -> Aval:
    shape = tuple(x.shape)
    return Aval((*shape[:axis], extent, *shape[axis + 1 : -1]), x.dtype)


OVERLAPPED = defop(
    "overlap_add",
    inputs="x",
    infer=_infer_overlap_add,
    lower=Routine("overlap_add"),
    vjp=(
        lambda g, x_shape, *, axis, step: apply(UNFOLD, g, axis=axis, size=x_shape[-1], step=step),
    ),
)


@in_float32
def _added(x: Tensor, *, axis: int, extent: int, step: int) -> Tensor:
    return apply(OVERLAPPED, x, axis=axis, extent=extent, step=step)


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
    size, step = need_int("unfold", "size", size), need_int("unfold", "step", step)
    need(size >= 0 and step > 0, f"unfold: size {size} must not be negative, step {step} positive")
    if size > extent:
        raise ShapeError(f"unfold: a window of {size} is larger than dim {axis} of extent {extent}")
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
    return _added(input, axis=axis, extent=extent, step=step)


# --- any strides --------------------------------------------------------------------------------


def _infer_strided(x: Any, size: Shape, stride: Shape, offset: int) -> Aval:
    return Aval(size, x.dtype)


def _strided_kernel(x: np.ndarray, size: Shape, stride: Shape, offset: int) -> np.ndarray:
    steps = tuple(s * x.itemsize for s in stride)
    apart = all(s or e <= 1 for e, s in zip(size, stride, strict=True))
    begin = x.reshape(-1)[offset:]  # the interpreter may hold a value in another order: a copy
    writeable = x.flags.writeable and apart
    return np.lib.stride_tricks.as_strided(begin, size, steps, writeable=writeable)


STRIDED = defop(
    "as_strided",
    inputs="x",
    infer=_infer_strided,
    kernel=_strided_kernel,
    lower=StridedView(),
    vjp=(lambda g, x_shape, *, size, stride, offset: _scattered(g, x_shape, size, stride, offset),),
)
_NOT_DENSE = "as_strided takes a contiguous tensor: call contiguous() first"


@in_float32
def _scattered(g: Tensor, x_shape: Shape, size: Shape, stride: Shape, offset: int) -> Tensor:
    """Add the cotangents, in row-major order, to zeros of the input's shape."""
    count = prod(x_shape)
    index = reshape(arange(offset, offset + 1), (1,) * len(size))
    for d, (extent, step) in enumerate(zip(size, stride, strict=True)):
        line = reshape(mul(arange(extent), step), (-1, *(1,) * (len(size) - d - 1)))
        index = add(index, line)
    flat = zeros(count, dtype=g.value.dtype)
    return reshape(scatter_add(flat, 0, reshape(index, (-1,)), reshape(g, (-1,))), x_shape)


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Return a view with this shape and these strides (in elements) over the input's memory.

    The input must be contiguous, and only its own elements can be reached: PyTorch also reaches
    what lies beside it in memory that it shares. Where elements overlap, their gradients add up in
    row-major order. Raises `ShapeError` for what lies outside.
    """
    shape, strides = sizes((tuple(size),)), sizes((tuple(stride),))
    need(len(shape) == len(strides), f"as_strided: {len(shape)} sizes and {len(strides)} strides")
    need(min(strides, default=0) >= 0, f"as_strided: a stride in {strides} is negative")
    need(is_contiguous(input), _NOT_DENSE)
    start = state.frontend.offset(input) if storage_offset is not None else 0
    offset = (storage_offset or 0) - start
    last = offset + sum((e - 1) * s for e, s in zip(shape, strides, strict=True))
    if min(shape, default=0) < 0 or (prod(shape) and not 0 <= offset <= last < input.value.size):
        raise ShapeError(
            f"as_strided: size {shape} with strides {strides} reaches from element {offset} "
            f"to {last} of the {input.value.size} elements of shape {input.value.shape}"
        )
    return apply(STRIDED, input, size=shape, stride=strides, offset=offset)
