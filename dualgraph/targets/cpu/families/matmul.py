"""Batched matrix products for eager: a gufunc around the exact gemm.

Each output element is one ascending chain of fma over the contracted index (see `gemm`).
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..gemm.items import gemm_items as gemm_items
from ..prelude import suffix, with_imports
from ..toolchain.native import address_of, content_name
from ..ufunc import make_gufunc

PROGRAM_TEXT = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    m, n, k = a[3], a[4], a[5]
    per_product = gemm_items(m, n, k)
    while lo < hi:
        batch = lo // per_product
        first = lo - batch * per_product
        last = min(per_product, first + hi - lo)
        gemm_{s}(
            ptr_{s}(a[0] + batch * a[12] * {z}),
            ptr_{s}(a[1] + batch * a[13] * {z}),
            ptr_{s}(a[2] + batch * a[14] * {z}),
            m, n, k, a[6], a[7], a[8], a[9], a[10], a[11], a[15], first, last,
        )
        lo += last - first
"""
"""Arguments: A, B, C; m, n, k; row and column strides of each; batch strides (elements);
whether the chains resume from C."""

EAGER_TEXT = """def KERNEL(args, dims, steps, data):
    a = ptr_i8(args)
    d = ptr_i8(dims)
    c = ptr_i8(steps)
    block = stack_i8(16)
    block[3], block[4], block[5], block[15] = d[1], d[3], d[2], 0
    for j in range(6):
        block[6 + j] = c[3 + j] // {z}
    hi = gemm_items(d[1], d[3], d[2])
    for i in range(d[0]):
        for j in range(3):
            block[j] = a[j] + i * c[j]
        call_kernel(data, address(block), 0, hi)
    clear_fp_flags()
"""


@dataclass(frozen=True, slots=True)
class Gemm:
    """Marks the op whose kernel is the exact matrix product."""


class _Products(dict[str, Any]):
    def __missing__(self, char: str) -> Any:
        dtype = np.dtype(char)
        text = with_imports(EAGER_TEXT.format(z=dtype.itemsize))
        product = program_text(dtype)
        address = address_of(product, content_name("gemm", product))
        label = f"matmul_{suffix(dtype)}"
        signature = "(m,k),(k,n)->(m,n)"
        self[char] = make_gufunc(text, (dtype, dtype), dtype, label, signature, address)
        return self[char]


def program_text(dtype: np.dtype) -> str:
    """Return the source of the kernel that programs call; eager calls the same machine code."""
    return with_imports(PROGRAM_TEXT.format(s=suffix(dtype), z=dtype.itemsize))


_products = _Products()


def matmul(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the product of matrices or batches of matrices of one float dtype.

    Batches of rows times one matrix are one product, which packs that matrix once.
    """
    product = _products[x.dtype.char]
    if y.ndim == 2 < x.ndim and x.flags.c_contiguous:
        rows = x.reshape(prod(x.shape[:-1]), x.shape[-1])
        return product(rows, y, out=...).reshape(*x.shape[:-1], y.shape[-1])
    return product(x, y, out=...)
