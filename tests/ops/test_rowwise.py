"""Softmax and standardization over rows: the bits of the same ops one by one, in any length."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.nn import functional as F
from dualgraph.numerics.facts.reduction import BLOCK
from tests.bits import assert_bits_equal

LENGTHS = [1, 2, 3, 10, 33, 64, 127, 128, 129, 500]
FUNCTIONS = {
    "softmax": lambda x: F.softmax(x, -1),
    "log_softmax": lambda x: F.log_softmax(x, -1),
    "layer_norm": lambda x: F.layer_norm(x, (x.shape[-1],)),
}


def one_by_one(name: str, x: Any) -> Any:
    """Return the same from public reductions and element-wise ops."""
    if name == "layer_norm":
        centred = x - x.mean(-1, keepdim=True)
        return centred * dg.rsqrt((centred * centred).mean(-1, keepdim=True) + 1e-5)
    shifted = x - x.amax(-1, keepdim=True)
    e = dg.exp(shifted)
    total = e.sum(-1, keepdim=True)
    return e / total if name == "softmax" else shifted - dg.log(total)


def rows(length: int, dtype: str = "float32", count: int = 3) -> Any:
    values = np.random.default_rng(length).standard_normal((count, length)) * 4
    return dg.tensor(values.astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_bits_are_those_of_the_ops_one_by_one(name: str, dtype: str) -> None:
    for length in LENGTHS:
        x = rows(length, dtype)
        assert_bits_equal(FUNCTIONS[name](x), one_by_one(name, x), f"{name} of {length}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_rows(name: str) -> None:
    inf, nan = np.inf, np.nan
    x = dg.tensor(
        [
            *([inf, 1, 2], [-inf, 1, 2], [nan, 1, 2], [1, nan, inf], [-inf, -inf, -inf]),
            *([0.0, -0.0, 0.0], [3e38, -3e38, 1], [1e-40, 2e-40, 0]),
        ]
    )
    assert_bits_equal(FUNCTIONS[name](x), one_by_one(name, x))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_long_rows_of_several_blocks(name: str) -> None:
    x = rows(2 * BLOCK + 77, count=2).requires_grad_()
    out = FUNCTIONS[name](x)
    wide = one_by_one(name, x.detach().double())
    np.testing.assert_allclose(out.detach().numpy(), wide.numpy(), 2e-5, 2e-6)
    compiled = dg.compile(FUNCTIONS[name])(x)
    assert_bits_equal(out, compiled)
    g = rows(2 * BLOCK + 77, count=2)
    grads = [dg.autograd.grad(y, x, g)[0] for y in (out, compiled)]
    assert_bits_equal(*grads, "gradient")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_strided_rows_and_other_axes(name: str) -> None:
    x = rows(6, count=8).T
    assert not x.is_contiguous()
    assert_bits_equal(FUNCTIONS[name](x), FUNCTIONS[name](x.clone()))
    if name != "layer_norm":
        along = getattr(F, name)
        other = along(x.T.contiguous(), 1).T  # sums in another order
        np.testing.assert_allclose(along(x, 0).numpy(), other.numpy(), 1e-6, 1e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives_are_those_of_the_ops(name: str) -> None:
    values = rows(7, "float64")
    g = rows(7, "float64").flip(1)
    found = []
    for function in (FUNCTIONS[name], lambda x: one_by_one(name, x)):
        x = values.clone().requires_grad_()
        (first,) = dg.autograd.grad(function(x), x, g, create_graph=True)
        (second,) = dg.autograd.grad((first * g * g).sum(), x, create_graph=True)
        (third,) = dg.autograd.grad((second * second).sum(), x)
        found.append((first, second, third))
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), 1e-9, 1e-12)


def test_the_number_of_threads_moves_no_bit() -> None:
    x, g = rows(300, count=2000).requires_grad_(), rows(300, count=2000)
    threads, found = dg.get_num_threads(), []
    try:
        for count in (1, 2):
            dg.set_num_threads(count)
            for function in (*FUNCTIONS.values(), *map(dg.compile, FUNCTIONS.values())):
                out = function(x)
                found.append((out.detach(), dg.autograd.grad(out, x, g)[0]))
    finally:
        dg.set_num_threads(threads)
    for i in range(3):
        for other in found[i + 3 :: 3]:
            assert_bits_equal(found[i], other)


def test_attention_where_nothing_takes_part() -> None:
    q = rows(4, count=3).requires_grad_()
    mask = dg.tensor([[True, False, False], [False, False, False], [True, True, True]])
    out = F.scaled_dot_product_attention(q, q, q, mask)
    assert out[1].tolist() == [0.0] * 4
    compiled = dg.compile(lambda q: F.scaled_dot_product_attention(q, q, q, mask))(q)
    assert_bits_equal(out, compiled)
    grads = [dg.autograd.grad(y.sum(), q)[0] for y in (out, compiled)]
    assert_bits_equal(*grads)
    assert np.isfinite(grads[0].numpy()).all()


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_nothing_to_normalize(shape: tuple[int, int]) -> None:
    x = dg.zeros(*shape, requires_grad=True)
    for function in (*FUNCTIONS.values(), lambda x: F.group_norm(x[:, :0], 1)):
        out = function(x)
        assert out.numel() == 0
        out.sum().backward()
