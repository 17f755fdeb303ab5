"""`verify`: what it accepts, and that each kind of deliberate fault is found and named."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.core.dispatch import state
from dualgraph.core.op import REGISTRY
from dualgraph.errors import ArgumentError, VerifyError
from dualgraph.passes import simplify
from dualgraph.passes.rewrites import Rewrite

MAKERS = {
    "sgd": lambda params: optim.SGD(params, lr=0.1, momentum=0.9),
    "adam": lambda params: optim.Adam(params, lr=0.01),
}


def line_of(function: Callable[..., Any], text: str) -> str:
    """Return ``file:line`` of the first line of a function that holds this text."""
    lines, start = inspect.getsourcelines(function)
    at = next(i for i, line in enumerate(lines) if text in line)
    return f"{inspect.getsourcefile(function)}:{start + at}"


def numbers(*shape: int, seed: int = 0) -> Any:
    return dg.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        dg.manual_seed(0)
        self.first = nn.Linear(3, 8)
        self.second = nn.Linear(8, 4)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Any) -> Any:
        hidden = dg.tanh(self.first(x))  # the activation
        return self.second(self.drop(hidden))


def train_step(optimizer: str = "sgd") -> tuple[Callable[..., Any], Net]:
    """Return a training step and its model."""
    model, loss = Net(), nn.CrossEntropyLoss()
    opt = MAKERS[optimizer](model.parameters())

    def step(x: Any, target: Any) -> Any:
        opt.zero_grad()
        value = loss(model(x), target)
        value.backward()
        opt.step()
        return value

    return step, model


BATCH = numbers(6, 3), dg.tensor([0, 1, 2, 3, 0, 1])


@pytest.mark.parametrize("optimizer", MAKERS)
def test_training_steps_agree(optimizer: str) -> None:
    step, model = train_step(optimizer)
    before = model.first.weight.detach().numpy().copy()
    seen: list[int] = []
    report = dg.verify(step, *BATCH, steps=4, progress=seen.append)
    assert report.ok
    assert report.steps_verified == 4
    assert report.differing_bits == 0
    assert seen == [1, 2, 3, 4]
    assert np.any(model.first.weight.detach().numpy() != before)  # it did train
    at_least = 4 * 2 * 32 * sum(p.numel() for p in model.parameters())  # values and gradients
    assert report.compared_bits > at_least
    assert report.message == f"steps 4, bits compared {report.compared_bits}, differing 0"


def test_the_state_is_left_as_eager_leaves_it() -> None:
    step, model = train_step()
    dg.verify(step, *BATCH, steps=3)
    verified = [p.detach().numpy().copy() for p in model.parameters()]
    other, plain = train_step()
    for _ in range(3):
        other(*BATCH)
    for a, p in zip(verified, plain.parameters(), strict=True):
        np.testing.assert_array_equal(a, p.detach().numpy())


def test_steps_must_be_positive() -> None:
    with pytest.raises(ArgumentError, match="steps must be at least 1, got 0"):
        dg.verify(lambda x: x, dg.ones(1), steps=0)


@pytest.fixture
def patch_op() -> Any:
    """Return a function that replaces fields of an op's frozen record; undone afterwards."""
    undo: list[tuple[Any, str, Any]] = []

    def patch(op: str, **fields: Any) -> None:
        for name, value in fields.items():
            undo.append((REGISTRY[op], name, getattr(REGISTRY[op], name)))
            object.__setattr__(REGISTRY[op], name, value)

    yield patch
    for record, name, old in reversed(undo):
        object.__setattr__(record, name, old)


def failure(function: Callable[..., Any], *args: Any, steps: int = 1) -> VerifyError:
    with pytest.raises(VerifyError) as caught:
        dg.verify(function, *args, steps=steps)
    return caught.value


def test_a_wrong_compiled_kernel_is_found_and_named(patch_op: Any) -> None:
    """One ULP too much in the fused code of tanh; the eager ufunc exists already."""
    dg.tanh(dg.ones(2))
    good = REGISTRY["tanh"].lower
    patch_op("tanh", lower=replace(good, expression="tanh_{s}({x}) * {s}(1.0000001)"))
    step, _ = train_step()
    error = failure(step, *BATCH)
    assert error.report.steps_verified == 0
    assert error.report.culprit.stage == "compiled code"
    assert "= tanh(" in error.report.culprit.node
    assert line_of(Net, "# the activation") in error.report.culprit.node
    assert "Net" in error.report.culprit.node  # the module path
    assert 1 <= error.report.culprit.ulp <= 2
    text = str(error)
    assert text.startswith("eager and compiled differ in step 1: ")
    assert f"{error.report.tensor} differs in {error.report.differing_bits} bits" in text
    assert f"at most {error.report.ulp:g} ULP apart" in text
    assert "first node: compiled code: %" in text


def test_a_wrong_kernel_in_backward_is_found(patch_op: Any) -> None:
    """The loss agrees, the gradients do not: the first tensor named is a gradient."""

    def function(x: Any) -> Any:
        y = (x * x).sum()
        (g,) = dg.autograd.grad(y, x)
        return y, dg.where(g > 0, g, -g)  # here

    x = numbers(9).requires_grad_()
    function(x)
    good = REGISTRY["where"].lower
    patch_op("where", lower=replace(good, expression="select({x}, {z}, {y})"))
    error = failure(function, x)
    assert error.report.tensor == "result 1"
    assert "= where(" in error.report.culprit.node
    assert line_of(function, "# here") in error.report.culprit.node


def test_a_difference_in_a_later_step_is_found(patch_op: Any) -> None:
    """The fault shows only for values above 3, which the third step reaches."""
    held = dg.tensor([1.0, 2.0])

    def function() -> None:
        with dg.no_grad():
            held.copy_(dg.abs(held) + 0.75)  # here

    function()
    held.copy_(dg.tensor([1.0, 1.0]))
    good = REGISTRY["abs"].lower
    patch_op("abs", lower=replace(good, expression="select({x} > {s}(2), {x} + {s}(1), abs({x}))"))
    error = failure(function, steps=5)
    assert error.report.steps_verified == 2
    assert "differ in step 3: tensor captured at" in str(error)
    assert "= abs(" in error.report.culprit.node
    assert line_of(function, "# here") in error.report.culprit.node


def test_a_wrong_rewrite_is_found_and_its_pass_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """x + 0 -> x is wrong for -0 alone."""

    def zero(node: Any) -> bool:
        number = node.inputs[1].static.get("number")
        return number == 0.0 and node.shape == node.inputs[0].shape

    row = Rewrite("x + 0 -> x", "add", zero, lambda node: node.inputs[0])
    monkeypatch.setitem(simplify._BY_OP, "add", [row])
    function = lambda x: (dg.exp(x) * 2, (x * 1.5) + 0.0)  # noqa: E731
    dg.verify(function, dg.tensor([1.0, 2.0]))
    error = failure(function, dg.tensor([1.0, -0.0]))
    assert error.report.tensor == "result 1"
    assert error.report.differing_bits == 1
    assert error.report.culprit.stage == "pass simplify"
    assert "first node: pass simplify: %" in str(error)
    assert f"{__file__}:" in error.report.culprit.node


def test_a_wrong_eager_kernel_is_found(patch_op: Any) -> None:
    """The interpreter shares eager's kernels, so an eager fault shows against compiled code."""
    right = REGISTRY["sigmoid"].kernel
    patch_op("sigmoid", kernel=lambda x: right(x) * np.float32(1.0000002))

    def function(x: Any) -> Any:
        return dg.sigmoid(x) + 1  # here

    error = failure(function, numbers(9))
    assert "= sigmoid(" in error.report.culprit.node
    assert line_of(function, "# here") in error.report.culprit.node


def test_an_eager_frontend_that_is_wrong_is_found(patch_op: Any) -> None:
    """A kernel that errs on its first call only: eager differs from the interpreter too."""
    right = REGISTRY["sigmoid"].kernel
    calls = []

    def once(x: Any) -> Any:
        calls.append(None)
        return right(x) * np.float32(2 if len(calls) == 1 else 1)

    patch_op("sigmoid", kernel=once)

    def function(x: Any) -> Any:
        return dg.sigmoid(x) + 1  # here

    error = failure(function, numbers(9))
    assert error.report.culprit.stage == "eager"
    assert "= sigmoid(" in error.report.culprit.node
    assert line_of(function, "# here") in error.report.culprit.node


def test_a_function_that_runs_other_ops_when_traced_is_found() -> None:
    def function(x: Any) -> Any:
        return x * 2 if state.tracing else x * 3

    error = failure(function, numbers(4))
    assert error.report.tensor == "result 0"
    assert error.report.culprit is not None


def test_the_first_tensor_is_a_parameter_when_results_agree(patch_op: Any) -> None:
    w = dg.tensor([1.0, 2.0])
    v = dg.tensor([3.0])

    def function(x: Any) -> Any:
        with dg.no_grad():
            v.add_(1.0)
            w.mul_(dg.sqrt(x))  # here
        return x + 1

    x = dg.tensor([2.0, 3.0])
    function(x)
    good = REGISTRY["sqrt"].lower
    patch_op("sqrt", lower=replace(good, expression="sqrt({x}) * {s}(1.0000001)"))
    error = failure(function, x)
    assert error.report.tensor.startswith(f"tensor captured at {line_of(function, '# here')}")
    assert error.report.tensor in str(error)
    assert "= sqrt(" in error.report.culprit.node


def test_a_state_that_only_one_frontend_makes() -> None:
    """A gradient that appears in one frontend only is named."""
    w = dg.tensor([1.0], requires_grad=True)

    def function(x: Any) -> Any:
        y = (x * w).sum()
        if not state.tracing:
            y.backward(retain_graph=True)
        return y.detach()

    with pytest.raises(VerifyError, match=r"only one of eager and compiled has .*\.grad"):
        dg.verify(function, dg.ones(1))
