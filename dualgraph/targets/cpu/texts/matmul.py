"""The text of batched matrix products; programs, convolutions and eager call one machine code."""

import numpy as np

from ..arguments import Block
from ..gemm.items import gemm_items as gemm_items
from ..prelude import suffix, with_imports

BLOCK = Block.of("A B C m n k ras cas rbs cbs rcs ccs A_batch B_batch C_batch resumed")
"""Addresses; extents; row and column strides of each; batch strides (elements); whether the chains
resume from C."""
_A = BLOCK.words()

PROGRAM_TEXT = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    m, n, k = {a.m}, {a.n}, {a.k}
    per_product = gemm_items(m, n, k)
    while lo < hi:
        batch = lo // per_product
        first = lo - batch * per_product
        last = min(per_product, first + hi - lo)
        gemm_{s}(
            ptr_{s}({a.A} + batch * {a.A_batch} * {z}),
            ptr_{s}({a.B} + batch * {a.B_batch} * {z}),
            ptr_{s}({a.C} + batch * {a.C_batch} * {z}),
            m, n, k, {a.ras}, {a.cas}, {a.rbs}, {a.cbs}, {a.rcs}, {a.ccs}, {a.resumed}, first, last,
        )
        lo += last - first
"""


def program_text(dtype: np.dtype) -> str:
    """Return the source of the kernel that programs call; eager calls the same machine code."""
    return with_imports(PROGRAM_TEXT.format(a=_A, s=suffix(dtype), z=dtype.itemsize))
