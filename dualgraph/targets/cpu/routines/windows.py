"""Overlap-add: the transpose of the view of sliding windows.

``out[e] = sum over windows w that hold e of x[w, e - w * step]``, windows ascending, from zero. The
order is a function of the extents alone: a chunk of the output walks all windows that touch it.
"""

from math import prod
from typing import Any

from ..prelude import plus
from .registry import Arguments, Work, register

# x is (lines, windows, inner, size), out is (lines, extent, inner); an item is a (line, e). The
# innermost loop is the longer of the two short axes: contiguous reads, or contiguous writes.
_ARGUMENTS = Arguments("x", "extent windows inner size step")
_TEXT = """
def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    extent, windows, inner, size, step = {a.extent}, {a.windows}, {a.inner}, {a.size}, {a.step}
    item = lo
    while item < hi:
        line = item // extent
        first = item - line * extent
        last = first + hi - item
        if last > extent:
            last = extent
        out = ptr_{s}({a.out} + item * inner * {z})
        for i in range((last - first) * inner):
            out[i] = {s}(0)
        w = 0
        if first >= size:
            w = (first - size) // step + 1
        while w < windows and w * step < last:
            begin, end = first - w * step, last - w * step
            if begin < 0:
                begin = 0
            if end > size:
                end = size
            x = ptr_{s}({a.x} + ((line * windows + w) * inner * size + begin) * {z})
            y = ptr_{s}({a.out} + (line * extent + w * step + begin) * inner * {z})
            if inner > size:
                for k in range(end - begin):
                    for q in range(inner):
                        y[k * inner + q] = {total}
            else:
                for q in range(inner):
                    for k in range(end - begin):
                        y[k * inner + q] = {total}
            w += 1
        item += last - first
"""


def _text(x: Any, out: Any, axis: int, extent: int, step: int) -> str:
    total = plus("y[k * inner + q]", "x[q * size + k]", x.dtype)
    return _ARGUMENTS.fill(_TEXT, x.dtype, total=total)


def _work(x: Any, out: Any, axis: int, extent: int, step: int) -> Work:
    *_, size = x.shape
    inner = prod(x.shape[axis + 1 : -1])
    lines = prod(x.shape[:axis])
    terms = max(1, inner * -(-size // step))
    numbers = _ARGUMENTS.pack(
        extent=extent, windows=x.shape[axis], inner=inner, size=size, step=step
    )
    return Work(numbers, lines * extent, max(1, 16384 // terms))


register("overlap_add", _text, _work)
