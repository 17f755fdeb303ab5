"""Rows of extremes with positions, sorting, searching, counting, and distinct elements."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops import references as ref
from tests.ops.op_row import EVERY, FLOATS, Row, index, of, s

Pair = tuple[np.ndarray, np.ndarray]


def order_reference(x: np.ndarray, dim: int = -1, descending: bool = False, **_: Any) -> np.ndarray:
    """Return a stable order; NaN is the largest."""
    if not x.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    mirrored = np.argsort(np.flip(x, dim), axis=dim, kind="stable")  # equals in reverse order
    return x.shape[dim] - 1 - np.flip(mirrored, dim)


def picked(x: np.ndarray, at: np.ndarray, dim: int) -> Pair:
    """Return the elements at the positions, and the positions."""
    return (np.take_along_axis(x, at, dim), at) if x.ndim else (x, at)


def sort_reference(x: np.ndarray, dim: int = -1, **more: Any) -> Pair:
    """Return values and order."""
    return picked(x, order_reference(x, dim, **more), dim)


def topk_reference(x: np.ndarray, k: int, dim: int = -1, largest: bool = True) -> Pair:
    """Return the first k of the order."""
    return picked(x, np.take(order_reference(x, dim, largest), range(k), dim), dim)


def one(x: np.ndarray, at: np.ndarray, dim: int, keepdim: bool) -> Pair:
    """Return one element of each line, and its position."""
    values, at = picked(x, at, dim)
    if keepdim or not x.ndim:
        return values, at
    return np.squeeze(values, dim), np.squeeze(at, dim)


def kthvalue_reference(x: np.ndarray, k: int, dim: int = -1, keepdim: bool = False) -> Pair:
    """Return the element at one place of the order."""
    order = order_reference(x, dim)
    return one(x, np.take(order, [k - 1], dim) if x.ndim else order, dim, keepdim)


def mode_reference(x: np.ndarray, dim: int = -1, keepdim: bool = False) -> Pair:
    """Return the smallest of the most frequent elements and its last position."""

    def line(v: np.ndarray) -> int:
        counts = [int(np.sum(v == e)) for e in v]
        value = min(e for e, c in zip(v, counts, strict=True) if c == max(counts))
        return int(np.flatnonzero(v == value)[-1])

    at = np.apply_along_axis(lambda v: np.array([line(v)]), dim, x) if x.ndim else np.zeros((), int)
    return one(x, at.astype(np.int64), dim, keepdim)


def extreme(reduce: Callable[..., Any], arg: Callable[..., Any], both: Callable[..., Any]) -> Any:
    """Return max or min: over all, along an axis with positions, or of two tensors."""

    def function(x: np.ndarray, *y: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        if y:
            return both(x, *y)
        if dim is None:
            return reduce(x)
        at = np.expand_dims(arg(x, axis=dim), dim) if x.ndim else np.zeros((), np.int64)
        return one(x, at, dim, keepdim)

    return function


EXTREMES = (
    s((3, 4)),
    s((3, 4), dim=1),
    s((2, 3, 4), dim=1, keepdim=True),
    s((), dim=0),
    s(of((3, 4), "columns"), dim=0),
    s((3, 4), (4,)),
)
SORTED = (
    s((5,)),
    s((3, 40), dim=1, descending=True, stable=True),
    s((4, 3), dim=0, stable=True),
    s(()),
    s((0, 3), dim=0),
    s(of((3, 4), "columns"), dim=1, stable=True),
)
WITH_NAN = (s(of((5, 7), "gaps"), dim=0), s(of((5, 7), "gaps"), descending=True))


def ordered(name: str) -> Callable[..., Any]:
    """Give a function a sorted sequence as its first tensor."""
    return lambda api, x, *more, **kw: getattr(api, name)(api.sort(x)[0], *more, **kw)


def search(sequence: np.ndarray, values: Any, right: bool = False, **more: Any) -> np.ndarray:
    """Search line by line."""
    sequence, side = np.sort(sequence), more.get("side") or ("right" if right else "left")
    dtype = np.int32 if more.get("out_int32") else np.int64
    if sequence.ndim == 1:
        return np.asarray(np.searchsorted(sequence, values, side)).astype(dtype)
    lines = [np.searchsorted(a, v, side) for a, v in zip(sequence, values, strict=True)]
    return np.array(lines, dtype)


def bincount_reference(x: np.ndarray, *w: np.ndarray, minlength: int = 0) -> np.ndarray:
    """Count, or add the weights in order."""
    dtype = (np.float32 if w[0].dtype == np.float32 else np.float64) if w else np.int64
    out = np.zeros(max(int(x.max(initial=-1)) + 1, minlength), dtype)
    np.add.at(out, x, w[0] if w else 1)
    return out


def histc_reference(x: np.ndarray, bins: int = 100, min: float = 0, max: float = 0) -> np.ndarray:
    """Count in NumPy's histogram."""
    ends = None if min == max == 0 else (min, max)
    return np.histogram(x, bins, ends)[0].astype(x.dtype)


def unique_reference(
    x: np.ndarray, dim: int | None = None, inverse: bool = False, counts: bool = False
) -> Any:
    """Return what NumPy's unique returns."""
    values, _, at, count = np.unique(x, True, True, True, axis=dim)
    found = [values, *([at] if inverse else []), *([count] if counts else [])]
    return tuple(found) if len(found) > 1 else values


def consecutive_reference(x: np.ndarray, inverse: bool = False, counts: bool = False) -> Any:
    """Compare with the element before."""
    flat = x.ravel()
    starts = np.array([i == 0 or flat[i] != flat[i - 1] for i in range(len(flat))], bool)
    at = (np.cumsum(starts) - 1).reshape(x.shape)
    sizes = np.bincount(at.ravel(), minlength=int(starts.sum()))
    found = [flat[starts], *([at] if inverse else []), *([sizes] if counts else [])]
    return tuple(found) if len(found) > 1 else found[0]


def distinct(name: str) -> Callable[..., Any]:
    """Name the two flags as the function does."""
    return lambda api, x, inverse=False, counts=False, **kw: getattr(api, name)(
        x.detach(), return_inverse=inverse, return_counts=counts, **kw
    )


ROWS: tuple[Row, ...] = (
    Row(
        "max",
        EXTREMES,
        extreme(ref.amax_reference, np.argmax, ref.larger_of),
        dtypes=(*FLOATS, "int64", "bool"),
        twice=False,
    ),
    Row(
        "min",
        EXTREMES[:3],
        extreme(ref.amin_reference, np.argmin, ref.smaller_of),
        dtypes=("float64", "int64", "bool"),
        twice=False,
    ),
    Row(
        "aminmax",
        (s((3, 4)), s((3, 4), dim=0, keepdim=True), s(())),
        lambda x, **kw: (ref.amin_reference(x, **kw), ref.amax_reference(x, **kw)),
        dtypes=("float64", "uint8"),
        twice=False,
    ),
    Row("sort", SORTED, sort_reference, dtypes=EVERY, twice=False),
    Row("sort", WITH_NAN, sort_reference, smooth=False),
    Row(
        "argsort",
        SORTED,
        order_reference,
        lambda api, x, **kw: api.argsort(x, **{**kw, "stable": True}),
        dtypes=("float32", "int64", "uint8"),
        differentiable=False,
    ),
    Row("msort", (s((4, 3)), s((5,))), lambda x: np.sort(x, 0), twice=False),
    Row(
        "topk",
        (
            s((9,), k=3),
            s((3, 50), k=3),
            s((5, 3), k=2, dim=0, largest=False),
            s((40, 3), k=4, dim=0, largest=False, only=FLOATS),
            s((3, 4), k=0),
            s((3, 40), k=40, only=FLOATS),
        ),
        topk_reference,
        dtypes=(*FLOATS, "int64"),
        domain=(-100.0, 100.0),  # no equals: among them PyTorch may take any
        twice=False,
    ),
    Row(
        "kthvalue",
        (s((9,), k=1), s((3, 5), k=2, dim=0), s((3, 4), k=4, keepdim=True), s((), k=1)),
        kthvalue_reference,
        dtypes=(*FLOATS, "int64"),
        domain=(-100.0, 100.0),
        twice=False,
    ),
    Row(
        "mode",
        (s((9,)), s((3, 5), dim=0), s((4, 30), keepdim=True, only=("float32",)), s(())),
        mode_reference,  # of many equals PyTorch may give any position
        dtypes=("float32", "int64", "uint8"),
        smooth=False,
    ),
    Row(
        "searchsorted",
        (
            s((9,), (3, 4)),
            s((9,), (5,), right=True),
            s((9,), (), side="right", out_int32=True),
            s((3, 40), (3, 4), side="left"),
            s((9,), of((3, 4), "gaps")),
        ),
        search,
        ordered("searchsorted"),
        dtypes=(*FLOATS, "int64", "uint8"),
        differentiable=False,
    ),
    Row(
        "bucketize",
        (s((9,), (3, 4)), s((9,), (0,), right=True)),
        search,
        lambda api, edges, x, **kw: api.bucketize(x, api.sort(edges)[0], **kw),
        dtypes=("float32", "int64"),
        differentiable=False,
    ),
    Row(
        "bincount",
        (
            s(index((9,), 5)),
            s(index((9,), 5), minlength=8),
            s(index((9,), 5), (9,)),
            s(index((0,), 5), minlength=2),
        ),
        bincount_reference,
        lambda api, x, *w, **kw: api.bincount(x, *(v.detach() for v in w), **kw),
        dtypes=(*FLOATS, "int64"),
        differentiable=False,
        compiled=False,
    ),
    Row(
        "histc",
        (s((37,), bins=7), s((5, 7), bins=4, min=-1, max=2), s((5,)), s((), bins=3, max=2)),
        histc_reference,
        differentiable=False,
    ),
    Row(
        "unique",
        (s((9,)), s((3, 5), inverse=True), s((3, 5), counts=True), s((7, 1), dim=0, counts=True)),
        unique_reference,
        distinct("unique"),
        dtypes=("float32", "int64", "bool"),
        differentiable=False,
        compiled=False,
    ),
    Row(
        "unique_consecutive",
        (s((9,)), s((3, 5), inverse=True, counts=True), s((0,))),
        consecutive_reference,
        distinct("unique_consecutive"),
        dtypes=("float32", "int64", "bool"),
        differentiable=False,
        compiled=False,
    ),
)
