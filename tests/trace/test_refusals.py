"""What a static graph cannot hold ends in an error of our own, with the user's line."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.core.dispatch import state
from dualgraph.core.scope import scopes
from dualgraph.eager.frontend import eager_frontend
from dualgraph.errors import GradError, TraceError
from tests.bits import assert_bits_equal
from tests.trace.programs import line_of, mlp, momentum, numbers


def branch(x: Any) -> Any:
    if x.sum() > 0:  # here
        return x
    return -x


def loop(x: Any) -> Any:
    while x.sum() < 10:  # here
        x = x * 2
    return x


READERS = {
    "if": (branch, "bool()"),
    "while": (loop, "bool()"),
    "bool": (lambda x: bool(x[0] > 0), "bool()"),
    "int": (lambda x: x * int(x[0]), "item()"),
    "float": (lambda x: x * float(x[0]), "item()"),
    "item": (lambda x: x * x[0].item(), "item()"),
    "numpy": (lambda x: x.numpy(), "numpy()"),
    "asarray": (lambda x: np.asarray(x), "numpy()"),
    "tolist": (lambda x: x.tolist(), "tolist()"),
    "range": (lambda x: list(range(x.long()[0])), "item()"),
    "one_hot": (lambda x: dg.one_hot(x.long()), "item()"),
}


@pytest.mark.parametrize("name", READERS)
def test_reading_numbers_is_a_named_error(name: str) -> None:
    function, what = READERS[name]
    f = dg.compile(function)
    with pytest.raises(TraceError) as caught:
        f(dg.tensor([1.0, 2.0]))
    text = str(caught.value)
    assert text.startswith(f"{what} needs the numbers of a tensor of shape ")
    assert "which are not known while the function is traced" in text
    for way_out in ("where()", "return the tensor and read it outside", "eagerly"):
        assert way_out in text
    where = line_of(function, "# here") if name in ("if", "while") else f"{__file__}:"
    assert f"\n  at {where}" in text
    assert state.frontend is eager_frontend
    assert not state.tracing


def test_in_place_on_a_view_that_may_be_a_copy_is_a_named_error() -> None:
    def function(x: Any) -> Any:
        x.t().reshape(-1).add_(1.0)  # here
        return x

    x = dg.ones(2, 2)
    with pytest.raises(TraceError, match="merges axes of a tensor that is changed") as caught:
        dg.compile(function)(x)
    assert line_of(function, "# here") in str(caught.value)
    assert x.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_an_in_place_op_that_puts_a_captured_tensor_on_the_tape() -> None:
    w, buffer = dg.ones(1, requires_grad=True), dg.ones(1)

    def function(x: Any) -> Any:
        buffer.mul_(w)
        return x + buffer

    with pytest.raises(TraceError, match="would put a captured tensor on the tape"):
        dg.compile(function)(dg.ones(1))
    assert buffer.tolist() == [1.0]
    assert buffer.grad_fn is None


def test_an_exception_leaves_no_trace_of_tracing() -> None:
    model = mlp()
    opt = momentum(model)
    x = numbers(4, 3)
    model(x).sum().backward()
    grads = [p.grad for p in model.parameters()]
    values = [p.detach().numpy().copy() for p in model.parameters()]

    def step(x: Any) -> Any:
        opt.zero_grad()
        model(x).sum().backward()
        with dg.no_grad():
            opt.step()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        dg.compile(step)(x)
    assert state.frontend is eager_frontend
    assert state.grad_enabled
    assert not state.tracing
    assert state.visiting is None
    assert scopes.names == []
    assert scopes.seen is None
    assert all(p.grad is g for p, g in zip(model.parameters(), grads, strict=True))
    assert_bits_equal(list(model.parameters()), values)


def test_a_traced_tensor_that_leaks_is_named() -> None:
    kept = []

    def leaking(x: Any) -> Any:
        y = x * 2
        kept.append(y)
        return y

    dg.compile(leaking)(dg.ones(2))
    for use in (lambda: kept[0] + 1, lambda: kept[0].numpy(), lambda: kept[0].tolist()):
        with pytest.raises(TraceError, match="kept beyond its return"):
            use()


def test_an_op_without_derivative_is_refused_in_backward_only() -> None:
    """As eagerly: the forward runs, and outputs that do not depend on it have their gradients."""

    def function(x: Any) -> Any:
        return dg.floor_divide(x, 2.0).sum(), (x * 3).sum()

    x = dg.tensor([3.0, 5.0], requires_grad=True)
    steps, line = dg.compile(function)(x)
    assert steps.item() == 3.0
    line.backward(retain_graph=True)
    assert x.grad.tolist() == [3.0, 3.0]
    with pytest.raises(GradError, match="floor_divide has no derivative here"):
        steps.backward()


class Restless:
    """An attribute that is another at every look."""

    def __init__(self) -> None:
        self.looks = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "__dict__":
            object.__setattr__(self, "looks", object.__getattribute__(self, "looks") + 1)
        return object.__getattribute__(self, name)


def test_a_value_that_no_trace_can_hold_is_named() -> None:
    """A named error instead of a trace for every call."""
    restless = Restless()
    with pytest.raises(TraceError, match="so that no trace would ever hold"):
        dg.compile(lambda x: x * restless.looks)(dg.ones(2))
