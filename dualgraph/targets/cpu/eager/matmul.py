"""Batched matrix products for eager: a gufunc around the exact gemm."""

from math import prod
from typing import Any

import numpy as np

from ....core.op import Kernel, Op
from ..arguments import Block
from ..prelude import suffix, with_imports
from ..texts.matmul import BLOCK, program_text
from ..toolchain.native import address_of, content_name
from .ufunc import make_gufunc

_DIMS = Block.of("count m k n").words("d")
_TEXT = """def KERNEL(args, dims, steps, data):
    a = ptr_i8(args)
    d = ptr_i8(dims)
    c = ptr_i8(steps)
    block = stack_i8({size})
    {block.m}, {block.n}, {block.k}, {block.resumed} = {d.m}, {d.n}, {d.k}, 0
    for j in range(6):
        block[{first} + j] = c[3 + j] // {z}
    hi = gemm_items({d.m}, {d.n}, {d.k})
    for i in range({d.count}):
        for j in range(3):
            block[j] = a[j] + i * c[j]
        call_kernel(data, address(block), 0, hi)
    clear_fp_flags()
"""


class _Products(dict[str, Any]):
    def __missing__(self, char: str) -> Any:
        dtype = np.dtype(char)
        text = with_imports(
            _TEXT.format(
                d=_DIMS,
                block=BLOCK.words("block"),
                first=BLOCK.at("ras"),
                size=BLOCK.size,
                z=dtype.itemsize,
            )
        )
        product = program_text(dtype)
        address = address_of(product, content_name("gemm", product))
        label = f"matmul_{suffix(dtype)}"
        signature = "(m,k),(k,n)->(m,n)"
        self[char] = make_gufunc(text, (dtype, dtype), dtype, label, signature, address)
        return self[char]


_products = _Products()


def _matmul(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the product of matrices or batches of matrices of one float dtype.

    Batches of rows times one matrix are one product, which packs that matrix once.
    """
    product = _products[x.dtype.char]
    if y.ndim == 2 < x.ndim and x.flags.c_contiguous:
        rows = x.reshape(prod(x.shape[:-1]), x.shape[-1])
        return product(rows, y, out=...).reshape(*x.shape[:-1], y.shape[-1])
    return product(x, y, out=...)


def kernel_of(op: Op) -> Kernel:
    """Return the eager kernel of a matrix product."""
    return _matmul
