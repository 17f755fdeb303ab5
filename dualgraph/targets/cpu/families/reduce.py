"""Reductions in one canonical order, a function of logical shape, axes and dtype alone.

A reduction over one contiguous group of axes sees its input as ``(P, N, Q)`` and reduces ``N``.

**Inner** (``Q == 1``: the innermost axis is reduced). The N elements are cut into blocks of `BLOCK`
= 128 rows of `LANES` = 128 elements. In a block, lane j starts with the neutral element (of
addition: -0) and combines elements j, j+128, ... in ascending order; then the lanes are folded: for
h = 64, 32, ... 1, lane j < h takes lane j+h. **Outer** (``Q > 1``: the innermost axis is
kept). Blocks of `ROWS` = 128 rows; in a block, each column combines its rows in ascending order. In
both, when there is more than one block, the blocks' results are reduced in the same way as a new N.
No element gives the identity.

Chains are at most 128 + 7 long before the next level, so that the error grows with log N, as in
pairwise summation (Higham, "The accuracy of floating point summation", 1993). The lanes are
independent, so that the loop vectorises without being reordered.

The text is built once, by `inner_body` and `outer_body`; eager fills in a plain load, the compiler
the expression of whatever it fused into the reduction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ..gemm.lanes import LANES
from ..prelude import suffix, with_imports
from ..ufunc import make_gufunc

ROWS = 128
BLOCK = LANES * ROWS

Value = Callable[[str, str], tuple[list[str], str]]
"""From the indices within an item (reduced, kept) to statements and the element's expression."""


@dataclass(frozen=True, slots=True)
class Reduce:
    """What is combined; ``{a}`` is the running value, ``{b}`` the next element."""

    combine: str
    combine_float: str
    neutral: str  # of {s}: combined with x it gives x in every bit; {low}, {high}: the dtype's ends
    identity: str  # of {s}: the result of no elements; "" where that is an error

    def start(self, dtype: np.dtype) -> str:
        """Return the neutral element as a typed expression."""
        return self._typed(self.neutral, dtype)

    def empty(self, dtype: np.dtype) -> str:
        """Return the result of an empty reduction as a typed expression."""
        return self._typed(self.identity or "{s}(0)", dtype)

    def _typed(self, text: str, dtype: np.dtype) -> str:
        ends = ("-inf", "inf") if dtype.kind == "f" else _integer_ends(dtype)
        return text.format(s=suffix(dtype), low=ends[0], high=ends[1])

    def step(self, a: str, b: str, dtype: np.dtype) -> str:
        text = self.combine_float if dtype.kind == "f" else self.combine
        text = text.format(a=a, b=b)
        return f"{suffix(dtype)}({text})" if dtype.kind in "iu" else text


def _integer_ends(dtype: np.dtype) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def extents(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (P, N, Q) of a reduction over a contiguous group of axes (sorted, not empty)."""
    first, last = axes[0], axes[-1]
    return prod(shape[:first]), prod(shape[first : last + 1]), prod(shape[last + 1 :])


def blocks(n: int, q: int) -> int:
    """Return into how many blocks N elements are cut (1 when the result is final)."""
    return max(1, -(-n // (BLOCK if q == 1 else ROWS)))


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
        *_indent(setup, 1),
        f"    for j in range({LANES}):",
        f"        acc[j] = {spec.start(dtype)}",
        f"    for r in range(0, n, {LANES}):",
        f"        for j in range(min(n - r, {LANES})):",
        *_indent(_step(spec, dtype, value, "r + j", "0"), 3),
        f"    h = {LANES // 2}",
        "    while h >= n and h > 0:  # lanes from n on are still neutral",
        "        h //= 2",
        "    while h > 0:",
        "        for j in range(h):",
        f"            acc[j] = {spec.step('acc[j]', 'acc[j + h]', dtype)}",
        "        h //= 2",
        f"    out[item] = acc[0] if n > 0 else {spec.empty(dtype)}",
    ]


def outer_body(spec: Reduce, dtype: np.dtype, setup: list[str], value: Value) -> list[str]:
    """Return the loop over items; it uses ``p``, first row ``r0`` and first column ``j0``."""
    return [
        f"acc = stack_{suffix(dtype)}({LANES})",
        f"tiles = (Q + {LANES - 1}) // {LANES}",
        f"start = {spec.start(dtype)} if N > 0 else {spec.empty(dtype)}",
        "for item in range(lo, hi):",
        "    rest = item // tiles",
        f"    j0 = (item - rest * tiles) * {LANES}",
        "    p = rest // blocks",
        f"    r0 = (rest - p * blocks) * {ROWS}",
        f"    w = min(Q - j0, {LANES})",
        *_indent(setup, 1),
        "    for j in range(w):",
        "        acc[j] = start",
        f"    for r in range(min(N - r0, {ROWS})):",
        "        for j in range(w):",
        *_indent(_step(spec, dtype, value, "r", "j"), 3),
        "    base = rest * Q + j0",
        "    for j in range(w):",
        "        out[base + j] = acc[j]",
    ]


def _indent(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def _step(spec: Reduce, dtype: np.dtype, value: Value, n: str, q: str) -> list[str]:
    lines, expression = value(n, q)
    return [*lines, f"e = {expression}", f"acc[j] = {spec.step('acc[j]', 'e', dtype)}"]


# --- eager ---------------------------------------------------------------------------------------


def _eager_source(spec: Reduce, dtype: np.dtype, inner: bool) -> str:
    """Return the loop of the gufunc ``(p,n,q)->(p,m,q)``; m is the number of blocks.

    The innermost axis that is longer than 1 is contiguous: `eager_kernel` sees to it.
    """
    size, s = dtype.itemsize, suffix(dtype)
    body = inner_body if inner else outer_body
    setup = [f"x = ptr_{s}(a[0] + (p * sp + r0 * sn{'' if inner else ' + j0'}) * {size})"]
    lines = [
        "a = ptr_i8(args)",
        "d = ptr_i8(dims)",
        "c = ptr_i8(steps)",
        "P, N, Q, blocks = d[1], d[2], d[3], d[4]",
        f"sp, sn = c[2] // {size}, c[3] // {size}",
        f"out = ptr_{s}(a[1])",
        f"lo, hi = 0, P * blocks{'' if inner else f' * ((Q + {LANES - 1}) // {LANES})'}",
        *body(spec, dtype, setup, lambda n, q: ([], f"x[{n}]" if inner else f"x[{n} * sn + {q}]")),
        "clear_fp_flags()",
    ]
    head = "def KERNEL(args, dims, steps, data):\n"
    return with_imports(head + "\n".join(_indent(lines, 1)) + "\n")


class _Levels(dict[tuple[str, bool], Any]):
    def __init__(self, name: str, spec: Reduce) -> None:
        super().__init__()
        self.name, self.spec = name, spec

    def __missing__(self, key: tuple[str, bool]) -> Any:
        dtype, inner = np.dtype(key[0]), key[1]
        text = _eager_source(self.spec, dtype, inner)
        label = f"{self.name}_{'inner' if inner else 'outer'}_{suffix(dtype)}"
        self[key] = make_gufunc(text, (dtype,), dtype, label, "(p,n,q)->(p,m,q)")
        return self[key]


def eager_kernel(name: str, spec: Reduce) -> Any:
    """Return ``kernel(x, axes, keepdim)`` that reduces in the canonical order."""
    levels = _Levels(name, spec)

    def kernel(x: np.ndarray, axes: tuple[int, ...], keepdim: bool) -> np.ndarray:
        (p, n, q), shape = _shapes(x.shape, axes, keepdim)
        level = levels[x.dtype.char, q == 1]
        y = _contiguous_innermost(x.reshape(p, n, q))
        while True:
            m = blocks(n, q)
            y = level(y, np.empty((p, m, q), x.dtype))
            if m == 1:
                return y.reshape(shape)
            n = m

    return kernel


@lru_cache(maxsize=4096)
def _shapes(
    shape: tuple[int, ...], axes: tuple[int, ...], keepdim: bool
) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    return extents(shape, axes), reduced_shape(shape, axes, keepdim)


def _contiguous_innermost(x: np.ndarray) -> np.ndarray:
    """Return the array, or a copy, with the axis contiguous along which lanes run."""
    axis = 1 if x.shape[2] == 1 else 2
    return x if x.strides[axis] == x.itemsize else np.array(x, order="C")


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    """Return the shape without the reduced axes, or with extent 1 in their place."""
    if keepdim:
        return tuple(1 if i in axes else e for i, e in enumerate(shape))
    return tuple(e for i, e in enumerate(shape) if i not in axes)
