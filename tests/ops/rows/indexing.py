"""Rows of indexing, gathering and scattering."""

import numpy as np

from tests.ops import references as ref
from tests.ops.op_row import Row, index, of, s

ROWS: tuple[Row, ...] = (
    Row(
        "gather",
        (
            s((3, 4), index((3, 2), 4), dim=1),
            s((3, 4), index((5, 4), 3), dim=0),
            s((3, 4), index((2, 3), 3), dim=0),
            s((5,), index((0,), 5), dim=0),
            s((5,), index((7,), 5), dim=-1),
            s((2, 3, 4), index((2, 3, 1), 4), dim=2),
            s(of((3, 4), "columns"), index((3, 4), 4, "columns"), dim=1),
        ),
        ref.gather_reference,
        lambda api, x, at, dim: api.gather(x, dim, at),
        dtypes=("float32", "float64", "int64", "bool"),
        twice=False,
    ),
    Row(
        "scatter_add",
        (
            s((3, 4), index((3, 6), 4), (3, 6), dim=1),
            s((3, 4), index((5, 4), 3), (5, 4), dim=0),
            s((3, 4), index((2, 3), 3), (4, 4), dim=0),
            s((5,), index((9,), 2), (9,), dim=0),
            s((5,), index((0,), 5), (0,), dim=0),
            s(of((3, 4), "columns"), index((3, 4), 4), of((3, 4), "columns"), dim=1),
        ),
        ref.scatter_add_reference,
        lambda api, x, at, src, dim: api.scatter_add(x, dim, at, src),
        dtypes=("float32", "float64", "int64"),
        twice=False,
    ),
    Row(
        "index_select",
        (
            s((3, 4), index((5,), 3), dim=0),
            s((3, 4), index((2,), 4), dim=1),
            s((3, 4), index((), 4), dim=-1),
            s((4,), index((0,), 4), dim=0),
            s(of((2, 3, 4), "columns"), index((3,), 3), dim=1),
        ),
        lambda x, at, dim: np.take(x, np.atleast_1d(at), axis=dim),
        lambda api, x, at, dim: api.index_select(x, dim, at),
        dtypes=("float32", "float64", "int64", "bool"),
        twice=False,
    ),
    Row(
        "one_hot",
        (
            s(index((5,), 3), num_classes=3),
            s(index((2, 3), 4), num_classes=6),
            s(index((), 3), num_classes=4),
            s(index((0,), 3), num_classes=2),
        ),
        ref.one_hot_reference,
        lambda api, x, **kw: (
            getattr(api, "one_hot", None)(x, **kw)
            if hasattr(api, "one_hot")
            else api.nn.functional.one_hot(x, **kw)
        ),
        dtypes=("int64",),
        differentiable=False,
    ),
)
