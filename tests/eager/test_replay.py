"""Composites are replayed from their second call on: the same bits, the same errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph.core.dispatch import compose
from dualgraph.core.op import NONDIFF, REGISTRY, defcomposite
from dualgraph.eager import replay
from dualgraph.errors import AxisError
from tests.bits import assert_bits_equal

CALLS: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda x: F.softmax(x, 0),
    "log_softmax": lambda x: F.log_softmax(x, 0),
    "logsumexp": lambda x: dg.logsumexp(x, 1, keepdim=True),
    "cross_entropy": lambda x: F.cross_entropy(x, TARGET, ignore_index=1),
    "cross_entropy weighted": lambda x: F.cross_entropy(x, TARGET, dg.arange(5).float()),
    "mse_loss": lambda x: F.mse_loss(x, x * 2),
    "var": lambda x: dg.var(x, 1),
    "norm": lambda x: dg.linalg.vector_norm(x, 3, 1),
    "index_select": lambda x: dg.index_select(x, 1, TARGET),
    "det": lambda x: dg.linalg.det(x[:, :4]),
}
TARGET = dg.tensor([0, 4, 1, 2])


def values(seed: int) -> Any:
    """A (4, 5) leaf of normal numbers."""
    numbers = np.random.default_rng(seed).standard_normal((4, 5)).astype(np.float32)
    return dg.tensor(numbers, requires_grad=True)


def outcome(call: Callable[[Any], Any], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the value and the gradient of a call."""
    x = values(seed)
    out = call(x)
    (out * out).sum().backward()
    return out.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("name", CALLS)
def test_a_replayed_call_gives_the_bits_of_a_first_one(name: str) -> None:
    replay._scripts.clear()
    first = outcome(CALLS[name], 1)
    outcome(CALLS[name], 2)
    assert any(replay._scripts.values())
    again = outcome(CALLS[name], 1)
    for a, b in zip(first, again, strict=True):
        assert_bits_equal(a, b)


def test_an_error_of_a_replayed_call_names_the_line() -> None:
    """The second call fails as the first one would."""
    x = dg.ones(4, 5)
    F.nll_loss(x, TARGET)
    with pytest.raises(AxisError, match=r"index 7(.|\n)*test_replay.py"):
        F.nll_loss(x, dg.tensor([0, 7, 1, 2]))


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: x * float(x.sum().item()),  # reads a value
        lambda x: x + OTHER,  # reads a tensor that is no operand
        lambda x: x * dg.rand(3),  # draws
        lambda x: x,  # runs no op
    ],
)
def test_what_is_more_than_ops_is_run_again(forward: Callable[[Any], Any]) -> None:
    op = defcomposite("of_this_test", inputs="x", forward=forward, vjp=(NONDIFF,))
    try:
        for number in (1.0, 2.0, 3.0):
            dg.manual_seed(0)
            expected = forward(dg.full((3,), number)).numpy().copy()
            dg.manual_seed(0)
            assert_bits_equal(compose(op, dg.full((3,), number)).numpy(), expected)
            OTHER.add_(1)
    finally:
        del REGISTRY["of_this_test"]
    assert not any(s for key, s in replay._scripts.items() if key[0] is op)


OTHER = dg.tensor([1.0, 2.0, 3.0])


def test_a_first_call_with_one_tensor_twice_says_nothing_about_others() -> None:
    """Operands are told apart by what they are; a call that cannot is not written down."""
    x, y = dg.tensor([1, 0, 0, 2, 1, 3, 1]), dg.tensor([-1, 0, -5, -2, -1, -3, -4])
    assert dg.index_select(x, 0, x).tolist() == [0, 1, 1, 0, 0, 2, 0]
    assert dg.index_select(y, 0, x).tolist() == [0, -1, -1, -5, 0, -2, 0]
    assert dg.index_select(y, 0, x).tolist() == [0, -1, -1, -5, 0, -2, 0]
