"""Writing at indices along an axis: scatter and its reductions, and the same for whole slices.

Sources that meet at one place do so in row-major order: sums of duplicates have one order, and of
several assignments the last one stays (and alone gets the gradient).
"""

from typing import Any

import numpy as np

from ...core.dispatch import apply
from ...core.op import Op
from ...core.types import Shape, broadcast_shapes
from ...errors import ShapeError
from ..build import (
    Tensor,
    as_dtype,
    is_tensor,
    need,
    need_floating,
    need_index,
    need_tensors,
    normal_axis,
)
from ..create.creation import ones, zeros
from ..elementwise.pointwise import div, maximum, mul
from ..reduce.reductions import expand
from ..shape.views import reshape
from .indexing import (
    GATHER,
    SCATTER,
    SCATTER_ADD,
    SCATTER_MAX,
    SCATTER_MIN,
    SCATTER_MUL,
    combined,
    gather,
    position,
    scatter_elements,
    vector,
)

_REDUCTIONS = {
    "sum": SCATTER_ADD,
    "prod": SCATTER_MUL,
    "mean": SCATTER_ADD,
    "amax": SCATTER_MAX,
    "amin": SCATTER_MIN,
}


def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """Return the input with ``src`` (a tensor) or ``value`` (a number) written at the indices.

    ``out[index[i, j], j] = src[i, j]`` for dim 0, and so on; ``src`` may be larger than ``index``.
    Where an index occurs twice the last one in row-major order stays, and alone gets a gradient.
    ``reduce`` is None, "add" or "multiply". Raises `AxisError` for an index outside of the axis.
    """
    need((src is None) != (value is None), "scatter: give one of src and value")
    known = {None: SCATTER, "add": SCATTER_ADD, "multiply": SCATTER_MUL}
    need(reduce in known, f"scatter: reduce must be None, 'add' or 'multiply', got {reduce!r}")
    need_tensors("scatter", input, index)
    source = value if src is None else src
    if not is_tensor(source):
        source = expand(as_dtype(source, input.value.dtype), index.value.shape)
    return scatter_elements("scatter", known[reduce], input, dim, index, source)


def scatter_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """Return the input with ``src`` reduced into it at the indices.

    ``reduce`` is "sum", "prod", "mean", "amax" or "amin". Without ``include_self``, what the input
    held at a place that is written does not take part. Order and ties: sources of one place are
    taken in row-major order; equal extremes share the gradient evenly. A mean needs floats.
    """
    op = _reduction("scatter_reduce", reduce)
    need_tensors("scatter_reduce", input, index, src)
    index = need_index("scatter_reduce", index)

    def put(op: Op, x: Tensor, source: Tensor) -> Tensor:
        return scatter_elements("scatter_reduce", op, x, dim, index, source)

    return _reduced(put, op, reduce, input, src, index.value.shape, include_self)


def _reduction(name: str, reduce: Any) -> Op:
    names = ", ".join(_REDUCTIONS)
    need(reduce in _REDUCTIONS, f"{name}: reduce must be one of {names}, got {reduce!r}")
    return _REDUCTIONS[reduce]


def _reduced(
    put: Any, op: Op, reduce: str, x: Tensor, source: Tensor, written: Shape, include_self: bool
) -> Tensor:
    """Reduce through ``put(op, x, source)``; ``written`` is the shape of what is written."""
    if reduce == "mean":
        need_floating("a mean of scattered values", x)
    start = x
    if not include_self:
        neutral = expand(as_dtype(_neutral(op, x.value.dtype), x.value.dtype), written)
        start = put(SCATTER, x, neutral)
    out = put(op, start, source)
    if reduce != "mean":
        return out
    one = ones(written, dtype=x.value.dtype)
    make = ones if include_self else zeros
    count = put(SCATTER_ADD, make(x.value.shape, dtype=x.value.dtype), one)
    return div(out, maximum(count, 1.0))


def _neutral(op: Op, dtype: np.dtype) -> bool | int | float:
    """Return what an op leaves as it is."""
    if op in (SCATTER_ADD, SCATTER_MUL):
        return int(op is SCATTER_MUL)
    if dtype.kind == "b":
        return op is SCATTER_MIN
    if dtype.kind == "f":
        return float("inf") if op is SCATTER_MIN else float("-inf")
    ends = np.iinfo(dtype)
    return int(ends.max if op is SCATTER_MIN else ends.min)


# --- whole slices -------------------------------------------------------------------------------


def _rows(name: str, op: Op, input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Check the operands of a scatter with one position for each slice, and apply it."""
    need_tensors(name, input, index, source)
    axis = normal_axis(dim, input.value.ndim)
    at = vector(name, index)
    if input.value.ndim == 0:
        one = reshape(input, (1,)), reshape(source, (source.value.size,))
        return reshape(_rows(name, op, one[0], 0, at, one[1]), ())
    shape = input.value.shape
    wanted = (*shape[:axis], at.value.size, *shape[axis + 1 :])
    if source.value.shape != wanted:
        if source.value.size != 1 or at.value.size != 1 or input.value.ndim != 1:
            raise ShapeError(
                f"{name}: source has shape {source.value.shape}; for an input of shape "
                f"{shape} and {at.value.size} positions along dim {dim} it must be {wanted}"
            )
        source = reshape(source, wanted)
    return combined(input, op, at, source, axis)


def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: bool | int | float = 1
) -> Tensor:
    """Return the input with ``alpha * source`` added to the slices at the positions.

    ``index`` is a vector of positions along ``dim``, ``source`` has as many slices. A position that
    occurs twice gets both, in order. Raises `AxisError` for one outside of the axis.
    """
    need_tensors("index_add", input, index, source)
    if alpha != 1:
        source = mul(source, as_dtype(alpha, source.value.dtype))
    return _rows("index_add", SCATTER_ADD, input, dim, index, source)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Return the input with the slices at the positions replaced by those of ``source``.

    Where a position occurs twice the last one stays, and alone gets a gradient.
    """
    return _rows("index_copy", SCATTER, input, dim, index, source)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Return the input with the slices at the positions filled with a number or a 0-d tensor.

    Positions may be negative. The value is converted to the input's dtype.
    """
    need_tensors("index_fill", input, index)
    axis = normal_axis(dim, input.value.ndim)
    shape = input.value.shape or (1,)
    at = position("index_fill", vector("index_fill", index), shape[axis])
    filled = (*shape[:axis], at.value.size, *shape[axis + 1 :])
    source = expand(lone("index_fill", value, input.value.dtype), filled)
    return _rows("index_fill", SCATTER, input, axis, at, source)


def lone(name: str, value: Any, dtype: np.dtype) -> Tensor:
    """Return a number or a 0-d tensor as a 0-d tensor of this dtype."""
    if is_tensor(value):
        need(value.value.ndim == 0, f"{name}: value must be a number or 0-d, got {value.shape}")
    return as_dtype(value, dtype)


def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """Return the input with the slices of ``source`` reduced into those at the positions.

    ``reduce`` is "prod", "mean", "amax" or "amin"; see `scatter_reduce`.
    """
    need(reduce != "sum", "index_reduce: for a sum use index_add")
    op = _reduction("index_reduce", reduce)
    need_tensors("index_reduce", input, index, source)

    def put(op: Op, x: Tensor, values: Tensor) -> Tensor:
        return _rows("index_reduce", op, x, dim, index, values)

    return _reduced(put, op, reduce, input, source, source.value.shape, include_self)


# --- positions in the flattened tensor ----------------------------------------------------------


def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at positions of the flattened input, in the shape of ``index``.

    Positions may be negative. Raises `AxisError` for one outside.
    """
    need_tensors("take", input, index)
    at = position("take", index, input.value.size)
    flat = reshape(input, (input.value.size,))
    out = apply(GATHER, flat, reshape(at, (at.value.size,)), axis=0)
    return reshape(out, index.value.shape)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Return ``input`` at ``indices`` along an axis, both broadcast on the other axes.

    Without ``dim`` both are flattened first. Positions may be negative.
    """
    need_tensors("take_along_dim", input, indices)
    if dim is None:
        input = reshape(input, (input.value.size,))
        indices = reshape(indices, (indices.value.size,))
    axis = normal_axis(0 if dim is None else dim, input.value.ndim)
    need(
        input.value.ndim == indices.value.ndim,
        f"take_along_dim: input of shape {input.shape} and indices of shape {indices.shape} need "
        "equal ranks",
    )
    have, at = input.value.shape, indices.value.shape
    around = broadcast_shapes(have[:axis] + have[axis + 1 :], at[:axis] + at[axis + 1 :])
    input = expand(input, (*around[:axis], have[axis], *around[axis:]))
    indices = expand(indices, (*around[:axis], at[axis], *around[axis:]))
    return gather(input, axis, position("take_along_dim", indices, have[axis]))


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Return the input with ``source`` written (or added) at positions of the flattened input.

    Positions may be negative; where one occurs twice the last one stays.
    """
    need_tensors("put", input, index, source)
    count = index.value.size
    if source.value.size != count:
        raise ShapeError(f"put: {count} positions need as many values, got {source.value.size}")
    size = input.value.size
    at = reshape(position("put", index, size), (count,))
    values = reshape(source, (count,))
    op = SCATTER_ADD if accumulate else SCATTER
    return reshape(combined(reshape(input, (size,)), op, at, values, 0), input.value.shape)
