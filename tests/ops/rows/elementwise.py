"""Rows of `ops.elementwise.pointwise`: arithmetic, comparison, selection, conversion."""

from typing import Any

import numpy as np

from tests.ops import references as ref
from tests.ops.op_row import (
    DTYPES,
    EVERY,
    FLOATS,
    INTS,
    NUMBERS,
    Row,
    binary,
    comparison,
    mask,
    number,
    of,
    s,
    unary,
)


def scaled(x: np.ndarray, other: Any, alpha: float) -> Any:
    """Return ``alpha * other`` in the dtype of x."""
    return other if alpha == 1 else np.multiply(other, np.asarray(alpha).astype(x.dtype))


def div_reference(x: Any, other: Any) -> np.ndarray:
    """Divide; integers as float32."""
    if np.asarray(x).dtype.kind != "f":
        x, other = np.asarray(x).astype(np.float32), np.asarray(other).astype(np.float32)
    return np.divide(x, other)


ARITHMETIC = (
    binary(
        "add",
        lambda x, other, alpha=1: np.add(x, scaled(x, other, alpha)),
        extra=(*number("other", 2, 2.5), s((3,), (3,), alpha=2), s((3,), (1,), alpha=3)),
        dtypes=EVERY,
        twice=False,
    ),
    binary(
        "sub",
        lambda x, other, alpha=1: np.subtract(x, scaled(x, other, alpha)),
        extra=(*number("other", 2, 2.5), s((3,), (3,), alpha=2)),
        dtypes=NUMBERS,
        twice=False,
    ),
    binary("mul", np.multiply, dtypes=EVERY),
    binary("div", div_reference, dtypes=EVERY, domain=(0.5, 4.0)),
    unary("neg", np.negative, dtypes=NUMBERS, twice=False),
    unary("abs", np.abs, dtypes=NUMBERS, twice=False),
    unary(
        "sign",
        lambda x: ((x > 0).astype(np.int8) - (x < 0).astype(np.int8)).astype(x.dtype),
        dtypes=NUMBERS,
        twice=False,
    ),
    unary("square", np.square, dtypes=NUMBERS),
    unary("reciprocal", lambda x: np.divide(x.dtype.type(1), x), domain=(0.4, 3.0)),
)


def where_reference(condition: np.ndarray, input: Any, other: Any) -> np.ndarray:
    """Select."""
    return np.where(condition, input, other)


CHOICE = (
    comparison("eq", np.equal),
    comparison("ne", np.not_equal),
    comparison("lt", np.less),
    comparison("le", np.less_equal),
    comparison("gt", np.greater),
    comparison("ge", np.greater_equal),
    Row(
        "where",
        (
            s(mask((3, 4)), (3, 4), (3, 4)),
            s(mask((3, 1)), (4,), (3, 4)),
            s(mask(()), (3,), ()),
            s(mask((4, 3), "columns"), of((4, 3), "steps"), of((4, 3), "expanded")),
            s(mask((2, 0)), (1,), (2, 1)),
        ),
        where_reference,
        dtypes=EVERY,
        twice=False,
    ),
    binary("maximum", ref.larger_of, dtypes=EVERY, twice=False, extra=()),
    binary("minimum", ref.smaller_of, dtypes=EVERY, twice=False, extra=()),
    Row(
        "clamp",
        (
            s((3, 4), min=-1, max=1, only=(*FLOATS, *INTS)),
            s((3, 4), min=1),
            s((37,), max=0),
            s((5,), min=-0.5, max=0.25, only=FLOATS),
            s(of((3, 4), "columns"), min=0),
            s((), max=1),
            s((0,), min=1, max=2),
            s((3, 4), (4,), (3, 1)),
            s((2, 3), (), ()),
        ),
        ref.clamp_reference,
        dtypes=NUMBERS,
        edges=True,
        twice=False,
    ),
    unary("isnan", np.isnan, dtypes=(*FLOATS, "int32"), differentiable=False),
    unary("isinf", np.isinf, dtypes=(*FLOATS, "int32"), differentiable=False),
    unary("isfinite", np.isfinite, dtypes=(*FLOATS, "int32"), differentiable=False),
    binary("logical_and", np.logical_and, dtypes=EVERY, differentiable=False, extra=()),
    binary("logical_or", np.logical_or, dtypes=EVERY, differentiable=False, extra=()),
    binary("logical_xor", np.logical_xor, dtypes=EVERY, differentiable=False, extra=()),
    unary("logical_not", np.logical_not, dtypes=EVERY, differentiable=False),
    Row(
        "cast",
        (*(s((7,), dtype=d) for d in DTYPES), s(of((3, 4), "columns"), dtype="float64")),
        ref.cast_reference,
        call=lambda api, x, dtype: x.to(getattr(api, dtype)),
        dtypes=DTYPES,
        domain=(-100.0, 100.0),
        smooth=False,  # to float32: a step function
        twice=False,
    ),
    unary("clone", np.copy, dtypes=EVERY, twice=False),
    Row(
        "copy_",
        (
            s((3, 4), (3, 4)),
            s((3, 4), (4,)),
            s((3, 4), ()),
            s((), ()),
            s((0, 2), (2,)),
            s((2, 3), of((2, 3), "columns")),
        ),
        lambda x, y: np.array(np.broadcast_to(y, x.shape)),
        call=lambda api, x, y: x.clone().copy_(y),
        dtypes=EVERY,
        twice=False,
    ),
)

ROWS: tuple[Row, ...] = (*ARITHMETIC, *CHOICE)
