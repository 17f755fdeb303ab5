"""Copies of a tensor with a regular part overwritten: a slice, one position, a diagonal."""

from typing import Any

import numpy as np

from ...core.dispatch import apply
from ...core.types import Shape
from ...errors import ArgumentError, AxisError, DTypeError, ShapeError
from ..build import Tensor, as_dtype, need, need_tensors, normal_axis
from ..reduce.reductions import expand
from .views import OVERWRITE, permute, reshape, unsqueeze


def overlay(x: Tensor, y: Tensor, starts: Shape, steps: Shape) -> Tensor:
    """Return x with y at ``starts`` in ``steps``."""
    if x.value.dtype != y.value.dtype:
        raise DTypeError(
            f"cannot write {y.value.dtype.name} into {x.value.dtype.name}: cast one of them"
        )
    return apply(OVERWRITE, x, y, starts=starts, lengths=y.value.shape, steps=steps)


def _written(name: str, input: Any, src: Any, shape: Shape) -> None:
    """Raise unless ``src`` is a tensor of this shape."""
    need_tensors(name, input, src)
    if src.value.shape != shape:
        raise ShapeError(
            f"{name}: src has shape {src.value.shape}, the part to write has shape {shape}: "
            "they must be equal"
        )


def _on_axis(ndim: int, axis: int, value: int, other: int) -> Shape:
    return tuple(value if i == axis else other for i in range(ndim))


def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """Return a copy of the input with ``src`` in the place of ``input[..., start:end:step, ...]``.

    ``src`` has the shape of that slice and the input's dtype. Raises `ShapeError` otherwise.
    """
    need(isinstance(step, int) and step > 0, f"slice_scatter: step must be positive, got {step}")
    shape = input.value.shape
    axis = normal_axis(dim, len(shape))
    first, last, _ = slice(start, end, step).indices(shape[axis])
    length = len(range(first, last, step))
    _written("slice_scatter", input, src, (*shape[:axis], length, *shape[axis + 1 :]))
    starts, steps = _on_axis(len(shape), axis, first, 0), _on_axis(len(shape), axis, step, 1)
    return overlay(input, src, starts, steps)


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return a copy of the input with ``src`` at one position of an axis.

    ``src`` has the input's shape without that axis. Raises `AxisError` for an index outside of it.
    """
    shape = input.value.shape
    axis = normal_axis(dim, len(shape))
    _written("select_scatter", input, src, shape[:axis] + shape[axis + 1 :])
    if not -shape[axis] <= index < shape[axis]:
        raise AxisError(
            f"select_scatter: index {index} is out of range for dim {dim} of extent {shape[axis]}"
        )
    starts = _on_axis(len(shape), axis, index % shape[axis], 0)
    steps = (1,) * len(shape)
    return overlay(input, unsqueeze(src, axis), starts, steps)


def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """Return a copy of the input with ``src`` on the diagonal over two axes.

    The diagonal is the last axis of ``src``, the other axes come before it in order.
    """
    ndim = input.value.ndim
    first, second = normal_axis(dim1, ndim), normal_axis(dim2, ndim)
    need(first != second, f"diagonal_scatter: dim1 and dim2 are both {first}")
    order = (*(d for d in range(ndim) if d not in (first, second)), first, second)
    x = permute(input, order)
    *outer, rows, columns = x.value.shape
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    _written("diagonal_scatter", input, src, (*outer, length))
    start = offset if offset >= 0 else -offset * columns
    out = _overlay_last(x, src, start if length else 0, columns + 1)
    return permute(out, tuple(order.index(d) for d in range(ndim)))


def _overlay_last(x: Tensor, src: Tensor, start: int, step: int) -> Tensor:
    """Write along the last two axes taken as one."""
    *outer, rows, columns = x.value.shape
    flat = reshape(x, (*outer, rows * columns))
    starts, steps = (*(0 for _ in outer), start), (*(1 for _ in outer), step)
    return reshape(overlay(flat, src, starts, steps), x.value.shape)


def fill_diagonal(input: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Return the input with a number on its main diagonal: all indices equal.

    ``wrap`` starts a tall matrix's diagonal again after each block of as many rows as columns and
    one. Raises `ArgumentError` for fewer than two axes, or more than two of unequal extents.
    """
    shape = input.value.shape
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ArgumentError(
            f"fill_diagonal_: needs a matrix, or more axes of equal extents, got shape {shape}"
        )
    step = sum(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    size = input.value.size
    count = len(range(0, size, step)) if wrap and len(shape) == 2 else min(shape)
    value = expand(as_dtype(fill_value, input.value.dtype), (count,))
    flat = reshape(input, (size,))
    written = overlay(flat, value, (0,), (step,))
    return reshape(written, shape)
