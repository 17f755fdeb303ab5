"""Gradients of many slices of one tensor: one join, with the bits of the sum."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import assert_bits_equal

CUTS: dict[str, Callable[[Any], list[Any]]] = {
    "each step": lambda x: [x[t] for t in range(6)],
    "backwards": lambda x: [x[t] for t in range(5, -1, -1)],
    "with gaps": lambda x: [x[4:5], x[1:3]],
    "columns": lambda x: list(x.chunk(2, 1)),
    "overlapping": lambda x: [x[:4], x[4:], x[3:5], x[0]],
    "twice": lambda x: [x[1], x[1], x[2]],
    "two axes": lambda x: [x[:, :2], x[1], x[2:, 2:]],
    "in steps": lambda x: [x[::2], x[1::2]],
    "nothing": lambda x: [x[3:3], x[0], x[5]],
    "and the whole": lambda x: [x[0], x[1], x * 2, x[2], x[3]],
}


def terms(parts: list[Any]) -> list[Any]:
    """Losses of the parts; where a part is 0, its cotangent is 0 or -0."""
    return [(part * part * (i + 1)).sum() for i, part in enumerate(parts)]


def gradient(cut: Callable[[Any], list[Any]], x: Any) -> Any:
    return dg.autograd.grad(sum(terms(cut(x))), x)[0]


@pytest.mark.parametrize("name", CUTS)
def test_joined_cotangents_are_the_sum_of_them(name: str) -> None:
    values = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    values[2] = [0.0, -0.0, 0.0, -0.0]
    x = dg.tensor(values, requires_grad=True)
    alone = [dg.autograd.grad(term, x)[0] for term in terms(CUTS[name](x))]
    total = alone.pop()
    for one in reversed(alone):  # the walk visits the latest first
        total = total + one
    found = gradient(CUTS[name], x)
    assert_bits_equal(found, total)
    assert_bits_equal(dg.compile(lambda x: gradient(CUTS[name], x))(x), found)


def test_negative_zeros_end_as_in_a_sum() -> None:
    x = dg.ones(3, requires_grad=True)
    one, two = x[0] * -0.0, x[1] * -0.0
    assert np.signbit(dg.autograd.grad(one, x, retain_graph=True)[0].numpy()).tolist() == [1, 0, 0]
    assert not np.signbit(dg.autograd.grad(one + two, x)[0].numpy()).any()


def test_a_loop_over_steps_costs_one_pass() -> None:
    x = dg.randn(50, 3, requires_grad=True)
    step = dg.compile(lambda x: gradient(lambda x: list(x), x))
    step(x)
    names = [n.op.name for n in step.last.graph.nodes]
    assert names.count("cat") == 1
    assert "embed" not in names


def test_hooks_and_second_derivatives_see_whole_tensors() -> None:
    x = dg.randn(4, 3, requires_grad=True)
    y = x * 1.0
    seen = []
    y.register_hook(lambda g: seen.append(tuple(g.shape)))
    first = dg.autograd.grad((y[0] * y[1] * y[3]).sum(), x, create_graph=True)[0]
    assert seen == [(4, 3)]
    second = dg.autograd.grad(first[0].sum(), x)[0]
    expected = dg.zeros(4, 3)
    expected[1], expected[3] = x[3].detach(), x[1].detach()
    assert_bits_equal(second, expected)


def test_a_compiled_part_takes_up_what_slices_brought() -> None:
    def loss(tail: Callable[[Any], Any], x: Any) -> Any:
        y = x * 2.0
        return (y[0] * -0.0).sum() + (y[1] * y[1]).sum() + tail(y)

    def tail(y: Any) -> Any:
        return (y[2] * y[3]).sum()

    x = dg.randn(5, 3, requires_grad=True)
    expected = dg.autograd.grad(loss(tail, x), x)[0]
    assert_bits_equal(dg.autograd.grad(loss(dg.compile(tail), x), x)[0], expected)
