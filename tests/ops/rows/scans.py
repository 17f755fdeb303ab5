"""Rows of running sums and products, differences and areas."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op_row import CLOSE, EVERY, FLOATS, Row, Sample, of, s

SCANNED = (
    s((5,), dim=0),
    s((2, 3, 4), dim=-2),
    s((), dim=0),
    s((0, 3), dim=0),
    s(of((3, 4), "columns"), dim=1),
    s(of((3, 4), "reversed"), dim=1),
)


def running(f: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return cumsum or cumprod from first to last, in int64 for integers."""

    def function(x: np.ndarray, dim: int, dtype: str | None = None) -> np.ndarray:
        wanted = np.dtype(dtype or (x.dtype if x.dtype.kind == "f" else np.int64))
        return f(x, axis=dim, dtype=wanted) if x.ndim else x.astype(wanted)

    return function


def logcumsumexp_reference(x: np.ndarray, dim: int) -> np.ndarray:
    """Accumulate logaddexp in float64."""
    return np.logaddexp.accumulate(x, axis=dim) if x.ndim and x.size else x


def extreme_so_far(better: Callable[..., bool]) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Return cummax or cummin: the last position among equals; NaN stays."""

    def line(v: np.ndarray) -> np.ndarray:
        at = np.zeros(len(v), np.int64)
        for i in range(1, len(v)):
            at[i] = i if better(v[i], v[at[i - 1]]) or v[i] != v[i] else at[i - 1]
        return at

    def function(x: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
        if not x.ndim or not x.size:
            return x, np.zeros(x.shape, np.int64)
        at = np.apply_along_axis(line, dim, x)
        return np.take_along_axis(x, at, dim), at

    return function


def diff_reference(x: np.ndarray, *ends: np.ndarray, n: int = 1, dim: int = -1) -> np.ndarray:
    """Join and subtract."""
    joined = np.concatenate([x, *ends], dim)
    return np.diff(joined, n=min(n, joined.shape[dim]), axis=dim)


def with_places(name: str) -> Callable[..., Any]:
    """Pass a second tensor as ``x``."""
    return lambda api, y, *x, **kw: getattr(api, name)(y, *x, **kw)


AREAS: tuple[Sample, ...] = (
    s((3, 5)),
    s((4, 3), dim=0, dx=0.5, only=("float64",)),
    s((3, 5), (5,), only=("float32",)),
    s((4, 3), (4,), dim=0, only=("float64",)),
    s((4, 3), (4, 3), dim=0, only=("float64",)),
    s((1,)),
)


def cumulative_reference(
    y: np.ndarray, x: Any = None, dx: float = 1.0, dim: int = -1
) -> np.ndarray:
    """Sum the areas between neighbours."""
    y = np.moveaxis(y, dim, -1)
    if x is not None:
        x = np.diff(x if x.ndim == 1 else np.moveaxis(x, dim, -1))
    area = (y[..., 1:] + y[..., :-1]) * (dx if x is None else x) / 2
    return np.moveaxis(np.cumsum(area, -1), -1, dim)


ROWS: tuple[Row, ...] = (
    Row(
        "cumsum",
        (*SCANNED, s((700,), dim=0), s((3,), dim=0, dtype="float64")),
        running(np.cumsum),
        lambda api, x, dim, dtype=None: api.cumsum(
            x, dim, dtype=getattr(api, dtype, dtype) if dtype else None
        ),
        dtypes=EVERY,
        twice=False,
    ),
    Row("cumprod", SCANNED, running(np.cumprod), dtypes=(*FLOATS, "int64", "bool")),
    Row(
        "logcumsumexp",
        SCANNED[:5],
        logcumsumexp_reference,
        wide=True,
        ulps=(8, 16),
        scaled=True,
        why=CLOSE,
    ),
    *(
        Row(name, SCANNED, extreme_so_far(better), dtypes=("float64", "int64"), twice=False)
        for name, better in (("cummax", lambda a, b: a >= b), ("cummin", lambda a, b: a <= b))
    ),
    Row(
        "diff",
        (
            s((5,)),
            s((3, 4), dim=0, n=2),
            s((3,), n=5),
            s((3,), n=0),
            s((2, 3), (2, 1), dim=1),
            s(of((3, 4), "columns")),
        ),
        diff_reference,
        lambda api, x, *end, **kw: api.diff(x, append=end[0] if end else None, **kw),
        dtypes=(*FLOATS, "int64", "bool"),
        twice=False,
    ),
    Row(
        "trapezoid",
        AREAS,
        lambda y, x=None, dx=1.0, dim=-1: np.trapezoid(y, x, dx, dim),
        with_places("trapezoid"),
        wide=True,
        ulps=(8, 8),
        scaled=True,
        why="sums round in another order",
    ),
    Row(
        "cumulative_trapezoid",
        AREAS,
        cumulative_reference,
        with_places("cumulative_trapezoid"),
        wide=True,
        ulps=(8, 8),
        scaled=True,
        why="sums round in another order",
    ),
)
