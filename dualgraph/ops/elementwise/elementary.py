"""Elementary functions: powers, exponentials, logarithms, roots, waves, and rounding.

A record says everything about its op: the scalar expression, the types, the derivative.
"""

from typing import Any

from ...core.boundary import unguarded
from ...core.dispatch import apply
from ...core.op import NONDIFF
from ...core.types import bool_
from ..build import (
    Tensor,
    aligned,
    as_dtype,
    as_operand,
    changed,
    elementwise,
    is_tensor,
    named,
    need,
    refuse_bools,
    unary_float,
)
from ..public import also, entered, public
from .pointwise import (
    add,
    clone,
    div,
    eq,
    ge,
    le,
    logical_and,
    long,
    mul,
    neg,
    reciprocal,
    square,
    sub,
    where,
)

_POW = elementwise(
    "pow",
    "pow_{s}({x}, {y})",
    "tt->t",
    vjp=(lambda g, x, y: _pow_base(g, x, y), lambda g, x, y, out: _pow_exponent(g, x, y, out)),
)
_IPOW = elementwise("ipow", "ipow_i8({x}, {y})", "tt->t", vjp=(NONDIFF, NONDIFF))
_EXP = elementwise("exp", "exp_{s}({x})", "t->t", vjp=(lambda g, out: mul(g, out),))
_EXP2 = elementwise(
    "exp2", "exp2_{s}({x})", "t->t", vjp=(lambda g, out: mul(mul(g, out), 0.6931471805599453),)
)
_EXPM1 = elementwise("expm1", "expm1_{s}({x})", "t->t", vjp=(lambda g, out: mul(g, add(out, 1)),))
_LOG = elementwise("log", "log_{s}({x})", "t->t", vjp=(lambda g, x: div(g, x),))
_LOG2 = elementwise(
    "log2", "log2_{s}({x})", "t->t", vjp=(lambda g, x: div(g, mul(x, 0.6931471805599453)),)
)
_LOG10 = elementwise(
    "log10", "log10_{s}({x})", "t->t", vjp=(lambda g, x: div(g, mul(x, 2.302585092994046)),)
)
_LOG1P = elementwise("log1p", "log1p_{s}({x})", "t->t", vjp=(lambda g, x: div(g, add(x, 1)),))
_TANH = elementwise(
    "tanh", "tanh_{s}({x})", "t->t", vjp=(lambda g, out: mul(g, sub(1, mul(out, out))),)
)
_SIGMOID = elementwise(
    "sigmoid", "sigmoid_{s}({x})", "t->t", vjp=(lambda g, out: mul(mul(g, out), sub(1, out)),)
)
_RELU = elementwise(
    "relu", "select({x} <= 0, {s}(0), {x})", "t->t", vjp=(lambda g, out: where(le(out, 0), 0.0, g),)
)
_SQRT = elementwise("sqrt", "sqrt({x})", "t->t", vjp=(lambda g, out: div(g, mul(out, 2)),))
_RSQRT = elementwise(
    "rsqrt", "rsqrt_{s}({x})", "t->t", vjp=(lambda g, x, out: mul(mul(g, -0.5), div(out, x)),)
)  # d x^(-1/2) = -1/2 x^(-1/2) / x dx
_SIN = elementwise("sin", "sin_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, cos(x)),))
_COS = elementwise("cos", "cos_{s}({x})", "t->t", vjp=(lambda g, x: neg(mul(g, sin(x))),))
_TWO_OVER_ROOT_PI = 1.1283791670955126
_ERF = elementwise(
    "erf",
    "erf_{s}({x})",
    "t->t",
    vjp=(lambda g, x: mul(g, mul(exp(neg(mul(x, x))), _TWO_OVER_ROOT_PI)),),
)
_ERFC = elementwise(
    "erfc",
    "erfc_{s}({x})",
    "t->t",
    vjp=(lambda g, x: mul(g, mul(exp(neg(mul(x, x))), -_TWO_OVER_ROOT_PI)),),
)
_FLOOR = elementwise("floor", "floor({x})", "t->t", vjp=(NONDIFF,))
_CEIL = elementwise("ceil", "-floor(-{x})", "t->t", vjp=(NONDIFF,))
_TRUNC = elementwise("trunc", "trunc({x})", "t->t", vjp=(NONDIFF,))
_ROUND = elementwise("round", "rint({x})", "t->t", vjp=(NONDIFF,))

exp = unary_float(_EXP, "Return e**x; integers become float32.")
exp2 = unary_float(_EXP2, "Return 2**x; integers become float32.", at=also("special.exp2"))
expm1 = unary_float(
    _EXPM1, "Return e**x - 1 without cancellation near 0.", at=also("special.expm1")
)
log = unary_float(_LOG, "Return the natural logarithm; NaN below 0, -inf at 0.")
log2 = unary_float(_LOG2, "Return the logarithm to base 2.")
log10 = unary_float(_LOG10, "Return the logarithm to base 10.")
log1p = unary_float(
    _LOG1P, "Return log(1 + x) without cancellation near 0.", at=also("special.log1p")
)
tanh = unary_float(_TANH, "Return the hyperbolic tangent.", at=also("nn.functional.tanh"))
sigmoid = unary_float(
    _SIGMOID, "Return 1 / (1 + e**-x).", at=also("special.expit", "nn.functional.sigmoid")
)
sqrt = unary_float(_SQRT, "Return the correctly rounded square root; NaN below 0.")
rsqrt = unary_float(_RSQRT, "Return 1 / sqrt(x).")
sin = unary_float(_SIN, "Return the sine of an angle in radians.")
cos = unary_float(_COS, "Return the cosine of an angle in radians.")
erf = unary_float(_ERF, "Return the error function.", at=also("special.erf"))
erfc = unary_float(
    _ERFC, "Return 1 - erf(x) without cancellation for large x.", at=also("special.erfc")
)
_SHORTCUTS = {2: square, 1: clone, -1: reciprocal, 0.5: sqrt}


@public()
@unguarded
def pow(input: Any, exponent: Any) -> Tensor:
    """Return ``input ** exponent`` with the special cases of C99's pow.

    The exponents 0.5, 1, 2 and -1 take the square root, the input itself, one multiplication and
    one division. Integers raised to integers stay integers (a negative exponent raises).
    """
    if is_tensor(input) and not is_tensor(exponent):
        shortcut = _SHORTCUTS.get(exponent) if type(exponent) in (int, float) else None
        if shortcut and input.value.dtype.kind == "f":
            return shortcut(input)
    x, y = aligned(input, exponent)
    if x.value.dtype.kind == "f":
        return apply(_POW, x, y)
    negative = not is_tensor(exponent) and exponent < 0
    need(not negative, f"integers to the negative power {exponent} are not allowed; cast to float")
    return as_dtype(apply(_IPOW, long(x), long(y)), x.value.dtype)


def _pow_base(g: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return g * y * x**(y-1), and 0 where y is 0."""
    return where(eq(y, 0), 0.0, mul(g, mul(y, pow(x, sub(y, 1)))))


def _pow_exponent(g: Tensor, x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """Return g * x**y * log(x), and 0 where x is 0 and y is not negative."""
    return where(logical_and(eq(x, 0), ge(y, 0)), 0.0, mul(g, mul(out, log(x))))


@public(also("nn.functional.relu"))
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(input, 0); NaN stays NaN, the derivative at 0 is 0."""
    if inplace:
        return changed(input, relu)
    x = as_operand(input)
    if x.value.dtype is bool_:
        refuse_bools("relu", "cast it first", x)
    return apply(_RELU, x)


def _rounding(op: Any, doc: str) -> Any:
    def function(input: Tensor) -> Tensor:
        x = as_operand(input)
        if x.value.dtype.kind == "f":
            return apply(op, x)
        refuse_bools(op.name, "cast it first", x)
        return clone(x)

    return unguarded(named(function, op.name, doc))


floor = entered(
    _rounding(_FLOOR, "Return the largest integer that is not above; integers unchanged.")
)
ceil = entered(
    _rounding(_CEIL, "Return the smallest integer that is not below; integers unchanged.")
)
trunc = entered(_rounding(_TRUNC, "Return the integer part; integers unchanged."), also("fix"))
rint = _rounding(_ROUND, "Return the nearest integer, ties to even; integers unchanged.")
