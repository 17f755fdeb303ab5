"""Hooks see and replace gradients, in PyTorch's order, eagerly and in traced functions."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph.errors import GradError, TraceError
from tests.bits import assert_bits_equal


def everything(api: Any) -> list[Any]:
    """Use every kind of hook and return what they saw."""
    log: list[Any] = []
    x = api.tensor([1.0, 2.0, 3.0], requires_grad=True)
    doubling = x.register_hook(lambda g: (log.append("first"), g * 2)[1])
    x.register_hook(lambda g: log.append(("second", g.tolist())))
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: g + 1)
    z = y * 3

    def watch(inputs: Any, outputs: Any) -> None:
        log.append([None if g is None else g.tolist() for g in (*inputs, *outputs)])

    z.grad_fn.register_hook(watch)
    z.grad_fn.register_prehook(lambda outputs: (outputs[0] * 10,))
    x.register_post_accumulate_grad_hook(lambda p: log.append(("after", p.grad.tolist())))
    z.sum().backward()
    doubling.remove()
    (x * 5).sum().backward()
    log.append(api.autograd.grad((x * 7).sum(), x)[0].tolist())
    log.append((x.grad.tolist(), y.grad.tolist()))
    return log


EXPECTED = [
    [[30.0, 30.0, 30.0], None, [10.0, 10.0, 10.0]],
    "first",
    ("second", [124.0, 248.0, 372.0]),
    ("after", [124.0, 248.0, 372.0]),
    ("second", [5.0, 5.0, 5.0]),
    ("after", [129.0, 253.0, 377.0]),
    ("second", [7.0, 7.0, 7.0]),
    [7.0, 7.0, 7.0],
    ([129.0, 253.0, 377.0], [31.0, 31.0, 31.0]),
]


def test_every_kind() -> None:
    """Order, replacement, removal, accumulation."""
    assert everything(dg) == EXPECTED


def test_every_kind_as_pytorch() -> None:
    """The same program there sees the same."""
    assert everything(pytest.importorskip("torch")) == EXPECTED


def test_a_hook_inside_of_a_traced_function() -> None:
    """It becomes nodes of the graph."""
    w = dg.ones(3, requires_grad=True)

    def step(x: Any) -> Any:
        y = w * x
        y.register_hook(lambda g: g * 2)
        return dg.autograd.grad((y * y).sum(), w)[0]

    x = dg.tensor([1.0, 2.0, 3.0])
    assert_bits_equal(dg.compile(step)(x), step(x))
    assert step(x).tolist() == [4.0, 16.0, 36.0]


def test_a_hook_on_a_captured_leaf_is_guarded() -> None:
    """Registering or removing one retraces; the reason is said."""
    w = dg.ones(2, requires_grad=True)
    x = dg.tensor([1.0, 2.0])
    step = dg.compile(lambda x: dg.autograd.grad((w * x).sum(), w)[0])
    assert step(x).tolist() == [1.0, 2.0]
    handle = w.register_hook(lambda g: -g)
    assert step(x).tolist() == [-1.0, -2.0]
    assert "other hooks" in step.last.reason
    handle.remove()
    assert step(x).tolist() == [1.0, 2.0]
    assert len(step.traces) == 2


def test_a_hook_on_a_leaf_outside_of_the_program() -> None:
    """Backward through a compiled forward runs the hooks of its leaves."""
    w = dg.ones(2, requires_grad=True)
    w.register_hook(lambda g: g * 10)
    w.register_post_accumulate_grad_hook(lambda p: [None, p.grad.add_(1)][0])
    dg.compile(lambda x: (w * x).sum())(dg.tensor([1.0, 2.0])).backward()
    assert w.grad.tolist() == [11.0, 21.0]


def test_an_optimizer_in_a_hook() -> None:
    """The update runs during backward, compiled as eagerly."""

    def trained(wrap: Any) -> Any:
        w = dg.ones(2, requires_grad=True)

        def update(p: Any) -> None:
            with dg.no_grad():
                p.sub_(p.grad * 0.1)
            p.grad = None

        w.register_post_accumulate_grad_hook(update)

        def step(x: Any) -> Any:
            loss = (w * x).square().sum()
            loss.backward()
            return loss

        run = wrap(step)
        return [run(dg.tensor([1.0, 2.0])) for _ in range(3)], w

    assert_bits_equal(trained(dg.compile), trained(lambda f: f))


def test_removal_in_a_with_block() -> None:
    """A handle is a context manager, and may be removed twice."""
    x = dg.ones(1, requires_grad=True)
    with x.register_hook(lambda g: g * 2) as handle:
        (x * 1).backward()
    handle.remove()
    (x * 1).backward()
    assert x.grad.tolist() == [3.0]


def test_refused() -> None:
    """No gradient, no hook; post hooks for leaves; none registered from inside a trace."""
    with pytest.raises(GradError, match="register_hook needs a tensor that requires grad"):
        dg.ones(1).register_hook(lambda g: g)
    with pytest.raises(GradError, match="leaf tensors only"):
        (dg.ones(1, requires_grad=True) * 2).register_post_accumulate_grad_hook(lambda p: p)
    w = dg.ones(1, requires_grad=True)

    def inside(x: Any) -> Any:
        w.register_hook(lambda g: g)
        return w * x

    with pytest.raises(TraceError, match="register it outside"):
        dg.compile(inside)(dg.ones(1))
