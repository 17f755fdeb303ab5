"""Gradients into, through and out of a compiled function."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph.errors import GradError, TraceError
from tests.bits import assert_bits_equal
from tests.trace.programs import mlp, numbers


def test_requires_grad_of_a_parameter_that_is_flipped() -> None:
    model = mlp()
    f = dg.compile(model)
    x = numbers(4, 3)
    f(x).sum().backward()
    first = next(model.parameters())
    before = first.grad.numpy().copy()
    first.requires_grad_(False)
    f(x).sum().backward()
    assert_bits_equal(first.grad, before)
    assert f.traces[-1].reason == "requires_grad of a captured tensor (8, 3) changed"
    first.requires_grad_(True)
    f(x).sum().backward()
    assert len(f.traces) == 2


def test_grad_modes_inside_and_outside() -> None:
    w = dg.tensor([2.0], requires_grad=True)

    def function(x: Any) -> Any:
        with dg.no_grad():
            a = x * w
            with dg.enable_grad():
                b = x * w
        return a, b, x * w

    f = dg.compile(function)
    x = dg.tensor([3.0])
    assert [t.requires_grad for t in f(x)] == [False, True, True]
    with dg.no_grad():
        assert [t.requires_grad for t in f(x)] == [t.requires_grad for t in function(x)]
    assert f.traces[-1].reason.startswith("grad mode")
    _, b, c = f(x)
    (b * 10 + c).backward()
    assert w.grad.tolist() == [33.0]


def test_a_leaf_made_inside_that_requires_grad() -> None:
    f = dg.compile(lambda x: dg.ones(2, requires_grad=True))
    out = f(dg.ones(1))
    assert out.requires_grad
    assert out.is_leaf


def test_a_leaf_made_inside_that_has_a_grad_is_a_named_error() -> None:
    def function(x: Any) -> Any:
        w = dg.ones(2, requires_grad=True)
        (w * x).sum().backward()
        return w

    with pytest.raises(TraceError, match=r"gave a \.grad, which would be lost"):
        dg.compile(function)(dg.ones(2))


def test_backward_twice_raises() -> None:
    f = dg.compile(lambda x: (x * x).sum())
    x = dg.tensor([1.0, 2.0], requires_grad=True)
    y = f(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(GradError, match="called a second time"):
        y.backward()


def test_create_graph_through_a_compiled_function() -> None:
    function = lambda x: (dg.exp(x) * x).sum()  # noqa: E731

    def second(g: Any) -> Any:
        x = numbers(9).requires_grad_()
        (first,) = dg.autograd.grad(g(x), x, create_graph=True)
        return first, dg.autograd.grad(first.sum(), x)

    assert_bits_equal(second(dg.compile(function)), second(function))


def test_only_one_of_several_outputs_in_the_loss() -> None:
    w = numbers(7, seed=1).requires_grad_()

    def function(x: Any) -> Any:
        y = dg.tanh(x * w)
        return y, dg.exp(y) * w, (y * y).sum()

    def gradients(g: Any, k: int) -> Any:
        x = numbers(7).requires_grad_()
        return dg.autograd.grad(g(x)[k].sum(), [x, w])

    f = dg.compile(function)
    for k in (2, 0, 1):
        assert_bits_equal(gradients(f, k), gradients(function, k), f"output {k}")
    assert len(f.traces) == 1


@pytest.mark.parametrize("order", ["before", "after", "both"])
def test_a_parameter_used_inside_and_outside(order: str) -> None:
    """The additions happen in the order of an eager run, in every bit."""
    w = numbers(500, seed=1).requires_grad_()

    def function(x: Any) -> Any:
        return dg.tanh(x * w) + w * 0.1 + dg.exp(-w * w)

    def gradient(g: Any) -> Any:
        x = numbers(500)
        first = (w * 0.3 + dg.sin(w)) if order != "after" else dg.zeros(500)
        y = g(x)
        last = (w * 0.7 + dg.cos(w)) if order != "before" else dg.zeros(500)
        return dg.autograd.grad((first + y * 3 + last * 1e-3).sum(), w)

    assert_bits_equal(gradient(dg.compile(function)), gradient(function))


def test_a_value_computed_outside_used_inside_and_outside() -> None:
    function = lambda h: dg.tanh(h) * h + h * 0.1  # noqa: E731

    def gradient(g: Any) -> Any:
        x = numbers(300).requires_grad_()
        h = dg.sin(x) * 3
        early = h * 0.3
        y = g(h)
        return dg.autograd.grad((early + y * h + g(y)).sum(), x)

    assert_bits_equal(gradient(dg.compile(function)), gradient(function))


def test_changing_a_parameter_between_forward_and_backward() -> None:
    w = dg.tensor([2.0], requires_grad=True)
    y = dg.compile(lambda x: x * w)(dg.tensor([3.0], requires_grad=True))
    with dg.no_grad():
        w.add_(1.0)
    with pytest.raises(GradError, match="modified in place"):
        y.backward()


def test_a_backward_that_is_first_needed_after_parameters_changed() -> None:
    """The tape of the trace notices what the trace did, not what an optimizer does since."""

    def gradients(compiled: bool) -> list[Any]:
        w = numbers(3, 2).requires_grad_()

        def function(x: Any) -> Any:
            y = x @ w.reshape(2, 3).t()
            return y.sum(), (y * y).sum()

        run = dg.compile(function) if compiled else function
        first, second = run(numbers(4, 3))
        (first + second).backward()
        with dg.no_grad():
            w -= 0.5 * w.grad
        found = [w.grad.clone()]
        w.grad = None
        run(numbers(4, 3))[1].backward()
        return [*found, w.grad]

    assert_bits_equal(gradients(True), gradients(False))
