"""Special functions: the gamma and the normal family, Bessel functions, logarithms of sums.

Formulas of derivatives: DLMF, the NIST Digital Library of Mathematical Functions, chapters 5, 7
and 10.
"""

from math import factorial, log as _log, pi, sqrt
from typing import Any

from ...core.dispatch import apply
from ...core.op import refuse
from ...core.types import float64
from ...errors import DTypeError
from ..build import (
    Tensor,
    as_dtype,
    as_floating,
    elementwise,
    in_float32,
    is_tensor,
    need,
    unary_float,
)
from ..create.creation import arange
from ..public import NOT_IN_PLACE, SPECIAL, also, as_function, public
from ..reduce.reductions import sum
from ..shape.views import unsqueeze
from .elementary import exp, log, pow, sigmoid
from .pointwise import add, div, eq, ge, gt, le, logical_and, lt, mul, neg, sign, sub, where
from .trigonometric import binary_float

_LN2 = 0.6931471805599453
_ROOT_PI, _ROOT_TWO_PI = sqrt(pi), sqrt(2 * pi)

# --- logarithms -----------------------------------------------------------------------------------

_LOGIT = elementwise("logit", "logit_{s}({x})", "t->t", vjp=(lambda g, x: _logit_vjp(g, x),))
_LOGADDEXP = elementwise(
    "logaddexp",
    "logaddexp_{s}({x}, {y})",
    "tt->t",
    vjp=(
        lambda g, x, y: mul(g, sigmoid(sub(x, y))),
        lambda g, x, y: mul(g, sigmoid(sub(y, x))),
    ),
    commutative=True,
)  # e^x/(e^x + e^y) = sigmoid(x - y)
_LOGADDEXP2 = elementwise(
    "logaddexp2",
    "logaddexp2_{s}({x}, {y})",
    "tt->t",
    vjp=(
        lambda g, x, y: mul(g, sigmoid(mul(sub(x, y), _LN2))),
        lambda g, x, y: mul(g, sigmoid(mul(sub(y, x), _LN2))),
    ),
    commutative=True,
)
_XLOGY = elementwise(
    "xlogy",
    "select({y} != {y}, {y}, select({x} == 0, {s}(0), {x} * log_{s}({y})))",
    "tt->t",
    vjp=(
        lambda g, x, y: where(logical_and(eq(x, 0), le(y, 0)), 0.0, xlogy(g, y)),
        lambda g, x, y: div(mul(g, x), y),
    ),
)
_XLOG1PY = elementwise(
    "xlog1py",
    "select({y} != {y}, {y}, select({x} == 0, {s}(0), {x} * log1p_{s}({y})))",
    "tt->t",
    vjp=(
        lambda g, x, y: where(logical_and(eq(x, 0), le(y, -1)), 0.0, xlog1py(g, y)),
        lambda g, x, y: div(mul(g, x), add(y, 1)),
    ),
)
_ENTR = elementwise(
    "entr",
    "select({x} > 0, -{x} * log_{s}({x}), select({x} < 0, {s}(-inf), {x} * {x}))",
    "t->t",
    vjp=(lambda g, x: neg(mul(g, add(log(x), 1))),),
)


def _logit_vjp(g: Tensor, x: Tensor) -> Tensor:
    """Return g/(x (1 - x)), NaN outside of [0, 1]."""
    inside = logical_and(ge(x, 0), le(x, 1))
    return where(inside, div(g, mul(x, sub(1, x))), float("nan"))


@public(also("special.logit"))
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return log(x/(1 - x)); with ``eps``, x is first limited to [eps, 1 - eps].

    Without it the result is NaN outside of [0, 1]; with it the derivative is 0 where x was limited.
    A negative ``eps`` limits nothing. Integers become float32.
    """
    x = as_floating(input)
    if eps is not None:
        need(isinstance(eps, int | float), f"logit: eps must be a number, got {eps!r}")
        low, high = eps, 1 - eps
        if low >= 0:
            x = where(lt(x, low), low, where(gt(x, high), high, x))
    return apply(_LOGIT, x)


logaddexp = binary_float(
    _LOGADDEXP,
    """Return log(e**input + e**other) without overflow; equal infinities stay what they are.

    The derivatives there are NaN. Integers become float32.
    """,
    at=NOT_IN_PLACE,
)
logaddexp2 = binary_float(
    _LOGADDEXP2,
    "Return log2(2**input + 2**other) without overflow, as `logaddexp` to base 2.",
    at=NOT_IN_PLACE,
)
xlogy = binary_float(
    _XLOGY,
    """Return input * log(other), which is 0 where the input is 0, whatever log says.

    NaN where ``other`` is NaN. The derivative for the input is 0 where the input is 0 and
    ``other`` is not positive. Integers become float32.

    >>> import dualgraph as dg
    >>> dg.xlogy(dg.tensor([0.0, 2.0]), dg.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """,
    at=also("special.xlogy"),
)
xlog1py = binary_float(
    _XLOG1PY,
    "Return input * log1p(other), which is 0 where the input is 0, as `xlogy`.",
    at=SPECIAL,
)
entr = unary_float(
    _ENTR, "Return -x log(x), the entropy's summand: 0 at 0, -inf below.", at=SPECIAL
)


@public(NOT_IN_PLACE)
def float_power(input: Any, exponent: Any) -> Tensor:
    """Return ``input ** exponent`` in float64, whatever the dtypes; see `pow`.

    One operand may be a number; at least one must be a tensor.
    """
    if not (is_tensor(input) or is_tensor(exponent)):
        raise DTypeError("float_power: at least one operand must be a Tensor")
    if is_tensor(exponent):
        exponent = as_dtype(exponent, float64)
    return pow(as_dtype(input, float64), exponent)


# --- the gamma family -----------------------------------------------------------------------------

_LGAMMA = elementwise("lgamma", "lgamma_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, digamma(x)),))
_DIGAMMA = elementwise(
    "digamma", "digamma_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, polygamma(1, x)),)
)
_TRIGAMMA = elementwise(
    "trigamma", "trigamma_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, polygamma(2, x)),)
)
_ZETA = elementwise(
    "zeta",
    "zeta_{s}({x}, {y})",
    "tt->t",
    vjp=(
        refuse("the derivative of zeta for its first argument is not known in closed form"),
        lambda g, x, y: neg(mul(g, mul(x, zeta(add(x, 1), y)))),
    ),
)  # d zeta(s, q)/dq = -s zeta(s + 1, q)

lgamma = unary_float(
    _LGAMMA,
    "Return log|gamma(x)|; infinite at 0 and at the negative integers, its poles.",
    at=also("special.gammaln"),
)
digamma = unary_float(
    _DIGAMMA,
    "Return the derivative of `lgamma`; NaN at negative integers, -1/x's infinity at 0.",
    at=also("special.digamma", "special.psi"),
)
zeta = binary_float(
    _ZETA,
    """Return the Hurwitz zeta function, the sum over k >= 0 of (k + other)**-input.

    Infinite at input 1 and where ``other`` is 0 or a negative integer; NaN for an input below 1,
    and below 0 unless the input is an integer. It has a derivative for ``other`` alone.
    """,
    at=SPECIAL,
)


@public(as_function("special.polygamma"))
def polygamma(n: int, input: Tensor) -> Tensor:
    """Return the n-th derivative of `digamma`, n >= 0; integers become float32.

    From n = 2 on it is (-1)**(n + 1) n! zeta(n + 1, x), computed in float64 (DLMF 25.11.12).
    Raise `ArgumentError` for an n that is not an int or negative.
    """
    proper = isinstance(n, int) and not isinstance(n, bool)
    need(proper and n >= 0, f"polygamma: n must be an int that is not negative, got {n!r}")
    x = as_floating(input)
    if n < 2:
        return apply(_TRIGAMMA if n else _DIGAMMA, x)
    # Beyond 170! everything is infinite but where zeta rounds to 0.
    scale = float(factorial(n)) if n <= 170 else float("inf")
    scaled = mul(zeta(float(n + 1), as_dtype(x, float64)), scale if n % 2 else -scale)
    return as_dtype(scaled, x.value.dtype)


@public(also("special.multigammaln"))
@in_float32
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Return the logarithm of the multivariate gamma function of dimension ``p`` >= 1.

    It is the sum of lgamma(x - j/2) for j = 0 ... p - 1, and log(pi) p (p - 1)/4. Integers become
    float32. Raise `ArgumentError` for a p below 1.
    """
    proper = isinstance(p, int) and not isinstance(p, bool)
    need(proper and p >= 1, f"mvlgamma: p must be an int of at least 1, got {p!r}")
    x = as_floating(input)
    halves = mul(arange(p, dtype=x.dtype), 0.5)
    return add(sum(lgamma(sub(unsqueeze(x, -1), halves)), -1), p * (p - 1) / 4 * _log(pi))


# --- the normal distribution ----------------------------------------------------------------------

_ERFINV = elementwise(
    "erfinv",
    "erfinv_{s}({x})",
    "t->t",
    vjp=(lambda g, out: mul(g, mul(exp(mul(out, out)), _ROOT_PI / 2)),),
)
_ERFCX = elementwise(
    "erfcx",
    "erfcx_{s}({x})",
    "t->t",
    vjp=(lambda g, x, out: mul(g, sub(mul(mul(x, 2), out), 2 / _ROOT_PI)),),
)
_NDTR = elementwise(
    "ndtr",
    "ndtr_{s}({x})",
    "t->t",
    vjp=(lambda g, x: mul(g, mul(exp(mul(mul(x, x), -0.5)), 1 / _ROOT_TWO_PI)),),
)
_LOG_NDTR = elementwise(
    "log_ndtr",
    "log_ndtr_{s}({x})",
    "t->t",
    vjp=(lambda g, x: mul(g, div(sqrt(2 / pi), erfcx(mul(x, -sqrt(0.5))))),),
)  # the density over ndtr, without underflow
_NDTRI = elementwise(
    "ndtri",
    "ndtri_{s}({x})",
    "t->t",
    vjp=(lambda g, out: mul(g, mul(exp(mul(mul(out, out), 0.5)), _ROOT_TWO_PI)),),
)

erfinv = unary_float(
    _ERFINV,
    "Return the inverse of erf; infinite at -1 and 1, NaN outside of [-1, 1].",
    at=also("special.erfinv"),
)
erfcx = unary_float(
    _ERFCX, "Return exp(x**2) erfc(x), which neither under- nor overflows at inf.", at=SPECIAL
)
ndtr = unary_float(_NDTR, "Return the standard normal distribution function.", at=SPECIAL)
log_ndtr = unary_float(_LOG_NDTR, "Return log(ndtr(x)) without underflow to the left.", at=SPECIAL)
ndtri = unary_float(
    _NDTRI, "Return the inverse of `ndtr`; infinite at 0 and 1, NaN outside of [0, 1].", at=SPECIAL
)

# --- Bessel functions -----------------------------------------------------------------------------

_I0 = elementwise("i0", "i0_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, i1(x)),))
_I0E = elementwise(
    "i0e", "i0e_{s}({x})", "t->t", vjp=(lambda g, x, out: mul(g, sub(i1e(x), mul(sign(x), out))),)
)
_I1 = elementwise(
    "i1", "i1_{s}({x})", "t->t", vjp=(lambda g, x, out: mul(g, _less_quotient(i0(x), out, x)),)
)
_I1E = elementwise(
    "i1e",
    "i1e_{s}({x})",
    "t->t",
    vjp=(lambda g, x, out: mul(g, sub(_less_quotient(i0e(x), out, x), mul(sign(x), out))),),
)


def _less_quotient(y: Tensor, out: Tensor, x: Tensor) -> Tensor:
    """Return y - out/x, which is 1/2 at 0 for I0 and I1: I1'(x) = I0(x) - I1(x)/x."""
    quotient = div(out, where(eq(x, 0), 1.0, x))
    return where(eq(x, 0), 0.5, sub(y, quotient))


i0 = unary_float(
    _I0, "Return the modified Bessel function of the first kind of order 0.", at=also("special.i0")
)
i0e = unary_float(_I0E, "Return exp(-|x|) I0(x), which does not overflow.", at=SPECIAL)
i1 = unary_float(
    _I1, "Return the modified Bessel function of the first kind of order 1.", at=SPECIAL
)
i1e = unary_float(_I1E, "Return exp(-|x|) I1(x), which does not overflow.", at=SPECIAL)
