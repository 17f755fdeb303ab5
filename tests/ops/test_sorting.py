"""The order of long lines: every merge level, ties, NaN, any number of threads."""

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import assert_bits_equal
from tests.ops.rows.sorting import order_reference

LENGTHS = (1, 2, 15, 16, 17, 31, 32, 33, 100, 1000, 4097)


def values(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return numbers with many equals; among floats zeros of both signs, infinities and NaN."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 50, shape).astype(dtype)
    if x.dtype.kind == "f":
        x -= 25
        x[rng.random(shape) < 0.1] = np.nan
        x[rng.random(shape) < 0.1] = -0.0
        x[rng.random(shape) < 0.05] = -np.inf
    return x


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_orders_are_stable(dtype: str, descending: bool) -> None:
    """Every length up to several merges gives the one stable order."""
    for n in LENGTHS:
        x = values((2, n), dtype)
        expected = order_reference(x, 1, descending)
        assert_bits_equal(dg.argsort(dg.from_numpy(x), 1, descending), expected, f"{n} elements")
        columns = np.ascontiguousarray(x.T)
        assert_bits_equal(dg.argsort(dg.from_numpy(columns), 0, descending), expected.T)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_picking_a_few_is_the_start_of_the_order(dtype: str) -> None:
    """topk without a sort gives what the sort begins with, ties and NaN included."""
    x = values((3, 1000), dtype)
    for largest in (True, False):
        order = order_reference(x, 1, largest)
        for k in (1, 2, 64, 65, 1000):
            found = dg.topk(dg.from_numpy(x), k, 1, largest).indices
            assert_bits_equal(found, np.ascontiguousarray(order[:, :k]), f"k = {k}")


def test_threads_share_lines() -> None:
    """Each line has scratch memory of its own: one thread or several, the same order."""
    x = dg.from_numpy(values((300, 200), "float32"))
    function = dg.compile(lambda x: (x.sort(1), x.sort(0).indices, x.topk(3, 0).indices))
    expected = (x.sort(1), x.sort(0).indices, x.topk(3, 0).indices)
    threads = dg.get_num_threads()
    try:
        for count in (1, 2, 4):
            dg.set_num_threads(count)
            assert_bits_equal(function(x), expected, f"{count} threads")
    finally:
        dg.set_num_threads(threads)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_extremes_of_long_lines(dtype: str) -> None:
    """argmax looks at blocks of 128: the first of equals wins wherever it stands, NaN too."""
    for n in (1, 127, 128, 129, 1000):
        x = values((20, n), dtype)
        assert_bits_equal(dg.argmax(dg.from_numpy(x), 1), np.argmax(x, 1), f"{n} elements")
        assert_bits_equal(dg.argmin(dg.from_numpy(x), 1), np.argmin(x, 1), f"{n} elements")
        x = np.sort(x, 1)
        assert_bits_equal(dg.argmax(dg.from_numpy(x), 1), np.argmax(x, 1), f"{n} in order")
