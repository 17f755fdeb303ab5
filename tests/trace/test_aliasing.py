"""Results, arguments and state that share memory in eager share it in compiled code."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph import optim
from dualgraph.errors import GradError, TraceError
from tests.bits import assert_bits_equal
from tests.trace.programs import numbers


def test_the_second_call_keeps_the_first_result() -> None:
    f = dg.compile(lambda x: x * 2)
    first = f(dg.tensor([1.0, 2.0]))
    f(dg.tensor([5.0, 6.0]))
    assert first.tolist() == [2.0, 4.0]


def test_a_returned_input_is_that_input() -> None:
    x = dg.tensor([1.0])
    assert dg.compile(lambda x: x)(x) is x


def test_a_returned_view_of_an_input() -> None:
    x = numbers(2, 3)
    out = dg.compile(lambda x: x.t())(x)
    assert_bits_equal(out, x.t())
    before = out.numpy().copy()
    dg.compile(lambda x: x + 1)(x)
    assert_bits_equal(out, before)


def test_a_returned_input_that_was_changed() -> None:
    def function(x: Any) -> Any:
        x.add_(1.0)
        return x, x * 2

    x = dg.tensor([1.0, 2.0])
    same, doubled = dg.compile(function)(x)
    assert same is x
    assert x.tolist() == [2.0, 3.0]
    assert doubled.tolist() == [4.0, 6.0]


def test_one_result_returned_several_times() -> None:
    """Eager returns one object; gradients of three uses are then added in one order."""

    def function(x: Any) -> Any:
        y = x * 3
        return y, y, y

    def gradient(f: Any) -> Any:
        x = numbers(64).requires_grad_()
        a, b, c = f(x)
        (a * 0.1 + b * 0.7 + c * 1e-7).sum().backward()
        return x.grad, a is b

    assert_bits_equal(gradient(dg.compile(function))[0], gradient(function)[0])
    assert gradient(dg.compile(function))[1]


def test_an_argument_that_is_changed_has_a_new_version() -> None:
    def function(x: Any) -> None:
        x.add_(1)

    f = dg.compile(function)
    x = dg.tensor([1.0])
    before = x._version
    assert f(x) is None
    assert x.tolist() == [2.0]
    assert x._version == before + 1
    f(x)
    assert x.tolist() == [3.0]


def test_captured_state_has_one_version_more_after_every_call() -> None:
    w, state = dg.nn.Parameter(numbers(3)), numbers(3)
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9)

    def step(x: Any) -> None:
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()
        state.add_(x)
        state[1:].mul_(2.0)

    f = dg.compile(step)
    before = w._version, state._version
    for calls in range(1, 4):
        f(numbers(3))
        assert (w._version, state._version) == (before[0] + calls, before[1] + calls)


def test_a_trace_that_fails_leaves_versions() -> None:
    state = numbers(3)

    def function() -> Any:
        state.add_(1)
        return state.tolist()

    with pytest.raises(TraceError):
        dg.compile(function)()
    assert state._version == 0


class Saving(dg.autograd.Function):
    """Saves its second argument."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any) -> Any:
        ctx.save_for_backward(w)
        return x * w

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0], None


@pytest.mark.parametrize("product", [Saving.apply, dg.mul])
@pytest.mark.parametrize("view", [lambda w: w, lambda w: w[1:]], ids=["whole", "view"])
def test_captured_state_that_is_changed_after_it_was_saved(product: Any, view: Any) -> None:
    w = numbers(3)

    def function(x: Any) -> Any:
        out = product(x, view(w)).sum()
        w.mul_(2.0)
        out.backward()
        return out.detach()

    for run in (function, dg.compile(function)):
        with pytest.raises(GradError, match="modified in place"):
            run(view(numbers(3)).detach().requires_grad_())


def test_a_traced_function_sees_its_own_changes_in_a_version() -> None:
    state, seen = numbers(3), []

    def function() -> None:
        state.add_(1)
        seen.append(state[1:]._version)

    dg.compile(function)()
    assert seen == [1]


def test_a_changed_argument_refuses_an_older_tape() -> None:
    w = dg.tensor([2.0], requires_grad=True)
    x = dg.tensor([3.0])
    y = w * x
    dg.compile(lambda x: x.add_(1))(x)
    with pytest.raises(GradError, match="modified in place"):
        y.backward()


def test_an_argument_put_on_the_tape_in_place() -> None:
    """Eager gives x a grad_fn; a graph cannot, and says so."""

    def function(x: Any, w: Any) -> Any:
        x.mul_(w)
        return x

    w = dg.tensor([2.0], requires_grad=True)
    x = dg.tensor([3.0])
    with pytest.raises(TraceError, match="would put an argument on the tape"):
        dg.compile(function)(x, w)
    assert x.tolist() == [3.0]


def test_repeated_arguments() -> None:
    def function(x: Any, y: Any) -> Any:
        x.add_(1.0)
        return x * y

    f = dg.compile(function)
    x, y = dg.tensor([1.0]), dg.tensor([10.0])
    assert f(x, y).tolist() == [20.0]
    assert f(x, x).tolist() == [9.0]
    assert len(f.traces) == 2
    assert "tensors are new" in f.traces[-1].reason


def test_gradients_of_repeated_arguments() -> None:
    f = dg.compile(lambda x, y: x * y)
    x = dg.tensor(3.0, requires_grad=True)
    f(x, x).backward()
    assert x.grad.item() == 6.0


@pytest.mark.parametrize("first", [False, True], ids=["later", "at once"])
def test_arguments_that_share_memory(first: bool) -> None:
    """A change of one is seen through the other, or the call is refused."""

    def function(x: Any, y: Any) -> Any:
        x.add_(1.0)
        return y * 2

    f = dg.compile(function)
    if not first:
        f(dg.ones(4), dg.ones(4))
    x = dg.ones(4)
    with pytest.raises(TraceError, match="changes the argument 0 in place, whose memory"):
        f(x, x.detach())
    assert x.tolist() == [1.0] * 4


def test_an_argument_that_is_also_captured() -> None:
    w = dg.tensor([1.0])
    f = dg.compile(lambda x: x + w)
    with pytest.raises(TraceError, match="is an argument of the traced function and is also used"):
        f(w)
    assert f(dg.tensor([2.0])).tolist() == [3.0]


def test_an_argument_that_is_also_captured_later() -> None:
    """The trace of another argument must not serve when the change would be seen twice."""
    w = dg.tensor([1.0])

    def function(x: Any) -> Any:
        x.add_(1.0)
        return x + w

    f = dg.compile(function)
    assert f(dg.tensor([2.0])).tolist() == [4.0]
    with pytest.raises(TraceError):
        f(w)


@pytest.mark.parametrize("how", ["read", "cleared"])
def test_the_grad_of_an_argument_that_is_also_captured(how: str) -> None:
    """Through a closure and through the argument it is one .grad: not two, one of them stale."""
    w = dg.tensor([1.0, 2.0], requires_grad=True)
    opt = optim.SGD([w], lr=0.1)

    def function(x: Any) -> Any:
        if how == "cleared":
            opt.zero_grad()
        x.pow(2).sum().backward()
        return x.grad if how == "cleared" else x.grad + w.grad

    w.grad = dg.tensor([10.0, 10.0])
    with pytest.raises(TraceError, match="is an argument of the traced function and is also used"):
        dg.compile(function)(w)
    assert w.grad.tolist() == [10.0, 10.0]


def test_a_tensor_computed_outside_with_gradients() -> None:
    h = dg.tensor([1.0], requires_grad=True) * 2
    with pytest.raises(TraceError, match="pass it as an argument, or detach"):
        dg.compile(lambda x: x * h)(dg.tensor([1.0]))


def test_a_returned_view_of_an_argument_shares_its_memory() -> None:
    x = dg.randn(2, 3)
    y = dg.compile(lambda x: x.t()[1:])(x)
    y.add_(1)
    expected = x.t()[1:]
    assert_bits_equal(y, expected)
    assert x._version == 1


def test_a_returned_view_is_on_the_tape_of_its_argument() -> None:
    x = dg.randn(2, 3, requires_grad=True)
    y = dg.compile(lambda x: x.reshape(3, 2))(x)
    (y * y).sum().backward()
    assert_bits_equal(x.grad, (x * 2).detach())


def test_a_returned_view_of_a_changed_argument_has_the_new_values() -> None:
    x = dg.ones(2, 2)

    def function(x: Any) -> Any:
        x.add_(1)
        return x.t()

    assert dg.compile(function)(x).tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_cotangents_of_a_returned_view_arrive_in_the_order_of_eager() -> None:
    def function(x: Any) -> Any:
        first = x.mean(-1, True)
        view = x.transpose(0, 1)
        last = x * 0.3
        return first, view, last, x

    x = dg.randn(17, 17, 3, requires_grad=True)
    weights = [dg.randn(17, 17, 1), dg.randn(17, 17, 3), dg.randn(17, 17, 3), dg.randn(17, 17, 3)]
    grads = []
    for run in (function, dg.compile(function)):
        x.grad = None
        dg.autograd.backward(list(run(x)), weights)
        grads.append(x.grad)
    assert_bits_equal(*grads)
