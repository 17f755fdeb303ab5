"""Reading and writing at positions given by int64 tensors.

`Gather` and `Position` are element by element and fuse into loops. A scatter is a `Routine` with
the way in which it combines old and new as data; what arrives at one place arrives in row-major
order of the source, whatever the number of threads: sums of duplicates have one order, and of
several assignments the last one stays.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from typing import Any, ClassVar

import numpy as np

from ..prelude import plus, suffix
from ..routine import Routine, Work


@dataclass(frozen=True, slots=True)
class Gather:
    """``out[i, j, k] = x[index[i, j, k], j, k]`` for the static ``axis`` 0, and so on."""

    may_fail: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Position:
    """``x`` or, where it is negative, ``x + extent``; it fails beyond the static ``extent``."""

    may_fail: ClassVar[bool] = True


def gather(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """Return the elements at the (checked) indices."""
    before, after = _other_places(index.shape, axis)
    return x[(*before, index, *after)]


@lru_cache(maxsize=256)
def _other_places(shape: tuple[int, ...], axis: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the positions along the axes before and after, shaped to broadcast."""
    places = [
        np.arange(e).reshape((-1,) + (1,) * (len(shape) - d - 1)) for d, e in enumerate(shape)
    ]
    return places[:axis], places[axis + 1 :]


def position(x: np.ndarray, extent: int) -> np.ndarray:
    """Return the (checked) indices counted from the front."""
    return np.where(x < 0, x + extent, x)


# --- scatter ------------------------------------------------------------------------------------

SIDE_BY_SIDE = 128  # elements of a row that one thread takes at least: whole cache lines

_COMBINED = {
    "assign": "{b}",
    "mul": "{a} * {b}",
    "max": "select(({a} >= {b}) | ({a} != {a}), {a}, {b})",
    "min": "select(({a} <= {b}) | ({a} != {a}), {a}, {b})",
}  # NaN wins
_OF_INTEGERS = {"mul": "imul({a}, {b})"}
_OF_BOOLS = {"add": "max", "mul": "min"}  # of the bytes 0 and 1: or, and

_TEXT = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    index = ptr_i8(a[0])
    status = ptr_i8(a[4])
    n, extent, q = a[5], a[6], a[7]
    line = lo
    while line < hi:
        outer = line // q
        first = line - outer * q
        count = min(q - first, hi - line)
        for j in range(n):
            at = (outer * n + j) * q + first
            source = ptr_{s}(a[1] + at * {z})
{rows}
        line += count
"""
_ONE_INDEX_PER_ROW = """            k = index[j]
            if k < 0 or k >= extent:
                status[2] = k
                status[0] = 1
            else:
                out = ptr_{s}(a[2] + ((outer * extent + k) * q + first) * {z})
                for c in range(count):
                    out[c] = {value}"""
_ONE_INDEX_PER_ELEMENT = """            for c in range(count):
                k = index[at + c]
                if k < 0 or k >= extent:
                    status[2] = k
                    status[0] = 1
                else:
                    out = ptr_{s}(a[2] + ((outer * extent + k) * q + first + c) * {z})
                    out[0] = {value}"""


def scatter(combine: str) -> Routine:
    """Return how to combine a source into x: "add", "assign", "mul", "max" or "min".

    Over x of shape (p, extent, q), source (p, n, q) and the axis in the middle: the index has shape
    (n,), one for each row of q elements, or that of the source, one for each element. A work item
    is one of the p * q lines along the axis.
    """
    return Routine(partial(_text, combine), _work, may_fail=True, updates=True)


def _text(combine: str, x: Any, index: Any, source: Any, out: Any, axis: int) -> str:
    dtype = np.dtype("uint8") if out.dtype == np.bool_ else out.dtype
    if out.dtype == np.bool_:
        combine = _OF_BOOLS.get(combine, combine)
    rows = len(index.shape) == 1
    i = "c" if rows else "0"
    a, b = f"out[{i}]", "source[c]"
    if combine == "add":
        value = plus(a, b, dtype)
    else:
        texts = _COMBINED if dtype.kind == "f" else {**_COMBINED, **_OF_INTEGERS}
        value = texts[combine].format(a=a, b=b)
    body = _ONE_INDEX_PER_ROW if rows else _ONE_INDEX_PER_ELEMENT
    words = {"s": suffix(dtype), "z": dtype.itemsize}
    return _TEXT.format(**words, rows=body.format(**words, value=value))


def _work(x: Any, index: Any, source: Any, out: Any, axis: int) -> Work:
    shape = source.shape
    p, n, q = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
    grain = max(min(q, SIDE_BY_SIDE), (1 << 15) // max(n, 1))
    return Work((n, out.shape[axis], q), p * q, grain)
