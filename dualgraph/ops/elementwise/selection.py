"""Ops that choose or compare: extremes without NaN, bounds, signs, closeness."""

from typing import Any

import numpy as np

from ...core.dispatch import apply, state
from ...core.op import NONDIFF, refuse
from ...core.types import bool_
from ...errors import DTypeError
from ..build import (
    Tensor,
    as_floating,
    as_operand,
    binary,
    elementwise,
    in_float32,
    is_tensor,
    need,
    unary_float,
)
from ..public import NOT_IN_PLACE, public
from ..reduce.reductions import all as all_
from .pointwise import (
    abs as abs_,
    add,
    clamp,
    clone,
    div,
    eq,
    ge,
    isfinite,
    isnan,
    le,
    logical_and,
    logical_or,
    mul,
    ne,
    same,
    sub,
    where,
)

_FMAX = elementwise(
    "fmax",
    "select(({x} >= {y}) | ({y} != {y}), {x}, {y})",
    "tt->t",
    vjp=(
        lambda g, x, y: where(logical_or(ge(x, y), ne(y, y)), g, 0.0),
        lambda g, x, y: where(logical_or(ge(x, y), ne(y, y)), 0.0, g),
    ),
)  # at a tie the first gets all, as in PyTorch
_FMIN = elementwise(
    "fmin",
    "select(({x} <= {y}) | ({y} != {y}), {x}, {y})",
    "tt->t",
    vjp=(
        lambda g, x, y: where(logical_or(le(x, y), ne(y, y)), g, 0.0),
        lambda g, x, y: where(logical_or(le(x, y), ne(y, y)), 0.0, g),
    ),
)
_COPYSIGN = elementwise(
    "copysign",
    "copysign({x}, select({y} == {y}, {y}, {s}(1)))",
    "tt->t",
    vjp=(lambda g, x, out: mul(g, where(eq(x, 0), 0.0, div(out, x))), NONDIFF),
)
_STEP = refuse("heaviside is a step function")
_HEAVISIDE = elementwise(
    "heaviside", "select({x} == 0, {y}, {s}({x} > 0))", "tt->t", vjp=(_STEP, _STEP)
)
_SIGNBIT = elementwise(
    "signbit",
    "copysign({s}(1), select({x} == {x}, {x}, {s}(1))) < 0",
    "t->b",
    vjp=(NONDIFF,),
    integer="{x} < 0",
)
_ISPOSINF = elementwise("isposinf", "{x} == inf", "t->b", vjp=(NONDIFF,))
_ISNEGINF = elementwise("isneginf", "{x} == -inf", "t->b", vjp=(NONDIFF,))

fmax = binary(
    _FMAX, "Return the larger operand, and the other one where one is NaN.", at=NOT_IN_PLACE
)
fmin = binary(
    _FMIN, "Return the smaller operand, and the other one where one is NaN.", at=NOT_IN_PLACE
)
isposinf = unary_float(_ISPOSINF, "Return where the input is plus infinity.", at=NOT_IN_PLACE)
isneginf = unary_float(_ISNEGINF, "Return where the input is minus infinity.", at=NOT_IN_PLACE)


@public()
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Return the input, or the bound where it is lower; see `clamp`."""
    return clamp(input, min=min)


@public()
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Return the input, or the bound where it is higher; see `clamp`."""
    return clamp(input, max=max)


@public()
def copysign(input: Any, other: Any) -> Tensor:
    """Return the magnitude of input with the sign of other; integers become float32.

    The sign of a NaN counts as plus: the bits of a NaN carry no meaning here.
    """
    x, y = same(input, other)
    if x.value.dtype.kind != "f":
        x, y = as_floating(x), as_floating(y)
    return apply(_COPYSIGN, x, y)


@public()
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """Return 0 below zero, 1 above, and ``values`` at zero; NaN gives 0.

    Raises `DTypeError` unless both have one dtype. There is no derivative.
    """
    _one_dtype("heaviside", input, values)
    x, y = same(input, values)
    return logical_or(x, y) if x.value.dtype == bool_ else apply(_HEAVISIDE, x, y)


def _one_dtype(name: str, x: Any, y: Any) -> None:
    if is_tensor(x) and is_tensor(y) and x.value.dtype != y.value.dtype:
        raise DTypeError(
            f"{name} needs tensors of one dtype, got {x.value.dtype.name} and "
            f"{y.value.dtype.name}; cast one of them"
        )


@public(NOT_IN_PLACE)
def signbit(input: Tensor) -> Tensor:
    """Return where the sign is minus, -0.0 included; False for NaN and bools."""
    x = as_operand(input)
    return ne(x, x) if x.value.dtype == bool_ else apply(_SIGNBIT, x)


@public(NOT_IN_PLACE)
def isreal(input: Tensor) -> Tensor:
    """Return True everywhere: no complex dtype exists."""
    x = as_operand(input)
    return logical_or(eq(x, x), True)


@public()
def nan_to_num(
    input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Return the input with NaN and the infinities replaced; integers stay as they are.

    By default infinities become the largest and the lowest finite number of the dtype. The
    derivative is 1 at finite elements and 0 elsewhere.
    """
    x = as_operand(input)
    if x.value.dtype.kind != "f":
        return clone(x)
    ends = np.finfo(x.value.dtype)
    high = float(ends.max) if posinf is None else posinf
    low = float(ends.min) if neginf is None else neginf
    finite = where(isnan(x), 0.0 if nan is None else nan, where(isneginf(x), low, x))
    return where(isposinf(x), high, finite)


@public(NOT_IN_PLACE)
@in_float32
def isclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Return where ``abs(input - other) <= atol + rtol * abs(other)``, or both are equal.

    Infinities are close to themselves only; NaN to NaN only with ``equal_nan``.
    """
    need(rtol >= 0 and atol >= 0, f"isclose: rtol and atol must not be negative: {rtol}, {atol}")
    _one_dtype("isclose", input, other)
    x, y = same(input, other)
    close = eq(x, y)
    if equal_nan:
        close = logical_or(close, logical_and(ne(x, x), ne(y, y)))
    x = as_floating(x) if x.value.dtype == bool_ else x
    error = abs_(sub(x, y))
    allowed = add(abs_(mul(as_floating(y), rtol)), atol)
    return logical_or(close, logical_and(isfinite(error), le(error, allowed)))


@public(NOT_IN_PLACE)
def allclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> bool:
    """Return, as a Python bool, whether all elements are close; see `isclose`.

    Raises `TraceError` in a traced function: use ``isclose(...).all()`` there.
    """
    close = all_(isclose(input, other, rtol, atol, equal_nan))
    return bool(state.frontend.concrete(close, "allclose()"))


@public(NOT_IN_PLACE)
def equal(input: Tensor, other: Tensor) -> bool:
    """Return, as a Python bool, whether shapes and all elements are equal (NaN is not).

    Raises `TraceError` in a traced function: use ``(input == other).all()`` there.
    """
    x, y = same(input, other)
    if tuple(x.value.shape) != tuple(y.value.shape):
        return False
    return bool(state.frontend.concrete(all_(eq(x, y)), "equal()"))
