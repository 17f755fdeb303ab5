"""NumPy ufuncs and generalized ufuncs made from native loops of our own.

NumPy brings pointers, strides, broadcasting and the output array at C speed (0.3 us a call); the
loop is ours, so eager runs the very scalar functions that the compiler fuses.
"""

from typing import Any

import numpy as np

from ....vendor import ufunc_of_loop
from ..toolchain.native import UFUNC_LOOP, address_of, content_name


def make_ufunc(text: str, inputs: tuple[np.dtype, ...], output: np.dtype, name: str) -> Any:
    """Make a ufunc with one loop; ``text`` holds ``def KERNEL(args, dims, steps, data)``."""
    return ufunc_of_loop(_loop(text, name), (*inputs, output), name)


def make_gufunc(
    text: str,
    inputs: tuple[np.dtype, ...],
    output: np.dtype,
    name: str,
    signature: str,
    data: int | None = None,
) -> Any:
    """Make a generalized ufunc with core dimensions such as ``(m,k),(k,n)->(m,n)``.

    ``data`` is what the loop gets as its last argument.
    """
    return ufunc_of_loop(_loop(text, name), (*inputs, output), name, signature, data)


def _loop(text: str, name: str) -> int:
    return address_of(text, content_name(f"u_{name}", text), UFUNC_LOOP)
