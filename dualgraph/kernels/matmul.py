"""Batched matrix products for eager: a gufunc around the exact gemm.

Each output element is one ascending chain of fma over the contracted index (see `gemm`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .prelude import suffix, with_imports
from .ufunc import make_gufunc

TEXT = """def KERNEL(args, dims, steps, data):
    a = ptr_i8(args)
    d = ptr_i8(dims)
    c = ptr_i8(steps)
    m, k, n = d[1], d[2], d[3]
    hi = gemm_items(m, n, k)
    for i in range(d[0]):
        gemm_{s}(
            ptr_{s}(a[0] + i * c[0]), ptr_{s}(a[1] + i * c[1]), ptr_{s}(a[2] + i * c[2]),
            m, n, k,
            c[3] // {z}, c[4] // {z}, c[5] // {z}, c[6] // {z}, c[7] // {z}, c[8] // {z},
            0, hi,
        )
    clear_fp_flags()
"""


@dataclass(frozen=True, slots=True)
class Gemm:
    """Marks the op whose kernel is the exact matrix product."""


class _Products(dict[str, Any]):
    def __missing__(self, char: str) -> Any:
        dtype = np.dtype(char)
        text = with_imports(TEXT.format(s=suffix(dtype), z=dtype.itemsize))
        label = f"matmul_{suffix(dtype)}"
        self[char] = make_gufunc(text, (dtype, dtype), dtype, label, "(m,k),(k,n)->(m,n)")
        return self[char]


_products = _Products()


def matmul(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the product of matrices or batches of matrices of one float dtype."""
    return _products[x.dtype.char](x, y, out=...)
