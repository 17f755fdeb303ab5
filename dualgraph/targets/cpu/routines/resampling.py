"""Resampling along one axis: each output element is a weighted sum of a few input elements.

``index`` and ``weight`` are (output extent, taps); around the axis lie P and Q others.
"""

from collections.abc import Callable
from math import prod
from typing import Any

from .registry import Arguments, Work, register

_ARGUMENTS = Arguments("x index weight", "n m taps Q")
RESAMPLE_TEXT = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, at, w, y = ptr_{s}({a.x}), ptr_i8({a.index}), ptr_{s}({a.weight}), ptr_{s}({a.out})
    n, m, taps, Q = {a.n}, {a.m}, {a.taps}, {a.Q}
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
    y, at, w, x = ptr_{s}({a.x}), ptr_i8({a.index}), ptr_{s}({a.weight}), ptr_{s}({a.out})
    n, m, taps, Q = {a.n}, {a.m}, {a.taps}, {a.Q}
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
    return Work(_ARGUMENTS.pack(n=n, m=m, taps=taps, Q=inner), planes, max(1, 40_000 // cost))


def _forward(x: Any, at: Any, w: Any, y: Any, *, axis: int) -> Work:
    return _work(x.shape[axis], at.shape[0], at.shape[1], x.shape, axis)


def _transposed(y: Any, at: Any, w: Any, x: Any, *, axis: int, extent: int) -> Work:
    return _work(extent, at.shape[0], at.shape[1], x.shape, axis)


def _text(template: str) -> Callable[..., str]:
    def text(x: Any, *more: Any, **static: Any) -> str:
        return _ARGUMENTS.fill(template, x.dtype)

    return text


register("resample", _text(RESAMPLE_TEXT), _forward)
register("resample_input", _text(SPREAD_TEXT), _transposed)
