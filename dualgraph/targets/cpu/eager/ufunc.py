"""NumPy ufuncs and generalized ufuncs made from native loops of our own.

NumPy brings pointers, strides, broadcasting and the output array at C speed (0.3 us a call); the
loop is ours, so eager runs the very scalar functions that the compiler fuses. The two constructors
are called through NumPy's documented C API table (``numpy/ufuncobject.h``: entries 1 and 31).
"""

import ctypes
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

from ..toolchain.native import UFUNC_LOOP, address_of, content_name, stats

_FROM_DATA, _FROM_DATA_AND_SIGNATURE = 1, 31
_NO_IDENTITY = -1


def _api(index: int, *extra: type) -> Any:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = get(_multiarray_umath._UFUNC_API, None)
    entry = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[index]
    c = ctypes
    head = [c.c_void_p, c.c_void_p, c.c_char_p, c.c_int, c.c_int, c.c_int, c.c_int]
    prototype = c.PYFUNCTYPE(c.py_object, *head, c.c_char_p, c.c_char_p, c.c_int, *extra)
    return prototype(entry)


_from_data = _api(_FROM_DATA)
_from_data_and_signature = _api(_FROM_DATA_AND_SIGNATURE, ctypes.c_char_p)


def make_ufunc(text: str, inputs: tuple[np.dtype, ...], output: np.dtype, name: str) -> Any:
    """Make a ufunc with one loop; ``text`` holds ``def KERNEL(args, dims, steps, data)``."""
    return _make(_from_data, text, inputs, output, name)


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
    make = _from_data_and_signature
    return _make(make, text, inputs, output, name, signature.encode(), data=data)


def _make(
    make: Any,
    text: str,
    inputs: tuple[np.dtype, ...],
    output: np.dtype,
    name: str,
    *signature: bytes,
    data: int | None = None,
) -> Any:
    address = address_of(text, content_name(f"u_{name}", text), UFUNC_LOOP)
    loops = (ctypes.c_void_p * 1)(address)
    passed = (ctypes.c_void_p * 1)(data)
    kinds = bytes(d.num for d in (*inputs, output))
    label = name.encode()
    arguments = (loops, passed, kinds, 1, len(inputs), 1, _NO_IDENTITY, label, b"", 0)
    stats.kept.append((loops, passed, kinds, label, signature))  # NumPy keeps only pointers
    return make(*arguments, *signature)
