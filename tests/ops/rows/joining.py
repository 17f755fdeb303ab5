"""Rows of what joins tensors and cuts them apart."""

from itertools import combinations, combinations_with_replacement, product
from typing import Any

import numpy as np

from tests.ops.op_row import Row, Sample, of, s
from tests.ops.rows.axes import listed, moved
from tests.ops.rows.shape import with_list


def joined(name: str, *samples: Sample, reference: Any) -> Row:
    """Return the row of an op that takes a list of tensors."""
    return moved(
        name, *samples, reference=lambda *xs, **kw: reference(xs, **kw), call=with_list(name)
    )


def block_diag_reference(*xs: np.ndarray) -> np.ndarray:
    """Write the blocks into zeros, one by one."""
    blocks = [np.atleast_2d(x) for x in xs]
    out = np.zeros(np.sum([b.shape for b in blocks], 0), xs[0].dtype)
    row = column = 0
    for b in blocks:
        out[row : row + b.shape[0], column : column + b.shape[1]] = b
        row, column = row + b.shape[0], column + b.shape[1]
    return out


def combinations_reference(x: np.ndarray, r: int = 2, with_replacement: bool = False) -> Any:
    """Choose with itertools."""
    pick = combinations_with_replacement if with_replacement else combinations
    found = np.array(list(pick(x, r)), x.dtype)
    return found.reshape(-1, r) if r else found.reshape(0)


def cutting(name: str, *samples: Sample, reference: Any) -> Row:
    """Return the row of an op that gives several views."""
    return moved(
        name, *samples, reference=lambda x, at, **kw: tuple(reference(x, at, **kw)),
        call=lambda api, x, at, **kw: tuple(getattr(api, name)(x, at, **kw)),
    )  # fmt: skip


ROWS: tuple[Row, ...] = (
    joined("concat", s((2, 3), (1, 3)), reference=np.concatenate),
    joined("concatenate", s((2, 3), (2, 1), axis=1), reference=np.concatenate),
    joined("hstack", s((2,), (3,)), s((2, 1), (2, 3)), s((), ()), reference=np.hstack),
    joined("vstack", s((3,), (3,)), s((2, 3), (3,)), s((), ()), reference=np.vstack),
    joined("row_stack", s((3,), (2, 3)), reference=np.vstack),
    joined("dstack", s((3,), (3,)), s((2, 3), (2, 3)), s((2, 1, 2), (2, 1)), reference=np.dstack),
    joined("column_stack", s((2,), (2, 3)), s((), (1, 2)), reference=lambda xs: np.concatenate(
        [x.reshape(x.size, 1) if x.ndim < 2 else x for x in xs], 1)),
    moved(
        "block_diag", s((2, 3), (1, 2)), s((2,), (), (2, 2)), s((0, 2), (1, 1)),
        reference=block_diag_reference,
    ),
    moved(
        "meshgrid",
        s((2,), (3,), indexing="ij"),
        s((2,), (), (3,), indexing="xy"),
        s((2,), indexing="xy"),
        reference=lambda *xs, indexing: tuple(np.meshgrid(*xs, indexing=indexing)),
        call=listed("meshgrid"),
    ),
    moved(
        "cartesian_prod", s((2,), (3,)), s((3,)), s((1,), (2,), (2,)),
        reference=lambda *xs: xs[0] if len(xs) == 1 else np.array(list(product(*xs)), xs[0].dtype),
    ),
    moved(
        "combinations", s((4,)), s((3,), r=2, with_replacement=True), s((2,), r=3),
        s((2,), r=0, only=("int64",)),
        reference=combinations_reference,
    ),
    cutting("split_with_sizes", s((5, 2), at=(2, 0, 3)), reference=lambda x, at: np.split(
        x, np.cumsum(at)[:-1])),
    cutting(
        "tensor_split", s((7, 2), at=3), s((2, 5), at=(1, 3), dim=1), s((4,), at=(2, 9)),
        s((5,), at=(-2,)), s((2,), at=4),
        reference=lambda x, at, dim=0: np.array_split(x, at, dim),
    ),
    cutting("hsplit", s((2, 4), at=2), s((6,), at=(1, 2)), reference=np.hsplit),
    cutting("vsplit", s((4, 2), at=2), s((4, 1), at=(3,)), reference=np.vsplit),
    cutting("dsplit", s((1, 2, 4), at=2), reference=np.dsplit),
    joined("cat", s((0,), (2, 3), (0,)), s((2, 0), (2, 3), dim=1), s(of((2, 2), "columns"), (2, 2)),
        reference=lambda xs, dim=0: np.concatenate([x for x in xs if x.shape != (0,)], dim)),
)  # fmt: skip
