"""Resampling along one axis: each output element is a weighted sum of a few input elements.

``index`` and ``weight`` are (output extent, taps); around the axis lie P and Q others.
"""

from math import prod
from typing import Any

from ..prelude import suffix
from .registry import Work, register

RESAMPLE_TEXT = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, at, w, y = ptr_{s}(a[0]), ptr_i8(a[1]), ptr_{s}(a[2]), ptr_{s}(a[3])
    n, m, taps, Q = a[6], a[7], a[8], a[9]
    for p in range(lo, hi):
        for o in range(m):
            to, here = (p * m + o) * Q, o * taps
            if Q == 1:
                total = w[here] * x[p * n + at[here]]
                for t in range(taps - 1):
                    total += w[here + 1 + t] * x[p * n + at[here + 1 + t]]
                y[to] = total
            else:
                for t in range(taps):
                    source, scale = (p * n + at[here + t]) * Q, w[here + t]
                    if t == 0:
                        for q in range(Q):
                            y[to + q] = scale * x[source + q]
                    else:
                        for q in range(Q):
                            y[to + q] += scale * x[source + q]
"""
SPREAD_TEXT = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    y, at, w, x = ptr_{s}(a[0]), ptr_i8(a[1]), ptr_{s}(a[2]), ptr_{s}(a[3])
    n, m, taps, Q = a[6], a[7], a[8], a[9]
    for p in range(lo, hi):
        for i in range(n * Q):
            x[p * n * Q + i] = {s}(0)
        for o in range(m):
            source, here = (p * m + o) * Q, o * taps
            for t in range(taps):
                to, scale = (p * n + at[here + t]) * Q, w[here + t]
                for q in range(Q):
                    x[to + q] += scale * y[source + q]
"""


def _work(n: int, m: int, taps: int, shape: tuple[int, ...], axis: int) -> Work:
    planes, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
    cost = max(1, (n + m * taps) * inner)
    return Work((n, m, taps, inner), planes, max(1, 40_000 // cost))


def _forward(x: Any, at: Any, w: Any, y: Any, *, axis: int) -> Work:
    return _work(x.shape[axis], at.shape[0], at.shape[1], x.shape, axis)


def _transposed(y: Any, at: Any, w: Any, x: Any, *, axis: int, extent: int) -> Work:
    return _work(extent, at.shape[0], at.shape[1], x.shape, axis)


register("resample", lambda x, *more, **st: RESAMPLE_TEXT.format(s=suffix(x.dtype)), _forward)
register(
    "resample_input", lambda y, *more, **st: SPREAD_TEXT.format(s=suffix(y.dtype)), _transposed
)
