"""Reductions, scans, sorting and statistics: whose bits are the order in which they add."""

from typing import Any

import dualgraph as dg
from tests.golden.inputs import edges, flags, leaf, real, whole
from tests.golden.program import Part, Program, families


def over(names: str, *args: Any, label: str = "", **kwargs: Any) -> dict[str, Part]:
    """Return calls of functions with x and the same arguments."""

    def part(function: Any) -> Part:
        return lambda p: function(p.x, *args, **kwargs)

    return {f"{name}{label}": part(getattr(dg, name)) for name in names.split()}


REDUCTIONS = {
    **over("sum mean amax amin", label="(all)"),
    **over("sum mean prod amax amin logsumexp var std norm", -1, label="(-1)"),
    **over("sum mean prod amax amin var", 0, label="(0)"),
    **over("sum mean logsumexp amax", (0, 2), keepdim=True, label="(0, 2)"),
    **over("sum amin", (1,), label="(1)"),
    **over("max min median cummax cummin", 1),
    **over("max min median", label="(all)"),
    **over("aminmax", dim=1),
    **over("nansum nanmean nanmedian", 2),
    **over("any all count_nonzero", 1),
    **over("argmax argmin", 1),
    **over("argmax argmin", label="(all)"),
    **over("var_mean std_mean", 1),
    **over("softmax log_softmax", 1, label="(1)"),
    **over("softmax log_softmax", -1, label="(-1)"),
    "var(correction)": lambda p: dg.var(p.x, (0, 2), correction=0),
    "prod(all)": lambda p: dg.prod(p.x[0, 0]),
    "norm(1)": lambda p: dg.norm(p.x, 1, 2),
    "norm(3)": lambda p: dg.linalg.vector_norm(p.x, 3.0, 1),
    "norm(inf)": lambda p: dg.linalg.vector_norm(p.x, float("inf"), -1),
    "transposed": lambda p: p.x.permute(2, 0, 1).sum((0, 1)),
    "empty": lambda p: [p.x[:, :0].sum(1), p.x[:0].prod(0)],
    "logsumexp(all)": lambda p: dg.logsumexp(p.x, (0, 1, 2)),
    "nanmedian(all)": lambda p: dg.nanmedian(p.x),
    "trace": lambda p: dg.trace(p.x[0]),
    "mean of products": lambda p: (p.x * p.y).mean((0, 1)),
}
EDGES = {
    **over("sum amax amin logsumexp median nanmedian nansum prod var", 1),
    **over("max min cummax cummin sort softmax log_softmax", 1),
    **over("argmax argmin argsort", 1),
}
SCANS = {
    **over("cumsum cumprod logcumsumexp", 1),
    **over("cumsum cumprod", 0, label="(0)"),
    "diff": lambda p: dg.diff(p.x, n=2, dim=1),
    "trapezoid": lambda p: dg.trapezoid(p.y, p.x, dim=1),
    "cumulative_trapezoid": lambda p: dg.cumulative_trapezoid(p.y, dx=0.5, dim=1),
}
SORTING = {
    **over("sort msort", label=""),
    "sort(descending)": lambda p: dg.sort(p.x, 0, descending=True),
    "argsort": lambda p: dg.argsort(p.x, 1, stable=True),
    "topk": lambda p: dg.topk(p.x, 3, 1),
    "topk(smallest)": lambda p: dg.topk(p.x, 2, 2, largest=False),
    "kthvalue": lambda p: dg.kthvalue(p.x, 2, 1),
    "mode": lambda p: dg.mode((p.x * 2).round(), 1),
    "quantile": lambda p: dg.quantile(p.x, 0.3, 1),
    "nanquantile": lambda p: dg.nanquantile(p.x, 0.75, 2, keepdim=True),
    "searchsorted": lambda p: dg.searchsorted(p.sorted, p.y, right=True),
    "bucketize": lambda p: dg.bucketize(p.y, p.sorted[0, 0]),
    "histc": lambda p: dg.histc(p.y.detach(), 7, -1, 1),
}
INTEGERS = {
    **over("sum prod amax amin cumsum cumprod", 1),
    **over("sum any all max min argmax", label="(all)"),
    **over("sort median mode", 1, label=""),
    **over("argsort count_nonzero cummax", 1, label=""),
    "topk": lambda p: dg.topk(p.x, 3, 1),
    "bool": lambda p: [p.m.sum(1), p.m.any(0), p.m.all(1), p.m.to(dg.int32).cumsum(1)],
}
DYNAMIC = {
    "unique": lambda p: dg.unique(p.i, return_inverse=True, return_counts=True),
    "unique_consecutive": lambda p: dg.unique_consecutive(p.i, return_counts=True),
    "bincount": lambda p: dg.bincount(p.i, p.w),
    "nonzero": lambda p: dg.nonzero(p.m),
    "argwhere": lambda p: dg.argwhere(p.m),
    "masked_select": lambda p: dg.masked_select(p.w, p.m),
    "boolean index": lambda p: p.w[p.m],
}


def pool(dtype: str) -> dict[str, Any]:
    """Enough along each axis for lanes, blocks and a remainder."""
    return {
        "x": leaf((3, 11, 19), 21, -1.5, 1.5, dtype),
        "y": leaf((3, 11, 19), 22, -1, 1, dtype),
        "sorted": dg.sort(real((3, 11, 9), 23, -1, 1, dtype), -1).values,
    }


def edge_pool(dtype: str) -> dict[str, Any]:
    """Rows of plain numbers, each with one or two of the edge values somewhere."""
    odd = dg.tensor(edges(dtype))
    x = real((len(odd), 21), 24, -2, 2, dtype)
    x[:, 5] = odd
    x[::3, 17] = odd.flip(0)[::3]
    return {"x": x.requires_grad_()}


def integer_pool(dtype: str) -> dict[str, Any]:
    """Small integers, some of them equal; flags."""
    low = 0 if dtype == "uint8" else -5
    return {"x": whole((6, 23), 25, low, 6, dtype), "m": flags((6, 23), 26)}


def dynamic_pool(dtype: str) -> dict[str, Any]:
    """One row of integers, weights and flags."""
    return {"i": whole((41,), 27, 0, 9), "w": leaf((41,), 28, -1, 1, dtype), "m": flags((41,), 29)}


_FEW = ("sum(all)", "mean(-1)", "sum(0)", "prod(-1)", "logsumexp(-1)", "var(-1)", "softmax(-1)")
_SCANS = ("cumsum", "cumprod", "logcumsumexp")
PROGRAMS: dict[str, Program] = {
    **families("reductions.plain", REDUCTIONS, pool, float64=_FEW, float16=_FEW),
    **families("reductions.edges", EDGES, edge_pool, float64=("sum", "prod", "max", "sort")),
    **families("reductions.scans", SCANS, pool, float64=_SCANS, float16=_SCANS),
    **families("reductions.sorting", SORTING, pool, float64=("sort", "topk", "searchsorted")),
    **families(
        "reductions.integers",
        INTEGERS,
        integer_pool,
        "int64",
        int32=("sum", "prod", "cumsum", "sort"),
        uint8=("sum", "prod", "amax", "cumsum", "median", "argsort"),
    ),
}
EAGER_ONLY: dict[str, Program] = families("reductions.dynamic", DYNAMIC, dynamic_pool)
