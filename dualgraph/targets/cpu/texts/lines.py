"""Ops that work along one axis, line by line: argmax, argmin, and the running forms of reductions.

A line's statements read ``x[i * sx]`` for i < n and write ``y``. In them ``{s}`` is the suffix of
the dtype, ``{nan}`` a test for NaN, ``{sum}`` and ``{product}`` the next running total.
"""

import numpy as np

from ....errors import CompileError
from ....numerics.facts.routine import Line
from ..arguments import Block
from ..prelude import plus, suffix, times, with_imports


def _arg(better: str) -> tuple[str, ...]:
    """The first position of the extreme value; a NaN wins over all, the first one over others.

    A look at 128 elements at once, which vectorises, tells whether one of them can win at all.
    """
    return (
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
    )


def _running(start: str, *steps: str) -> tuple[str, ...]:
    """A running total: every step is done for every element, in ascending order."""
    return (f"total = {{s}}({start})", "for i in range(n):", *steps)


def _running_arg(better: str) -> tuple[str, ...]:
    """The position of the extreme so far, of the last one among equals; NaN wins."""
    return (
        "best = {s}(0)",
        "at = 0",
        "for i in range(n):",
        "    e = x[i * sx]",
        f"    if i == 0 or e {better} best or {{nan}}:",
        "        best = e",
        "        at = i",
        "    y[i * sy] = at",
    )


_LOGCUMSUMEXP = _running(
    "-inf",
    "    e = x[i * sx]",
    "    less = e < total",
    "    low, high = select(less, e, total), select(less, total, e)",
    "    apart = high + log1p_{s}(exp_{s}(low - high))",
    "    total = select((low == high) & (abs(low) == inf), high, apart)",  # inf - inf is NaN
    "    y[i * sy] = total",
)
_LONGEST_RUN = (
    "run, longest, at = 0, 0, 0",
    "for i in range(n):",
    "    run = run + 1 if i > 0 and x[i * sx] == x[(i - 1) * sx] else 1",
    "    if run > longest:",
    "        longest = run",
    "        at = i",
    "y[0] = at",
)
_STATEMENTS: dict[str, tuple[str, ...]] = {
    "argmax": _arg(">"),
    "argmin": _arg("<"),
    "cumsum": _running("0", "    total = {sum}", "    y[i * sy] = total"),
    "cumprod": _running("1", "    total = {product}", "    y[i * sy] = total"),
    "cumprod_before": _running("1", "    y[i * sy] = total", "    total = {product}"),
    "cummax": _running_arg(">="),
    "cummin": _running_arg("<="),
    "logcumsumexp": _LOGCUMSUMEXP,
    "longest_run": _LONGEST_RUN,
}
"""By the name in the record. A longest run is one of equal elements, of which the last position
counts; of the first among equally long."""


def written(spec: Line) -> tuple[str, ...]:
    """Return the statements of all dtypes; raise `CompileError` where there are none."""
    try:
        return _STATEMENTS[spec.name]
    except KeyError:
        raise CompileError(f"the CPU has no text for lines of {spec.name!r}") from None


def statements(spec: Line, dtype: np.dtype) -> list[str]:
    """Return the statements over one line of this dtype."""
    nan = "{e} != {e}" if dtype.kind == "f" else "False"
    words = {
        "s": suffix(dtype),
        "nan": nan.format(e="e"),
        "sum": plus("total", "x[i * sx]", dtype),
        "product": times("total", "x[i * sx]", dtype),
    }
    return [line.format(**words) for line in written(spec)]


BLOCK = Block(x=1, y=1, n=1, Q=1, x_stride=3, y_stride=3)
"""Addresses; extents; strides of x and of y over (P, n, Q), in elements."""
_A = BLOCK.words()


def program_text(spec: Line, dtype: np.dtype) -> str:
    """Return the kernel that programs call, one line an item."""
    output, a = spec.output_type(dtype), _A
    (xp, sx, xq), (yp, sy, yq) = a.x_stride, a.y_stride
    lines = [
        "def KERNEL(args, lo, hi):",
        "    a = ptr_i8(args)",
        f"    n, Q, sx, sy = {a.n}, {a.Q}, {sx}, {sy}",
        "    for line in range(lo, hi):",
        "        p = line // Q",
        "        q = line - p * Q",
        f"        x = ptr_{suffix(dtype)}({a.x} + (p * {xp} + q * {xq}) * {dtype.itemsize})",
        f"        y = ptr_{suffix(output)}({a.y} + (p * {yp} + q * {yq}) * {output.itemsize})",
        *("        " + line for line in statements(spec, dtype)),
        "",
    ]
    return with_imports("\n".join(lines))
