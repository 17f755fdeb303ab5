"""Reading and writing with several index tensors and masks at once: ``x[rows, :, mask]``.

The indices are broadcast together and made one linear index into the indexed axes taken as one.
The dimensions of the result that come from them stand where the indexed axes stood when those are
neighbours, and in front otherwise: the rule of NumPy and PyTorch.
"""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...core.dispatch import compose
from ...core.types import Shape, bool_, broadcast_shapes
from ...errors import AxisError, DTypeError, ShapeError
from ..build import Tensor, as_dtype, is_tensor, need, need_tensor, need_tensors
from ..elementwise.pointwise import add, mul
from ..reduce.reductions import expand
from ..shape.views import permute, reshape
from .indexing import SCATTER, SCATTER_ADD, SELECT, combined, position
from .masking import true_positions, without_leading_ones, write_masked


class Index(NamedTuple):
    """An index tensor, or a mask over as many axes as it has, from ``axis`` on.

    A mask that is known while tracing, too, is an array.
    """

    axis: int
    tensor: Tensor | np.ndarray

    @property
    def array(self) -> Any:
        return getattr(self.tensor, "value", self.tensor)

    @property
    def is_mask(self) -> bool:
        return self.array.dtype == bool_

    @property
    def span(self) -> int:
        return self.array.ndim if self.is_mask else 1


class Plan(NamedTuple):
    """Several indices as one: positions along axis ``first`` of x in the shape ``table``."""

    order: tuple[int, ...]  # axes of x, the indexed ones side by side
    first: int
    table: Shape
    positions: Tensor  # of the broadcast shape of all indices


def _plan(x: Tensor, indices: list[Index]) -> Plan:
    taken = [a for i in indices for a in range(i.axis, i.axis + i.span)]
    starts = [i.axis for i in indices]
    ends = [i.axis + i.span for i in indices]
    neighbours = all(e == s for e, s in zip(ends[:-1], starts[1:], strict=True))
    first = indices[0].axis if neighbours else 0
    rest = [a for a in range(x.value.ndim) if a not in taken]
    order = (*rest[:first], *taken, *rest[first:])
    extents = [prod(x.value.shape[i.axis : i.axis + i.span]) for i in indices]
    shape = tuple(x.value.shape[a] for a in rest)
    table = (*shape[:first], prod(extents), *shape[first:])
    return Plan(order, first, table, _linear(x, indices, extents))


def _linear(x: Tensor, indices: list[Index], extents: list[int]) -> Tensor:
    """Return the positions in the indexed axes taken as one, row-major."""
    parts = []
    for index, extent in zip(indices, extents, strict=True):
        if index.is_mask:
            check_mask(x, index)
            parts.append(true_positions(index.tensor))
        else:
            parts.append(position("index", need_tensor("index", index.tensor), extent))
    shape = broadcast_shapes(*(p.value.shape for p in parts))
    total = parts[0]
    for part, extent in zip(parts[1:], extents[1:], strict=True):
        total = add(mul(total, extent), part)
    return expand(total, shape)


def check_mask(x: Tensor, index: Index) -> None:
    """Raise `ShapeError` unless a mask has the extents of the axes that it is applied to."""
    covered = x.value.shape[index.axis : index.axis + index.span]
    if covered != index.array.shape:
        raise ShapeError(
            f"a mask of shape {index.array.shape} does not fit the axes from "
            f"{index.axis} on of a tensor of shape {x.value.shape}: they must be equal"
        )


def read_at(x: Tensor, indices: list[Index]) -> Tensor:
    """Return a copy of what the indices name."""
    first = indices[0]
    if len(indices) == 1 and not first.is_mask and first.array.ndim == 1:  # rows
        at = position("index", need_tensor("index", first.tensor), x.value.shape[first.axis])
        return compose(SELECT, x, at, axis=first.axis)
    plan = _plan(x, indices)
    table = reshape(_turned(x, plan.order), plan.table)
    at = plan.positions
    out = compose(SELECT, table, reshape(at, (at.value.size,)), axis=plan.first)
    return reshape(out, _result_shape(plan))


def _result_shape(plan: Plan) -> Shape:
    at, first = plan.positions.value.shape, plan.first
    return (*plan.table[:first], *at, *plan.table[first + 1 :])


def write_at(x: Tensor, indices: list[Index], value: Tensor, accumulate: bool = False) -> Tensor:
    """Return x with a value, broadcast and in its dtype, written (or added) where indices say."""
    value = as_dtype(value, x.value.dtype)
    if len(indices) == 1 and indices[0].is_mask and is_tensor(indices[0].tensor):
        check_mask(x, indices[0])
        return write_masked(x, indices[0].axis, indices[0].tensor, value, accumulate)
    plan = _plan(x, indices)
    turned = _turned(x, plan.order)
    table = reshape(turned, plan.table)
    at, first = plan.positions, plan.first
    count = at.value.size
    source = fitted(value, _result_shape(plan))
    rows = reshape(source, (*plan.table[:first], count, *plan.table[first + 1 :]))
    op = SCATTER_ADD if accumulate else SCATTER
    out = combined(table, op, reshape(at, (count,)), rows, first)
    back = tuple(plan.order.index(d) for d in range(len(plan.order)))
    return _turned(reshape(out, turned.value.shape), back)


def _turned(x: Tensor, order: tuple[int, ...]) -> Tensor:
    return x if order == tuple(range(x.value.ndim)) else permute(x, order)


def fitted(value: Tensor, shape: Shape) -> Tensor:
    """Return a value broadcast to the shape of what it is written to."""
    value = without_leading_ones(value, len(shape))
    try:
        return expand(value, shape)
    except ShapeError:
        raise ShapeError(
            f"cannot write values of shape {value.value.shape} to a part of shape {shape}: "
            "they do not broadcast"
        ) from None


def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Return the input with ``input[indices] = values``, or ``+=`` with ``accumulate``.

    ``indices`` is a tuple of integer and bool tensors for the first axes; integers may be negative.
    Where a place occurs twice, the last value in row-major order stays, or all are added in it.
    """
    if not isinstance(indices, tuple | list):
        raise DTypeError(f"index_put: indices must be a tuple, got {type(indices).__name__}")
    need_tensors("index_put", input, values, *indices)
    need(len(indices) > 0, "index_put: at least one index tensor is needed")
    if values.value.dtype != input.value.dtype:
        raise DTypeError(
            f"index_put: input {input.value.dtype.name} and values {values.value.dtype.name} "
            "must have one dtype"
        )
    found, axis = [], 0
    for tensor in indices:
        found.append(Index(axis, need_index_or_mask(tensor)))
        axis += found[-1].span
    if axis > input.value.ndim:
        raise AxisError(too_many(axis, input.value.ndim))
    return write_at(input, found, values, accumulate)


def too_many(used: int, ndim: int) -> str:
    """Return the message for an index that names more axes than there are."""
    return f"too many indices: {used} for a tensor of {ndim} dimensions"


def need_index_or_mask(tensor: Tensor) -> Tensor:
    """Raise `DTypeError` for an index tensor that is neither a signed integer nor bool."""
    dtype = tensor.value.dtype
    if dtype.kind not in "ib":
        hint = "cast it to bool for a mask, to int64 for positions" if dtype.kind == "u" else ""
        raise DTypeError(
            f"cannot index with a {dtype.name} tensor: use integers or bools. {hint}".rstrip()
        )
    return tensor
