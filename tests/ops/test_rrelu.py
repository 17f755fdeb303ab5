"""Random slopes: eager = compiled in every bit, the generator's state included."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.ops.create.creation import default_generator
from tests.bits import array_of, assert_bits_equal
from tests.ops.op_row import FLOATS

X = np.linspace(-3, 3, 101)


def step(x: Any) -> Any:
    """Return an output, its gradient, and the state of the generator afterwards."""
    y = dg.rrelu(x, 0.1, 0.4, training=True)
    (gradient,) = dg.autograd.grad(y.sum(), [x])
    return y, gradient


@pytest.mark.parametrize("dtype", FLOATS)
def test_eager_equals_compiled(dtype: str) -> None:
    """Three calls from one seed: outputs, gradients and states."""
    compiled = dg.compile(step)
    seen = []
    for function in (step, compiled):
        dg.manual_seed(5)
        found = []
        for _ in range(3):
            x = dg.tensor(X.astype(dtype), requires_grad=True)
            found.append((*function(x), default_generator().get_state()))
        seen.append(found)
    assert_bits_equal(seen[1], seen[0])
    assert len(compiled.traces) == 1


def test_slopes_lie_between_the_bounds() -> None:
    """Positive elements stay; the others get slopes in [lower, upper), each its own."""
    dg.manual_seed(0)
    x = dg.tensor(X, dtype="float64")
    y = array_of(dg.rrelu(x, 0.1, 0.4, training=True))
    assert_bits_equal(y[X > 0], X[X > 0])
    slopes = y[X < 0] / X[X < 0]
    assert ((slopes >= 0.1 - 1e-12) & (slopes < 0.4)).all()
    assert len(np.unique(slopes)) > 40


def test_without_training_nothing_is_drawn() -> None:
    """The slope is the mean of the bounds."""
    before = default_generator().get_state().tolist()
    out = array_of(dg.rrelu(dg.tensor([-1.0, 2.0]), 0.1, 0.4))
    assert out.tolist() == [-0.25, 2.0]
    assert default_generator().get_state().tolist() == before


def test_in_place() -> None:
    """The same numbers in the same memory."""
    dg.manual_seed(3)
    expected = dg.rrelu(dg.tensor([-1.0, -2.0, 3.0]), training=True)
    dg.manual_seed(3)
    x = dg.tensor([-1.0, -2.0, 3.0])
    assert dg.nn.functional.rrelu(x, training=True, inplace=True) is x
    assert_bits_equal(x, expected)
