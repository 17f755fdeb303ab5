"""Rows of writing at indices: scatter and its kin, whole slices, masks, regular parts.

Indices of assignments are static and without duplicates here, for PyTorch leaves open which of
them stays; tests/ops/test_indexing.py has the duplicates.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import dualgraph as dg
from tests.ops import references as ref
from tests.ops.index_expressions import write
from tests.ops.op_row import Arg, Row, index, mask, of, s

EXACT = ("float32", "float64", "int64")
Combine = Callable[[Any, Any], Any]
COMBINE: dict[str, Combine] = {
    "assign": lambda a, b: b,
    "sum": lambda a, b: a + b,
    "prod": lambda a, b: a * b,
    "mean": lambda a, b: a + b,
    "amax": np.maximum,
    "amin": np.minimum,
}


def scatter_reference(
    x: np.ndarray,
    at: np.ndarray,
    src: np.ndarray,
    dim: int = 0,
    reduce: str = "assign",
    include_self: bool = True,
) -> np.ndarray:
    """Combine one source after another, in row-major order."""
    out, count = x.copy(), np.full(x.shape, int(include_self))
    for i in np.ndindex(at.shape):
        place = (*i[: dim % x.ndim], at[i], *i[dim % x.ndim + 1 :])
        fresh = not count[place]
        out[place] = src[i] if fresh else COMBINE[reduce](out[place], src[i])
        count[place] += 1
    return out / np.maximum(count, 1).astype(x.dtype) if reduce == "mean" else out


def rows_reference(
    x: np.ndarray, at: Any, src: np.ndarray, dim: int = 0, **more: Any
) -> np.ndarray:
    """The same for whole slices: every position is repeated over the other axes."""
    line = [-1 if d == dim % x.ndim else 1 for d in range(x.ndim)]
    at = np.asarray(at) % x.shape[dim]
    return scatter_reference(x, np.broadcast_to(at.reshape(line), src.shape), src, dim, **more)


def put_reference(
    x: np.ndarray, at: np.ndarray, src: np.ndarray, accumulate: bool = False
) -> np.ndarray:
    """Write or add in the flattened tensor."""
    places, reduce = at.ravel() % x.size, "sum" if accumulate else "assign"
    return scatter_reference(x.ravel(), places, src.ravel(), 0, reduce).reshape(x.shape)


def written(x: np.ndarray, v: Any, at: tuple) -> np.ndarray:
    """Assign; a tuple of numbers or bools in the index stands for a list."""
    return write(x, tuple(list(p) if isinstance(p, tuple) else p for p in at), v)


def masked_reference(x: np.ndarray, at: np.ndarray, src: np.ndarray) -> np.ndarray:
    """Write the first values where the mask holds."""
    shape = np.broadcast_shapes(x.shape, at.shape)
    out, where = np.broadcast_to(x, shape).copy(), np.broadcast_to(at, shape)
    out[where] = src.ravel()[: where.sum()]
    return out


def filled(x: np.ndarray, at: np.ndarray, value: Any) -> np.ndarray:
    """Broadcast and select, in the dtype of x."""
    return np.where(at, np.asarray(value).astype(x.dtype), x)


def diagonal_reference(
    x: np.ndarray, src: np.ndarray, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> np.ndarray:
    """Write through NumPy's view of a diagonal."""
    out = x.copy()
    view = np.diagonal(out, offset, dim1, dim2)
    view.flags.writeable = True
    view[...] = src
    return out


def index_like(x: Any, at: Any) -> Any:
    """Return positions as an index tensor of the library that x is from."""
    at = np.asarray(at, np.int64)
    return dg.tensor(at) if isinstance(x, dg.Tensor) else x.new_tensor(at.tolist()).long()


def setitem(api: Any, x: Any, v: Any, at: Any) -> Any:
    """Assign to a copy."""
    out = x.clone()
    out[tuple(list(p) if isinstance(p, tuple) else p for p in at)] = v
    return out


def index_reduce(api: Any, x: Any, at: Any, src: Any, dim: int, reduce: str, **more: Any) -> Any:
    """Call index_reduce, of which PyTorch warns that it may change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return api.index_reduce(x, dim, at, src, reduce, **more)


def signed(shape: tuple[int, ...], extent: int) -> Arg:
    """Make an int64 input with positions that may count from the end."""
    return Arg(shape, "rows", "int64", (-extent, extent - 1))


REDUCES = ("sum", "prod", "mean", "amax", "amin")
ROUNDED = "a quotient and a product of factors are rounded in another order"

ROWS: tuple[Row, ...] = (
    Row(
        "scatter",
        (
            s((3, 4), (2, 3), at=((0, 2, 3), (3, 1, 0)), dim=1),
            s((3, 4), of((4, 5), "columns"), at=((2, 0, 1, 1), (0, 1, 2, 0)), dim=0),
            s((5,), (3,), at=(4, 0, 2), dim=-1),
            s((3, 4), (2, 4), at=((0, 0, 0, 2), (1, 0, 1, 2)), dim=0, reduce="add"),
            s((), (), at=0, dim=0),
        ),
        lambda x, src, at, dim, reduce="assign": scatter_reference(
            np.atleast_1d(x),
            np.atleast_1d(at),
            np.atleast_1d(src),
            dim,
            reduce.replace("add", "sum"),
        ).reshape(x.shape),
        lambda api, x, src, at, dim, **more: api.scatter(x, dim, index_like(x, at), src, **more),
        dtypes=EXACT,
        twice=False,
        torch=False,  # its derivative wants an index as large as src
    ),
    Row(
        "scatter_reduce",
        (
            *(s((3, 4), index((3, 5), 4), (3, 5), dim=1, reduce=r) for r in REDUCES),
            *(
                s((5,), index((6,), 3), (6,), dim=0, reduce=r, include_self=False)
                for r in ("prod", "mean", "amax")
            ),
        ),
        lambda x, at, src, **more: scatter_reference(x, at, src, **more),
        lambda api, x, at, src, dim, **more: api.scatter_reduce(x, dim, at, src, **more),
        domain=(0.5, 2.0),
        rtol=1e-5,
    ),
    Row(
        "index_add",
        (
            s((4, 3), index((6,), 4), (6, 3), dim=0),
            s((2, 3, 4), index((5,), 3), of((2, 5, 4), "steps"), dim=1, alpha=2),
            s((5,), index((), 5), (1,), dim=0),
        ),
        lambda x, at, src, dim, alpha=1: rows_reference(
            x, np.atleast_1d(at), src * x.dtype.type(alpha), dim, reduce="sum"
        ),
        lambda api, x, at, src, dim, **more: api.index_add(x, dim, at, src, **more),
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "index_copy",
        (
            s((4, 3), (2, 3), at=(3, 0), dim=0),
            s((2, 3, 4), (2, 1, 4), at=(1,), dim=-2),
            s((5,), (0,), at=(), dim=0),
        ),
        lambda x, src, at, dim: rows_reference(x, np.asarray(at, np.int64), src, dim),
        lambda api, x, src, at, dim: api.index_copy(x, dim, index_like(x, at), src),
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "index_fill",
        (
            s((4, 3), signed((2,), 4), dim=0, value=2.5),
            s((4, 3), signed((2,), 3), dim=1, value=3),
        ),
        lambda x, at, dim, value: rows_reference(
            x,
            at,
            np.full([at.size if d == dim else e for d, e in enumerate(x.shape)], value).astype(
                x.dtype
            ),
            dim,
        ),
        lambda api, x, at, dim, value: api.index_fill(x, dim, at, value),
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "index_reduce",
        (
            s((4, 3), index((6,), 4), (6, 3), dim=0, reduce="prod"),
            s((4, 3), index((2,), 3), (4, 2), dim=1, reduce="mean", include_self=False),
            s((4,), index((3,), 3), (3,), dim=0, reduce="amin"),
        ),
        lambda x, at, src, **more: rows_reference(x, at, src, **more),
        index_reduce,
        domain=(0.5, 2.0),
        rtol=1e-5,
    ),
    Row(
        "index_put",
        (
            s((3, 4), signed((5,), 3), signed((5,), 4), (5,), accumulate=True),
            s((3, 4), mask((3, 4)), ()),
            s((4, 3), mask((4,)), (3,), accumulate=True),
        ),
        lambda x, *rest, accumulate=False: _index_put(x, rest[:-1], rest[-1], accumulate),
        lambda api, x, *rest, **more: api.index_put(x, tuple(rest[:-1]), rest[-1], **more),
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "put",
        (
            s((3, 4), signed((2, 3), 12), (6,), accumulate=True),
            s((3, 4), signed((1,), 12), (1, 1)),
        ),
        put_reference,
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "take",
        (
            s((3, 4), signed((2, 5), 12)),
            s(of((3, 4), "columns"), signed((), 12)),
            s((), signed((3,), 1)),
        ),
        lambda x, at: x.ravel()[at],
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "take_along_dim",
        (
            s((3, 4), signed((3, 2), 4), dim=1),
            s((1, 4), signed((3, 1), 4), dim=-1),
            s((3, 4), index((2, 2), 12)),
        ),
        lambda x, at, dim=None: (
            x.ravel()[at.ravel()]
            if dim is None
            else ref.gather_reference(
                np.broadcast_to(x, (3, 4)), np.broadcast_to(at, (3, at.shape[1])) % 4, dim
            )
        ),
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "masked_fill",
        (
            s((3, 4), mask((3, 4)), value=2.5),
            s((4,), mask((3, 1)), value=True),
            s((3, 4), mask(()), value=-1),
        ),
        filled,
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "masked_scatter",
        (s((3, 4), mask((3, 4)), (2, 7)), s((4,), mask((2, 1)), (9,)), s((2, 3), mask((3,)), (6,))),
        masked_reference,
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "masked_select",
        (s((3, 4), mask((3, 4))), s((4,), mask((3, 1))), s((), mask(()))),
        lambda x, at: np.broadcast_arrays(x, at)[0][np.broadcast_arrays(x, at)[1]],
        dtypes=EXACT,
        twice=False,
        compiled=False,  # the shape depends on values
    ),
    Row(
        "nonzero",
        (
            s(of((3, 4), domain=(0, 1))),
            s(of((2, 3, 2), "columns", domain=(0, 1))),
            s(of((5,), domain=(0, 1)), as_tuple=True),
            s(of((), domain=(1, 1))),
            s((0,)),
        ),
        lambda x, as_tuple=False: np.nonzero(x) if as_tuple else np.argwhere(x),
        dtypes=("int64", "bool"),
        differentiable=False,
        compiled=False,
    ),
    Row(
        "argwhere",
        (s(of((3, 4), domain=(0, 1))),),
        np.argwhere,
        dtypes=("int64", "float32"),
        differentiable=False,
        compiled=False,
    ),
    Row(
        "slice_scatter",
        (
            s((4, 5), (4, 2), dim=1, start=1, end=5, step=2),
            s((4, 5), of((2, 5), "columns"), start=-2),
            s((3,), (0,), start=2, end=1),
        ),
        lambda x, v, dim=0, start=None, end=None, step=1: written(
            x, v, (slice(None),) * dim + (slice(start, end, step),)
        ),
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "select_scatter",
        (s((4, 5), (4,), dim=1, index=-2), s((2, 3, 4), (3, 4), dim=0, index=1)),
        lambda x, v, dim, index: written(x, v, (slice(None),) * dim + (index,)),
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "diagonal_scatter",
        (
            s((3, 4), (3,)),
            s((3, 4), (2,), offset=-1),
            s((3, 4), (3,), offset=1, dim1=0, dim2=1),
            s((3, 2, 4), (2, 3), dim1=2, dim2=0),
            s((2, 3), (0,), offset=4),
        ),
        diagonal_reference,
        dtypes=EXACT,
        twice=False,
    ),
    Row(
        "setitem",
        (
            s((4, 5), (), at=(1,)),
            s((4, 5), (2, 1), at=(slice(1, 3), slice(None, None, 2))),
            s((2, 3, 4), (1, 4), at=(Ellipsis, 0, slice(None))),
            s((3, 4), (2, 4), at=((2, -3),)),
            s((2, 3, 4), (2, 1), at=((0, 1), slice(0, 2), (3, 1))),
            s((2, 3, 4), (2,), at=(1, slice(None), (3, 1))),
            s((3, 4), (4,), at=(None, True)),
            s((3, 4), (2, 4), at=((True, False, True),)),
        ),
        written,
        setitem,
        dtypes=EXACT,
        twice=False,
        public=False,
    ),
)


def _index_put(x: np.ndarray, at: Any, v: np.ndarray, accumulate: bool) -> np.ndarray:
    out = x.copy()
    if accumulate:
        np.add.at(out, at, v)
    else:
        out[at] = v
    return out
