"""Schedules: PyTorch's learning rates, saving, what they refuse, and compiled steps."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import optim
from dualgraph.errors import ArgumentError, DTypeError, TraceError
from dualgraph.optim import lr_scheduler
from tests.bits import assert_bits_equal


def sequence(s: Any, o: Any) -> Any:
    parts = [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 7)]
    parts += [s.StepLR(o, 3), s.LinearLR(o), s.PolynomialLR(o, 4), s.MultiStepLR(o, [1, 2])]
    return s.SequentialLR(o, parts, [5, 12, 20, 26, 30, 40])


# each takes the module of schedulers, ours or PyTorch's, and an optimizer
ROWS: dict[str, Callable[[Any, Any], Any]] = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (1 + e)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 + 0.001 * e),
    "StepLR": lambda s, o: s.StepLR(o, 7, gamma=0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 10, 10, 30], gamma=0.3),
    "ConstantLR": lambda s, o: s.ConstantLR(o, factor=0.4, total_iters=9),
    "LinearLR": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.9, total_iters=20),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.93),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, total_iters=30, power=1.7),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 13, eta_min=1e-3),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 6, 2, 1e-3),
    "CosineAnnealingWarmRestarts.1": lambda s, o: s.CosineAnnealingWarmRestarts(o, 6),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.01, [0.1, 0.2], 5, 8),
    "CyclicLR.triangular2": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, mode="triangular2"),
    "CyclicLR.exp_range": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, mode="exp_range", gamma=0.99),
    "CyclicLR.scale_fn": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, scale_fn=lambda x: 0.9**x),
    "CyclicLR.momentum": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, 5, base_momentum=[0.7, 0.8], max_momentum=0.85
    ),
    "CyclicLR.iterations": lambda s, o: s.CyclicLR(
        *(o, 0.01, 0.1, 5),
        scale_fn=lambda x: 0.9**x,
        scale_mode="iterations",
        cycle_momentum=False,
    ),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=60),
    "OneCycleLR.linear": lambda s, o: s.OneCycleLR(
        o, [0.1, 0.2], epochs=6, steps_per_epoch=10, anneal_strategy="linear", three_phase=True
    ),
    "OneCycleLR.rate": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=60, cycle_momentum=False),
    "OneCycleLR.options": lambda s, o: s.OneCycleLR(
        *(o, 0.1, 60),
        pct_start=0.4,
        base_momentum=0.7,
        max_momentum=[0.8, 0.9],
        div_factor=10.0,
        final_div_factor=100.0,
    ),
    "SequentialLR": sequence,
    "ChainedScheduler": lambda s, o: s.ChainedScheduler(
        [s.ExponentialLR(o, 0.95), s.CosineAnnealingLR(o, 9), s.LinearLR(o)]
    ),
    "ReduceLROnPlateau": lambda s, o: s.ReduceLROnPlateau(o, patience=2, cooldown=3, factor=0.5),
    "ReduceLROnPlateau.max": lambda s, o: s.ReduceLROnPlateau(
        o, "max", patience=1, threshold=0.1, threshold_mode="abs", min_lr=[0.01, 0.02], eps=1e-3
    ),
}
METRICS = np.random.default_rng(0).normal(size=60).round(1) + np.linspace(3, 0, 60)


def optimizer_of(optim: Any, tensor: Any, name: str = "SGD") -> Any:
    a, b = (tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    options = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(optim, name)([{"params": [a]}, {"params": [b], "lr": 0.3}], lr=0.5, **options)


def advance(scheduler: Any, epoch: int) -> None:
    scheduler.optimizer.step()
    if hasattr(scheduler, "num_bad_epochs"):
        scheduler.step(METRICS[epoch])
    else:
        scheduler.step()


def numbers(scheduler: Any) -> list[Any]:
    groups = scheduler.optimizer.param_groups
    return [*(g["lr"] for g in groups), *(g.get("momentum", g.get("betas")) for g in groups)]


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_the_rates_are_pytorchs(name: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    mine = ROWS[name](lr_scheduler, optimizer_of(optim, dg.tensor, kind))
    theirs = ROWS[name](torch.optim.lr_scheduler, optimizer_of(torch.optim, torch.tensor, kind))
    for epoch in range(50):
        for a, b in zip(numbers(mine), numbers(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-15, atol=0, err_msg=f"epoch {epoch}")
        assert name == "ChainedScheduler" or mine.last_epoch == epoch
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The epoch parameter")
            advance(theirs, epoch)
        advance(mine, epoch)


@pytest.mark.parametrize("name", [n for n in ROWS if n not in ("LambdaLR", "MultiplicativeLR")])
def test_a_saved_schedule_continues(name: str) -> None:
    first = ROWS[name](lr_scheduler, optimizer_of(optim, dg.tensor))
    for epoch in range(8):
        advance(first, epoch)
    second = ROWS[name](lr_scheduler, optimizer_of(optim, dg.tensor))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    second.optimizer.load_state_dict(copy.deepcopy(first.optimizer.state_dict()))
    assert (
        second.get_last_lr()
        == first.get_last_lr()
        == [g["lr"] for g in first.optimizer.param_groups]
    )
    for epoch in range(8, 30):
        advance(first, epoch)
        advance(second, epoch)
        assert numbers(second) == numbers(first)


class Factor:
    def __init__(self) -> None:
        self.base = 0.5

    def __call__(self, epoch: int) -> float:
        return self.base**epoch


def test_callable_objects_are_saved_and_functions_are_not() -> None:
    first, second = (optimizer_of(optim, dg.tensor) for _ in range(2))
    given = Factor()
    given.base = 0.25
    schedule = lr_scheduler.LambdaLR(first, [given, lambda e: 1.0])
    assert schedule.state_dict()["lr_lambdas"] == [{"base": 0.25}, None]
    other = lr_scheduler.LambdaLR(second, [Factor(), lambda e: 2.0])
    other.load_state_dict(schedule.state_dict())
    advance(other, 0)
    assert other.get_last_lr() == [0.125, 0.6]


def test_a_jump_to_an_epoch_has_the_rates_of_that_epoch() -> None:
    for name in ("StepLR", "MultiStepLR", "LinearLR", "ExponentialLR", "CosineAnnealingLR"):
        walked, jumped = (ROWS[name](lr_scheduler, optimizer_of(optim, dg.tensor)) for _ in "ab")
        for epoch in range(11):
            advance(walked, epoch)
        jumped.optimizer.step()
        jumped.step(11)
        np.testing.assert_allclose(jumped.get_last_lr(), walked.get_last_lr(), rtol=1e-12)


def test_stepping_the_schedule_first_warns() -> None:
    scheduler = ROWS["StepLR"](lr_scheduler, optimizer_of(optim, dg.tensor))
    with pytest.warns(UserWarning, match=r"lr_scheduler.step\(\) was called before optimizer"):
        scheduler.step()


def test_a_rate_in_a_tensor_is_changed_in_place() -> None:
    rate = dg.tensor(0.5, dtype="float64")
    optimizer = optim.SGD([dg.ones(2, requires_grad=True)], lr=rate)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    advance(scheduler, 0)
    assert optimizer.param_groups[0]["lr"] is rate
    assert (rate.item(), scheduler.get_last_lr()) == (0.25, [0.25])


@pytest.mark.parametrize("kind", ["SGD", "RMSprop", "NAdam"])
@pytest.mark.parametrize("name", ["OneCycleLR", "CyclicLR"])
def test_momentum_and_rate_take_effect_in_a_compiled_step(name: str, kind: str) -> None:
    made = []
    for compiled in (False, True):
        p = dg.tensor(np.linspace(-1, 1, 6).astype("f4"), requires_grad=True)
        p.grad = dg.zeros_like(p)
        options = {} if kind == "NAdam" else {"momentum": 0.9}
        optimizer = getattr(optim, kind)([p], **options)
        schedule = {
            "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=12),
            "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3),
        }[name](optimizer)

        def step(p: Any = p, optimizer: Any = optimizer) -> None:
            optimizer.zero_grad()
            (p * p * p * p).sum().backward()
            optimizer.step()

        made.append((p, optimizer, schedule, dg.compile(step) if compiled else step))
    for _ in range(8):
        for _, _, schedule, step in made:
            step()
            schedule.step()
        (a, first, _, _), (b, second, _, _) = made
        assert_bits_equal([b, second.state[b]], [a, first.state[a]])
    assert len(made[1][3].traces) == 1


def test_a_schedule_cannot_be_stepped_in_a_traced_function() -> None:
    optimizer = optimizer_of(optim, dg.tensor)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)

    def step(x: Any) -> Any:
        scheduler.step()
        return x * 2

    with pytest.raises(TraceError, match=r"ExponentialLR.step\(\) inside a traced function"):
        dg.compile(step)(dg.ones(2))


O = optimizer_of  # noqa: E741


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s, o: s.StepLR(3, 1), DTypeError, "StepLR takes an optimizer, got int"),
        (lambda s, o: s.StepLR(o, 2, last_epoch=3), ArgumentError, "group 0 has no 'initial_lr'"),
        (lambda s, o: s.LambdaLR(o, [abs]), ArgumentError, "lr_lambda: expected 2 values"),
        (lambda s, o: s.LambdaLR(o, 0.5), DTypeError, "must be a function, got float"),
        (lambda s, o: s.ConstantLR(o, 2.0), ArgumentError, r"factor must be in \[0, 1\], got 2.0"),
        (lambda s, o: s.LinearLR(o, 0.0), ArgumentError, r"start_factor must be in \(0, 1\]"),
        (lambda s, o: s.LinearLR(o, 0.5, 2.0), ArgumentError, r"end_factor must be in \[0, 1\]"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ArgumentError, "T_0 must be an int"),
        (
            lambda s, o: [o.step(), s.CosineAnnealingWarmRestarts(o, 2).step(-1.5)],
            ArgumentError,
            "the epoch must be >= 0, got -1.5",
        ),
        (lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="up"), ArgumentError, "mode must be one of"),
        (lambda s, o: s.OneCycleLR(o, 0.1), ArgumentError, "total_steps, or both epochs and"),
        (lambda s, o: s.OneCycleLR(o, 0.1, -1), ArgumentError, "total_steps must be a positive"),
        (lambda s, o: s.OneCycleLR(o, 0.1, 9, pct_start=2), ArgumentError, "pct_start must be in"),
        (
            lambda s, o: s.OneCycleLR(o, 0.1, 9, anneal_strategy="x"),
            ArgumentError,
            "must be 'cos' or 'linear', got 'x'",
        ),
        (
            lambda s, o: s.OneCycleLR(optim.Rprop([dg.ones(1, requires_grad=True)]), 0.1, 9),
            ArgumentError,
            "Rprop has neither momentum nor betas: give cycle_momentum=False",
        ),
        (
            lambda s, o: [c := s.OneCycleLR(o, 0.1, 2), o.step(), *[c.step() for _ in range(3)]],
            ArgumentError,
            "stepped 3 times, it has 2 steps",
        ),
        (lambda s, o: s.SequentialLR(o, [], []), ArgumentError, "needs at least one scheduler"),
        (lambda s, o: s.ChainedScheduler([]), ArgumentError, "needs at least one scheduler"),
        (
            lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
            DTypeError,
            "a ReduceLROnPlateau, which cannot be used: its step",
        ),
        (
            lambda s, o: s.SequentialLR(o, [s.StepLR(O(optim, dg.tensor), 2)], []),
            ArgumentError,
            r"scheduler 0 \(StepLR\) has another optimizer",
        ),
        (
            lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2)], [3]),
            ArgumentError,
            "1 schedulers need 0 milestones, got 1",
        ),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ArgumentError, "factor must be below 1"),
        (lambda s, o: s.ReduceLROnPlateau(o, "avg"), ArgumentError, "mode must be min or max"),
        (
            lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"),
            ArgumentError,
            "threshold_mode must be rel or abs",
        ),
    ],
)
def test_wrong_arguments_are_named(call: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        call(lr_scheduler, optimizer_of(optim, dg.tensor))
