"""A linear recurrence along one axis, and the work of routines whose item is a line.

``y[i] = x[i] + a[i] * y[i-1]``; reversed, its transpose ``y[i] = x[i] + a[i+1] * y[i+1]``.
"""

from typing import Any

from ....numerics.facts.reduction import extents
from ..arguments import Block
from .registry import Arguments, Work, register

LINE = Block.of("n Q")  # the first numbers of such a routine
_CHUNK = 4096  # elements in a chunk when threads share the lines


def line_work(shape: tuple[int, ...], axis: int, scratch: int = 0) -> Work:
    """Return the work of a routine on (P, n, Q); numbers: n and Q; scratch: bytes an element."""
    p, n, q = extents(shape, (axis,))
    return Work(tuple(LINE.pack(n=n, Q=q)), p * q, max(1, _CHUNK // max(1, n)), p * q * n * scratch)


_ARGUMENTS = Arguments("x a", "n Q")
_TEXT = """def KERNEL(args, lo, hi):
    t = ptr_i8(args)
    n, Q = {t.n}, {t.Q}
    for line in range(lo, hi):
        p = line // Q
        start = (p * n * Q + line - p * Q) * {z}
        x, a, y = ptr_{s}({t.x} + start), ptr_{s}({t.a} + start), ptr_{s}({t.out} + start)
        total = {s}(0)
        for k in range(n):
            i = {i}
            total = x[i * Q] if k == 0 else x[i * Q] + a[{coefficient}] * total
            y[i * Q] = total
"""


def _text(x: Any, a: Any, out: Any, axis: int, reverse: bool) -> str:
    i, coefficient = ("n - 1 - k", "(i + 1) * Q") if reverse else ("k", "i * Q")
    return _ARGUMENTS.fill(
        _TEXT, x.dtype, t=_ARGUMENTS.block.words("t"), i=i, coefficient=coefficient
    )


def _work(x: Any, a: Any, out: Any, axis: int, reverse: bool) -> Work:
    return line_work(tuple(x.shape), axis)


register("recurrence", _text, _work)
