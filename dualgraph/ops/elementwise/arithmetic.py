"""Arithmetic beyond the four operations: weighted sums and means, fractions, angles."""

from math import pi
from typing import Any

from ...core.dispatch import apply
from ...errors import ArgumentError, DTypeError
from ..build import (
    Tensor,
    aligned,
    as_dtype,
    as_floating,
    as_operand,
    elementwise,
    in_float32,
    is_tensor,
    need_floating,
    refuse_bools,
)
from ..public import NOT_IN_PLACE, also, as_function, public
from .elementary import rint
from .pointwise import add, div, mul, sub

_FRAC = elementwise("frac", "{x} - trunc({x})", "t->t", vjp=(lambda g: g,))
_LERP = elementwise(
    "lerp",
    "select(abs({z}) < {s}(0.5), {x} + {z} * ({y} - {x}), {y} - ({y} - {x}) * ({s}(1) - {z}))",
    "ttt->t",
    vjp=(
        lambda g, z: mul(g, sub(1, z)),
        lambda g, z: mul(g, z),
        lambda g, x, y: mul(g, sub(y, x)),
    ),
)  # from the nearer end, so that weights 0 and 1 give the ends


@public()
def frac(input: Tensor) -> Tensor:
    """Return what is behind the point, with the input's sign: ``input - trunc(input)``."""
    need_floating("frac", input)
    return apply(_FRAC, input)


@public(also("special.round"))
@in_float32
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Return the nearest integer, ties to even; integers stay as they are.

    With ``decimals`` (floating inputs only), the nearest multiple of ``10**-decimals``.

    >>> import dualgraph as dg
    >>> dg.round(dg.tensor([0.125, 2.5]), decimals=2)
    tensor([0.1200, 2.5000])
    """
    if not decimals:
        return rint(input)
    need_floating("round(decimals=...)", input)
    ten = 10.0 ** (decimals if decimals > 0 else -decimals)
    return div(rint(mul(input, ten)), ten) if decimals > 0 else mul(rint(div(input, ten)), ten)


@public()
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """Return ``input + weight * (end - input)``; the weight is a number or a tensor.

    Raises `DTypeError` unless input and end are floating and of one dtype.
    """
    need_floating("lerp", input)
    need_floating("lerp", end)
    dtype = input.value.dtype
    if end.value.dtype != dtype:
        raise DTypeError(f"lerp: input is {dtype.name} but end is {end.value.dtype.name}; cast one")
    return apply(_LERP, input, end, as_dtype(weight, dtype))


@public()
@in_float32
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """Return ``input + value * tensor1 * tensor2``, broadcast and promoted."""
    x, a, b = _three("addcmul", input, tensor1, tensor2, value)
    return add(x, mul(_times(a, value), b))


@public()
@in_float32
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """Return ``input + value * tensor1 / tensor2``; raise `DTypeError` for integers."""
    x, a, b = _three("addcdiv", input, tensor1, tensor2, value)
    need_floating("addcdiv", x)
    return add(x, div(_times(a, value), b))


def _three(name: str, x: Any, a: Any, b: Any, value: Any) -> tuple[Tensor, ...]:
    """Return the operands in their common dtype; ``value`` must fit into it."""
    out = aligned(x, a, b)
    refuse_bools(name, "cast them first", out[0])
    if isinstance(value, float) and out[0].value.dtype.kind != "f":
        raise ArgumentError(f"{name}: value must be an integer for integer tensors, got {value}")
    return out


def _times(a: Tensor, value: Any) -> Tensor:
    one = not is_tensor(value) and value == 1
    return a if one else mul(a, as_dtype(value, a.value.dtype))


@public(NOT_IN_PLACE)
def positive(input: Tensor) -> Tensor:
    """Return the input itself (``+input``); raise `DTypeError` for bools."""
    x = as_operand(input)
    refuse_bools("positive", "cast it first", x)
    return x


@public(as_function())
def rsub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Return ``other - alpha * input``."""
    return sub(other, input, alpha=alpha)


@public()
def deg2rad(input: Tensor) -> Tensor:
    """Return an angle in degrees as radians; integers become float32."""
    return mul(as_floating(input), pi / 180)


@public()
def rad2deg(input: Tensor) -> Tensor:
    """Return an angle in radians as degrees; integers become float32."""
    return mul(as_floating(input), 180 / pi)
