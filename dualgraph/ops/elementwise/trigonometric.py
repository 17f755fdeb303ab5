"""Trigonometric and hyperbolic functions, their inverses, and lengths and angles in the plane."""

from typing import Any

from ...core.dispatch import apply
from ...core.op import Op
from ..build import Tensor, aligned, as_floating, elementwise, named, unary_float
from ..public import EVERYWHERE, Surface, also, entered
from .elementary import cos, rsqrt
from .pointwise import abs, add, div, eq, mul, neg, sub, where

_PI = 3.141592653589793

_TAN = elementwise(
    "tan", "tan_{s}({x})", "t->t", vjp=(lambda g, out: mul(g, add(mul(out, out), 1)),)
)  # tan' = 1 + tan^2
_ASIN = elementwise(
    "asin", "asin_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, rsqrt(_one_less_square(x))),)
)
_ACOS = elementwise(
    "acos", "acos_{s}({x})", "t->t", vjp=(lambda g, x: neg(mul(g, rsqrt(_one_less_square(x)))),)
)
_ATAN = elementwise(
    "atan", "atan_{s}({x})", "t->t", vjp=(lambda g, x: div(g, add(mul(x, x), 1)),)
)  # atan' = 1/(1 + x^2)
_SINH = elementwise("sinh", "sinh_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, cosh(x)),))
_COSH = elementwise("cosh", "cosh_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, sinh(x)),))
_ASINH = elementwise(
    "asinh", "asinh_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, rsqrt(add(mul(x, x), 1))),)
)
_ACOSH = elementwise(
    "acosh", "acosh_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, rsqrt(_square_less_one(abs(x)))),)
)
_ATANH = elementwise(
    "atanh", "atanh_{s}({x})", "t->t", vjp=(lambda g, x: div(g, _one_less_square(x)),)
)  # atanh' = 1/(1 - x^2)
_SINC = elementwise("sinc", "sinc_{s}({x})", "t->t", vjp=(lambda g, x, out: _sinc_vjp(g, x, out),))
_ATAN2 = elementwise(
    "atan2",
    "atan2_{s}({x}, {y})",
    "tt->t",
    vjp=(lambda g, x, y: mul(g, _turning(y, x, y)), lambda g, x, y: neg(mul(g, _turning(x, x, y)))),
)  # d atan2(y, x) = (x dy - y dx)/(x^2 + y^2)
_HYPOT = elementwise(
    "hypot",
    "hypot_{s}({x}, {y})",
    "tt->t",
    vjp=(lambda g, x, out: mul(g, div(x, out)), lambda g, y, out: mul(g, div(y, out))),
    commutative=True,
)


def _one_less_square(x: Tensor) -> Tensor:
    """Return 1 - x^2 in factors, which keep their digits next to 1."""
    return mul(sub(1, x), add(1, x))


def _square_less_one(x: Tensor) -> Tensor:
    return mul(sub(x, 1), add(x, 1))


def _turning(part: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return part/(x^2 + y^2), whose square may not over- or underflow; 0 at the origin."""
    length = hypot(x, y)
    length = where(eq(length, 0), 1.0, length)
    return div(div(part, length), length)


def _sinc_vjp(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    """Return g * (cos(pi x) - sinc(x))/x, and 0 at 0."""
    slope = div(sub(cos(mul(x, _PI)), out), where(eq(x, 0), 1.0, x))
    return mul(g, where(eq(x, 0), 0.0, slope))


def binary_float(op: Op, doc: str, at: Surface = EVERYWHERE) -> Any:
    """Return the public function of a floating op with two operands, broadcast and promoted."""

    def function(input: Any, other: Any) -> Tensor:
        x, y = aligned(input, other)
        return apply(op, as_floating(x), as_floating(y))

    return entered(named(function, op.name, doc), at)


tan = unary_float(_TAN, "Return the tangent of an angle in radians, right for every argument.")
asin = unary_float(
    _ASIN, "Return the arc sine in [-pi/2, pi/2]; NaN outside of [-1, 1].", at=also("arcsin")
)
acos = unary_float(
    _ACOS, "Return the arc cosine in [0, pi]; NaN outside of [-1, 1].", at=also("arccos")
)
atan = unary_float(_ATAN, "Return the arc tangent in [-pi/2, pi/2].", at=also("arctan"))
sinh = unary_float(_SINH, "Return the hyperbolic sine.")
cosh = unary_float(_COSH, "Return the hyperbolic cosine.")
asinh = unary_float(_ASINH, "Return the inverse of the hyperbolic sine.", at=also("arcsinh"))
acosh = unary_float(
    _ACOSH, "Return the inverse of the hyperbolic cosine; NaN below 1.", at=also("arccosh")
)
atanh = unary_float(
    _ATANH,
    "Return the inverse of the hyperbolic tangent; infinite at -1 and 1, NaN beyond.",
    at=also("arctanh"),
)
sinc = unary_float(
    _SINC,
    "Return sin(pi x)/(pi x), and 1 at 0; exactly 0 at other integers.",
    at=also("special.sinc"),
)
atan2 = binary_float(
    _ATAN2,
    """Return the angle in [-pi, pi] of the points (other, input), with the signs of C99's atan2.

    The derivatives are those of the angle, 0 at the origin. Integers become float32.

    >>> import dualgraph as dg
    >>> dg.atan2(dg.tensor([1.0, -0.0]), dg.tensor([1.0, -1.0]))
    tensor([ 0.7854, -3.1416])
    """,
    at=also("arctan2"),
)
hypot = binary_float(
    _HYPOT,
    """Return sqrt(input**2 + other**2) without overflow between; integers become float32.

    Infinite where an operand is, even beside NaN. The derivative at the origin is NaN.
    """,
)
