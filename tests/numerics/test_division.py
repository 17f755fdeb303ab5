"""Remainders are exact and quotients are rounded as said, for any bits, integers included."""

import math
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of, assert_bits_equal
from tests.ops.op_row import FLOATS

INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
WORDS = {"float32": np.uint32, "float64": np.uint64}


def any_floats(dtype: str, count: int, seed: int) -> np.ndarray:
    """Return floats of random bits: every exponent is equally likely."""
    rng = np.random.default_rng(seed)
    word = WORDS[dtype]
    return rng.integers(0, np.iinfo(word).max, count, dtype=word, endpoint=True).view(dtype)


def c_fmod(x: float, y: float) -> float:
    """Return C's fmod, also where Python's raises."""
    return math.nan if math.isnan(x + y) or math.isinf(x) or y == 0 else math.fmod(x, y)


@pytest.mark.parametrize("dtype", FLOATS)
def test_fmod_is_exact(dtype: str) -> None:
    """Equal to C's fmod in every bit, for random bits and for quotients that are nearly whole."""
    x, y = any_floats(dtype, 3000, 1), any_floats(dtype, 3000, 2)
    times = np.random.default_rng(3).integers(-(10**6), 10**6, 3000)
    with np.errstate(all="ignore"):
        near = (times * y.astype(np.float64)).astype(dtype)
    x, y = np.concatenate([x, near]), np.concatenate([y, y])
    expected = [c_fmod(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert_bits_equal(dg.fmod(dg.from_numpy(x), dg.from_numpy(y)), np.array(expected, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_floor_divide_and_remainder_belong_together(dtype: str) -> None:
    """The remainder has the divisor's sign, is below it, and is what the quotient leaves."""
    rng = np.random.default_rng(4)
    x = (rng.uniform(-1000, 1000, 2000)).astype(dtype)
    y = (rng.uniform(-10, 10, 2000)).astype(dtype)
    quotient = array_of(dg.floor_divide(dg.from_numpy(x), dg.from_numpy(y))).astype(np.float64)
    rest = array_of(dg.remainder(dg.from_numpy(x), dg.from_numpy(y))).astype(np.float64)
    assert ((rest == 0) | (np.sign(rest) == np.sign(y))).all()
    assert (np.abs(rest) <= np.abs(y)).all()
    np.testing.assert_allclose(
        quotient * y + rest, x, rtol=0, atol=1e-3 if dtype == "float32" else 1e-12
    )


def by_python(x: int, y: int) -> tuple[int, int, int, int]:
    """Return floor, remainder, truncated quotient, and fmod; zeros for a zero divisor."""
    if not y:
        return 0, 0, 0, 0
    cut = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    return x // y, x % y, cut, x - cut * y


OPS = (
    dg.floor_divide,
    dg.remainder,
    lambda x, y: dg.div(x, y, rounding_mode="trunc"),
    dg.fmod,
)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(dtype: str) -> None:
    """All signs, both ends of the range, and zero divisors (0), eagerly and compiled."""
    ends = np.iinfo(dtype)
    some = [v for v in (ends.min, ends.min + 1, -7, -2, -1, 0, 1, 2, 7, ends.max) if v >= ends.min]
    pairs = [(a, b) for a in some for b in some]
    x, y = (np.array([p[i] for p in pairs], dtype) for i in (0, 1))
    width = 1 << (8 * x.dtype.itemsize)
    expected = np.array([[v % width for v in by_python(*p)] for p in pairs], np.uint64)

    def run(x: Any, y: Any) -> list[Any]:
        return [op(x, y) for op in OPS]

    for function in (run, dg.compile(run)):
        out = function(dg.from_numpy(x), dg.from_numpy(y))
        for i, actual in enumerate(out):
            assert_bits_equal(actual, expected[:, i].astype(dtype), f"op {i} of {dtype}")


@pytest.mark.parametrize("op", [dg.floor_divide, dg.remainder, dg.fmod])
def test_a_float_divided_by_zero(op: Any) -> None:
    """NaN, or the infinity of the true quotient."""
    out = array_of(op(dg.tensor([1.0, -1.0, 0.0]), 0.0))
    expected = [math.inf, -math.inf, math.nan] if op is dg.floor_divide else [math.nan] * 3
    assert_bits_equal(out, np.array(expected, np.float32))
