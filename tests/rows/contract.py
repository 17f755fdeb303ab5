"""Rows of the contractions."""

from typing import Any

import numpy as np

from tests.op_row import Row, Sample, of, s

PRODUCTS = "the exact chain of fma is tested elsewhere; NumPy sums in another order"


def product(name: str, *samples: Sample, reference: Any = np.matmul) -> Row:
    """Return the row of a contraction."""
    return Row(name, samples, reference, ulps=(64, 64), scaled=True, why=PRODUCTS)


ROWS: tuple[Row, ...] = (
    product(
        "matmul",
        s((3, 4), (4, 5)),
        s((4,), (4,)),
        s((3, 4), (4,)),
        s((4,), (4, 5)),
        s((2, 3, 4), (4, 5)),
        s((2, 3, 4), (2, 4, 5)),
        s((2, 1, 3, 4), (3, 4, 2)),
        s((4,), (2, 4, 3)),
        s((2, 3, 4), (4,)),
        s((0, 4), (4, 3)),
        s((3, 0), (0, 2)),
        s(of((4, 3), "columns"), of((3, 5), "columns")),
        s(of((4, 3), "steps"), of((3, 5), "reversed")),
        s(of((6, 3), "expanded"), (3, 2)),
        s((33, 70), (70, 40)),
    ),
    product("dot", s((5,), (5,)), s((0,), (0,)), s(of((300,), "steps"), (300,))),
    product("mm", s((3, 4), (4, 5)), s(of((4, 3), "columns"), (3, 5))),
    product("bmm", s((2, 3, 4), (2, 4, 5)), s((0, 3, 4), (0, 4, 5))),
)
