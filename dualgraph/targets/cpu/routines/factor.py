"""Factorizations of dense matrices: Cholesky, LU with partial pivoting, Householder QR.

They are the textbook algorithms (Golub and Van Loan, *Matrix Computations*, 4th ed., sections 4.2,
3.4 and 5.2) on row-major memory with the loop over columns innermost: it vectorises, and every
element is one chain of fma in an order that no machine changes. An item is one matrix.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from ....numerics.facts.routine import qr_extents
from ..arguments import STATUS
from .registry import Arguments, Work, register
from .substitution import batch_work, count


def _failure(arguments: Arguments) -> SimpleNamespace:
    """Return the status words of a kernel that has no pointer to them."""
    return STATUS.words(f"ptr_i8({arguments.block['status']})")


# --- Cholesky -----------------------------------------------------------------------------------

_SQUARE = Arguments("x", "n")
_CHOLESKY = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    n = {a.n}
    zero = {s}(0.0)
    for item in range(lo, hi):
        x, y = ptr_{s}({a.x} + item * n * n * {z}), ptr_{s}({a.out} + item * n * n * {z})
        column = ptr_{s}({a.scratch} + item * n * {z})
        for i in range(n):
            for j in range(n):
                y[i * n + j] = x[i * n + j] if j <= i else zero
        for k in range(n):
            d = y[k * n + k]
            if not (d > zero):
                {failure.index} = k
                {failure.failed} = 1
                break
            d = sqrt(d)
            y[k * n + k] = d
            for i in range(k + 1, n):
                column[i] = y[i * n + k] / d
                y[i * n + k] = column[i]
            tail = ptr_{s}({a.scratch} + (item * n + k + 1) * {z})
            for i in range(k + 1, n):
                row = ptr_{s}({a.out} + ((item * n + i) * n + k + 1) * {z})
                c = -column[i]
                for j in range(i - k):
                    row[j] = fma(c, tail[j], row[j])
"""


def _cholesky_work(x: Any, out: Any) -> Work:
    n, items = out.shape[-1], count(out.shape)
    return batch_work(_SQUARE.pack(n=n), items, n**3 // 3, items * n * out.dtype.itemsize)


def _cholesky_text(x: Any, out: Any) -> str:
    return _SQUARE.fill(_CHOLESKY, x.dtype, failure=_failure(_SQUARE))


# The lower factor of the lower triangle of the input.
register("cholesky", _cholesky_text, _cholesky_work)

# --- LU -----------------------------------------------------------------------------------------

LU_PANEL = 4  # columns that are eliminated before the rest of the matrix is touched

_MATRIX = Arguments("x", "m n", results="both pivots order inverse sign regular")
_LU = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    m, n = {a.m}, {a.n}
    small = min(m, n)
    for item in range(lo, hi):
        x, base = ptr_{s}({a.x} + item * m * n * {z}), {a.both} + item * m * n * {z}
        y, pivots = ptr_{s}(base), ptr_i4({a.pivots} + item * small * 4)
        order, inverse = ptr_i8({a.order} + item * m * 8), ptr_i8({a.inverse} + item * m * 8)
        for j in range(m * n):
            y[j] = x[j]
        for i in range(m):
            order[i] = i
        sign, regular = {s}(1.0), True
        first = 0
        while first < small:
            last = min(first + {panel}, small)
            for k in range(first, last):
                best, top = k, fabs(y[k * n + k])
                for i in range(k + 1, m):
                    v = fabs(y[i * n + k])
                    if v > top:
                        best, top = i, v
                pivots[k] = best + 1
                if best != k:
                    sign = -sign
                    p, q = ptr_{s}(base + k * n * {z}), ptr_{s}(base + best * n * {z})
                    for j in range(n):
                        v = p[j]
                        p[j] = q[j]
                        q[j] = v
                    at = order[k]
                    order[k] = order[best]
                    order[best] = at
                d = y[k * n + k]
                if d == {s}(0.0):
                    regular = False
{singular}                for i in range(k + 1, m):
                    c = y[i * n + k] / d
                    y[i * n + k] = c
                    for j in range(k + 1, last):
                        y[i * n + j] = fma(-c, y[k * n + j], y[i * n + j])
            width = n - last
            for k in range(first, last):
                p = ptr_{s}(base + (k * n + last) * {z})
                for i in range(k + 1, last):
                    c = -y[i * n + k]
                    row = ptr_{s}(base + (i * n + last) * {z})
                    for j in range(width):
                        row[j] = fma(c, p[j], row[j])
            if last == first + {panel}:
                p0 = ptr_{s}(base + (first * n + last) * {z})
                p1 = ptr_{s}(base + (first * n + n + last) * {z})
                p2 = ptr_{s}(base + (first * n + 2 * n + last) * {z})
                p3 = ptr_{s}(base + (first * n + 3 * n + last) * {z})
                for i in range(last, m):
                    row = ptr_{s}(base + (i * n + last) * {z})
                    at = i * n + first
                    c0, c1, c2, c3 = -y[at], -y[at + 1], -y[at + 2], -y[at + 3]
                    for j in range(width):
                        v = fma(c0, p0[j], row[j])
                        v = fma(c1, p1[j], v)
                        v = fma(c2, p2[j], v)
                        row[j] = fma(c3, p3[j], v)
            else:
                for i in range(last, m):
                    row = ptr_{s}(base + (i * n + last) * {z})
                    for k in range(first, last):
                        c = -y[i * n + k]
                        p = ptr_{s}(base + (k * n + last) * {z})
                        for j in range(width):
                            row[j] = fma(c, p[j], row[j])
            first = last
        for i in range(m):
            inverse[order[i]] = i
        ptr_{s}({a.sign} + item * {z})[0] = sign
        ptr_b1({a.regular} + item)[0] = regular
"""
_ZERO_PIVOT = {
    "raise": "{failure.index} = k\n{more}{failure.failed} = 1\n{more}continue",
    "keep": "continue",
    "move": "d = {s}({tiny})\n{more}y[k * n + k] = d",
}
"""What is done where a pivot is exactly zero: it stands for a tiny one in the rule of det."""


def _lu_text(x: Any, *results: Any, zero: str) -> str:
    tiny, failure, indent = float(np.finfo(x.dtype).eps), _failure(_MATRIX), " " * 20
    lines = _MATRIX.fill(_ZERO_PIVOT[zero], x.dtype, tiny=tiny, failure=failure, more=indent)
    return _MATRIX.fill(_LU, x.dtype, panel=LU_PANEL, singular=f"{indent}{lines}\n")


def _lu_work(x: Any, *results: Any, zero: str) -> Work:
    m, n = x.shape[-2:]
    return batch_work(_MATRIX.pack(m=m, n=n), count(x.shape), m * n * min(m, n))


# ``x[order] = L U`` in one matrix, the exchanges, the order and its inverse, the sign of the order,
# and whether no pivot was zero.
register("lu_factor", _lu_text, _lu_work)

# --- QR -----------------------------------------------------------------------------------------

_PARTS = Arguments("x", "m n q rows", results="q_out r_out")
_QR = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    m, n, q, rows = {a.m}, {a.n}, {a.q}, {a.rows}
    small = min(m, n)
    zero, one = {s}(0.0), {s}(1.0)
    for item in range(lo, hi):
        x, ws = ptr_{s}({a.x} + item * m * n * {z}), {a.scratch} + item * (m * n + m + n + q) * {z}
        y = ptr_{s}(ws)
        tau, dots = ptr_{s}(ws + m * n * {z}), ptr_{s}(ws + (m * n + m) * {z})
        qs = {a.q_out} + item * m * q * {z}
        for j in range(m * n):
            y[j] = x[j]
        for k in range(small):
            top = zero
            for i in range(k + 1, m):
                v = fabs(y[i * n + k])
                top = v if (v > top or v != v) else top
            tau[k] = zero
            if top == zero:
                continue
            alpha = y[k * n + k]
            top = max(top, fabs(alpha))
            total = (alpha / top) * (alpha / top)
            for i in range(k + 1, m):
                v = y[i * n + k] / top
                total = fma(v, v, total)
            norm = top * sqrt(total)
            beta = norm if alpha < zero else -norm
            tau[k] = (beta - alpha) / beta
            shift = alpha - beta
            for i in range(k + 1, m):
                y[i * n + k] = y[i * n + k] / shift
            y[k * n + k] = beta
            width = n - k - 1
            head = ptr_{s}(ws + (k * n + k + 1) * {z})
            for j in range(width):
                dots[j] = head[j]
            for i in range(k + 1, m):
                c, row = y[i * n + k], ptr_{s}(ws + (i * n + k + 1) * {z})
                for j in range(width):
                    dots[j] = fma(c, row[j], dots[j])
            for j in range(width):
                dots[j] = tau[k] * dots[j]
                head[j] = head[j] - dots[j]
            for i in range(k + 1, m):
                c, row = -y[i * n + k], ptr_{s}(ws + (i * n + k + 1) * {z})
                for j in range(width):
                    row[j] = fma(c, dots[j], row[j])
        out = ptr_{s}(qs)
        for i in range(m):
            for j in range(q):
                out[i * q + j] = one if i == j else zero
        if q > 0:
            for back in range(small):
                k = small - 1 - back
                width = q - k
                head = ptr_{s}(qs + (k * q + k) * {z})
                for j in range(width):
                    dots[j] = head[j]
                for i in range(k + 1, m):
                    c, row = y[i * n + k], ptr_{s}(qs + (i * q + k) * {z})
                    for j in range(width):
                        dots[j] = fma(c, row[j], dots[j])
                for j in range(width):
                    dots[j] = tau[k] * dots[j]
                    head[j] = head[j] - dots[j]
                for i in range(k + 1, m):
                    c, row = -y[i * n + k], ptr_{s}(qs + (i * q + k) * {z})
                    for j in range(width):
                        row[j] = fma(c, dots[j], row[j])
        upper = ptr_{s}({a.r_out} + item * rows * n * {z})
        for i in range(rows):
            for j in range(n):
                upper[i * n + j] = y[i * n + j] if j >= i else zero
"""


def _qr_work(x: Any, *results: Any, mode: str) -> Work:
    m, n = x.shape[-2:]
    q, rows = qr_extents(m, n, mode)
    items = count(x.shape)
    scratch = items * (m * n + m + n + q) * x.dtype.itemsize
    numbers = _PARTS.pack(m=m, n=n, q=q, rows=rows)
    return batch_work(numbers, items, 2 * m * (n + q) * min(m, n), scratch)


def _qr_text(x: Any, *results: Any, mode: str) -> str:
    return _PARTS.fill(_QR, x.dtype)


# Q and R; the signs of R's diagonal are LAPACK's.
register("qr", _qr_text, _qr_work)
