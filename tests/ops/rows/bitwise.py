"""Rows of bitwise ops and shifts."""

from typing import Any

import numpy as np

from tests.ops.op_row import Arg, Row, of, s

INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
PAIRS = (
    s((3, 4), (3, 4)),
    s((3, 1), of((1, 4), "steps")),
    s(of((3, 4), "columns"), ()),
    s((0,), (1,)),
)


def shift(x: np.ndarray, count: np.ndarray, left: bool) -> np.ndarray:
    """Shift by any count, in Python's integers."""
    width = 8 * x.dtype.itemsize
    out = np.empty(np.broadcast_shapes(x.shape, np.shape(count)), x.dtype)
    wide, counts = np.broadcast_arrays(x, count)
    for at in np.ndindex(out.shape):
        value, by = int(wide[at]), int(counts[at])
        by = by if 0 <= by < width else width
        moved = value << by if left else value >> by
        out[at] = np.array(moved % (1 << width), np.uint64).astype(x.dtype)
    return out


def bitwise(name: str, reference: Any, *more: Any, dtypes: tuple[str, ...] = INTEGERS) -> Row:
    """Return the row of an op of two integer operands."""

    def positional(x: Any, *y: Any, other: Any = None) -> Any:
        return reference(x, *(y or (x.dtype.type(other),)))

    samples = (*PAIRS, *more)
    return Row(name, samples, positional, dtypes=dtypes, domain=(-90, 90), differentiable=False)


COUNTS = (
    s((5, 4), Arg((5, 4), domain=(0, 7))),
    s((3,), other=2),
)
ROWS: tuple[Row, ...] = (
    Row(
        "bitwise_not",
        (s((3, 4)), s(()), s(of((3, 4), "columns")), s((0,))),
        np.invert,
        dtypes=(*INTEGERS, "bool"),
        domain=(-90, 90),
        differentiable=False,
    ),
    bitwise(
        "bitwise_and", np.bitwise_and, s((3,), other=6, only=INTEGERS), dtypes=(*INTEGERS, "bool")
    ),
    bitwise(
        "bitwise_or", np.bitwise_or, s((3,), other=6, only=INTEGERS), dtypes=(*INTEGERS, "bool")
    ),
    bitwise(
        "bitwise_xor", np.bitwise_xor, s((3,), other=6, only=INTEGERS), dtypes=(*INTEGERS, "bool")
    ),
    bitwise("bitwise_left_shift", lambda x, n: shift(x, n, True), *COUNTS),
    bitwise("bitwise_right_shift", lambda x, n: shift(x, n, False), *COUNTS),
)
