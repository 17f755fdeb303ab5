"""An index out of range is named with its line, and changes no state."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import AxisError
from tests.bits import assert_bits_equal
from tests.trace.programs import line_of, momentum, numbers


def test_an_index_out_of_range_is_named_with_its_line() -> None:
    def function(x: Any, index: Any) -> Any:
        y = x * 2
        return y.gather(0, index) + 1  # here

    f = dg.compile(function)
    x = dg.tensor([1.0, 2.0])
    assert f(x, dg.tensor([1, 0])).tolist() == [5.0, 3.0]
    for bad in (7, -1):
        with pytest.raises(AxisError) as caught:
            f(x, dg.tensor([0, bad]))
        text = str(caught.value)
        assert text.startswith(f"index {bad} is out of range in a compiled function (")
        assert f"gather of shapes (2,), (2,) at {line_of(function, '# here')}" in text
    assert f(x, dg.tensor([1, 0])).tolist() == [5.0, 3.0]


def test_only_ops_that_index_are_blamed() -> None:
    f = dg.compile(lambda x, i: dg.exp(x * 2).gather(0, i) * 3 + 1)
    with pytest.raises(AxisError) as caught:
        f(dg.ones(2), dg.tensor([5, 0]))
    assert "exp" not in str(caught.value)
    assert "add at" not in str(caught.value)


def test_an_index_out_of_range_in_scatter_add() -> None:
    f = dg.compile(lambda x, i: x.scatter_add(0, i, dg.ones(2)))
    assert f(dg.zeros(2), dg.tensor([1, 1])).tolist() == [0.0, 2.0]
    with pytest.raises(AxisError, match=r"index 2 is out of range .*scatter_add of shapes .* at"):
        f(dg.zeros(2), dg.tensor([1, 2]))


def test_a_failed_step_changes_no_parameter() -> None:
    dg.manual_seed(0)
    model, loss = nn.Linear(3, 4), nn.CrossEntropyLoss()
    opt = momentum(model)

    def step(x: Any, target: Any) -> Any:
        opt.zero_grad()
        value = loss(model(x), target)
        value.backward()
        opt.step()
        return value

    f = dg.compile(step)
    x = numbers(2, 3)
    f(x, dg.tensor([0, 3]))
    f(x, dg.tensor([0, 3]))
    held = [*model.parameters(), *(t for s in opt.state.values() for t in s.values())]
    before = [(t.detach().numpy().copy(), t._version) for t in held]
    with pytest.raises(AxisError, match="index 4 is out of range"):
        f(x, dg.tensor([0, 4]))
    assert_bits_equal(held, [values for values, _ in before])
    assert [t._version for t in held] == [version for _, version in before]


@pytest.mark.parametrize("fused", [False, True], ids=["apart", "fused"])
def test_a_failed_gather_before_an_update(fused: bool) -> None:
    """The update must not run first, nor share a loop with the gather that fails."""

    def function(x: Any, index: Any, p: Any) -> Any:
        y = x.gather(0, index)
        p.add_(y if fused else 1.0)
        return y * 2 + p

    f = dg.compile(function)
    p = dg.zeros(3)
    f(dg.ones(3), dg.tensor([0, 1, 2]), p)
    assert p.tolist() == [1.0] * 3
    with pytest.raises(AxisError):
        f(dg.ones(3), dg.tensor([0, 1, 3]), p)
    assert p.tolist() == [1.0] * 3


def test_an_index_out_of_range_names_the_op_that_failed() -> None:
    def function(x: Any, first: Any, second: Any) -> Any:
        a = dg.gather(x, 0, first)
        a = a.sum(1, keepdim=True)
        return dg.gather(a, 0, second)  # this one

    x, index = dg.randn(3, 2), dg.tensor([[0, 1]])
    bad = dg.tensor([[7]])
    with pytest.raises(AxisError, match="index 7 is out of range") as caught:
        dg.compile(function)(x, index, bad)
    assert str(caught.value).count("gather of shapes") == 1
