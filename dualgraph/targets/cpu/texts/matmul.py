"""The text of batched matrix products; programs, convolutions and eager call one machine code."""

import numpy as np

from ..gemm.items import gemm_items as gemm_items
from ..prelude import suffix, with_imports

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


def program_text(dtype: np.dtype) -> str:
    """Return the source of the kernel that programs call; eager calls the same machine code."""
    return with_imports(PROGRAM_TEXT.format(s=suffix(dtype), z=dtype.itemsize))
