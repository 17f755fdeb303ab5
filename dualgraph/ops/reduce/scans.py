"""Running forms of reductions along one axis: cumsum, cumprod, logcumsumexp.

The running extremes, which give positions too, are in `extremes`.
"""

from typing import Any

from ...core.dispatch import apply
from ...core.op import Op, defop
from ...core.types import FLOATING, Aval, category, int64, numpy_dtype
from ...errors import ShapeError
from ...numerics.facts.routine import Line, Routine
from ..build import Tensor, as_dtype, in_float32, need_floating, need_tensor, normal_axis
from ..elementwise.elementary import exp, log
from ..elementwise.pointwise import add, clone, gt, lt, mul, neg, sub, where
from ..shape.views import EMBED, SLICE, narrow


def line_op(name: str, spec: Line, *, vjp: Any) -> Op:
    """Register an op that works line by line along one axis."""

    def infer(x: Any, axis: int) -> Aval:
        shape = tuple(x.shape)
        if spec.scalar_output:
            if shape[axis] == 0:
                raise ShapeError(f"{name}: shape {shape} is empty along dim {axis}")
            shape = shape[:axis] + shape[axis + 1 :]
        return Aval(shape, spec.output_type(x.dtype))

    return defop(name, inputs="x", infer=infer, lower=spec, vjp=(vjp,))


def _backwards(x: Tensor, axis: int) -> Tensor:
    """Return the view with the order along an axis reversed."""
    shape = x.value.shape
    if 0 in shape:
        return x
    starts = tuple(e - 1 if i == axis else 0 for i, e in enumerate(shape))
    steps = tuple(-1 if i == axis else 1 for i in range(len(shape)))
    return apply(SLICE, x, starts=starts, lengths=shape, steps=steps)


def _shifted(x: Tensor, axis: int, by: int) -> Tensor:
    """Return the elements moved one place up (1) or down (-1) along an axis; 0 moves in."""
    shape = x.value.shape
    if 0 in shape:
        return x
    part = narrow(x, axis, 0 if by > 0 else 1, shape[axis] - 1)
    starts = tuple(1 if i == axis and by > 0 else 0 for i in range(len(shape)))
    return apply(EMBED, part, shape=shape, starts=starts, steps=(1,) * len(shape))


# --- sums and products --------------------------------------------------------------------------

_CUMSUM = line_op(
    "cumsum",
    Line("cumsum"),
    vjp=lambda g, *, axis: _backwards(apply(_CUMSUM, _backwards(g, axis), axis=axis), axis),
)


def _infer_recurrence(x: Any, a: Any, axis: int, reverse: bool) -> Aval:
    if x.shape != a.shape or x.dtype != a.dtype:
        raise ShapeError(f"recurrence: {tuple(x.shape)} and {tuple(a.shape)} differ")
    return Aval(tuple(x.shape), x.dtype)


_RECURRENCE = defop(
    "recurrence",
    inputs="x a",
    infer=_infer_recurrence,
    lower=Routine("recurrence"),
    vjp=(
        lambda g, a, *, axis, reverse: _recurrence(g, a, axis, not reverse),
        lambda g, a, out, *, axis, reverse: _coefficient_vjp(g, a, out, axis, reverse),
    ),
)  # the transpose of a linear recurrence is the one that runs the other way


def _recurrence(x: Tensor, a: Tensor, axis: int, reverse: bool) -> Tensor:
    return apply(_RECURRENCE, x, a, axis=axis, reverse=reverse)


def _coefficient_vjp(g: Tensor, a: Tensor, out: Tensor, axis: int, reverse: bool) -> Tensor:
    """Return the cotangent of ``a[i]``, which joins the places i-1 and i."""
    flow = _recurrence(g, a, axis, not reverse)
    if reverse:
        return mul(_shifted(flow, axis, 1), out)
    return mul(flow, _shifted(out, axis, 1))


_CUMPROD = line_op(
    "cumprod",
    Line("cumprod"),
    vjp=lambda g, x, *, axis: mul(
        apply(_CUMPROD_BEFORE, x, axis=axis), _recurrence(g, x, axis, reverse=True)
    ),
)  # dx[k] = (product before k) * sum over j >= k of g[j] * (product after k up to j): no division
_CUMPROD_BEFORE = line_op(
    "cumprod_before",
    Line("cumprod_before"),
    vjp=lambda g, x, *, axis: mul(
        apply(_CUMPROD_BEFORE, x, axis=axis),
        _recurrence(_shifted(g, axis, -1), x, axis, reverse=True),
    ),
)


def product_of_others(x: Tensor, axis: int) -> Tensor:
    """Return for each element the product of all others along the axis, without a division."""
    behind = apply(_CUMPROD_BEFORE, _backwards(x, axis), axis=axis)
    return mul(apply(_CUMPROD_BEFORE, x, axis=axis), _backwards(behind, axis))


def accumulator(name: str, input: Tensor, dtype: Any) -> Tensor:
    """Return the input in the dtype in which sums and products are taken."""
    need_tensor(name, input)
    if dtype is not None:
        return as_dtype(input, numpy_dtype(dtype))
    return input if category(input.value.dtype) == FLOATING else as_dtype(input, int64)


@in_float32
def _scan(x: Tensor, op: Op, dim: int) -> Tensor:
    axis = normal_axis(dim, x.value.ndim)
    return apply(op, x, axis=axis) if x.value.ndim else clone(x)


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return running sums along an axis, added in ascending order; integers as int64."""
    return _scan(accumulator("cumsum", input, dtype), _CUMSUM, dim)


def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return running products along an axis; bools and integers as int64.

    The gradient divides by nothing, so that it also holds where elements are zero.
    """
    return _scan(accumulator("cumprod", input, dtype), _CUMPROD, dim)


# --- logcumsumexp -------------------------------------------------------------------------------

_LOGCUMSUMEXP = line_op(
    "logcumsumexp",
    Line("logcumsumexp"),
    vjp=lambda g, x, out, *, axis: _logcumsumexp_vjp(g, x, out, axis),
)
_LOWEST = {"float32": -3.4028234663852886e38, "float64": -1.7976931348623157e308}


def _logcumsumexp_vjp(g: Tensor, x: Tensor, out: Tensor, axis: int) -> Tensor:
    """Return sum over j >= i of g[j] * exp(x[i] - out[j]), summed in logarithms by sign."""
    up, down = gt(g, 0.0), lt(g, 0.0)
    rise = _log_sums_after(where(up, g, 1.0), up, out, axis)
    fall = _log_sums_after(where(down, neg(g), 1.0), down, out, axis)
    return sub(exp(add(rise, x)), exp(add(fall, x)))


def _log_sums_after(weight: Tensor, used: Tensor, out: Tensor, axis: int) -> Tensor:
    """Return the logarithm of the sums from the end of weight * exp(-out), where used."""
    terms = sub(where(used, log(weight), _LOWEST[weight.value.dtype.name]), out)
    sums = apply(_LOGCUMSUMEXP, _backwards(terms, axis), axis=axis)
    return _backwards(sums, axis)


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return the logarithm of the running sums of exp(input), without overflow; floating only."""
    need_tensor("logcumsumexp", input)
    need_floating("logcumsumexp", input)
    return _scan(input, _LOGCUMSUMEXP, dim)
