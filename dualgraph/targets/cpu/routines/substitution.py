"""Triangular systems by substitution, one row of the solution after the other.

Row i of the solution is row i of the right side less the rows before it (for an upper matrix: the
rows after it, the last one first) times their coefficients, each step one fma, in the order in
which the rows were found; then it is divided by the diagonal. The loop over columns is innermost,
so that it vectorises and no order depends on it.
"""

from typing import Any

from ..prelude import suffix
from .registry import Arguments, Work, register

_ROW = """{i}for i in range(n):
{i}    p = {row}
{i}    x = ptr_{s}(xs + p * r * {z})
{i}    k = 0
{i}    while k + 4 <= i:
{i}        q0, q1, q2, q3 = {q0}, {q1}, {q2}, {q3}
{i}        c0, c1 = -t[p * sp + q0 * sq], -t[p * sp + q1 * sq]
{i}        c2, c3 = -t[p * sp + q2 * sq], -t[p * sp + q3 * sq]
{i}        x0, x1 = ptr_{s}(xs + q0 * r * {z}), ptr_{s}(xs + q1 * r * {z})
{i}        x2, x3 = ptr_{s}(xs + q2 * r * {z}), ptr_{s}(xs + q3 * r * {z})
{i}        for j in range(r):
{i}            v = fma(c0, x0[j], x[j])
{i}            v = fma(c1, x1[j], v)
{i}            v = fma(c2, x2[j], v)
{i}            x[j] = fma(c3, x3[j], v)
{i}        k += 4
{i}    while k < i:
{i}        q0 = {q0}
{i}        c0 = -t[p * sp + q0 * sq]
{i}        x0 = ptr_{s}(xs + q0 * r * {z})
{i}        for j in range(r):
{i}            x[j] = fma(c0, x0[j], x[j])
{i}        k += 1
"""
_DIVIDE = """{i}    d = t[p * sp + p * sq]
{i}    for j in range(r):
{i}        x[j] = x[j] / d
"""


def substitution(s: str, z: int, *, lower: bool, unit: bool, indent: int) -> str:
    """Return the lines that solve in place.

    They use ``t`` (pointer to the triangle), its strides ``sp`` and ``sq`` along rows and columns,
    ``xs`` (address of the right side), ``n``, and ``r`` (columns of the right side).
    """
    forward = {"row": "i", "q0": "k", "q1": "k + 1", "q2": "k + 2", "q3": "k + 3"}
    backward = {name: f"n - 1 - ({text})" for name, text in forward.items()}
    names = {"s": s, "z": z, "i": " " * indent, **(forward if lower else backward)}
    return (_ROW if unit else _ROW + _DIVIDE).format(**names)


_TRIANGLE = Arguments("t b", "n r sp sq")
_TRIANGULAR = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    n, r, sp, sq = {a.n}, {a.r}, {a.sp}, {a.sq}
    for item in range(lo, hi):
        t = ptr_{s}({a.t} + item * n * n * {z})
        xs = {a.out} + item * n * r * {z}
        b, y = ptr_{s}({a.b} + item * n * r * {z}), ptr_{s}(xs)
        for j in range(n * r):
            y[j] = b[j]
{solve}"""


def _triangular_text(t: Any, b: Any, out: Any, *, lower: bool, transposed: bool, unit: bool) -> str:
    s, z = suffix(t.dtype), t.dtype.itemsize
    solve = substitution(s, z, lower=lower != transposed, unit=unit, indent=8)
    return _TRIANGLE.fill(_TRIANGULAR, t.dtype, solve=solve)


def batch_work(numbers: tuple[int, ...], items: int, steps: int, scratch: int = 0) -> Work:
    """Return the work of a kernel whose items are whole matrices of ``steps`` fma each."""
    return Work(numbers, items, max(1, 100_000 // max(1, steps)), scratch)


def count(shape: tuple[int, ...]) -> int:
    """Return the number of matrices in a batch of this shape."""
    total = 1
    for extent in shape[:-2]:
        total *= extent
    return total


def _triangular_work(
    t: Any, b: Any, out: Any, *, lower: bool, transposed: bool, unit: bool
) -> Work:
    n, r = out.shape[-2:]
    sp, sq = (1, n) if transposed else (n, 1)
    numbers = _TRIANGLE.pack(n=n, r=r, sp=sp, sq=sq)
    return batch_work(numbers, count(out.shape), n * n * r)


# Solve T X = B, or its transpose; T (..., n, n) and B (..., n, r) with equal batches.
register("solve_triangular", _triangular_text, _triangular_work)

_FACTORS = Arguments("both order b", "n r")
_FACTORED = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    n, r = {a.n}, {a.r}
    for item in range(lo, hi):
        t = ptr_{s}({a.both} + item * n * n * {z})
        order = ptr_i8({a.order} + item * n * 8)
        b = ptr_{s}({a.b} + item * n * r * {z})
        xs = {target} + item * n * r * {z}
        for i in range(n):
            p = {source}
            x = ptr_{s}(xs + i * r * {z})
            for j in range(r):
                x[j] = b[p * r + j]
        sp, sq = {strides}
{solve}{restore}"""
_RESTORE = """        y, w = ptr_{s}({a.out} + item * n * r * {z}), ptr_{s}(xs)
        for i in range(n):
            p = order[i]
            for j in range(r):
                y[p * r + j] = w[i * r + j]
"""


def _factored_text(both: Any, order: Any, b: Any, out: Any, *, transposed: bool) -> str:
    s, z = suffix(b.dtype), b.dtype.itemsize
    first = substitution(s, z, lower=True, unit=not transposed, indent=8)
    second = substitution(s, z, lower=False, unit=transposed, indent=8)
    words = _FACTORS.words
    return _FACTORS.fill(
        _FACTORED,
        b.dtype,
        target=words.scratch if transposed else words.out,
        source="i" if transposed else "order[i]",
        strides="1, n" if transposed else "n, 1",
        solve=first + second,
        restore=_FACTORS.fill(_RESTORE, b.dtype) if transposed else "",
    )


def _factored_work(both: Any, order: Any, b: Any, out: Any, *, transposed: bool) -> Work:
    n, r = out.shape[-2:]
    scratch = count(out.shape) * n * r * out.dtype.itemsize if transposed else 0
    numbers = _FACTORS.pack(n=n, r=r)
    return batch_work(numbers, count(out.shape), 2 * n * n * r, scratch)


# Solve A X = B, or its transpose, from the LU factors of A and the order of its rows.
register("solve_factored", _factored_text, _factored_work)
