"""Routines over rows: softmax and its kin, and standardization, with their gradients.

A row is what the last axes hold. It is read several times while it lies in the nearest cache, so
that no pass over memory is needed between its reductions and what follows. The order of a reduction
over a row is that of `dualgraph.kernels.reduce` within each block of `BLOCK` elements; the blocks'
results are combined in ascending order.
"""

from math import prod
from typing import Any

import numpy as np

from .prelude import suffix
from .reduce import BLOCK, LANES
from .routine import Routine, Work

_GRAIN = 8192  # elements of one chunk


def _fold(combined: str) -> list[str]:
    """Return the lines that combine the lanes into the first one."""
    lines, h = [], LANES // 2
    while h:
        lines += [f"if n > {h}:", f"    for j in range({h}):"]
        lines.append(f"        acc[j] = {combined.format(a='acc[j]', b=f'acc[j + {h}]')}")
        h //= 2
    return lines


def _reduced(name: str, neutral: str, combined: str, element: list[str]) -> list[str]:
    """Return the lines that reduce a row; the last of ``element`` is the value at ``i``."""
    *statements, value = element
    return [
        f"{name} = {neutral}",
        f"for start in range(0, N, {BLOCK}):",
        f"    n = min(N - start, {BLOCK})",
        f"    for j in range({LANES}):",
        f"        acc[j] = {neutral}",
        f"    for r in range(start, start + n, {LANES}):",
        f"        for j in range(min(start + n - r, {LANES})):",
        "            i = r + j",
        *("            " + line for line in statements),
        f"            e = {value}",
        f"            acc[j] = {combined.format(a='acc[j]', b='e')}",
        *("    " + line for line in _fold(combined)),
        f"    {name} = acc[0] if start == 0 else {combined.format(a=name, b='acc[0]')}",
    ]


def _sum(name: str, *element: str) -> list[str]:
    return _reduced(name, "{s}(-0.0)", "{a} + {b}", list(element))


def _each(*lines: str) -> list[str]:
    return ["for i in range(N):", *("    " + line for line in lines)]


def _routine(inputs: str, body: list[str]) -> Routine:
    """Return the routine whose rows are named by a letter each: ``inputs``, then ``q``, the result.

    It reads N and the bits of a float64, ``{s}(h)``; in the lines ``{s}`` is the dtype.
    """
    count = len(inputs)
    numbers = count + 3
    head = [
        "a = ptr_i8(args)",
        f"N, h = a[{numbers}], ptr_f8(args + {8 * (numbers + 1)})[0]",
        f"acc = stack_{{s}}({LANES})",
        "for row in range(lo, hi):",
        *(
            f"    {letter} = ptr_{{s}}(a[{k}] + row * N * {{z}})"
            for k, letter in enumerate(f"{inputs}q")
        ),
        *("    " + line for line in body),
    ]
    template = "\n".join(["def KERNEL(args, lo, hi):", *("    " + line for line in head), ""])

    def text(*avals: Any, **static: Any) -> str:
        return template.format(s=suffix(avals[0].dtype), z=avals[0].dtype.itemsize)

    return Routine(text, _work)


def _work(*avals: Any, axes: int, number: float = 0.0) -> Work:
    shape = avals[-1].shape
    length = prod(shape[len(shape) - axes :])
    rows = prod(shape[: len(shape) - axes])
    bits = int(np.array(number, np.float64).view(np.int64))
    return Work((length, bits), rows, max(1, _GRAIN // max(1, length)))


_TOP = _reduced(
    "top",
    "{s}(-inf)",
    "select(({a} >= {b}) | ({a} != {a}), {a}, {b})",
    ["x[i]"],
)
_EXPONENTIALS = [*_each("q[i] = exp_{s}(x[i] - top)"), *_sum("total", "q[i]")]

SOFTMAX = _routine("x", [*_TOP, *_EXPONENTIALS, *_each("q[i] = q[i] / total")])
WEIGHTS = _routine(  # a row of -inf alone becomes zeros
    "x",
    [
        *_TOP,
        "top = select(top == {s}(-inf), {s}(0), top)",
        *_EXPONENTIALS,
        "total = select(total == {s}(0), {s}(1), total)",
        *_each("q[i] = q[i] / total"),
    ],
)
LOG_SOFTMAX = _routine(
    "x",
    [
        *_TOP,
        *_each("q[i] = x[i] - top"),
        *_sum("total", "exp_{s}(q[i])"),
        "total = log_{s}(total)",
        *_each("q[i] = q[i] - total"),
    ],
)
SOFTMAX_BACKWARD = _routine(
    "gy", [*_sum("total", "g[i] * y[i]"), *_each("q[i] = y[i] * (g[i] - total)")]
)
LOG_SOFTMAX_BACKWARD = _routine(
    "gy", [*_sum("total", "g[i]"), *_each("q[i] = g[i] - exp_{s}(y[i]) * total")]
)

_DEVIATIONS = [  # q holds x - mean, scale is 1 / sqrt(variance + h)
    *_sum("total", "x[i]"),
    "c = total / {s}(N)",
    *_each("q[i] = x[i] - c"),
    *_sum("total", "q[i] * q[i]"),
    "scale = rsqrt_{s}(total / {s}(N) + {s}(h))",
]
STANDARDIZE = _routine("x", [*_DEVIATIONS, *_each("q[i] = q[i] * scale")])
STANDARDIZE_BACKWARD = _routine(
    "gx",
    [
        *_DEVIATIONS,
        *_sum("total", "g[i]"),
        "u = total / {s}(N)",
        *_each("q[i] = q[i] * scale"),
        *_sum("total", "g[i] * q[i]"),
        "v = total / {s}(N)",
        *_each("q[i] = scale * ((g[i] - u) - q[i] * v)"),
    ],
)
