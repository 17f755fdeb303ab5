"""Softmax, log_softmax and standardization: over rows by one routine, over other axes by ops."""

from typing import Any

from ...core.dispatch import apply, compose
from ...core.op import Op, defcomposite, defop
from ...core.types import Aval, numpy_dtype
from ...numerics.facts.routine import Routine
from ..build import Tensor, as_dtype, in_float32, need, need_floating, normal_axis
from ..elementwise.elementary import exp, log, rsqrt
from ..elementwise.pointwise import add, div, mul, neg, square, sub
from ..shape.views import reshape
from .reductions import amax, mean, sum as sum_


def _like_first(x: Any, *others: Any, axes: int, number: float = 0.0) -> Aval:
    return Aval(tuple(x.shape), x.dtype)


def _over_rows(name: str, **facts: Any) -> Op:
    """Register an op over rows; ``axes`` says how many of the last axes make a row."""
    return defop(name, infer=_like_first, **facts)


def _last(x: Tensor, axes: int) -> tuple[int, ...]:
    return tuple(range(x.value.ndim - axes, x.value.ndim))


# --- softmax and its kin -------------------------------------------------------------------------


def _softmax_twice(g: Tensor, c: Tensor, y: Tensor, axes: int) -> Tensor:
    """Return the derivative of sum(c * y * (g - sum(g * y))) with respect to y."""
    over = _last(y, axes)
    inner, outer = sum_(mul(g, y), over, keepdim=True), sum_(mul(c, y), over, keepdim=True)
    return sub(mul(c, sub(g, inner)), mul(g, outer))


_SOFTMAX_BACKWARD = _over_rows(
    "softmax_backward",
    inputs="x y",  # the cotangent and the softmax
    lower=Routine("softmax_backward"),
    vjp=(
        lambda g, y, *, axes: apply(_SOFTMAX_BACKWARD, g, y, axes=axes),  # symmetric in both
        lambda g, x, y, *, axes: _softmax_twice(x, g, y, axes),
    ),
    grad_name="SoftmaxBackward",
)
_SOFTMAX = _over_rows(
    "softmax_rows",
    inputs="x",
    lower=Routine("softmax"),
    vjp=(lambda g, out, *, axes: apply(_SOFTMAX_BACKWARD, g, out, axes=axes),),
    grad_name="Softmax",
)
_WEIGHTS = _over_rows(
    "attention_weights",
    inputs="x",
    lower=Routine("softmax_weights"),
    vjp=(lambda g, out, *, axes: apply(_SOFTMAX_BACKWARD, g, out, axes=axes),),
    grad_name="Softmax",
)
_LOG_SOFTMAX_BACKWARD = _over_rows(
    "log_softmax_backward",
    inputs="x y",  # the cotangent and the log_softmax
    lower=Routine("log_softmax_backward"),
    vjp=(
        lambda g, y, *, axes: sub(g, sum_(mul(g, exp(y)), _last(y, axes), keepdim=True)),
        lambda g, x, y, *, axes: neg(mul(mul(g, exp(y)), sum_(x, _last(y, axes), keepdim=True))),
    ),
    grad_name="LogSoftmaxBackward",
)
_LOG_SOFTMAX = _over_rows(
    "log_softmax_rows",
    inputs="x",
    lower=Routine("log_softmax"),
    vjp=(lambda g, out, *, axes: apply(_LOG_SOFTMAX_BACKWARD, g, out, axes=axes),),
    grad_name="LogSoftmax",
)


def _softmax_along(x: Tensor, axis: int) -> Tensor:
    e = exp(sub(x, amax(x, axis, keepdim=True)))
    return div(e, sum_(e, axis, keepdim=True))


def _log_softmax_along(x: Tensor, axis: int) -> Tensor:
    shifted = sub(x, amax(x, axis, keepdim=True))
    return sub(shifted, log(sum_(exp(shifted), axis, keepdim=True)))


_SOFTMAX_ALONG = defcomposite(
    "softmax",
    inputs="x",
    forward=_softmax_along,
    vjp=(lambda g, out, *, axis: mul(out, sub(g, sum_(mul(g, out), axis, keepdim=True))),),
)
_LOG_SOFTMAX_ALONG = defcomposite(
    "log_softmax",
    inputs="x",
    forward=_log_softmax_along,
    vjp=(lambda g, out, *, axis: sub(g, mul(exp(out), sum_(g, axis, keepdim=True))),),
)


def _normalizer(op: Op, along: Op, input: Tensor, dim: int, dtype: Any) -> Tensor:
    if dtype is not None:
        input = as_dtype(input, numpy_dtype(dtype))
    need_floating(along.name, input)
    need(dim is not None, f"{along.name}: dim must be given")
    axis = normal_axis(dim, input.value.ndim)
    if input.value.ndim == 0:
        return reshape(_normalized(reshape(input, (1,)), op, along, 0), ())
    return _normalized(input, op, along, axis) if input.value.size else input


@in_float32
def _normalized(x: Tensor, op: Op, along: Op, axis: int) -> Tensor:
    if axis == x.value.ndim - 1:
        return apply(op, x, axes=1)
    return compose(along, x, axis=axis)


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return exp(x) / sum(exp(x)) along one axis, shifted by the maximum."""
    return _normalizer(_SOFTMAX, _SOFTMAX_ALONG, input, dim, dtype)


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return log(softmax(x)) along one axis without cancellation."""
    return _normalizer(_LOG_SOFTMAX, _LOG_SOFTMAX_ALONG, input, dim, dtype)


def attention_weights(x: Tensor) -> Tensor:
    """Return the softmax along the last axis, and zeros for a row that holds -inf alone."""
    return apply(_WEIGHTS, x, axes=1)


# --- standardization -----------------------------------------------------------------------------


def _standardize_twice(g: Tensor, c: Tensor, x: Tensor, axes: int, number: float) -> Tensor:
    """Return the derivative of sum(c * J g) with respect to x, J being that of standardization.

    With y the standardized x, r = 1 / sqrt(variance + eps), m the mean over a row, s = m(g y) and
    t = m(c y): J g = r (g - m(g) - y s), and dr = -r**2 y / n, dy = J.
    """
    over, static = _last(x, axes), {"axes": axes, "number": number}
    y = apply(_STANDARDIZE, x, **static)
    s, t = mean(mul(g, y), over, keepdim=True), mean(mul(c, y), over, keepdim=True)
    centred = sub(x, mean(x, over, keepdim=True))
    r = rsqrt(add(mean(square(centred), over, keepdim=True), number))
    covariance = mean(mul(c, sub(g, mean(g, over, keepdim=True))), over, keepdim=True)
    through_r = mul(mul(square(r), y), sub(covariance, mul(s, t)))
    along_c, along_g = (apply(_STANDARDIZE_BACKWARD, v, x, **static) for v in (c, g))
    return neg(add(through_r, mul(r, add(mul(s, along_c), mul(t, along_g)))))


_STANDARDIZE_BACKWARD = _over_rows(
    "standardize_backward",
    inputs="x y",  # the cotangent, and what was standardized
    lower=Routine("standardize_backward"),
    vjp=(
        lambda g, y, *, axes, number: apply(
            _STANDARDIZE_BACKWARD, g, y, axes=axes, number=number
        ),  # the Jacobian is symmetric
        lambda g, x, y, *, axes, number: _standardize_twice(x, g, y, axes, number),
    ),
    grad_name="NativeLayerNormBackward",
)
_STANDARDIZE = _over_rows(
    "standardize",
    inputs="x",
    lower=Routine("standardize"),
    vjp=(
        lambda g, x, *, axes, number: apply(_STANDARDIZE_BACKWARD, g, x, axes=axes, number=number),
    ),
    grad_name="NativeLayerNorm",
)


def standardize(x: Tensor, axes: int, eps: float) -> Tensor:
    """Return (x - mean) / sqrt(variance + eps) over the last ``axes`` axes; x is not empty."""
    return apply(_STANDARDIZE, x, axes=axes, number=float(eps))
