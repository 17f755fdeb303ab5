"""GFLOP/s of the exact matrix product on one core, against the BLAS inside NumPy (and torch).

Run as ``python bench/gemm.py [seconds per shape]``. Ours and OpenBLAS are called through C pointers
from one compiled loop, so that no call overhead is counted; results are checked before they are
timed, runs are interleaved, and the ratio is the median over rounds.
"""

import argparse
import ctypes
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from dualgraph.targets.cpu.gemm.items import gemm_f4, gemm_f8, gemm_items
from dualgraph.targets.cpu.memory import POINTER

try:
    import torch  # pyright: ignore[reportMissingImports]
except ImportError:
    torch = None

SHAPES = (
    # label, (m, k, n), A is transposed, B is transposed
    ("NN", (32, 128, 128), False, False),
    ("NN", (32, 64, 128), False, False),
    ("NN", (32, 128, 10), False, False),
    ("NT", (32, 64, 128), False, True),
    ("NT", (32, 128, 128), False, True),
    ("NT", (32, 128, 10), False, True),
    ("NT", (32, 10, 128), False, True),
    ("TN", (128, 32, 128), True, False),
    ("TN", (10, 32, 128), True, False),
    ("TN", (128, 32, 64), True, False),
    ("NN", (1, 512, 512), False, False),
    ("NT", (1, 512, 512), False, True),
    ("NN", (512, 512, 1), False, False),
    ("TN", (512, 512, 1), True, False),
    ("NN", (127, 131, 137), False, False),
    ("NN", (512, 512, 512), False, False),
    ("NT", (512, 512, 512), False, True),
    ("TN", (512, 512, 512), True, False),
    ("NN", (1024, 1024, 1024), False, False),
    ("NT", (1024, 1024, 1024), False, True),
    ("TN", (1024, 1024, 1024), True, False),
    ("TT", (1024, 1024, 1024), True, True),
)


def kernel(dtype: str) -> Any:
    """Compile ours as a C function of (argument block, lo, hi)."""
    product = gemm_f4 if dtype == "float32" else gemm_f8
    element, word = POINTER[dtype], POINTER["int64"]

    def run(args, lo, hi):
        q = word(args)
        a, b, c = element(q[0]), element(q[1]), element(q[2])
        product(a, b, c, q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11], 0, lo, hi)

    return numba.cfunc("void(int64, int64, int64)", error_model="numpy")(run)


def arguments(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The argument block of `kernel`: addresses, m, n, k, and strides in elements."""
    strides = [s // a.itemsize for x in (a, b, c) for s in x.strides]
    addresses = [x.ctypes.data for x in (a, b, c)]
    return np.array([*addresses, a.shape[0], b.shape[1], a.shape[1], *strides], dtype=np.int64)


@numba.njit
def repeat_ours(fn, args, hi, times):
    """Call the kernel so many times."""
    for _ in range(times):
        fn(args, 0, hi)


def openblas(dtype: str) -> Any:
    """The cblas function inside NumPy's own OpenBLAS, on one thread; None where there is none."""
    folder = Path(np.__file__).parent.parent / "numpy.libs"
    for path in folder.glob("libscipy_openblas64_*"):
        library = ctypes.CDLL(str(path))
        library.scipy_openblas_set_num_threads64_(1)
        fn = library[f"scipy_cblas_{'s' if dtype == 'float32' else 'd'}gemm64_"]
        real = ctypes.c_float if dtype == "float32" else ctypes.c_double
        long, enum, address = ctypes.c_int64, ctypes.c_int, ctypes.c_ssize_t
        fn.restype = None
        fn.argtypes = [
            *[enum] * 3, *[long] * 3, real, address, long, address, long, real, address, long,
        ]  # fmt: skip
        return fn
    return None


@numba.njit
def repeat_blas(fn, one, zero, q, times):
    """Call cblas_?gemm so many times, row-major."""
    for _ in range(times):
        fn(101, q[3], q[4], q[5], q[6], q[7], one, q[0], q[8], q[1], q[9], zero, q[2], q[10])


def blas_arguments(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """What `repeat_blas` reads: addresses, transpositions, m, n, k, leading dimensions."""

    def order(x: np.ndarray) -> tuple[int, int]:
        plain = x.flags.c_contiguous
        rows = x if plain else x.T
        return (111 if plain else 112), max(rows.shape[1], 1)

    (ta, lda), (tb, ldb) = order(a), order(b)
    m, k = a.shape
    n = b.shape[1]
    addresses = [x.ctypes.data for x in (a, b, c)]
    return np.array([*addresses, ta, tb, m, n, k, lda, ldb, n], dtype=np.int64)


def timed(run: Callable[[int], object], times: int) -> float:
    """Seconds per call."""
    start = time.perf_counter()
    run(times)
    return (time.perf_counter() - start) / times


def contenders(
    dtype: str, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> dict[str, Callable[[int], object]]:
    """What is timed, each a function of the number of calls; checks the results.

    The functions hold addresses only: the caller keeps the arrays. Ours writes c, the others d.
    """
    fn, blas, hi = KERNELS[dtype].ctypes, BLAS[dtype], gemm_items(*c.shape, a.shape[1])
    args = arguments(a, b, c)
    runs: dict[str, Callable[[int], object]] = {}
    runs["ours"] = lambda times: repeat_ours(fn, args.ctypes.data, hi, times)
    if blas is not None:
        block = blas_arguments(a, b, d)
        one, zero = a.dtype.type(1), a.dtype.type(0)
        runs["openblas"] = lambda times: repeat_blas(blas, one, zero, block, times)
    else:
        runs["numpy"] = lambda times: [np.matmul(a, b, out=d) for _ in range(times)]
    if torch is not None:
        x, y, z = (torch.from_numpy(v) for v in (a, b, d))
        runs["torch"] = lambda times: [torch.mm(x, y, out=z) for _ in range(times)]
    want = a.astype(np.float64) @ b.astype(np.float64)
    for name, run in runs.items():
        got = c if name == "ours" else d
        got.fill(np.nan)
        run(1)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * a.shape[1])
    return runs


def measure(dtype: str, shape: tuple[int, int, int], ta: bool, tb: bool, seconds: float) -> str:
    """Time one shape and return its line."""
    rng = np.random.default_rng(0)
    m, k, n = shape
    a = rng.standard_normal((k, m) if ta else (m, k)).astype(dtype)
    b = rng.standard_normal((n, k) if tb else (k, n)).astype(dtype)
    c, d = (np.full((m, n), np.nan, dtype) for _ in range(2))
    runs = contenders(dtype, a.T if ta else a, b.T if tb else b, c, d)
    rounds = 9
    times = max(1, int(seconds / rounds / len(runs) / timed(runs["ours"], 3)))
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            spent[name].append(timed(run, times))
    rates = {name: 2e-9 * m * k * n / statistics.median(t) for name, t in spent.items()}
    ratios = {
        name: statistics.median(y / x for x, y in zip(spent["ours"], t, strict=True))
        for name, t in spent.items()
        if name != "ours"
    }
    cells = [f"{name} {rate:7.1f}" for name, rate in rates.items()]
    cells += [f"x{ratio:.2f} of {name}" for name, ratio in ratios.items()]
    return f"{dtype} {m}x{k} @ {k}x{n}".ljust(32) + "  ".join(cells)


def main() -> None:
    """Print one line per shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", nargs="?", type=float, default=0.3, help="per shape")
    parser.add_argument("--dtype", choices=("float32", "float64", "both"), default="both")
    chosen = parser.parse_args()
    if torch is not None:
        torch.set_num_threads(1)
    for dtype in KERNELS:
        if chosen.dtype in (dtype, "both"):
            for label, shape, ta, tb in SHAPES:
                print(label, measure(dtype, shape, ta, tb, chosen.seconds), flush=True)


KERNELS = {dtype: kernel(dtype) for dtype in ("float32", "float64")}
BLAS = {dtype: openblas(dtype) for dtype in KERNELS}

if __name__ == "__main__":
    main()
