"""A linear recurrence along one axis, and the work of routines whose item is a line.

``y[i] = x[i] + a[i] * y[i-1]``; reversed, its transpose ``y[i] = x[i] + a[i+1] * y[i+1]``.
"""

from typing import Any

from ....numerics.facts.reduction import extents
from ..prelude import suffix
from .registry import Work, register

_CHUNK = 4096  # elements in a chunk when threads share the lines


def line_work(shape: tuple[int, ...], axis: int, scratch: int = 0) -> Work:
    """Return the work of a routine on (P, n, Q); numbers: n and Q; scratch: bytes an element."""
    p, n, q = extents(shape, (axis,))
    return Work((n, q), p * q, max(1, _CHUNK // max(1, n)), p * q * n * scratch)


def _text(x: Any, a: Any, out: Any, axis: int, reverse: bool) -> str:
    s, size = suffix(x.dtype), x.dtype.itemsize
    i, coefficient = ("n - 1 - k", "(i + 1) * Q") if reverse else ("k", "i * Q")
    return f"""def KERNEL(args, lo, hi):
    t = ptr_i8(args)
    n, Q = t[5], t[6]
    for line in range(lo, hi):
        p = line // Q
        start = (p * n * Q + line - p * Q) * {size}
        x, a, y = ptr_{s}(t[0] + start), ptr_{s}(t[1] + start), ptr_{s}(t[2] + start)
        total = {s}(0)
        for k in range(n):
            i = {i}
            total = x[i * Q] if k == 0 else x[i * Q] + a[{coefficient}] * total
            y[i * Q] = total
"""


def _work(x: Any, a: Any, out: Any, axis: int, reverse: bool) -> Work:
    return line_work(tuple(x.shape), axis)


register("recurrence", _text, _work)
