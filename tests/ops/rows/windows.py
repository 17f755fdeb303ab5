"""Rows of views of overlapping windows."""

import numpy as np

from tests.ops.op_row import Row, of, s


def unfold_reference(x: np.ndarray, dimension: int, size: int, step: int) -> np.ndarray:
    """Return the windows of an axis, cut one by one."""
    if not x.ndim:
        return x.reshape(1)[:size]
    axis = dimension % x.ndim
    starts = range(0, x.shape[axis] - size + 1, step)
    windows = [np.moveaxis(np.take(x, range(a, a + size), axis), axis, -1) for a in starts]
    return np.stack(windows, axis)


ROWS: tuple[Row, ...] = (
    Row(
        "unfold",
        (
            s((7,), dimension=0, size=3, step=1),
            s((2, 7, 3), dimension=1, size=3, step=2),
            s((2, 4, 3), dimension=1, size=2, step=1),
            s((3, 8), dimension=-1, size=2, step=3),
            s(of((3, 6), "steps"), dimension=1, size=4, step=1),
            s((5,), dimension=0, size=5, step=7),
            s((), dimension=0, size=1, step=1),
            s((0, 3), dimension=1, size=2, step=1),
        ),
        unfold_reference,
        lambda api, x, dimension, size, step: x.unfold(dimension, size, step),
        dtypes=("float32", "float64", "int64"),
        twice=False,
        public=False,
    ),
)
