"""``x[...]`` with ints, slices, None and Ellipsis, as views."""

from typing import Any

from ..errors import AxisError, ShapeError, at_user_line
from ..ops.build import Tensor, is_tensor
from ..ops.indexing import index_select
from ..ops.shape import reshape, strided_slice


def getitem(x: Tensor, index: Any) -> Tensor:
    """Return the part of a tensor that an index names.

    Ints, slices with steps, None and Ellipsis give a view; one 1-D integer tensor selects along
    the first axis. Raises `AxisError` for too many indices or an int outside of its axis.
    """
    if is_tensor(index) and index.value.dtype.kind == "i" and index.value.ndim == 1:
        return index_select(x, 0, index)
    parts = _complete(index if isinstance(index, tuple) else (index,), x.value.ndim)
    starts, lengths, steps, shape = [], [], [], []
    axis = 0
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        extent = x.value.shape[axis]
        start, length, step = _range(part, extent, axis)
        starts.append(start)
        lengths.append(length)
        steps.append(step)
        if isinstance(part, slice):
            shape.append(length)
        axis += 1
    out = strided_slice(x, tuple(starts), tuple(lengths), tuple(steps))
    return reshape(out, tuple(shape))


def _complete(parts: tuple, ndim: int) -> list[Any]:
    """Replace the Ellipsis, and add whole slices so that every axis is named."""
    used = sum(1 for p in parts if p is not None and p is not Ellipsis)
    if used > ndim:
        raise AxisError(at_user_line(f"too many indices: {used} for a tensor of {ndim} dimensions"))
    fill = [slice(None)] * (ndim - used)
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), len(parts))
    return [*parts[:at], *fill, *parts[at + 1 :]]


def _range(part: Any, extent: int, axis: int) -> tuple[int, int, int]:
    if isinstance(part, slice):
        start, stop, step = part.indices(extent)
        return start, len(range(start, stop, step)), step
    if is_tensor(part) and (part.value.ndim or part.value.dtype.kind == "b"):
        raise ShapeError(
            at_user_line(
                f"cannot index with a {part.value.dtype.name} tensor of shape {part.shape}: bool "
                "masks and index tensors beside other indices are not supported; use where(), "
                "index_select() or gather()"
            )
        )
    try:
        position = part.__index__()
    except (AttributeError, TypeError):
        raise ShapeError(
            at_user_line(
                f"cannot index with {type(part).__name__}: use ints, slices, None, Ellipsis, "
                "or a 1-D integer tensor"
            )
        ) from None
    if not -extent <= position < extent:
        raise AxisError(
            at_user_line(f"index {position} is out of range for dim {axis} of extent {extent}")
        )
    return position % extent, 1, 1
