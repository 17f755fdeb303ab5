"""The text of one level of a reduction, in the order that `numerics.facts.reduction` says.

It is built once, by `inner_body` and `outer_body`; eager fills in a plain load, the compiler the
expression of whatever it fused into the reduction.
"""

from collections.abc import Callable

import numpy as np

from ....numerics.facts.reduction import BLOCK, LANES, ROWS, Reduce, blocks
from ..prelude import suffix

Value = Callable[[str, str], tuple[list[str], str]]
"""From the indices within an item (reduced, kept) to statements and the element's expression."""


def start(spec: Reduce, dtype: np.dtype) -> str:
    """Return the neutral element as a typed expression."""
    return _typed(spec.neutral, dtype)


def empty(spec: Reduce, dtype: np.dtype) -> str:
    """Return the result of an empty reduction as a typed expression."""
    return _typed(spec.identity or "{s}(0)", dtype)


def _typed(text: str, dtype: np.dtype) -> str:
    ends = ("-inf", "inf") if dtype.kind == "f" else _integer_ends(dtype)
    return text.format(s=suffix(dtype), low=ends[0], high=ends[1])


def _integer_ends(dtype: np.dtype) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def step(spec: Reduce, a: str, b: str, dtype: np.dtype) -> str:
    """Return the expression that combines the running value with the next element."""
    text = spec.combine_float if dtype.kind == "f" else spec.combine
    text = text.format(a=a, b=b)
    return f"{suffix(dtype)}({text})" if dtype.kind in "iu" else text


def items(p: int, n: int, q: int) -> int:
    """Return the number of independent work items of one level."""
    return p * blocks(n, q) * (1 if q == 1 else -(-q // LANES))


def inner_body(spec: Reduce, dtype: np.dtype, setup: list[str], value: Value) -> list[str]:
    """Return the loop over items; it uses P-row ``p`` and block start ``r0``, stores ``out``."""
    return [
        f"acc = stack_{suffix(dtype)}({LANES})",
        "for item in range(lo, hi):",
        "    p = item // blocks",
        f"    r0 = (item - p * blocks) * {BLOCK}",
        f"    n = min(N - r0, {BLOCK})",
        *indent(setup, 1),
        f"    for j in range({LANES}):",
        f"        acc[j] = {start(spec, dtype)}",
        f"    for r in range(0, n, {LANES}):",
        f"        for j in range(min(n - r, {LANES})):",
        *indent(_step(spec, dtype, value, "r + j", "0"), 3),
        f"    h = {LANES // 2}",
        "    while h >= n and h > 0:  # lanes from n on are still neutral",
        "        h //= 2",
        "    while h > 0:",
        "        for j in range(h):",
        f"            acc[j] = {step(spec, 'acc[j]', 'acc[j + h]', dtype)}",
        "        h //= 2",
        f"    out[item] = acc[0] if n > 0 else {empty(spec, dtype)}",
    ]


def outer_body(spec: Reduce, dtype: np.dtype, setup: list[str], value: Value) -> list[str]:
    """Return the loop over items; it uses ``p``, first row ``r0`` and first column ``j0``."""
    return [
        f"acc = stack_{suffix(dtype)}({LANES})",
        f"tiles = (Q + {LANES - 1}) // {LANES}",
        f"start = {start(spec, dtype)} if N > 0 else {empty(spec, dtype)}",
        "for item in range(lo, hi):",
        "    rest = item // tiles",
        f"    j0 = (item - rest * tiles) * {LANES}",
        "    p = rest // blocks",
        f"    r0 = (rest - p * blocks) * {ROWS}",
        f"    w = min(Q - j0, {LANES})",
        *indent(setup, 1),
        "    for j in range(w):",
        "        acc[j] = start",
        f"    for r in range(min(N - r0, {ROWS})):",
        "        for j in range(w):",
        *indent(_step(spec, dtype, value, "r", "j"), 3),
        "    base = rest * Q + j0",
        "    for j in range(w):",
        "        out[base + j] = acc[j]",
    ]


def indent(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def _step(spec: Reduce, dtype: np.dtype, value: Value, n: str, q: str) -> list[str]:
    lines, expression = value(n, q)
    return [*lines, f"e = {expression}", f"acc[j] = {step(spec, 'acc[j]', 'e', dtype)}"]
