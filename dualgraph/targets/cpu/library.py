"""Ops whose kernel is a routine of NumPy's LAPACK, called in the same way by both frontends.

This is the one place where a compiled program leaves native code: it is cut before the op and after
it, and every report says so. The same function gets the same C-contiguous arrays in both
frontends, in memory that starts on a cache line, so that it returns the same bits. OpenBLAS, which
NumPy's wheels bring along, runs on one thread meanwhile: its bits change with the number of threads
(and with the kind of CPU, but not with alignment). With another BLAS, fix its threads yourself.

Only decompositions that iterate until they converge (eigenvalues, singular values) are worth it;
what ends after a fixed number of steps is a `Routine` of our own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from ...errors import LinAlgError
from ...vendor import openblas_threads

ALIGNMENT = 64  # bytes


@dataclass(frozen=True, slots=True)
class Library:
    """``call(*arrays, **static)`` returns a new array; it raises `numpy.linalg.LinAlgError`."""

    call: Callable[..., np.ndarray]
    may_fail: ClassVar[bool] = True


def aligned_copy(x: np.ndarray) -> np.ndarray:
    """Return a C-contiguous copy that starts on a cache line."""
    raw = np.empty(x.nbytes + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    out = raw[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    np.copyto(out, x)
    return out


_openblas = cache(openblas_threads)
_ONE_AT_A_TIME = threading.Lock()  # the number of threads belongs to the process


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run OpenBLAS on one thread inside of this context."""
    found = _openblas()
    if found is None:
        yield
        return
    get, put = found
    with _ONE_AT_A_TIME:
        before = get()
        put(1)
        try:
            yield
        finally:
            put(before)


def run(spec: Library, arrays: tuple[np.ndarray, ...], static: dict[str, Any]) -> np.ndarray:
    """Call the routine as both frontends call it."""
    with one_blas_thread(), np.errstate(all="ignore"):
        return spec.call(*map(aligned_copy, arrays), **static)


def eager_kernel(name: str, spec: Library, infer: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Return the eager kernel of an op; what the routine refuses becomes a `LinAlgError`."""

    def kernel(*arrays: np.ndarray, **static: Any) -> np.ndarray:
        infer(*arrays, **static)
        try:
            return run(spec, arrays, static)
        except np.linalg.LinAlgError as error:
            raise LinAlgError(f"{name}: {error}") from error

    return kernel
