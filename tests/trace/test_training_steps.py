"""Whole training steps: options, optimizer state, .grad, at every call as they are then."""

import copy
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn, optim
from tests.bits import assert_bits_equal
from tests.trace.programs import batch, mlp, momentum, numbers, train_step


def state_of(model: nn.Module) -> list[Any]:
    return [*model.parameters(), *(p.grad for p in model.parameters())]


def two_models(make: Any = momentum) -> list[tuple[nn.Module, Any]]:
    models = [mlp(), mlp()]
    return [(m, make(m)) for m in models]


def test_a_learning_rate_takes_effect_without_a_retrace() -> None:
    (a, opt_a), (b, opt_b) = two_models()
    eager, compiled = train_step(a, opt_a), dg.compile(train_step(b, opt_b))
    for i, rate in enumerate([0.1, 0.1, 0.1, 0.01, 0.5]):
        opt_a.param_groups[0]["lr"] = opt_b.param_groups[0]["lr"] = rate
        assert_bits_equal(compiled(*batch(i)), eager(*batch(i)))
        assert_bits_equal(state_of(b), state_of(a))
    assert len(compiled.traces) <= 2  # without gradients, and with those of the step before


def test_a_learning_rate_read_as_a_python_number() -> None:
    opt = optim.SGD([dg.ones(1, requires_grad=True)], lr=0.5)
    f = dg.compile(lambda x: x * opt.param_groups[0]["lr"])
    assert f(dg.ones(1)).tolist() == [0.5]
    opt.param_groups[0]["lr"] = 2.0
    assert f(dg.ones(1)).tolist() == [2.0]


def test_another_option_retraces() -> None:
    (a, opt_a), (b, opt_b) = two_models()
    eager, compiled = train_step(a, opt_a), dg.compile(train_step(b, opt_b))
    for i, decay in enumerate([0.0, 0.0, 0.5]):
        opt_a.param_groups[0]["weight_decay"] = opt_b.param_groups[0]["weight_decay"] = decay
        assert_bits_equal(compiled(*batch(i)), eager(*batch(i)))
        assert_bits_equal(state_of(b), state_of(a))
    assert compiled.traces[-1].reason == "an option or the state of SGD changed"


def adam(model: nn.Module) -> optim.Adam:
    return optim.Adam(model.parameters(), lr=0.01)


@pytest.mark.parametrize("make", [momentum, adam], ids=["sgd", "adam"])
def test_loading_state_between_steps(make: Any) -> None:
    (a, opt_a), (b, opt_b) = two_models(make)
    eager, compiled = train_step(a, opt_a), dg.compile(train_step(b, opt_b))
    for step, model, opt in ((eager, a, opt_a), (compiled, b, opt_b)):
        step(*batch(0))
        saved = copy.deepcopy((model.state_dict(), opt.state_dict()))
        step(*batch(1))
        step(*batch(2))
        model.load_state_dict(saved[0])
        opt.load_state_dict(saved[1])
        step(*batch(3))
    assert_bits_equal(state_of(b), state_of(a))


def accumulate(model: nn.Module, x: Any) -> None:
    model(x).square().mean().backward()


def test_grad_absent_and_present() -> None:
    a, b = mlp(), mlp()
    x = numbers(5, 3)
    f = dg.compile(lambda x: accumulate(b, x))
    for i in range(3):
        accumulate(a, x)
        f(x)
        assert_bits_equal(state_of(b), state_of(a), f"step {i}")
    reasons = [t.reason for t in f.traces]
    assert len(reasons) == 2
    assert reasons[1].startswith(".grad of captured tensor of shape")
    assert reasons[1].endswith("was None when traced")
    b.zero_grad()
    f(x)
    assert len(f.traces) == 2  # the first trace serves again


def test_a_grad_object_is_changed_in_place_or_replaced_as_eagerly() -> None:
    def objects(wrap: Any) -> list[bool]:
        model = mlp()
        f = wrap(lambda x: accumulate(model, x))
        x = numbers(5, 3)
        f(x)
        first = [p.grad for p in model.parameters()]
        f(x)
        return [p.grad is g for p, g in zip(model.parameters(), first, strict=True)]

    assert objects(dg.compile) == objects(lambda f: f)


def test_zero_grad_to_zeros() -> None:
    (a, opt_a), (b, opt_b) = two_models()

    def step_of(model: nn.Module, opt: Any) -> Any:
        def step(x: Any) -> None:
            opt.zero_grad(set_to_none=False)
            accumulate(model, x)
            opt.step()

        return step

    eager, compiled = step_of(a, opt_a), dg.compile(step_of(b, opt_b))
    for i in range(4):
        eager(batch(i)[0])
        compiled(batch(i)[0])
        assert_bits_equal(state_of(b), state_of(a), f"step {i}")


def test_gradients_accumulate_over_two_backward_calls() -> None:
    a, b = mlp(), mlp()
    f = dg.compile(b)
    for i in range(2):
        for model, g in ((a, a), (b, f)):
            (g(numbers(4, 3, seed=i)) * 3).sum().backward()
            assert all(p.grad is not None for p in model.parameters())
    assert_bits_equal(state_of(b), state_of(a))
    assert len(f.traces) == 1
