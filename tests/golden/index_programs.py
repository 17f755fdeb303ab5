"""Gathering and scattering: the order in which repeated indices are added is pinned."""

from typing import Any

import dualgraph as dg
import dualgraph.nn.functional as F
from tests.golden.inputs import flags, leaf, whole
from tests.golden.program import Program, families

GATHERING = {
    "gather": lambda p: dg.gather(p.x, 1, p.columns),
    "gather(0)": lambda p: p.x.gather(0, p.rows_of_columns),
    "index_select": lambda p: [dg.index_select(p.x, 0, p.rows), p.x.index_select(1, p.rows)],
    "take": lambda p: dg.take(p.x, p.columns),
    "take_along_dim": lambda p: dg.take_along_dim(p.x, p.columns, 1),
    "tensor index": lambda p: [p.x[p.rows], p.x[:, p.rows], p.x[p.rows, p.rows], p.x[[2, 0, 2]]],
    "mixed index": lambda p: [p.x[1:, p.rows], p.x[p.rows[:, None], p.rows[:3]]],
    "embedding": lambda p: F.embedding(p.columns, p.x[:, :3]),
    "embedding(padding)": lambda p: F.embedding(p.columns, p.x[:, :3], padding_idx=2),
    "embedding_bag": lambda p: [
        F.embedding_bag(p.columns, p.x, mode=m) for m in ("sum", "mean", "max")
    ],
    "one_hot": lambda p: F.one_hot(p.rows, 9) * p.v[0],
}
SCATTERING = {
    "scatter": lambda p: dg.scatter(p.x, 1, p.columns, p.s),
    "scatter(number)": lambda p: dg.scatter(p.x, 1, p.columns, 0.5),
    "scatter_add": lambda p: dg.scatter_add(p.x, 1, p.columns, p.s),
    **{
        f"scatter_reduce({kind})": lambda p, kind=kind: dg.scatter_reduce(
            p.x, 1, p.columns, p.s, kind
        )
        for kind in ("sum", "prod", "mean", "amax", "amin")
    },
    "index_add": lambda p: dg.index_add(p.x, 0, p.rows, p.t, alpha=2),
    "index_copy": lambda p: dg.index_copy(p.x, 0, p.once, p.t[:3]),
    "index_fill": lambda p: dg.index_fill(p.x, 1, p.once, 0.25),
    "index_put": lambda p: dg.index_put(p.x, (p.rows,), p.t, accumulate=True),
    "index_reduce": lambda p: dg.index_reduce(p.x, 0, p.rows, p.t, "prod"),
    "index_reduce(mean)": lambda p: dg.index_reduce(p.x, 0, p.rows, p.t, "mean"),
    "put": lambda p: dg.put(p.x, p.columns, p.s, accumulate=True),
    "masked_scatter": lambda p: dg.masked_scatter(p.x, p.m, p.s),
    "masked_fill": lambda p: dg.masked_fill(p.x, p.m, 2.0),
    "assignment": lambda p: _assigned(p),
}


def _assigned(p: Any) -> Any:
    y = p.x * 1
    y[1] = p.v
    y[:, 2:5] += p.t[:, :3] if len(p.t) == len(y) else 1.0
    y[p.rows] = p.t * 0.5
    return y


def pool(dtype: str) -> dict[str, Any]:
    """A matrix, and positions in it, with repetitions; one of distinct rows."""
    return {
        "x": leaf((7, 9), 41, 0.5, 2, dtype),
        "v": leaf((9,), 42, dtype=dtype),
        "s": leaf((7, 12), 43, 0.5, 2, dtype),
        "t": leaf((5, 9), 44, 0.5, 2, dtype),
        "columns": whole((7, 12), 45, 0, 7),
        "rows_of_columns": whole((4, 9), 46, 0, 7),
        "rows": dg.tensor([2, 0, 2, 5, 2]),
        "once": dg.tensor([4, 0, 6]),
        "m": flags((7, 9), 47),
    }


def integer_pool(dtype: str) -> dict[str, Any]:
    """The same of integers."""
    found = pool("float32")
    return found | {
        "x": whole((7, 9), 48, 1, 4, dtype),
        "v": whole((9,), 49, 1, 4, dtype),
        "s": whole((7, 12), 50, 1, 4, dtype),
        "t": whole((5, 9), 51, 1, 4, dtype),
    }


_INTEGER = ("scatter_add", "scatter_reduce(amax)", "scatter_reduce(prod)", "index_add", "put")
PROGRAMS: dict[str, Program] = {
    **families("index.gathering", GATHERING, pool, float64=("gather", "tensor index")),
    **families(
        "index.scattering", SCATTERING, pool, float64=("scatter_add", "scatter_reduce(mean)")
    ),
    **families("index.integers", {n: SCATTERING[n] for n in _INTEGER}, integer_pool, "int64"),
}
