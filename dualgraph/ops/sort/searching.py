"""Searching sorted lines, counting, and distinct elements."""

from typing import Any

import numpy as np

from ...core.dispatch import apply, literal, state
from ...core.op import NONDIFF, defop
from ...core.types import Aval, float16, float32, float64, int32, int64
from ...errors import DTypeError, ShapeError
from ...numerics.facts.routine import Routine
from ..build import (
    Tensor,
    aligned,
    as_dtype,
    in_float32,
    need,
    need_floating,
    need_index,
    need_tensor,
    normal_axis,
)
from ..create.creation import full_like, zeros
from ..elementwise.pointwise import (
    add,
    cast,
    div,
    eq,
    ge,
    le,
    logical_and,
    minimum,
    mul,
    sub,
    where,
)
from ..index.indexing import gather, scatter_add
from ..reduce.reductions import amax, amin
from ..shape.views import reshape

# --- searching ----------------------------------------------------------------------------------


def _infer_searchsorted(sequence: Any, values: Any, right: bool) -> Aval:
    lead = tuple(sequence.shape[:-1])
    fits = len(sequence.shape) == 1 or (
        len(sequence.shape) == len(values.shape) and lead == tuple(values.shape[:-1])
    )
    if not fits:
        raise ShapeError(
            f"searchsorted: values of shape {tuple(values.shape)} do not fit a sequence of "
            f"shape {tuple(sequence.shape)}: it must be 1-D, or equal but for the last axis"
        )
    if sequence.dtype != values.dtype:
        names = f"{sequence.dtype.name} and {values.dtype.name}"
        raise DTypeError(f"searchsorted: {names} must be equal")
    return Aval(tuple(values.shape), int64)


_SEARCHSORTED = defop(
    "searchsorted",
    inputs="sequence values",
    infer=_infer_searchsorted,
    lower=Routine("searchsorted"),
    vjp=(NONDIFF, NONDIFF),
)


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where each value would be inserted to keep the last axis sorted.

    ``side="left"`` (or ``right=False``) gives the first place i with ``sequence[i] >= value``,
    ``"right"`` the first with ``sequence[i] > value``. The sequence is a vector, or has the axes of
    ``input`` but for the last. ``sorter`` is the order that sorts an unsorted sequence.
    """
    need_tensor("searchsorted", sorted_sequence)
    need(sorted_sequence.value.ndim > 0, "searchsorted: the sequence needs at least one dimension")
    need(side in (None, "left", "right"), f"searchsorted: side is 'left' or 'right', got {side!r}")
    clash = right and side == "left"
    need(not clash, "searchsorted: side='left' contradicts right=True; give one of them")
    if sorter is not None:
        sorted_sequence = _reordered(sorted_sequence, sorter)
    sequence, values = aligned(sorted_sequence, input)
    if sequence.value.dtype == float16:
        sequence, values = as_dtype(sequence, float32), as_dtype(values, float32)
    out = apply(_SEARCHSORTED, sequence, values, right=bool(right or side == "right"))
    return as_dtype(out, int32) if out_int32 else out


def _reordered(sequence: Tensor, sorter: Tensor) -> Tensor:
    need_tensor("searchsorted", sorter)
    same = sorter.value.shape == sequence.value.shape
    need(same, "searchsorted: sorter and sequence must have one shape")
    return gather(sequence, -1, sorter)


def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """Return the bucket of each value between sorted boundaries (a vector).

    The upper boundary belongs to a bucket; with ``right=True``, the lower one.
    """
    need_tensor("bucketize", boundaries)
    ndim = boundaries.value.ndim
    need(ndim == 1, f"bucketize: boundaries must be a vector, got {ndim} dimensions")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


# --- counting -----------------------------------------------------------------------------------


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Return how often each of 0, 1, 2, ... occurs in a vector, or the sums of its weights.

    The length is the largest element plus one, at least ``minlength``: it depends on the values, so
    that a compiled function cannot hold it; there, add ones to zeros with `scatter_add`. Weights
    are added in order; float32 weights give float32, others float64.
    """
    need_tensor("bincount", input)
    index = need_index("bincount", input)
    need(index.value.ndim == 1, f"bincount: expected a vector, got {index.value.ndim} dimensions")
    fits = isinstance(minlength, int) and minlength >= 0
    need(fits, f"bincount: minlength must be an int that is not negative, got {minlength!r}")
    values = state.frontend.concrete(index, "bincount()")
    lowest = int(values.min(initial=0))
    need(lowest >= 0, f"bincount: elements must not be negative, got {lowest}")
    length = max(int(values.max(initial=-1)) + 1, minlength)
    ones = _weights(weights, index)
    return scatter_add(zeros(length, dtype=ones.value.dtype), 0, index, ones)


def _weights(weights: Tensor | None, index: Tensor) -> Tensor:
    if weights is None:
        return full_like(index, 1)
    need_tensor("bincount", weights)
    same = weights.value.shape == index.value.shape
    shapes = f"{tuple(weights.value.shape)} and {tuple(index.value.shape)}"
    need(same, f"bincount: weights and input must have one shape, got {shapes}")
    single = weights.value.dtype == float32
    return weights.detach() if single else as_dtype(weights.detach(), float64)


@in_float32
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Return how many elements fall into each of ``bins`` equal intervals from min to max.

    With ``min == max`` the interval is that of the elements (one wide on both sides where they are
    all equal). Elements outside, and NaN, are not counted. Floating tensors only; no derivative.
    """
    need_tensor("histc", input)
    need_floating("histc", input)
    need(isinstance(bins, int) and bins > 0, f"histc: bins must be a positive int, got {bins!r}")
    need(max >= min, f"histc: max {max} must not be below min {min}")
    x = reshape(input, (input.value.size,))
    low, high = _interval(x, min, max)
    inside = logical_and(ge(x, low), le(x, high))
    place = div(mul(sub(where(inside, x, low), low), float(bins)), sub(high, low))
    index = minimum(cast(place, int64), bins - 1)
    counts = zeros(bins, dtype=x.value.dtype)
    return scatter_add(counts, 0, index, as_dtype(inside, x.value.dtype))


def _interval(x: Tensor, min: float, max: float) -> tuple[Tensor, Tensor]:
    """Return the ends as tensors, wide enough to divide by."""
    dtype = x.value.dtype
    if min != max:
        return literal(float(min), dtype), literal(float(max), dtype)
    given = min != 0 or not x.value.size
    low = literal(float(min), dtype) if given else amin(x)
    high = literal(float(max), dtype) if given else amax(x)
    same = eq(low, high)
    return where(same, sub(low, 1.0), low), where(same, add(high, 1.0), high)


# --- distinct elements --------------------------------------------------------------------------


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the distinct elements in ascending order, or the distinct slices along an axis.

    With ``return_inverse`` also where each element went, with ``return_counts`` how often each
    occurs. The size depends on the values, so that a compiled function cannot hold it. The result
    is sorted also with ``sorted=False``; every NaN is an element of its own. No derivative.
    """
    need_tensor("unique", input)
    array = state.frontend.concrete(input, "unique()")
    axis = None if dim is None else normal_axis(dim, array.ndim)
    order, starts = _sorted_runs(array, axis)
    inverse = np.empty(len(order), np.int64)
    inverse[order] = np.cumsum(starts) - 1
    first = order[starts]
    values = array.reshape(-1)[first] if axis is None else np.take(array, first, axis)
    shape = array.shape if axis is None else inverse.shape
    return _listed(values, inverse.reshape(shape), starts, return_inverse, return_counts)


def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the elements (or the slices along an axis) without repetitions of the one before.

    As `unique`, but in their own order, and only neighbours are compared.
    """
    need_tensor("unique_consecutive", input)
    array = state.frontend.concrete(input, "unique_consecutive()")
    axis = None if dim is None else normal_axis(dim, array.ndim)
    rows = _rows(array, axis)
    starts = _starts(rows)
    first = np.flatnonzero(starts)
    values = array.reshape(-1)[first] if axis is None else np.take(array, first, axis)
    inverse = np.cumsum(starts, dtype=np.int64) - 1
    shape = array.shape if axis is None else inverse.shape
    return _listed(values, inverse.reshape(shape), starts, return_inverse, return_counts)


def _rows(array: np.ndarray, axis: int | None) -> np.ndarray:
    """Return what is compared as the rows of a matrix."""
    if axis is None:
        return array.reshape(-1, 1)
    moved = np.moveaxis(array, axis, 0)
    return moved.reshape(len(moved), int(np.prod(moved.shape[1:])))


def _starts(rows: np.ndarray) -> np.ndarray:
    """Return which rows differ from the one before."""
    changed = (rows[1:] != rows[:-1]).any(1)
    return np.concatenate([np.ones(min(1, len(rows)), bool), changed])


def _sorted_runs(array: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return a stable order by the first element, then the second, ..., and where runs start."""
    rows = _rows(array, axis)
    order = np.arange(len(rows))
    for column in reversed(range(rows.shape[1])):
        order = order[np.argsort(rows[order, column], kind="stable")]
    return order, _starts(rows[order])


def _listed(
    values: np.ndarray, inverse: np.ndarray, starts: np.ndarray, with_inverse: bool, counts: bool
) -> Any:
    """Return what was asked for: one tensor, or a tuple."""
    found = [np.ascontiguousarray(values)]
    if with_inverse:
        found.append(inverse)
    if counts:
        found.append(np.diff(np.flatnonzero(starts), append=len(starts)).astype(np.int64))
    tensors = [state.frontend.tensor(a) for a in found]
    return tuple(tensors) if len(tensors) > 1 else tensors[0]
