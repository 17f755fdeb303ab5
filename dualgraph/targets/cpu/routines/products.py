"""Matrix products of integers, and the exponential of a matrix."""

from typing import Any

from ..prelude import suffix
from .registry import Arguments, Work, register
from .substitution import batch_work, count

_PRODUCT = Arguments("x y", "m k n")
_INTEGER = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    m, k, n = {a.m}, {a.k}, {a.n}
    for item in range(lo, hi):
        x, ys = ptr_{s}({a.x} + item * k * {z}), {a.y} + (item // m) * k * n * {z}
        out = ptr_{s}({a.out} + item * n * {z})
        for j in range(n):
            out[j] = {s}(0)
        for p in range(k):
            c, y = x[p], ptr_{s}(ys + p * n * {z})
            for j in range(n):
                out[j] = {s}(iadd(out[j], imul(c, y[j])))
"""


def _integer_work(x: Any, y: Any, out: Any) -> Work:
    (m, k), n = x.shape[-2:], out.shape[-1]
    return batch_work(_PRODUCT.pack(m=m, k=k, n=n), count(out.shape) * m, k * n)


def _integer_text(x: Any, y: Any, out: Any) -> str:
    return _PRODUCT.fill(_INTEGER, x.dtype)


# Products of batches of equal shape; sums wrap. An item is one row of the result.
register("integer_matmul", _integer_text, _integer_work)

TERMS = {"f4": 10, "f8": 16}
"""Terms of the series: with a norm up to 1/2 the rest is below one unit in the last place."""

_EXPONENTIAL = Arguments("x", "n")
_EXP = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    n = {a.n}
    for item in range(lo, hi):
        x, out = ptr_{s}({a.x} + item * n * n * {z}), ptr_{s}({a.out} + item * n * n * {z})
        scratch = {a.scratch} + item * 2 * n * n * {z}
        scaled, other = ptr_{s}(scratch), ptr_{s}(scratch + n * n * {z})
        norm, scale, squarings = {s}(0.0), {s}(1.0), 0
        for i in range(n):
            total = {s}(0.0)
            for j in range(n):
                total += fabs(x[i * n + j])
            norm = total if (total > norm or total != total) else norm
        while norm > {s}(0.5) and squarings < 1100:
            norm, scale, squarings = norm * {s}(0.5), scale * {s}(0.5), squarings + 1
        for i in range(n * n):
            scaled[i] = x[i] * scale
            out[i] = {s}(0.0)
        for i in range(n):
            out[i * n + i] = {s}(1.0)
        for back in range({terms}):
            divisor = {s}({terms} - back)
            for i in range(n):
                row = ptr_{s}(scratch + (n + i) * n * {z})
                for j in range(n):
                    row[j] = {s}(0.0)
                for k in range(n):
                    c = scaled[i * n + k]
                    y = ptr_{s}({a.out} + (item * n + k) * n * {z})
                    for j in range(n):
                        row[j] = fma(c, y[j], row[j])
            for i in range(n * n):
                out[i] = other[i] / divisor
            for i in range(n):
                out[i * n + i] = out[i * n + i] + {s}(1.0)
        for again in range(squarings):
            for i in range(n):
                row = ptr_{s}(scratch + (n + i) * n * {z})
                for j in range(n):
                    row[j] = {s}(0.0)
                for k in range(n):
                    c = out[i * n + k]
                    y = ptr_{s}({a.out} + (item * n + k) * n * {z})
                    for j in range(n):
                        row[j] = fma(c, y[j], row[j])
            for i in range(n * n):
                out[i] = other[i]
"""


def _exp_text(x: Any, out: Any) -> str:
    return _EXPONENTIAL.fill(_EXP, x.dtype, terms=TERMS[suffix(x.dtype)])


def _exp_work(x: Any, out: Any) -> Work:
    n, items = x.shape[-1], count(x.shape)
    scratch = items * 2 * n * n * x.dtype.itemsize
    return batch_work(_EXPONENTIAL.pack(n=n), items, 24 * n**3, scratch)


# Scaling and squaring with the Taylor series (Moler and Van Loan 2003, method 3).
register("matrix_exp", _exp_text, _exp_work)
