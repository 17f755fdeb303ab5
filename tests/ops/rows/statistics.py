"""Rows of variance, middle elements, quantiles, and norms."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op_row import FLOATS, Row, of, s
from tests.ops.rows.sorting import kthvalue_reference, one, order_reference

ROUNDED = "sums and roots of the reference round in another order"
SPREAD = (
    s((3, 4)),
    s((2, 3, 4), dim=(0, 2)),
    s((3, 4), dim=1, correction=0, keepdim=True),
    s((3, 5), dim=0, unbiased=False),
    s(of((3, 40), "columns"), dim=1, correction=2),
)


def spread(f: Callable[..., Any], with_mean: bool) -> Callable[..., Any]:
    """Return var or std of NumPy, with the mean."""

    def function(
        x: np.ndarray, dim: Any = None, unbiased: bool = True, keepdim: bool = False, **more: Any
    ) -> Any:
        ddof = more.get("correction", int(unbiased))
        out = f(x, axis=dim, ddof=ddof, keepdims=keepdim)
        return (out, np.mean(x, axis=dim, keepdims=keepdim)) if with_mean else out

    return function


def statistic(name: str, samples: tuple, reference: Callable[..., Any], **more: Any) -> Row:
    """Return the row of a function that is compared with float64."""
    return Row(name, samples, reference, wide=True, ulps=(8, 32), scaled=True, why=ROUNDED, **more)


def median_reference(
    x: np.ndarray, dim: int | None = None, keepdim: bool = False, skip: bool = False
) -> Any:
    """Return the lower middle element in the order; the first NaN where there is one."""
    if dim is None:
        return median_reference(x.ravel(), 0, skip=skip)[0]
    if not x.ndim:
        return kthvalue_reference(x, 1, dim)
    nans = np.isnan(x).sum(dim, keepdims=True)
    n = x.shape[dim]
    middle = np.full_like(nans, (n - 1) // 2)
    at = np.maximum(n - nans - 1, 0) // 2 if skip else np.where(nans > 0, n - nans, middle)
    return one(x, np.take_along_axis(order_reference(x, dim), at, dim), dim, keepdim)


def quantile_reference(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return NumPy's quantile, whose interpolation is called method."""

    def function(x: np.ndarray, *tensor: Any, q: Any = None, **kw: Any) -> np.ndarray:
        return f(
            x,
            tensor[0] if tensor else q,
            axis=kw.get("dim"),
            keepdims=kw.get("keepdim", False),
            method=kw.get("interpolation", "linear"),
        )

    return function


def norm_reference(x: np.ndarray, p: Any = 2, dim: Any = None, keepdim: bool = False) -> np.ndarray:
    """Compute in float64 from the definition."""
    size, how = np.abs(x), {"axis": dim, "keepdims": keepdim}
    if p == 0:
        return np.sum(x != 0, **how).astype(np.float64)
    if np.isinf(2 if p == "fro" else p):
        return (np.max if p > 0 else np.min)(size, **how)
    p = 2 if p == "fro" else p
    return np.sum(size**p, **how) ** (1 / p)


MIDDLE = (
    s((3, 5)),
    s((4, 6)),
    s((3, 6), dim=1),
    s((4, 3), dim=0, keepdim=True),
    s((), dim=0),
)
SKIPPED = (s(of((3, 5), "gaps")), s(of((4, 7), "gaps"), dim=0), s((3, 6), dim=1))
FRACTIONS = (
    s((8,), q=0.4),
    s((3, 6), q=0.3, dim=1, keepdim=True),
    s((3, 6), of((3,), domain=(0.05, 0.95)), dim=0),
    s((2, 3, 8), of((2,), domain=(0.05, 0.95)), dim=1, keepdim=True, only=("float64",)),
    s((3, 4), of((2,), domain=(0.05, 0.95)), keepdim=True, only=("float64",)),
    *(
        s((8,), q=0.4, interpolation=i, only=("float64",))
        for i in ("lower", "higher", "midpoint", "nearest")
    ),
)
ROWS: tuple[Row, ...] = (
    statistic("var", SPREAD, spread(np.var, False)),
    statistic("std", SPREAD, spread(np.std, False)),
    statistic("var_mean", SPREAD[:2], spread(np.var, True), dtypes=("float64",)),
    statistic("std_mean", SPREAD[2:3], spread(np.std, True), dtypes=("float64",)),
    Row("median", MIDDLE, median_reference, dtypes=("float64", "int64"), twice=False),
    Row("median", SKIPPED[:2], median_reference, smooth=False, dtypes=("float32",)),
    Row(
        "nanmedian",
        SKIPPED,
        lambda x, **kw: median_reference(x, skip=True, **kw),
        dtypes=FLOATS,
        twice=False,
    ),
    statistic(
        "quantile",
        FRACTIONS,
        quantile_reference(np.quantile),
        call=lambda api, x, *t, q=None, **kw: api.quantile(x, *(t or (q,)), **kw),
    ),
    statistic(
        "nanquantile",
        (s(of((9,), "gaps"), q=0.3), s(of((5, 7), "gaps"), q=0.7, dim=0)),
        quantile_reference(np.nanquantile),
        call=lambda api, x, q, **kw: api.nanquantile(x, q, **kw),
        twice=False,
    ),
    statistic("norm", (s((3, 4), p=0, dim=1),), norm_reference, torch=False),  # no gradient there
    statistic(
        "norm",
        (
            s((3, 4)),
            s((3, 4), p=1),
            s((3, 4), p=3, dim=1, only=("float64",)),
            s((3, 4), p=1.5, dim=0, keepdim=True, only=("float32",)),
            s((3, 4), p=0.5, dim=0, only=("float64",)),
            s((3, 4), p=float("inf"), dim=1),
            s((3, 4), p=float("-inf"), dim=(0, 1), only=("float64",)),
            s((), p="fro", only=("float32",)),
        ),
        norm_reference,
        rtol=1e-5,
    ),
)
