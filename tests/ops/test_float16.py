"""float16: stored in two bytes, computed in float32, rounded once; the same in both frontends."""

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import assert_bits_equal

RNG = np.random.default_rng(0)
SPREAD = np.concatenate(
    [
        RNG.normal(size=200_000) * 10.0 ** RNG.integers(-9, 6, 200_000),
        1 + np.arange(1, 2048) * 2.0**-11 + 2.0**-40,  # just above a tie
        1 + np.arange(1, 2048) * 2.0**-11 - 2.0**-40,
        1 + np.arange(1, 2048) * 2.0**-11,
        [0.0, -0.0, np.inf, -np.inf, np.nan, 65504.0, 65519.99, 65520.0, 2.0**-24, 2.0**-25, 1e300],
    ]
)


@pytest.mark.parametrize("source", ["float64", "float32", "int64", "bool"])
def test_conversion_rounds_once(source: str) -> None:
    """To the nearest, ties to even, as NumPy: also from float64, where two steps would err."""
    with np.errstate(over="ignore"):
        x = (np.arange(-70_000, 70_000, 7) if source == "int64" else SPREAD).astype(source)
        expected = x.astype(np.float16)
    assert_bits_equal(dg.from_numpy(x).to(dg.float16), expected)
    assert_bits_equal(dg.compile(lambda t: t.half())(dg.from_numpy(x)), expected)


def test_every_float16_widens_exactly() -> None:
    """All 65,536 values."""
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    assert_bits_equal(dg.from_numpy(x).to("float32"), x.astype(np.float32))
    assert_bits_equal(dg.from_numpy(x).clone(), x)


def test_an_op_computes_in_float32_and_rounds_once() -> None:
    """A product and a sum are two ops: each is rounded from its exact float32 result."""
    x, y = (RNG.normal(size=1000).astype(np.float16) for _ in range(2))
    wide = x.astype(np.float32) * y.astype(np.float32)
    product = wide.astype(np.float16)
    total = (product.astype(np.float32) + x.astype(np.float32)).astype(np.float16)
    a, b = dg.from_numpy(x), dg.from_numpy(y)
    assert_bits_equal(a * b, product)
    assert_bits_equal(a * b + a, total)
    assert_bits_equal(dg.compile(lambda a, b: a * b + a)(a, b), total)
    assert_bits_equal(a.exp(), a.float().exp().half())


def test_a_step_in_float16_has_equal_bits() -> None:
    """Forward and backward through fused kernels, views, joins and gathers."""

    def function(x: dg.Tensor, w: dg.Tensor) -> tuple:
        y = dg.cat([dg.tanh(x * w) / 3, dg.sigmoid(x.t()).t()], 1)[:, 1:]
        z = y * y - y
        return z, *dg.autograd.grad(z, (x, w), dg.ones_like(z))

    x, w = (
        dg.from_numpy(RNG.normal(size=shape).astype(np.float16)).requires_grad_()
        for shape in ((2, 5), (5,))
    )
    expected = function(x, w)
    assert {t.dtype for t in expected} == {dg.float16}
    assert_bits_equal(dg.compile(function)(x, w), expected)


def test_promotion() -> None:
    """float16 loses to float32, wins over integers; numbers leave it as it is."""
    x = dg.ones(2, dtype=dg.float16)
    assert (x + 1.5).dtype == (x + dg.ones(2, dtype="int64")).dtype == dg.float16
    assert (x + dg.ones(2)).dtype == dg.float32
    assert (x + dg.tensor(1.0)).dtype == dg.float16  # a 0-d tensor is weak


@pytest.mark.parametrize("name", ["asin", "asinh", "atanh", "tan", "lgamma", "atan2", "hypot"])
def test_float64_kernels_are_rounded_to_float32_first(name: str) -> None:
    """What computes in float64 inside is rounded to float32, then to float16, and calls nothing."""
    x = dg.from_numpy(RNG.uniform(-0.9, 0.9, 100).astype(np.float16))
    args = (x, x.flip(0)) if name in ("atan2", "hypot") else (x,)
    expected = getattr(dg, name)(*(a.float() for a in args)).half()
    assert_bits_equal(getattr(dg, name)(*args), expected)
    assert_bits_equal(dg.compile(getattr(dg, name))(*args), expected)


@pytest.mark.parametrize("name", ["bfloat16", "complex64", "complex128", "uint16"])
def test_missing_dtypes_are_named_errors(name: str) -> None:
    """By attribute, by name, and as data."""
    with pytest.raises(dg.errors.MissingDTypeError, match=f"no dualgraph.{name}; use one of"):
        getattr(dg, name)
    assert not hasattr(dg, name)
    with pytest.raises(dg.errors.DTypeError, match="not supported; use one of"):
        dg.ones(2).to(name)
    with pytest.raises(dg.errors.DTypeError, match="not supported; use one of"):
        dg.zeros(2, dtype=name)


def test_complex_numbers_and_bfloat16_are_named_errors() -> None:
    """As data, as operands, and through the methods that PyTorch has."""
    with pytest.raises(dg.errors.DTypeError, match="complex128"):
        dg.tensor([1j])
    with pytest.raises(dg.errors.DTypeError, match="mul: expected a Tensor or a number"):
        dg.ones(2) * 1j
    with pytest.raises(dg.errors.DTypeError, match="bfloat16"):
        dg.ones(2).bfloat16()
