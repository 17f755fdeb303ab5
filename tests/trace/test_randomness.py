"""Random numbers of compiled functions are those of eager."""

from typing import Any

import numpy as np

import dualgraph as dg
from dualgraph import nn
from tests.bits import assert_bits_equal
from tests.trace.programs import numbers


def test_random_streams_are_those_of_eager() -> None:
    drop = nn.Dropout(0.4)

    def function(x: Any) -> Any:
        return drop(x) + dg.rand(50) * dg.randn(50)

    x = numbers(50)
    f = dg.compile(function)

    def streams(g: Any) -> list[Any]:
        dg.manual_seed(7)
        first = [g(x), g(x), dg.rand(3), g(x)]
        dg.manual_seed(7)
        return [*first, g(x)]

    eager, compiled = streams(function), streams(f)
    assert_bits_equal(compiled, eager)
    assert_bits_equal(compiled[0], compiled[4])
    assert np.any(compiled[0].numpy() != compiled[1].numpy())
    assert len(f.traces) == 1


def test_dropout_gradients_use_the_mask_of_forward() -> None:
    drop = nn.Dropout(0.5)

    def run(g: Any) -> list[Any]:
        dg.manual_seed(3)
        found = []
        for _ in range(3):
            x = dg.ones(40, requires_grad=True)
            y = g(x)
            y.sum().backward()
            found += [y, x.grad]
        return found

    assert_bits_equal(run(dg.compile(lambda x: drop(x) * 3)), run(lambda x: drop(x) * 3))


def test_manual_seed_inside_of_the_function() -> None:
    def function(x: Any) -> Any:
        dg.manual_seed(5)
        return x + dg.rand(4)

    f = dg.compile(function)
    x = dg.zeros(4)
    assert_bits_equal([f(x), f(x), dg.rand(2)], [function(x), function(x), dg.rand(2)])
