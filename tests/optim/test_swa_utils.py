"""Averaged models: PyTorch's values, both frontends, statistics of batch norms, the schedule."""

import copy
import warnings
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.errors import ArgumentError
from dualgraph.optim import swa_utils
from tests.bits import assert_bits_equal

KINDS = {
    "default": lambda s: {},
    "swa": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "swa.multi": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},
    "ema": lambda s: {"avg_fn": s.get_ema_avg_fn(0.7)},
    "ema.multi": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.7), "use_buffers": True},
    "own": lambda s: {"avg_fn": lambda mean, now, n: mean * 0.5 + now * 0.5},
}


def model(space: Any = nn) -> Any:
    return space.Sequential(space.Linear(3, 2), space.BatchNorm1d(2))


def numbers(i: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(i).normal(size=(5, 3)).astype(dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_averages_are_equal_in_both_frontends(kind: str) -> None:
    dg.manual_seed(0)
    first = model()
    second = copy.deepcopy(first)
    states = []
    for net, wrap in ((first, lambda f: f), (second, dg.compile)):
        averaged = swa_utils.AveragedModel(net, **KINDS[kind](swa_utils))
        opt = optim.SGD(net.parameters(), lr=0.1)

        def step(x: Any, net: Any = net, averaged: Any = averaged, opt: Any = opt) -> None:
            opt.zero_grad()
            net(x).square().sum().backward()
            opt.step()
            averaged.update_parameters(net)

        run = wrap(step)
        for i in range(4):
            run(dg.tensor(numbers(i)))
        states.append(averaged.state_dict())
    assert_bits_equal(states[1], states[0])
    assert states[0]["n_averaged"].item() == 4


@pytest.mark.parametrize("kind", KINDS)
def test_averages_are_pytorchs(kind: str) -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = model(torch.nn).double(), model().double()
    both = [
        (ours, swa_utils.AveragedModel(ours, **KINDS[kind](swa_utils)), dg),
        (
            theirs,
            torch.optim.swa_utils.AveragedModel(theirs, **KINDS[kind](torch.optim.swa_utils)),
            torch,
        ),
    ]
    for i in range(4):
        for net, averaged, space in both:
            with space.no_grad():
                for p in net.parameters():
                    p.copy_(space.tensor(np.full(tuple(p.shape), np.sin(i + p.numel()))))
            net(space.tensor(numbers(i, "float64")))
            averaged.update_parameters(net)
    states = [averaged.state_dict() for _, averaged, _ in both]
    assert list(states[0]) == list(states[1])
    for name, value in states[1].items():
        near = 1e-7 if kind == "swa.multi" else 1e-12  # PyTorch rounds 1 / (n + 1) to float32
        np.testing.assert_allclose(states[0][name].numpy(), value.numpy(), near, 1e-12, name)


def test_statistics_are_computed_anew() -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = model(torch.nn).double(), model().double().eval()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    batches = [numbers(i, "float64") for i in range(3)]
    swa_utils.update_bn([(dg.tensor(x), None) for x in batches], ours, device="cpu")
    torch.optim.swa_utils.update_bn([torch.tensor(x) for x in batches], theirs)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name].numpy(), value.numpy(), 1e-12)
    assert not ours.training
    assert ours[1].momentum == 0.1
    swa_utils.update_bn([], nn.Linear(2, 2))


@pytest.mark.parametrize("options", [{}, {"anneal_epochs": 4, "anneal_strategy": "linear"},
                                     {"anneal_epochs": 0}, {"swa_lr": [0.05, 0.4]}])  # fmt: skip
def test_the_schedule_is_pytorchs(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    rates: list[list[float]] = []
    for space, utils in ((dg, swa_utils), (torch, torch.optim.swa_utils)):
        a, b = (space.tensor([1.0], requires_grad=True) for _ in range(2))
        opt = space.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.3}], lr=0.5)
        schedule = utils.SWALR(opt, **{"swa_lr": 0.05, **options})
        rates.append([])
        for _ in range(12):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                opt.step()
                schedule.step()
            rates[-1] += [g["lr"] for g in opt.param_groups]
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda o: swa_utils.get_ema_avg_fn(1.5), r"decay must lie in \[0, 1\], got 1.5"),
        (lambda o: swa_utils.SWALR(o, 0.1, anneal_strategy="x"), "must be 'cos' or 'linear'"),
        (lambda o: swa_utils.SWALR(o, 0.1, -1), "anneal_epochs must be an int >= 0, got -1"),
        (
            lambda o: swa_utils.AveragedModel(nn.Identity(), avg_fn=max, multi_avg_fn=max),
            "one of avg_fn and multi_avg_fn",
        ),
    ],
)
def test_wrong_arguments_are_named(call: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        call(optim.SGD([dg.ones(1, requires_grad=True)], lr=0.1))
