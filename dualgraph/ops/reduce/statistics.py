"""Statistics: variance, middle elements and quantiles, and forms that pass over NaN."""

import math
from collections.abc import Callable
from typing import Any

from ...core.dispatch import compose, literal
from ...core.op import Op, defcomposite
from ...core.tensor import owned
from ...core.types import Shape, float64, int64, numpy_dtype
from ...errors import DTypeError
from ..build import (
    Tensor,
    as_dtype,
    as_number,
    in_float32,
    is_tensor,
    named,
    need,
    need_floating,
    need_tensor,
    normal_axes,
)
from ..create.creation import full
from ..elementwise.arithmetic import round
from ..elementwise.elementary import ceil, floor, sqrt
from ..elementwise.pointwise import (
    add,
    cast,
    clone,
    div,
    eq,
    gt,
    isnan,
    logical_not,
    lt,
    maximum,
    mul,
    square,
    sub,
    where,
)
from ..index.indexing import gather
from ..results import ValuesIndices, choose, chosen, with_axis
from ..shape.views import narrow, permute, reshape
from ..sort.sorting import order_of
from .extremes import of_all
from .reductions import any, extent, kept, mean, sum
from .scans import accumulator

# --- passing over NaN ---------------------------------------------------------------------------


def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum of all elements that are not NaN; bools and integers as int64."""
    return _nansum(accumulator("nansum", input, dtype), dim, keepdim)


@in_float32
def _nansum(x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    if x.value.dtype.kind == "f":
        x = where(isnan(x), 0.0, x)
    return sum(x, dim, keepdim)


def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean of all elements that are not NaN; NaN where there is none."""
    need_tensor("nanmean", input)
    x = input if dtype is None else as_dtype(input, numpy_dtype(dtype))
    need_floating("nanmean", x)
    return _nanmean(x, dim, keepdim)


@in_float32
def _nanmean(x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    count = sum(logical_not(isnan(x)), dim, keepdim)
    return div(nansum(x, dim, keepdim), as_dtype(count, x.value.dtype))


# --- variance -----------------------------------------------------------------------------------


def _divisor(shape: Shape, axes: tuple[int, ...], correction: float) -> float:
    count = extent(shape, axes) - correction
    return float(count) if count > 0 else 0.0


def _var(x: Tensor, axes: tuple[int, ...], keepdim: bool, correction: float) -> Tensor:
    """Sum the squares of the differences from the mean: two passes, so that nothing cancels."""
    squares = square(sub(x, mean(x, axes, True)))
    return div(sum(squares, axes, keepdim), _divisor(x.value.shape, axes, correction))


def _var_vjp(g: Tensor, x: Tensor, axes: tuple[int, ...], correction: float) -> Tensor:
    """Return g * 2 (x - mean) / (n - correction): what flows through the mean adds up to 0."""
    scale = div(mul(kept(g, x.value.shape, axes), 2.0), _divisor(x.value.shape, axes, correction))
    return mul(scale, sub(x, mean(x, axes, True)))


def _root_vjp(g: Tensor, out: Tensor) -> Tensor:
    """Return g / (2 out), and 0 where the root is 0."""
    zero = eq(out, 0)
    return where(zero, 0.0, div(g, mul(where(zero, 1.0, out), 2.0)))


_VAR = defcomposite(
    "var",
    inputs="x",
    forward=_var,
    vjp=(lambda g, x, *, axes, correction: _var_vjp(g, x, axes, correction),),
)
_STD = defcomposite(
    "std",
    inputs="x",
    forward=lambda x, **static: sqrt(_var(x, **static)),
    vjp=(lambda g, x, out, *, axes, correction: _var_vjp(_root_vjp(g, out), x, axes, correction),),
)


def _spread(
    op: Op, input: Tensor, dim: Any, unbiased: bool | None, keepdim: bool, correction: Any
) -> Tensor:
    need_tensor(op.name, input)
    need_floating(op.name, input)
    if isinstance(dim, bool):  # the old form var(x, unbiased)
        dim, unbiased = None, dim
    need(
        unbiased is None or correction is None, f"{op.name}: give unbiased or correction, not both"
    )
    if correction is None:
        correction = 0 if unbiased is False else 1
    axes = normal_axes(dim, input.value.ndim)
    return compose(op, input, axes=axes, keepdim=bool(keepdim), correction=as_number(correction))


@in_float32
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the variance over axes: squared differences from the mean over ``n - correction``.

    ``correction`` is 1 unless given; ``unbiased=False`` is an old name of ``correction=0``. NaN
    where ``n - correction`` is not positive. Floating tensors only.

    >>> import dualgraph as dg
    >>> dg.var(dg.tensor([1.0, 3.0]), correction=0)
    tensor(1.)
    """
    return _spread(_VAR, input, dim, unbiased, keepdim, correction)


@in_float32
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the square root of `var`; its gradient is 0 where it is 0."""
    return _spread(_STD, input, dim, unbiased, keepdim, correction)


def _with_mean(function: Callable[..., Tensor], name: str, doc: str) -> Callable[..., Any]:
    @in_float32
    def both(
        input: Tensor,
        dim: Any = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        spread = function(input, dim, unbiased, keepdim, correction=correction)
        return spread, mean(input, None if isinstance(dim, bool) else dim, keepdim)

    return named(both, name, doc)


var_mean = _with_mean(var, "var_mean", "Return the variance, as `var`, and the mean.")
std_mean = _with_mean(std, "std_mean", "Return the standard deviation, as `std`, and the mean.")


# --- middle elements ----------------------------------------------------------------------------


def _middle(x: Tensor, axis: int, skip_nan: bool) -> Tensor:
    """Return which element is the (lower) middle one: NaN stand last, the first of them wins."""
    n, order = x.value.shape[axis], order_of(x, axis)
    if x.value.dtype.kind != "f":
        return clone(narrow(order, axis, (n - 1) // 2, 1))
    nans = sum(isnan(x), axis, True)
    if skip_nan:
        doubled = as_dtype(maximum(sub(n - 1, nans), 0), float64)
        return gather(order, axis, cast(mul(doubled, 0.5), int64))
    return gather(order, axis, where(gt(nans, 0), sub(n, nans), (n - 1) // 2))


_MEDIAN_ALONG = chosen("median", lambda x, axis: _middle(x, axis, False))
_NANMEDIAN_ALONG = chosen("nanmedian", lambda x, axis: _middle(x, axis, True))


def _middle_along(op: Op, input: Tensor, dim: int, keepdim: bool) -> ValuesIndices:
    x, axis = with_axis(input, dim)
    need(x.value.shape[axis] > 0, f"median: dim {dim} of shape {input.value.shape} is empty")
    return choose(op, input, dim, keepdim)


def _middle_of_all(x: Tensor, op: Op) -> Tensor:
    return _middle_along(op, reshape(x, (x.value.size,)), 0, False).values


_MEDIAN = of_all("median", lambda x: _middle_of_all(x, _MEDIAN_ALONG))
_NANMEDIAN = of_all("nanmedian", lambda x: _middle_of_all(x, _NANMEDIAN_ALONG))


def _median(op: Op, along: Op, input: Tensor, dim: Any, keepdim: bool) -> Any:
    need_tensor(op.name, input)
    if dim is not None:
        return _middle_along(along, input, dim, keepdim)
    if not input.value.size and input.value.dtype.kind == "f":
        return full((), math.nan, dtype=input.value.dtype)
    return compose(op, input)


@in_float32
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle element, the lower one of two, or (values, indices) along one axis.

    A NaN wins. Over all elements, those that equal the median share the gradient.
    """
    return _median(_MEDIAN, _MEDIAN_ALONG, input, dim, keepdim)


@in_float32
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle one of the elements that are not NaN; NaN where there is none."""
    return _median(_NANMEDIAN, _NANMEDIAN_ALONG, input, dim, keepdim)


# --- quantiles ----------------------------------------------------------------------------------

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")
_ROUNDINGS = {"lower": floor, "higher": ceil, "nearest": round}


@in_float32
def quantile(
    input: Tensor, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the q-th quantiles over all elements or along an axis; NaN where there is a NaN.

    ``q`` is a number from 0 to 1 or a vector of them, in the input's dtype, whose axis comes first
    in the result. Between two elements ``interpolation`` decides: linear, lower, higher, midpoint,
    or nearest.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@in_float32
def nanquantile(
    input: Tensor, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the quantiles of the elements that are not NaN, as `quantile`."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(
    name: str, input: Tensor, q: Any, dim: Any, keepdim: bool, interpolation: str
) -> Tensor:
    need_tensor(name, input)
    need_floating(name, input)
    known = ", ".join(_INTERPOLATIONS)
    need(interpolation in _INTERPOLATIONS, f"{name}: {interpolation!r} is none of {known}")
    need(input.value.size > 0, f"{name}: the input of shape {input.value.shape} is empty")
    q = _fractions(name, q, input)
    lines, axis = _sorted_lines(input, dim)
    ranks = _ranks(lines, reshape(q, (q.value.size,)), name == "nanquantile")
    out = _between(lines, ranks, interpolation)
    return _arranged(out, q.value.ndim, input.value.shape, axis, keepdim)


def _fractions(name: str, q: Any, x: Tensor) -> Tensor:
    """Return q as a tensor, checked as far as it can be without its numbers."""
    if not is_tensor(q):
        q = as_number(q)
        need(0 <= q <= 1, f"{name}: q must be from 0 to 1, got {q}")
        return literal(float(q), x.value.dtype)
    need(
        q.value.ndim <= 1, f"{name}: q must be a number or a vector, got {q.value.ndim} dimensions"
    )
    if q.value.dtype != x.value.dtype:
        names = f"{q.value.dtype.name}, the input {x.value.dtype.name}"
        raise DTypeError(f"{name}: q has dtype {names}: they must be equal")
    return q


def _sorted_lines(x: Tensor, dim: Any) -> tuple[Tensor, int | None]:
    """Return the sorted lines as the last axis, and the axis that they had."""
    if dim is None:
        lines = reshape(x, (x.value.size,))
        return gather(lines, 0, order_of(lines, 0)), None
    lines, axis = with_axis(x, dim)
    lines = gather(lines, axis, order_of(lines, axis))
    rest = [i for i in range(lines.value.ndim) if i != axis]
    return permute(lines, *rest, axis), axis


def _ranks(lines: Tensor, q: Tensor, skip_nan: bool) -> Tensor:
    """Return the places of the quantiles in sorted lines, with fractions."""
    last = lines.value.shape[-1] - 1
    if not skip_nan:
        return where(any(isnan(lines), -1, True), float(last), mul(q, float(last)))
    count = as_dtype(sum(logical_not(isnan(lines)), -1, True), q.value.dtype)
    return maximum(mul(q, sub(count, 1.0)), 0.0)


def _between(lines: Tensor, ranks: Tensor, interpolation: str) -> Tensor:
    if interpolation in _ROUNDINGS:
        return gather(lines, -1, cast(_ROUNDINGS[interpolation](ranks), int64))
    start = floor(ranks)
    weight = sub(ranks, start) if interpolation == "linear" else literal(0.5, ranks.value.dtype)
    below = gather(lines, -1, cast(start, int64))
    above = gather(lines, -1, cast(ceil(ranks), int64))
    step = sub(above, below)  # from the nearer end, so that both ends come out exactly
    return where(
        lt(weight, 0.5), add(below, mul(weight, step)), sub(above, mul(step, sub(1.0, weight)))
    )


def _arranged(out: Tensor, rank: int, shape: Shape, axis: int | None, keepdim: bool) -> Tensor:
    """Bring the axis of q to the front, and give the reduced axes back if asked."""
    ndim = out.value.ndim
    kept_shape = tuple(1 if axis is None or i == axis else e for i, e in enumerate(shape))
    rest = tuple(e for i, e in enumerate(shape) if axis is not None and i != axis)
    lead = (out.value.shape[-1],) if rank else ()
    if rank and ndim > 1:
        out = clone(permute(out, ndim - 1, *range(ndim - 1)))
    return owned(reshape(out, (*lead, *(kept_shape if keepdim else rest))))
