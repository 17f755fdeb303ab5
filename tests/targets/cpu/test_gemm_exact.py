"""The exact matrix product against a plain loop of fma: every bit, and no byte out of bounds."""

import ctypes
import itertools
import mmap
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from numba.core import types

from dualgraph.numerics.intrinsics import fma
from dualgraph.targets.cpu.gemm.items import _make_gemm, gemm_f4, gemm_f8, gemm_items
from dualgraph.targets.cpu.memory import POINTER

DTYPES = ("float32", "float64")
SIGNATURE = "void(int64, int64, int64)"
SIZES = (0, 1, 2, 11, 12, 13, 16, 31, 33, 64)
LAYOUTS: dict[str, Callable[[int, int], tuple[int, int]]] = {
    # strides in elements, of a rows x cols matrix
    "plain": lambda rows, cols: (cols, 1),
    "padded": lambda rows, cols: (cols + 3, 1),
    "transposed": lambda rows, cols: (1, rows),
    "sliced": lambda rows, cols: (3 * cols + 1, 3),
    "sliced transposed": lambda rows, cols: (2, 2 * rows + 5),
    "reversed rows": lambda rows, cols: (-cols, 1),
    "reversed columns": lambda rows, cols: (cols, -1),
    "reversed transposed": lambda rows, cols: (1, -rows),
}
INPUT_LAYOUTS = LAYOUTS | {
    "one row": lambda rows, cols: (0, 1),
    "one column": lambda rows, cols: (1, 0),
    "one element": lambda rows, cols: (0, 0),
}


def kernel_of(product: Any, dtype: str) -> Any:
    """The C callback that callers of the product compile."""
    element, word = POINTER[dtype], POINTER["int64"]

    def run(args, lo, hi):
        q = word(args)
        a, b, c = element(q[0]), element(q[1]), element(q[2])
        product(a, b, c, q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11], q[12], lo, hi)

    return numba.cfunc(SIGNATURE, error_model="numpy")(run)


@pytest.fixture(scope="module")
def kernels() -> dict[str, Any]:
    """One compiled kernel per dtype."""
    return {"float32": kernel_of(gemm_f4, "float32"), "float64": kernel_of(gemm_f8, "float64")}


@numba.njit(error_model="numpy")
def naive(a, b, c):
    """The definition: one ascending chain of fma per element."""
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            c[i, j] = 0
        for p in range(a.shape[1]):
            for j in range(c.shape[1]):
                c[i, j] = fma(a[i, p], b[p, j], c[i, j])


def expected(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product by definition."""
    c = np.empty((a.shape[0], b.shape[1]), a.dtype)
    naive(np.ascontiguousarray(a), np.ascontiguousarray(b), c)
    return c


def run(
    kernel: Any, a: np.ndarray, b: np.ndarray, c: np.ndarray, ranges: Any = None, resumed: int = 0
) -> None:
    """C = A @ B by the kernel, over these ranges of items (all of them by default)."""
    m, k = a.shape
    n = b.shape[1]
    strides = [s // a.itemsize for x in (a, b, c) for s in x.strides]
    pointers = [x.__array_interface__["data"][0] for x in (a, b, c)]
    args = np.array([*pointers, m, n, k, *strides, resumed], dtype=np.int64)
    for lo, hi in ranges or [(0, gemm_items(m, n, k))]:
        kernel.ctypes(args.ctypes.data, lo, hi)


def same_bits(got: np.ndarray, want: np.ndarray) -> bool:
    """Equal bits, any NaN equal to any NaN."""
    word = np.uint32 if got.itemsize == 4 else np.uint64
    left, right = (np.ascontiguousarray(x).view(word) for x in (got, want))
    return bool(np.all((left == right) | (np.isnan(got) & np.isnan(want))))


class Guarded:
    """Memory between two pages that can be neither read nor written."""

    def __init__(self, nbytes: int):
        page = mmap.PAGESIZE
        self.room = -(-max(nbytes, 1) // page) * page
        self.memory = mmap.mmap(-1, self.room + 2 * page)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        libc = ctypes.CDLL(None, use_errno=True)
        for address in (base, base + page + self.room):
            if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(page), 0) != 0:
                pytest.skip("this system does not protect pages")
        self.start = page

    def matrix(
        self, shape: tuple[int, int], strides: tuple[int, int], dtype: str, high: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """The matrix and all its memory, flush with the upper or lower guard; poisoned."""
        used = extent(shape, strides)
        itemsize = np.dtype(dtype).itemsize
        offset = self.start + (self.room - used * itemsize if high else 0)
        whole = np.frombuffer(self.memory, dtype, used, offset)
        whole.view(np.uint8)[:] = 0xA5
        # the first element of a reversed axis is its last in memory
        first = sum(-s * (d - 1) for d, s in zip(shape, strides, strict=True) if s < 0 and d)
        view = np.lib.stride_tricks.as_strided(
            whole[first:] if used else whole, shape, [s * itemsize for s in strides]
        )
        return view, whole


def extent(shape: tuple[int, int], strides: tuple[int, int]) -> int:
    """Elements from the first to the last one in memory."""
    if 0 in shape:
        return 0
    return 1 + sum((d - 1) * abs(s) for d, s in zip(shape, strides, strict=True))


def laid_out(
    shape: tuple[int, int], layout: str, dtype: str, high: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A guarded matrix in this layout, and all its memory."""
    strides = INPUT_LAYOUTS[layout](*shape)
    return Guarded(extent(shape, strides) * 8).matrix(shape, strides, dtype, high)


def check(kernel: Any, dtype: str, shape: tuple[int, int, int], layouts: Any, high: bool) -> None:
    """One product between guard pages: right bits, nothing touched between C's elements."""
    m, n, k = shape
    rng = np.random.default_rng(m * 10007 + n * 101 + k)
    sides = ((m, k), (k, n), (m, n))
    (a, _), (b, _), (c, memory) = (
        laid_out(side, layout, dtype, high) for side, layout in zip(sides, layouts, strict=True)
    )
    for x in (a, b):
        x[...] = rng.standard_normal(x.shape)
    inputs = a.copy(), b.copy()
    before = memory.copy()
    run(kernel, a, b, c)
    assert same_bits(c, expected(*inputs)), (shape, layouts)
    np.testing.assert_array_equal(a, inputs[0])
    np.testing.assert_array_equal(b, inputs[1])
    c.view(f"u{c.itemsize}")[...] = int.from_bytes(b"\xa5" * c.itemsize, "little")
    assert memory.tobytes() == before.tobytes(), (shape, layouts)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_small_shape(kernels, dtype):
    picks = random.Random(1)
    names, inputs = list(LAYOUTS), list(INPUT_LAYOUTS)
    for shape in itertools.product(SIZES, SIZES, (0, 1, 2, 5, 16, 37)):
        layouts = picks.choice(inputs), picks.choice(inputs), picks.choice(names)
        check(kernels[dtype], dtype, shape, layouts, high=picks.random() < 0.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(13, 37, 19), (37, 13, 35), (1, 70, 18), (70, 1, 18)])
def test_every_layout(kernels, dtype, shape):
    for a, b in itertools.product(INPUT_LAYOUTS, INPUT_LAYOUTS):
        for c, high in itertools.product(LAYOUTS, (False, True)):
            check(kernels[dtype], dtype, shape, (a, b, c), high)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(70, 211, 601), (211, 70, 300), (1, 450, 520), (450, 1, 520), (3, 5, 1030)]
)
def test_blocked_shapes(kernels, dtype, shape):
    """Several blocks of k and of columns, packed and not."""
    for a, b, c in itertools.product(("plain", "transposed", "sliced"), repeat=3):
        check(kernels[dtype], dtype, shape, (a, b, c), high=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["NN", "NT", "TN", "TT"])
def test_special_values(kernels, dtype, order):
    info = np.finfo(dtype)
    tiny, big = info.smallest_subnormal, info.max
    values = [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, tiny, -tiny, info.tiny, big, -big, 3.7e-20]
    rng = np.random.default_rng(5)
    for m, n, k in [(17, 35, 1), (17, 35, 2), (35, 17, 3), (12, 32, 7), (1, 40, 3), (40, 1, 3)]:
        a = rng.choice(np.array(values, dtype), (m, k) if order[0] == "N" else (k, m))
        b = rng.choice(np.array(values, dtype), (k, n) if order[1] == "N" else (n, k))
        a, b = a if order[0] == "N" else a.T, b if order[1] == "N" else b.T
        c = np.empty((m, n), dtype)
        run(kernels[dtype], a, b, c)
        assert same_bits(c, expected(a, b))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_chain_starts_from_positive_zero(kernels, dtype):
    c = np.empty((20, 20), dtype)
    run(kernels[dtype], np.full((20, 1), -0.0, dtype), np.ones((1, 20), dtype), c)
    assert not np.signbit(c).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_terms_give_zeros(kernels, dtype):
    c = np.full((20, 20), np.nan, dtype)
    run(kernels[dtype], np.empty((20, 0), dtype), np.empty((0, 20), dtype), c)
    assert same_bits(c, np.zeros_like(c))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(50, 333, 40), (333, 50, 300), (130, 130, 70), (300, 1, 50)])
@pytest.mark.parametrize("transposed", [False, True])
def test_any_split_gives_the_same_bits(kernels, dtype, shape, transposed):
    m, n, k = shape
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    want, items, picks = expected(a, b), gemm_items(m, n, k), random.Random(4)
    for _ in range(6):
        cuts = sorted(picks.choices(range(items + 1), k=3))
        ranges = list(itertools.pairwise([0, *cuts, items]))
        picks.shuffle(ranges)
        c = np.full((n, m), np.nan, dtype).T if transposed else np.full((m, n), np.nan, dtype)
        run(kernels[dtype], a, b, c, ranges)
        assert same_bits(c, want)


def test_threads_share_one_product(kernels):
    rng = np.random.default_rng(8)
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((150, 300), (300, 900)))
    want, items = expected(a, b), gemm_items(150, 900, 300)
    for _ in range(5):
        c = np.full(want.shape, np.nan, np.float32)
        with ThreadPoolExecutor(4) as pool:  # a call through ctypes lets go of the GIL
            jobs = [
                pool.submit(run, kernels["float32"], a, b, c, [(i, i + 1)]) for i in range(items)
            ]
            for job in jobs:
                job.result()
        assert same_bits(c, want)


def test_a_range_writes_its_own_part_only(kernels):
    m, n, k = 40, 200, 30
    rng = np.random.default_rng(6)
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((m, k), (k, n)))
    written = np.zeros((m, n), int)
    for item in range(gemm_items(m, n, k)):
        c = np.full((m, n), np.nan, np.float32)
        run(kernels["float32"], a, b, c, [(item, item + 1)])
        written += ~np.isnan(c)
    assert (written == 1).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
def test_vector_width_does_not_move_a_bit(dtype, vector_bytes):
    element = {"float32": types.float32, "float64": types.float64}[dtype]
    kernel = kernel_of(_make_gemm(element, vector_bytes), dtype)
    for shape in [(13, 37, 19), (1, 150, 18), (40, 10, 300), (70, 130, 520)]:
        for a, b, c in itertools.product(("plain", "transposed", "sliced"), repeat=3):
            check(kernel, dtype, shape, (a, b, c), high=True)


def test_object_code_stands_alone(kernels):
    """The object that callers store on disk links into an empty program."""
    kernel = kernels["float32"]
    code = kernel._library.serialize_using_object_code()[2][0]
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    fn = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(
        engine.get_function_address(kernel.native_name)
    )
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((50, 50)).astype(np.float32) for _ in range(2))
    c = np.empty_like(a)
    linked = type("Linked", (), {"ctypes": staticmethod(fn)})
    run(linked, a, b, c)
    assert same_bits(c, expected(a, b))


def test_items_are_a_function_of_the_shape():
    assert gemm_items(0, 0, 5) == 0
    assert gemm_items(1, 1, 1) == 1
    assert gemm_items(32, 128, 64) == 4
    assert gemm_items(129, 10, 0) == 5
    assert numba.njit(lambda m: gemm_items(m, 1, 1))(100) == gemm_items(100, 1, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 100, 33), (1, 300, 1), (13, 70, 65), (40, 700, 5)])
def test_a_product_in_blocks_of_k_resumes_its_chains(
    kernels: dict[str, Any], dtype: str, shape: tuple[int, int, int]
) -> None:
    m, k, n = shape
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    c = np.full((m, n), np.nan, dtype)
    for p in range(0, k, 23):
        run(kernels[dtype], a[:, p : p + 23], b[p : p + 23], c, resumed=int(p > 0))
    assert same_bits(c, expected(a, b))
