"""Scatters: a source is combined into a copy of x at positions given by int64 tensors.

What arrives at one place arrives in row-major order of the source, whatever the number of threads:
sums of duplicates have one order, and of several assignments the last one stays.

Over x of shape (p, extent, q), source (p, n, q) and the axis in the middle: the index has shape
(n,), one for each row of q elements, or that of the source, one for each element. A work item
is one of the p * q lines along the axis.
"""

from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..prelude import plus
from .registry import Arguments, Work, register

SIDE_BY_SIDE = 128  # elements of a row that one thread takes at least: whole cache lines

_COMBINED = {
    "assign": "{b}",
    "mul": "{a} * {b}",
    "max": "select(({a} >= {b}) | ({a} != {a}), {a}, {b})",
    "min": "select(({a} <= {b}) | ({a} != {a}), {a}, {b})",
}  # NaN wins
_OF_INTEGERS = {"mul": "imul({a}, {b})"}
_OF_BOOLS = {"add": "max", "mul": "min"}  # of the bytes 0 and 1: or, and

_ARGUMENTS = Arguments("index source", "n extent q")
_TEXT = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    index = ptr_i8({a.index})
    status = ptr_i8({a.status})
    n, extent, q = {a.n}, {a.extent}, {a.q}
    line = lo
    while line < hi:
        outer = line // q
        first = line - outer * q
        count = min(q - first, hi - line)
        for j in range(n):
            at = (outer * n + j) * q + first
            source = ptr_{s}({a.source} + at * {z})
{rows}
        line += count
"""
_ONE_INDEX_PER_ROW = """            k = index[j]
            if k < 0 or k >= extent:
                {status.index} = k
                {status.failed} = 1
            else:
                out = ptr_{s}({a.out} + ((outer * extent + k) * q + first) * {z})
                for c in range(count):
                    out[c] = {value}"""
_ONE_INDEX_PER_ELEMENT = """            for c in range(count):
                k = index[at + c]
                if k < 0 or k >= extent:
                    {status.index} = k
                    {status.failed} = 1
                else:
                    out = ptr_{s}({a.out} + ((outer * extent + k) * q + first + c) * {z})
                    out[0] = {value}"""


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
    return _ARGUMENTS.fill(_TEXT, dtype, rows=_ARGUMENTS.fill(body, dtype, value=value))


def _work(x: Any, index: Any, source: Any, out: Any, axis: int) -> Work:
    shape = source.shape
    p, n, q = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
    grain = max(min(q, SIDE_BY_SIDE), (1 << 15) // max(n, 1))
    return Work(_ARGUMENTS.pack(n=n, extent=out.shape[axis], q=q), p * q, grain)


for _combine in ("add", "assign", "mul", "max", "min"):
    register(f"scatter_{_combine}", partial(_text, _combine), _work)
