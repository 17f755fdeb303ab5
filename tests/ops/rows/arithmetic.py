"""Rows of division with rounding, of other arithmetic, and of selection."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op_row import EVERY, FLOATS, INTS, NUMBERS, Arg, Row, Sample, number, of, s, unary

SMALL_INTS = ("int8", "int16")
INTEGERS = ("uint8", *SMALL_INTS, *INTS)
FEW = (s(()), s((0,)), s((37,)), s(of((3, 4), "columns")))
PAIRS = (
    s((3, 4), (3, 4)),
    s((3, 1), (1, 4)),
    s((), (3,)),
    s(of((3, 4), "columns"), ()),
    s((2, 0), (1,)),
)
UP, DOWN = (1, 9), (-9, -1)
DIVISORS = (
    s((3, 4), Arg((4,), domain=UP)),
    s(of((3, 4), "columns"), Arg((), domain=UP)),
    s((3, 1), Arg((1, 4), domain=DOWN), only=(*FLOATS, *SMALL_INTS, *INTS)),
    *number("other", 3, 2.5, -2.5),
)


def pair(name: str, reference: Callable[..., Any], samples: tuple[Sample, ...], **more: Any) -> Row:
    """Return the row of an exact op of two operands, the second perhaps a number."""

    def positional(x: Any, *y: Any, other: Any = None, **kw: Any) -> Any:
        return reference(x, *(y or (x.dtype.type(other),)), **kw)

    return Row(name, samples, positional, edges=more.pop("edges", True), **more)


def fmod(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return C's fmod; integers modulo 0 are 0."""
    return np.fmod(x, y)


def remainder(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return fmod moved to the sign of y; a zero keeps the sign of x, unlike NumPy's."""
    rest = np.fmod(x, y)
    moved = np.add(rest, y, dtype=rest.dtype)
    return np.where((rest != 0) & ((y < 0) != (rest < 0)), moved, rest)


def floor_divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the quotient rounded down; floats from the exact remainder."""
    if x.dtype.kind != "f":
        return np.floor_divide(x, y)
    rest = remainder(x, y)
    with np.errstate(all="ignore"):
        quotient = np.divide(x - np.fmod(x, y), y)
        quotient = quotient - (rest != np.fmod(x, y)).astype(x.dtype)
    down = np.floor(quotient)
    down = np.where(quotient - down > 0.5, down + x.dtype.type(1), down)
    down = np.where(quotient == 0, np.copysign(x.dtype.type(0), np.divide(x, y)), down)
    return np.where(y == 0, np.divide(x, y), down)


def div(x: np.ndarray, y: np.ndarray, rounding_mode: str | None = None) -> np.ndarray:
    """Return the quotient: as it is, rounded down, or towards zero."""
    if rounding_mode == "floor":
        return floor_divide(x, y)
    if rounding_mode == "trunc" and x.dtype.kind != "f":
        return np.trunc(np.divide(x, y, dtype=np.float64)).astype(x.dtype)
    if x.dtype.kind != "f":
        x, y = np.asarray(x).astype(np.float32), np.asarray(y).astype(np.float32)
    return np.trunc(np.divide(x, y)) if rounding_mode else np.divide(x, y)


def rounded(samples: tuple[Sample, ...], mode: str) -> tuple[Sample, ...]:
    """Return the samples with a rounding mode."""
    return tuple(Sample(a.args, {**a.kwargs, "rounding_mode": mode}, a.only) for a in samples)


def round_reference(x: np.ndarray, decimals: int = 0) -> np.ndarray:
    """Round after scaling by a power of ten."""
    ten = x.dtype.type(10.0 ** abs(decimals))
    scaled = np.rint(x * ten) / ten if decimals > 0 else np.rint(x / ten) * ten
    return (scaled if decimals else np.rint(x)).astype(x.dtype)


def lerp(x: np.ndarray, end: np.ndarray, w: Any = None, weight: Any = None) -> np.ndarray:
    """Interpolate from the nearer end."""
    t = x.dtype.type(weight) if w is None else w
    return np.where(abs(t) < 0.5, x + t * (end - x), end - (end - x) * (x.dtype.type(1) - t))


def addcmul(x: np.ndarray, a: np.ndarray, b: np.ndarray, value: float = 1) -> np.ndarray:
    """Multiply by the value first."""
    return x + (a if value == 1 else x.dtype.type(value) * a) * b


def addcdiv(x: np.ndarray, a: np.ndarray, b: np.ndarray, value: float = 1) -> np.ndarray:
    """Multiply by the value first."""
    return x + (a if value == 1 else x.dtype.type(value) * a) / b


DIVISION = (
    pair(
        "div",
        div,
        (*rounded(DIVISORS, "floor"), *rounded(DIVISORS[:4], "trunc")),
        dtypes=(*FLOATS, *INTEGERS),
        domain=(-20, 20),
        twice=False,
    ),
    pair("true_divide", div, PAIRS[:2], dtypes=(*FLOATS, "int64"), domain=(0.5, 4.0)),
    pair(
        "floor_divide",
        floor_divide,
        DIVISORS,
        call=lambda api, x, y=None, other=None: api.floor_divide(
            x.detach(), other if y is None else y.detach()
        ),
        dtypes=(*FLOATS, *INTEGERS),
        domain=(-20, 20),
        differentiable=False,
    ),
    pair(
        "remainder",
        remainder,
        DIVISORS,
        dtypes=(*FLOATS, *INTEGERS),
        domain=(-20, 20),
        twice=False,
    ),
    pair("fmod", fmod, DIVISORS, dtypes=(*FLOATS, *INTEGERS), domain=(-20, 20), twice=False),
)
ARITHMETIC = (
    unary("frac", lambda x: x - np.trunc(x), samples=FEW, twice=False),
    unary(
        "round",
        round_reference,
        samples=(*FEW, s((37,), decimals=2, only=FLOATS), s((37,), decimals=-1, only=FLOATS)),
        dtypes=(*FLOATS, "int64"),
        smooth=False,
        twice=False,
    ),
    Row(
        "lerp",
        (
            s((3, 4), (3, 4), weight=0.25),
            s((3, 4), (3, 4), weight=0.75),
            s((3, 4), (3, 4), (3, 4)),
            s((3, 1), (1, 4), ()),
            s(of((3, 4), "columns"), (3, 4), weight=2.0),
        ),
        lerp,
    ),
    Row(
        "addcmul",
        (
            s((3, 4), (3, 4), (3, 4)),
            s((3, 4), (4,), (3, 1), value=2),
            s((3,), (3,), (), value=0.5, only=FLOATS),
        ),
        addcmul,
        dtypes=NUMBERS,
    ),
    Row(
        "addcdiv",
        (
            s((3, 4), (3, 4), Arg((3, 4), domain=(0.5, 2.0))),
            s((3, 4), (4,), Arg((3, 1), domain=(0.5, 2.0)), value=0.5),
        ),
        addcdiv,
    ),
    Row("positive", FEW, lambda x: x, dtypes=NUMBERS, twice=False),
    pair(
        "rsub",
        lambda x, y, alpha=1: y - x.dtype.type(alpha) * x,
        (s((3, 4), (4,)), s((3,), (3,), alpha=2), s((3,), other=2)),
        dtypes=NUMBERS,
        twice=False,
    ),
    unary("deg2rad", lambda x: x * x.dtype.type(np.pi / 180), samples=FEW, twice=False),
    unary("rad2deg", lambda x: x * x.dtype.type(180 / np.pi), samples=FEW, twice=False),
)


def fmax(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the first at a tie."""
    return np.where((x >= y) | (y != y), x, y)


def fmin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the first at a tie."""
    return np.where((x <= y) | (y != y), x, y)


def copysign(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Take NaN as positive; integers become float32."""
    if x.dtype.kind != "f":
        x, y = x.astype(np.float32), np.asarray(y).astype(np.float32)
    return np.copysign(x, np.where(np.isnan(y), y.dtype.type(1), y))


def heaviside(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return 0 for NaN, unlike NumPy's."""
    return np.where(x == 0, values, (x > 0).astype(x.dtype))


def limit(x: np.ndarray, *bound: Any, min: Any = None, max: Any = None, low: bool) -> np.ndarray:
    """Limit on one side; a NaN bound gives NaN."""
    given = bound[0] if bound else x.dtype.type(max if min is None else min)
    beyond = x < given if low else x > given
    return np.where(beyond | (given != given), given, x)


def nan_to_num(x: np.ndarray, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Replace what is not finite."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def isclose(
    x: np.ndarray, y: np.ndarray, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> np.ndarray:
    """Compare in float64."""
    a, b = x.astype(np.float64), y.astype(np.float64)
    return np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)


SELECTION = (
    pair("fmax", fmax, PAIRS[:3], dtypes=EVERY, twice=False),
    pair("fmin", fmin, PAIRS[:3], dtypes=EVERY, twice=False),
    Row(
        "clamp_min",
        (s((3, 4), (4,)), s((37,), min=1), s((5,), min=-0.5, only=FLOATS)),
        lambda x, *y, min=None: limit(x, *y, min=min, low=True),
        dtypes=(*NUMBERS, *SMALL_INTS),
        edges=True,
        twice=False,
    ),
    Row(
        "clamp_max",
        (s((3, 4), (4,)), s((37,), max=1), s((5,), max=0.5, only=FLOATS)),
        lambda x, *y, max=None: limit(x, *y, max=max, low=False),
        dtypes=(*NUMBERS, *SMALL_INTS),
        edges=True,
        twice=False,
    ),
    pair(
        "copysign",
        copysign,
        (*PAIRS, *number("other", -1.5)),
        dtypes=(*FLOATS, "int64"),
        twice=False,
        torch=False,  # it takes the sign of a NaN, see test_sign_of_nan
    ),
    pair(
        "heaviside",
        heaviside,
        PAIRS[:3],
        call=lambda api, x, y: api.heaviside(x.detach(), y.detach()),
        dtypes=EVERY,
        differentiable=False,
    ),
    unary(
        "signbit",
        lambda x: x < 0 if x.dtype.kind != "f" else np.signbit(x) & ~np.isnan(x),
        samples=FEW,
        dtypes=(*EVERY, *SMALL_INTS),
        differentiable=False,
    ),
    unary("isposinf", np.isposinf, samples=FEW, dtypes=(*FLOATS, "int64"), differentiable=False),
    unary("isneginf", np.isneginf, samples=FEW, dtypes=(*FLOATS, "int64"), differentiable=False),
    unary(
        "isreal",
        lambda x: np.ones(x.shape, bool),
        samples=FEW,
        dtypes=(*FLOATS, "int64", "bool"),
        differentiable=False,
    ),
    unary(
        "nan_to_num",
        nan_to_num,
        samples=(*FEW, s((37,), nan=1.5, posinf=2.5, neginf=-3.5)),
        dtypes=(*FLOATS, "int64"),
        twice=False,
    ),
    Row(
        "isclose",
        (
            s((3, 4), (3, 4)),
            s((3, 4), (4,), rtol=0.3, atol=0.1),
            s((37,), (37,), rtol=0.5, equal_nan=True),
        ),
        isclose,
        dtypes=(*FLOATS, "int64", "bool"),
        differentiable=False,
    ),
)

ROWS: tuple[Row, ...] = (*DIVISION, *ARITHMETIC, *SELECTION)
