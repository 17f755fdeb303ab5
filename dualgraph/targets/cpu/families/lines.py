"""Ops that work along one axis, line by line: argmax, argmin, and the running forms of reductions.

A `Line` record holds statements that read ``x[i * sx]`` for i < n and write ``y``. The chain is the
plain ascending one, so that the order is the op's own definition.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..prelude import plus, suffix, times, with_imports
from ..routine import Routine, Work
from ..ufunc import make_gufunc
from .reduce import extents

_CHUNK = 4096  # elements in a chunk when threads share the lines


@dataclass(frozen=True, slots=True)
class Line:
    """Statements over one line: ``{s}`` is the dtype's suffix, ``{nan}`` a test for NaN, ``{sum}``
    and ``{product}`` the next running total."""

    body: tuple[str, ...]
    scalar_output: bool
    output: np.dtype | None = None  # None: the input's dtype

    def statements(self, dtype: np.dtype) -> list[str]:
        nan = "{e} != {e}" if dtype.kind == "f" else "False"
        words = {
            "s": suffix(dtype),
            "nan": nan.format(e="e"),
            "sum": plus("total", "x[i * sx]", dtype),
            "product": times("total", "x[i * sx]", dtype),
        }
        return [line.format(**words) for line in self.body]

    def output_type(self, dtype: np.dtype) -> np.dtype:
        return self.output or dtype


def _arg(better: str) -> Line:
    """The first position of the extreme value; a NaN wins over all, the first one over others.

    A look at 128 elements at once, which vectorises, tells whether one of them can win at all.
    """
    return Line(
        (
            "best = x[0]",
            "at = 0",
            "for first in range(0, n, 128):",
            "    if best != best:",
            "        break",
            "    found = 0",
            "    for i in range(first, min(first + 128, n)):",
            "        e = x[i * sx]",
            f"        found |= (e {better} best) | ({{nan}})",
            "    if found:",
            "        for i in range(first, min(first + 128, n)):",
            "            e = x[i * sx]",
            f"            if (e {better} best or {{nan}}) and not best != best:",
            "                best = e",
            "                at = i",
            "y[0] = at",
        ),
        True,
        np.dtype("int64"),
    )


ARGMAX, ARGMIN = _arg(">"), _arg("<")


def _running(start: str, *steps: str) -> Line:
    """A running total: every step is done for every element, in ascending order."""
    return Line((f"total = {{s}}({start})", "for i in range(n):", *steps), False)


def _running_arg(better: str) -> Line:
    """The position of the extreme so far, of the last one among equals; NaN wins."""
    return Line(
        (
            "best = {s}(0)",
            "at = 0",
            "for i in range(n):",
            "    e = x[i * sx]",
            f"    if i == 0 or e {better} best or {{nan}}:",
            "        best = e",
            "        at = i",
            "    y[i * sy] = at",
        ),
        False,
        np.dtype("int64"),
    )


CUMSUM = _running("0", "    total = {sum}", "    y[i * sy] = total")
CUMPROD = _running("1", "    total = {product}", "    y[i * sy] = total")
CUMPROD_BEFORE = _running("1", "    y[i * sy] = total", "    total = {product}")
CUMMAX, CUMMIN = _running_arg(">="), _running_arg("<=")
LOGCUMSUMEXP = _running(
    "-inf",
    "    e = x[i * sx]",
    "    less = e < total",
    "    low, high = select(less, e, total), select(less, total, e)",
    "    apart = high + log1p_{s}(exp_{s}(low - high))",
    "    total = select((low == high) & (abs(low) == inf), high, apart)",  # inf - inf is NaN
    "    y[i * sy] = total",
)
LONGEST_RUN = Line(
    (
        "run, longest, at = 0, 0, 0",
        "for i in range(n):",
        "    run = run + 1 if i > 0 and x[i * sx] == x[(i - 1) * sx] else 1",
        "    if run > longest:",
        "        longest = run",
        "        at = i",
        "y[0] = at",
    ),
    True,
    np.dtype("int64"),
)
"""The last position of the longest run of equal elements; of the first among equally long."""


def _eager_source(spec: Line, dtype: np.dtype) -> str:
    output = spec.output_type(dtype)
    lines = [
        "def KERNEL(args, dims, steps, data):",
        "    a = ptr_i8(args)",
        "    d = ptr_i8(dims)",
        "    c = ptr_i8(steps)",
        "    n = d[1]",
        f"    sx = c[2] // {dtype.itemsize}",
        *([] if spec.scalar_output else [f"    sy = c[3] // {output.itemsize}"]),
        "    for line in range(d[0]):",
        f"        x = ptr_{suffix(dtype)}(a[0] + line * c[0])",
        f"        y = ptr_{suffix(output)}(a[1] + line * c[1])",
        *("        " + line for line in spec.statements(dtype)),
        "    clear_fp_flags()",
        "",
    ]
    return with_imports("\n".join(lines))


def program_text(spec: Line, dtype: np.dtype) -> str:
    """Return the kernel that programs call, one line an item.

    Arguments: x, y; n, Q; strides of x over (P, n, Q); strides of y over (P, n, Q), in elements.
    """
    output = spec.output_type(dtype)
    lines = [
        "def KERNEL(args, lo, hi):",
        "    a = ptr_i8(args)",
        "    n, Q, sx, sy = a[2], a[3], a[5], a[8]",
        "    for line in range(lo, hi):",
        "        p = line // Q",
        "        q = line - p * Q",
        f"        x = ptr_{suffix(dtype)}(a[0] + (p * a[4] + q * a[6]) * {dtype.itemsize})",
        f"        y = ptr_{suffix(output)}(a[1] + (p * a[7] + q * a[9]) * {output.itemsize})",
        *("        " + line for line in spec.statements(dtype)),
        "",
    ]
    return with_imports("\n".join(lines))


class _Lines(dict[str, Any]):
    def __init__(self, name: str, spec: Line) -> None:
        super().__init__()
        self.name, self.spec = name, spec

    def __missing__(self, char: str) -> Any:
        dtype = np.dtype(char)
        output = self.spec.output_type(dtype)
        text = _eager_source(self.spec, dtype)
        signature = "(n)->()" if self.spec.scalar_output else "(n)->(n)"
        self[char] = make_gufunc(text, (dtype,), output, f"{self.name}_{suffix(dtype)}", signature)
        return self[char]


def eager_kernel(name: str, spec: Line) -> Any:
    """Return ``kernel(x, axis)``; a scalar output drops the axis."""
    table = _Lines(name, spec)

    def kernel(x: np.ndarray, axis: int) -> np.ndarray:
        y = table[x.dtype.char](np.moveaxis(x, axis, -1), out=...)
        return y if spec.scalar_output else np.moveaxis(y, -1, axis)

    return kernel


# --- routines whose item is a line ---------------------------------------------------------------


def line_work(shape: tuple[int, ...], axis: int, scratch: int = 0) -> Work:
    """Return the work of a routine on (P, n, Q); numbers: n and Q; scratch: bytes an element."""
    p, n, q = extents(shape, (axis,))
    return Work((n, q), p * q, max(1, _CHUNK // max(1, n)), p * q * n * scratch)


def _recurrence_text(x: Any, a: Any, out: Any, axis: int, reverse: bool) -> str:
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


def _recurrence_work(x: Any, a: Any, out: Any, axis: int, reverse: bool) -> Work:
    return line_work(tuple(x.shape), axis)


RECURRENCE = Routine(_recurrence_text, _recurrence_work)
"""``y[i] = x[i] + a[i] * y[i-1]``; reversed, its transpose ``y[i] = x[i] + a[i+1] * y[i+1]``."""
