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
"""

from dataclasses import dataclass
from math import prod

from ...core.op import Facts

LANES = 128
ROWS = 128
BLOCK = LANES * ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(Facts):
    """The monoid; ``{a}`` is the running value, ``{b}`` the next element."""

    combine: str
    combine_float: str
    neutral: str  # of {s}: combined with x it gives x in every bit; {low}, {high}: the dtype's ends
    identity: str = ""  # of {s}: the result of no elements; "" where that is an error


def extents(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (P, N, Q) of a reduction over a contiguous group of axes (sorted, not empty)."""
    first, last = axes[0], axes[-1]
    return prod(shape[:first]), prod(shape[first : last + 1]), prod(shape[last + 1 :])


def blocks(n: int, q: int) -> int:
    """Return into how many blocks N elements are cut (1 when the result is final)."""
    return max(1, -(-n // (BLOCK if q == 1 else ROWS)))


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    """Return the shape without the reduced axes, or with extent 1 in their place."""
    if keepdim:
        return tuple(1 if i in axes else e for i, e in enumerate(shape))
    return tuple(e for i, e in enumerate(shape) if i not in axes)
