"""int8 and int16 in the element-wise ops that take integers: NumPy's numbers, eager = compiled."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of, assert_bits_equal

DTYPES = ("int8", "int16")


def arithmetic(api: Any, x: Any, y: Any) -> list[Any]:
    """What wraps, selects and compares."""
    return [
        x + y, x - y, x * y, -x, abs(x), api.sign(x), api.square(x), x * 3, 5 - x,
        api.maximum(x, y), api.minimum(x, y), api.where(x < y, x, y),
        x == y, x != y, x < y, x <= y, x > y, x >= y,
    ]  # fmt: skip


def bits(api: Any, x: Any, y: Any) -> list[Any]:
    """What divides and moves bits."""
    return [x // y, x % y, api.fmod(x, y), x & y, x | y, x ^ y, ~x, x << (y & 7), x >> (y & 7)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [arithmetic, bits])
def test_small_integers(function: Any, dtype: str) -> None:
    """Random values of the whole range, the ends included."""
    rng = np.random.default_rng(8)
    ends = np.iinfo(dtype)
    x, y = (rng.integers(ends.min, ends.max, 500, dtype, endpoint=True) for _ in range(2))
    y = np.where(y == 0, np.array(1, dtype), y)
    x[:2], y[:2] = ends.min, (-1, ends.min)
    with np.errstate(all="ignore"):
        expected = [np.asarray(e) for e in function(np, x, y)]
    tensors = dg.from_numpy(x), dg.from_numpy(y)

    def run(x: Any, y: Any) -> list[Any]:
        return function(dg, x, y)

    assert_bits_equal([array_of(t) for t in run(*tensors)], expected)
    assert_bits_equal(dg.compile(run)(*tensors), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_others(dtype: str) -> None:
    """Bounds, rectifiers, roundings and sums keep or widen the dtype as PyTorch does."""
    x = dg.tensor([-100, -1, 0, 7, 100], dtype=dtype)
    assert x.clamp(-5, 5).tolist() == [-5, -1, 0, 5, 5]
    assert dg.relu(x).tolist() == [0, 0, 0, 7, 100]
    assert dg.nn.functional.relu6(x).tolist() == [0, 0, 0, 6, 6]
    assert dg.threshold(x, 0, 3).tolist() == [3, 3, 3, 7, 100]
    assert dg.addcmul(x, x, x, value=2).dtype.name == dtype
    assert {t.dtype.name for t in (x.floor(), x.nan_to_num(), x.square(), x // 3)} == {dtype}
    assert (x / 2).dtype is dg.exp(x).dtype is dg.float32
    assert x.sum().dtype is dg.int64
