"""Reading and writing through bool masks.

Writing works while tracing: numbers and whatever broadcasts by `where`, a list of values by the
running count of the mask. Reading gives as many elements as the mask holds, which a trace does not
know.
"""

from typing import Any

import numpy as np

from ...core.dispatch import state
from ...core.types import Shape, bool_, broadcast_shapes
from ...errors import ArgumentError, DTypeError, ShapeError
from ..build import Tensor, as_dtype, need_tensors
from ..elementwise.pointwise import add, sub, where
from ..reduce.reductions import expand, sum
from ..reduce.scans import cumsum
from ..shape.views import reshape
from .indexing import index_select, position
from .scattering import lone

READING = "reading through a bool mask (where(mask, x, 0), masked_fill() or a sum over them fit)"


def _need_mask(name: str, input: Any, mask: Any) -> None:
    need_tensors(name, input, mask)
    if mask.value.dtype != bool_:
        raise DTypeError(f"{name}: the mask must be a bool tensor, got {mask.value.dtype.name}")


def _broadcast(input: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    shape = broadcast_shapes(input.value.shape, mask.value.shape)
    return expand(input, shape), expand(mask, shape)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Return the input with a number or 0-d tensor where the mask holds, broadcast.

    The value is converted to the input's dtype.
    """
    _need_mask("masked_fill", input, mask)
    return where(mask, lone("masked_fill", value, input.value.dtype), input)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the vector of the elements where the mask holds, in row-major order, broadcast.

    Its length depends on values: a traced function cannot call this (`TraceError`). There use
    ``where(mask, x, 0)``, `masked_fill`, or sums over them.
    """
    _need_mask("masked_select", input, mask)
    x, mask = _broadcast(input, mask)
    return index_select(reshape(x, (x.value.size,)), 0, true_positions(mask))


def true_positions(mask: Tensor | np.ndarray) -> Tensor:
    """Return where a mask holds, as positions in row-major order.

    Raises `TraceError` for a tensor while tracing.
    """
    array = mask if isinstance(mask, np.ndarray) else state.frontend.concrete(mask, READING)
    return state.frontend.tensor(np.flatnonzero(array))


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return the input with the first elements of ``source`` where the mask holds, in order.

    Input and mask are broadcast. Raises `ShapeError` when the source has fewer elements than the
    mask holds (`AxisError` from a compiled function).
    """
    _need_mask("masked_scatter", input, mask)
    need_tensors("masked_scatter", source)
    if source.value.dtype != input.value.dtype:
        raise DTypeError(
            f"masked_scatter: input {input.value.dtype.name} and source "
            f"{source.value.dtype.name} must have one dtype"
        )
    x, mask = _broadcast(input, mask)
    size = x.value.size
    flat = reshape(x, (size,))
    holds, values = reshape(mask, (size,)), reshape(source, (source.value.size,))
    filled = _spread("masked_scatter", values, holds, 0, exact=False)
    return reshape(where(holds, filled, flat), x.value.shape)


def write_masked(
    x: Tensor, axis: int, mask: Tensor, value: Tensor, accumulate: bool = False
) -> Tensor:
    """Return x with ``x[:, ..., mask] = value``, the mask over axes from ``axis`` on.

    The value broadcasts to what is read there; where it has an axis for the elements of the mask,
    that has extent 1 or as many as the mask holds.
    """
    shape, rank = x.value.shape, mask.value.ndim
    before, after = shape[:axis], shape[axis + rank :]
    size = mask.value.size
    lines = reshape(x, (*before, size, *after))
    value = without_leading_ones(value, len(before) + 1 + len(after))
    own = len(after) + 1  # the place of the mask's elements from the right
    holds = reshape(mask, (size,))
    if value.value.ndim >= own and value.value.shape[-own] != 1:
        value = _spread("x[mask] = values", value, holds, value.value.ndim - own, exact=True)
    if accumulate:
        value = add(lines, value)
    fits = broadcast_shapes(lines.value.shape, value.value.shape)
    if fits != lines.value.shape:
        raise ShapeError(
            f"x[mask] = values: values of shape {value.value.shape} do not broadcast to "
            f"{lines.value.shape}, the shape of what the mask is applied to"
        )
    out = where(reshape(holds, (size, *(1 for _ in after))), value, lines)
    return reshape(out, shape)


def without_leading_ones(value: Tensor, ndim: int) -> Tensor:
    """Drop axes of extent 1 in front beyond a rank: a value may have them."""
    shape = value.value.shape
    while len(shape) > ndim and shape[0] == 1:
        shape = shape[1:]
    return reshape(value, shape)


def _spread(name: str, values: Tensor, holds: Tensor, axis: int, *, exact: bool) -> Tensor:
    """Return the values along an axis moved to where a vector mask holds, anything elsewhere."""
    given = values.value.shape[axis]
    _check_count(name, holds, given, exact)
    if not given:  # the mask holds nowhere
        nothing = as_dtype(sum(values, axis, keepdim=True), values.value.dtype)
        return expand(nothing, _extended(values, axis, holds.value.size))
    counts = cumsum(holds, 0)
    at = where(holds, sub(counts, 1), 0)
    if exact:  # zero, or an index error
        at = add(at, position(name, sub(given, sum(holds)), 1))
    return index_select(values, axis, at)


def _extended(values: Tensor, axis: int, extent: int) -> Shape:
    shape = values.value.shape
    return (*shape[:axis], extent, *shape[axis + 1 :])


def _check_count(name: str, holds: Tensor, given: int, exact: bool) -> None:
    """Compare the number of values with the mask, where that is known."""
    if state.tracing:
        if not given:
            raise ArgumentError(f"{name}: there are no values to write")
        return
    count = int(np.count_nonzero(state.frontend.concrete(holds, name)))
    if given < count or (exact and given != count):
        raise ShapeError(f"{name}: {given} values for the {count} elements where the mask holds")
