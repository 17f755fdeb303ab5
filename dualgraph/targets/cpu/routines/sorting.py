"""The order of lines: a stable merge sort of (key, index), and binary search in sorted lines.

A value becomes a signed integer key of the same order: the bits of a float with the negative half
turned around, -0 taken as 0, and NaN above everything. A descending order sorts the complements of
the keys, so that equal elements stay in their order in both directions, and NaN comes first.

Runs of `RUN` elements are sorted by insertion, then merged two by two (Knuth, "The Art of Computer
Programming", volume 3, 5.2.4); the inner merge has no branch that depends on the data.
"""

from typing import Any

import numpy as np

from ..prelude import suffix
from .recurrence import line_work
from .registry import Arguments, Work, register

RUN = 16

_ORDER = Arguments("x", "n Q")
_FEW = Arguments("x", "n Q count")
_SEARCH = Arguments("sequence values", "n m")
_TOP = {"i4": 2**31 - 1, "i8": 2**63 - 1}


def _key_type(dtype: np.dtype) -> str:
    return "i8" if dtype.itemsize == 8 else "i4"


def _key(dtype: np.dtype, descending: bool) -> list[str]:
    """Return the statements that turn the element ``e`` into its key ``k``."""
    kind = _key_type(dtype)
    lines = [f"k = {kind}(e)"]
    if dtype.kind == "f":
        s, top = suffix(dtype), f"{kind}({_TOP[kind]})"
        lines = [
            f"k = bits_{s}(e + {s}(0.0))",
            f"k = select(e != e, {top}, select(k < 0, {kind}(k ^ {top}), k))",
        ]
    return [*lines, f"k = {kind}(~k)"] if descending else lines


def _argsort_text(x: Any, out: Any, axis: int, descending: bool) -> str:
    s, size, kind = suffix(x.dtype), x.dtype.itemsize, _key_type(x.dtype)
    width = {"i4": 4, "i8": 8}[kind]
    key = "\n            ".join(_key(x.dtype, descending))
    a = _ORDER.words
    return f"""def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    n, Q = {a.n}, {a.Q}
    for line in range(lo, hi):
        p = line // Q
        start = p * n * Q + line - p * Q
        x = ptr_{s}({a.x} + start * {size})
        out = ptr_i8({a.out} + start * 8)
        own = {a.scratch} + line * n * {2 * width + 8}
        keys, other_keys = ptr_{kind}(own), ptr_{kind}(own + n * {width})
        own += n * {2 * width}
        order, other_order = ptr_i4(own), ptr_i4(own + n * 4)
        for i in range(n):
            e = x[i * Q]
            {key}
            first = i & {-RUN}
            j = i
            while j > first and keys[j - 1] > k:
                keys[j] = keys[j - 1]
                order[j] = order[j - 1]
                j -= 1
            keys[j] = k
            order[j] = i
        run = {RUN}
        while run < n:
            for first in range(0, n, 2 * run):
                l, middle, end = first, min(first + run, n), min(first + 2 * run, n)
                r, t = middle, first
                while l < middle and r < end:
                    take = keys[r] < keys[l]
                    other_keys[t] = select(take, keys[r], keys[l])
                    other_order[t] = select(take, order[r], order[l])
                    step = i8(take)
                    r += step
                    l += 1 - step
                    t += 1
                while l < middle:
                    other_keys[t] = keys[l]
                    other_order[t] = order[l]
                    l += 1
                    t += 1
                while r < end:
                    other_keys[t] = keys[r]
                    other_order[t] = order[r]
                    r += 1
                    t += 1
            keys, other_keys = other_keys, keys
            order, other_order = other_order, order
            run *= 2
        for i in range(n):
            out[i * Q] = order[i]
"""


def _argsort_work(x: Any, out: Any, axis: int, descending: bool) -> Work:
    width = 8 if x.dtype.itemsize == 8 else 4
    return line_work(tuple(x.shape), axis, 2 * width + 8)


register("argsort", _argsort_text, _argsort_work)


def _smallest_text(x: Any, out: Any, axis: int, count: int, descending: bool) -> str:
    s, size, kind = suffix(x.dtype), x.dtype.itemsize, _key_type(x.dtype)
    key = "\n            ".join(_key(x.dtype, descending))
    a = _FEW.words
    return f"""def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    n, Q, count = {a.n}, {a.Q}, {a.count}
    for line in range(lo, hi):
        p = line // Q
        q = line - p * Q
        x = ptr_{s}({a.x} + (p * n * Q + q) * {size})
        out = ptr_i8({a.out} + (p * count * Q + q) * 8)
        own = {a.scratch} + line * count * 16
        order, keys = ptr_i8(own), ptr_{kind}(own + count * 8)
        held = 0
        for i in range(n):
            e = x[i * Q]
            {key}
            if held == count and k >= keys[held - 1]:
                continue
            held = min(held + 1, count)
            j = held - 1
            while j > 0 and keys[j - 1] > k:
                keys[j] = keys[j - 1]
                order[j] = order[j - 1]
                j -= 1
            keys[j] = k
            order[j] = i
        for j in range(count):
            out[j * Q] = order[j]
"""


def _smallest_work(x: Any, out: Any, axis: int, count: int, descending: bool) -> Work:
    lines = line_work(tuple(x.shape), axis)
    n, q = lines.numbers
    numbers = _FEW.pack(n=n, Q=q, count=count)
    return Work(numbers, lines.items, lines.grain, lines.items * count * 16)


# The first ``count`` of the order, for a few of a long line: those held so far are kept sorted.
register("smallest", _smallest_text, _smallest_work)


def _searchsorted_text(sequence: Any, values: Any, out: Any, right: bool) -> str:
    s, size = suffix(sequence.dtype), sequence.dtype.itemsize
    a = _SEARCH.words
    return f"""def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    n, m = {a.n}, {a.m}
    values = ptr_{s}({a.values})
    out = ptr_i8({a.out})
    for item in range(lo, hi):
        line = ptr_{s}({a.sequence} + item // m * n * {size})
        v = values[item]
        first, end = 0, n
        while first < end:
            middle = first + (end - first) // 2
            if line[middle] {">" if right else ">="} v:
                end = middle
            else:
                first = middle + 1
        out[item] = first
"""


def _searchsorted_work(sequence: Any, values: Any, out: Any, right: bool) -> Work:
    n, count = sequence.shape[-1], int(np.prod(values.shape, dtype=np.int64))
    m = count if len(sequence.shape) == 1 else values.shape[-1]
    return Work(_SEARCH.pack(n=n, m=max(m, 1)), count, 512)


register("searchsorted", _searchsorted_text, _searchsorted_work)
