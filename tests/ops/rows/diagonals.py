"""Rows of diagonals and triangles."""

from typing import Any

import numpy as np

from tests.ops.op_row import Row, of, s
from tests.ops.rows.axes import moved


def diag_embed_reference(
    x: np.ndarray, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> np.ndarray:
    """Write element by element."""
    extent = x.shape[-1] + abs(offset)
    out = np.zeros((*x.shape[:-1], extent, extent), x.dtype)
    for i in range(x.shape[-1]):
        out[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return np.moveaxis(out, (-2, -1), (dim1, dim2))


def indices(name: str, cut: Any) -> Row:
    """Return the row of the positions of a triangle."""

    def reference(row: int, col: int, offset: int = 0) -> np.ndarray:
        return np.stack(np.nonzero(cut(np.ones((row, col)), offset)))

    def call(api: Any, **kw: Any) -> Any:
        return getattr(api, name)(*kw.values())

    samples = (
        s(row=3, col=4),
        s(row=3, col=2, offset=1),
        s(row=2, col=3, offset=-1),
        s(row=0, col=2),
    )
    return Row(name, samples, reference, call, ("int64",), differentiable=False)


TRIANGLES = (
    s((3, 4)), s((4, 3), diagonal=1), s((2, 3, 3), diagonal=-1), s((3, 2), diagonal=-5),
    s(of((3, 3), "columns")), s((0, 3)),
)  # fmt: skip
ROWS: tuple[Row, ...] = (
    moved(
        "diagonal",
        s((3, 4)),
        s((3, 4), offset=2),
        s((3, 4), offset=-1),
        s((2, 3, 4), offset=1, dim1=2, dim2=0),
        s((2, 3), offset=5),
        s(of((3, 4), "columns"), dim1=1, dim2=0),
        s((2, 3, 3), dim1=-2, dim2=-1),
        reference=lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    ),
    moved(
        "diag_embed",
        s((3,)),
        s((2, 3), offset=1, dim1=0, dim2=2),
        s((2, 3), offset=-2),
        s((2, 0)),
        reference=diag_embed_reference,
    ),
    moved(
        "diag", s((3,), diagonal=1), s((3,), diagonal=-1), s((3, 4)), s((3, 4), diagonal=-2),
        reference=lambda x, diagonal=0: np.diag(x, diagonal),
    ),
    moved(
        "diagflat", s((2, 2), offset=1), s(()), s((0,)),
        reference=lambda x, offset=0: np.diagflat(x, offset),
    ),
    moved(
        "tril", *TRIANGLES, reference=lambda x, diagonal=0: np.tril(x, diagonal),
        dtypes=("float32", "float64", "int64", "bool"),
    ),
    moved("triu", *TRIANGLES, reference=lambda x, diagonal=0: np.triu(x, diagonal)),
    indices("tril_indices", np.tril),
    indices("triu_indices", np.triu),
)  # fmt: skip
