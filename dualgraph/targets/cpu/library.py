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
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from ...errors import CompileError
from ...numerics.facts.routine import Library
from ...vendor import openblas_threads

ALIGNMENT = 64  # bytes
Found = np.ndarray | tuple[np.ndarray, ...]  # one result, or several


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
def one_blas_thread() -> Generator[None, None, None]:
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


# --- the routines --------------------------------------------------------------------------------


def _eigh(x: np.ndarray, uplo: Any) -> Found:
    return tuple(np.linalg.eigh(x, uplo))


def _eigvalsh(x: np.ndarray, uplo: Any) -> np.ndarray:
    return np.linalg.eigvalsh(x, uplo)


def _svd(x: np.ndarray, full: bool) -> Found:
    return tuple(np.linalg.svd(x, full_matrices=full))


def _svdvals(x: np.ndarray) -> np.ndarray:
    return np.linalg.svd(x, compute_uv=False)


_CALLS: dict[str, Callable[..., Found]] = {
    "eigh": _eigh,
    "eigvalsh": _eigvalsh,
    "svd": _svd,
    "svdvals": _svdvals,
}
"""By the name in the record; each returns what is new, or raises `numpy.linalg.LinAlgError`."""


def call_of(spec: Library) -> Callable[..., Found]:
    """Return the routine of a record; raise `CompileError` for one that is not here."""
    try:
        return _CALLS[spec.name]
    except KeyError:
        raise CompileError(f"the CPU knows no library routine {spec.name!r}") from None


def run(spec: Library, arrays: tuple[np.ndarray, ...], static: dict[str, Any]) -> Found:
    """Call the routine as both frontends call it."""
    with one_blas_thread(), np.errstate(all="ignore"):
        return call_of(spec)(*map(aligned_copy, arrays), **static)
