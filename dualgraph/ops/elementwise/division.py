"""Quotients that are rounded to integers, and remainders; see `dualgraph.numerics.division`.

An integer divided by a tensor element that is zero gives 0 (PyTorch raises on the CPU and leaves it
undefined on a GPU; a compiled kernel cannot raise); by the number 0 it is an error.
"""

from typing import Any

from ...core.dispatch import apply
from ...core.op import NONDIFF, Op, refuse
from ..build import Tensor, elementwise, is_tensor, need, refuse_bools
from ..public import also, public
from .pointwise import div as true_divide, mul, neg, same

_FLOOR = ("floordiv_{s}({x}, {y})", "floordiv_i8(i8({x}), i8({y}))")
_DIV_FLOOR = elementwise(
    "div_floor", _FLOOR[0], "tt->t", vjp=(NONDIFF, NONDIFF), integer=_FLOOR[1], grad_name="Div"
)
_DIV_TRUNC = elementwise(
    "div_trunc",
    "trunc({x} / {y})",
    "tt->t",
    vjp=(NONDIFF, NONDIFF),
    integer="truncdiv_i8(i8({x}), i8({y}))",
    grad_name="Div",
)
_NO_SLOPE = refuse("it is a step function; div(rounding_mode='floor') has derivative 0")
_FLOOR_DIVIDE = elementwise(
    "floor_divide", _FLOOR[0], "tt->t", vjp=(_NO_SLOPE, _NO_SLOPE), integer=_FLOOR[1]
)
_REMAINDER = elementwise(
    "remainder",
    "remainder_{s}({x}, {y})",
    "tt->t",
    vjp=(lambda g: g, lambda g, x, y: neg(mul(g, apply(_DIV_FLOOR, x, y)))),
    integer="remainder_i8(i8({x}), i8({y}))",
)  # d(x - y floor(x/y)) = dx - floor(x/y) dy
_FMOD = elementwise(
    "fmod",
    "fmod_{s}({x}, {y})",
    "tt->t",
    vjp=(lambda g: g, lambda g, x, y: neg(mul(g, apply(_DIV_TRUNC, x, y)))),
    integer="fmod_i8(i8({x}), i8({y}))",
)
_ROUNDED = {"floor": _DIV_FLOOR, "trunc": _DIV_TRUNC}


@public(also("divide"))
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Return the quotient; true division makes float32 of integers.

    ``rounding_mode`` is None, ``"trunc"`` (towards zero) or ``"floor"`` (down, as Python's //);
    these two keep integers, and their derivative is 0.

    >>> import dualgraph as dg
    >>> dg.div(dg.tensor([1, -7]), 4)
    tensor([ 0.2500, -1.7500])
    >>> dg.div(dg.tensor([1, -7]), 4, rounding_mode="floor")
    tensor([ 0, -2])
    """
    if rounding_mode is None:
        return true_divide(input, other)
    known = rounding_mode in _ROUNDED
    need(known, f"div: rounding_mode is None, 'trunc' or 'floor', not {rounding_mode!r}")
    return _whole("div", _ROUNDED[rounding_mode], input, other)


@public()
def floor_divide(input: Any, other: Any) -> Tensor:
    """Return the largest integer not above the quotient, in the common dtype: ``input // other``.

    It has no derivative; ``div(rounding_mode="floor")`` has the derivative 0.
    """
    return _whole("floor_divide", _FLOOR_DIVIDE, input, other)


@public()
def remainder(input: Any, other: Any) -> Tensor:
    """Return ``input - other * floor(input / other)``, with the sign of other: ``input % other``.

    >>> import dualgraph as dg
    >>> dg.remainder(dg.tensor([-3.0, 3.0]), 2)
    tensor([1., 1.])
    """
    return _whole("remainder", _REMAINDER, input, other)


@public()
def fmod(input: Any, other: Any) -> Tensor:
    """Return ``input - other * trunc(input / other)`` exactly, with the sign of input."""
    return _whole("fmod", _FMOD, input, other)


def _whole(name: str, op: Op, input: Any, other: Any) -> Tensor:
    x, y = same(input, other)
    refuse_bools(name, "cast them first", x)
    zero = not is_tensor(other) and not other and x.value.dtype.kind != "f"
    need(not zero, f"{name}: an integer tensor cannot be divided by zero")
    return apply(op, x, y)
