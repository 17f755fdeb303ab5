"""Routines over rows: softmax and its kin, and standardization, with their gradients.

A row is what the last axes hold. It is read several times while it lies in the nearest cache, so
that no pass over memory is needed between its reductions and what follows. The order of a reduction
over a row is that of `numerics.facts.reduction` within each block of `BLOCK` elements; the blocks'
results are combined in ascending order.
"""

from math import prod
from typing import Any

import numpy as np

from ....numerics.facts.reduction import BLOCK
from ..arguments import Block
from .registry import Arguments, Work, register

_NUMBERS = "N h"  # the length of a row, the bits of a float64
_GRAIN = 8192  # elements of one chunk


def _sum(name: str, call: str) -> list[str]:
    """Return the lines that add up a row, block by block."""
    return [
        f"{name} = {{s}}(-0.0)",
        f"for start in range(0, N, {BLOCK}):",
        f"    {name} = {name} + {call}, start, min(N - start, {BLOCK}))",
    ]


def _each(*lines: str) -> list[str]:
    return ["for i in range(N):", *("    " + line for line in lines)]


def _rows(name: str, inputs: str, body: list[str]) -> None:
    """Register a routine; its rows are named by a letter each: ``inputs``, then ``q``, the result.

    It reads N and the bits of a float64, ``{s}(h)``; in the lines ``{s}`` is the dtype.
    """
    arguments = Arguments(" ".join(inputs), _NUMBERS)
    block = arguments.block
    head = [
        "a = ptr_i8(args)",
        f"N, h = {block['N']}, ptr_f8(args + {8 * block.at('h')})[0]",
        "for row in range(lo, hi):",
        *(
            f"    {letter} = ptr_{{s}}({block[name]} + row * N * {{z}})"
            for letter, name in zip(f"{inputs}q", (*inputs, "out"), strict=True)
        ),
        *("    " + line for line in body),
    ]
    template = "\n".join(["def KERNEL(args, lo, hi):", *("    " + line for line in head), ""])

    def text(*avals: Any, **static: Any) -> str:
        return arguments.fill(template, avals[0].dtype)

    register(name, text, _work)


def _work(*avals: Any, axes: int, number: float = 0.0) -> Work:
    shape = avals[-1].shape
    length = prod(shape[len(shape) - axes :])
    rows = prod(shape[: len(shape) - axes])
    bits = int(np.array(number, np.float64).view(np.int64))
    numbers = Block.of(_NUMBERS).pack(N=length, h=bits)
    return Work(tuple(numbers), rows, max(1, _GRAIN // max(1, length)))


_TOP = ["top = lane_max(x, 0, N)"]
_EXPONENTIALS = [*_each("q[i] = exp_{s}(x[i] - top)"), *_sum("total", "lane_sum(q")]

_rows("softmax", "x", [*_TOP, *_EXPONENTIALS, *_each("q[i] = q[i] / total")])
_rows(
    "softmax_weights",  # a row of -inf alone becomes zeros
    "x",
    [
        *_TOP,
        "top = select(top == {s}(-inf), {s}(0), top)",
        *_EXPONENTIALS,
        "total = select(total == {s}(0), {s}(1), total)",
        *_each("q[i] = q[i] / total"),
    ],
)
_rows(
    "log_softmax",
    "x",
    [
        *_TOP,
        *_EXPONENTIALS,
        "total = log_{s}(total)",
        *_each("q[i] = (x[i] - top) - total"),
    ],
)
_rows(
    "softmax_backward",
    "gy",
    [*_sum("total", "lane_dot(g, y"), *_each("q[i] = y[i] * (g[i] - total)")],
)
_rows(
    "log_softmax_backward",
    "gy",
    [*_sum("total", "lane_sum(g"), *_each("q[i] = g[i] - exp_{s}(y[i]) * total")],
)

_DEVIATIONS = [  # q holds x - mean, scale is 1 / sqrt(variance + h)
    *_sum("total", "lane_sum(x"),
    "c = total / {s}(N)",
    *_each("q[i] = x[i] - c"),
    *_sum("total", "lane_dot(q, q"),
    "scale = rsqrt_{s}(total / {s}(N) + {s}(h))",
]
_rows("standardize", "x", [*_DEVIATIONS, *_each("q[i] = q[i] * scale")])
_rows(
    "standardize_backward",
    "gx",
    [
        *_DEVIATIONS,
        *_sum("total", "lane_sum(g"),
        "u = total / {s}(N)",
        *_each("q[i] = q[i] * scale"),
        *_sum("total", "lane_dot(g, q"),
        "v = total / {s}(N)",
        *_each("q[i] = scale * ((g[i] - u) - q[i] * v)"),
    ],
)
