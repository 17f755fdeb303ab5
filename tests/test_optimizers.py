"""Every optimizer: eager = compiled in every bit with one trace, PyTorch's steps, saving."""

import copy
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import optim

from .bits import assert_bits_equal

ROWS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3, "amsgrad": True}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.2, "decoupled_weight_decay": True, "momentum_decay": 0.1}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1}),
    ("RAdam", {"betas": (0.7, 0.9), "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("Adamax", {"lr": 0.02, "weight_decay": 0.1, "maximize": True}),
    ("Adadelta", {"lr": 0.7, "rho": 0.8, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "initial_accumulator_value": 0.1}),
    ("Adagrad", {"weight_decay": 0.1}),
    ("RMSprop", {"weight_decay": 0.1}),
    ("RMSprop", {"alpha": 0.8, "momentum": 0.7, "centered": True}),
    ("Rprop", {"etas": (0.4, 1.3), "step_sizes": (1e-4, 0.05)}),
    ("ASGD", {"lr": 0.05, "lambd": 0.1, "t0": 4.0, "weight_decay": 0.1}),
    ("ASGD", {}),
]
MORE = [  # only against PyTorch: the same programs as above with other options
    ("Adam", {}),
    ("AdamW", {"lr": 0.02, "maximize": True}),
    ("NAdam", {"betas": (0.5, 0.9), "maximize": True}),
    ("RAdam", {"eps": 1e-3, "maximize": True}),
    ("Adamax", {}),
    ("Adadelta", {"maximize": True}),
    ("Adagrad", {"maximize": True}),
    ("RMSprop", {"centered": True, "maximize": True, "capturable": False}),
    ("RMSprop", {"momentum": 0.9, "foreach": False}),
    ("Rprop", {"lr": 0.1, "maximize": True}),
    ("ASGD", {"alpha": 0.5, "maximize": True, "lambd": 0.01, "t0": 2}),
]


def parameters(dtype: str = "float32") -> list[Any]:
    rng = np.random.default_rng(1)
    made = [dg.tensor(rng.normal(size=s).astype(dtype)) for s in ((4, 3), (3,))]
    for p in made:
        p.requires_grad_()
        p.grad = dg.zeros_like(p)  # there from the first step on: one trace
    return made


def loss_of(w: Any, b: Any, x: Any) -> Any:
    """A loss that is not quadratic, in the operators that both libraries share."""
    return (((x @ w) + b) ** 2).mean() + (w * w * w * w).sum() * 0.1


def step_of(optimizer: Any, params: list[Any]) -> Any:
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(*params, x)
        loss.backward()
        optimizer.step()
        return loss

    return step


def batch(i: int, dtype: str = "float32") -> Any:
    return dg.tensor(np.random.default_rng(i).normal(size=(6, 4)).astype(dtype))


def everything(optimizer: Any) -> list[Any]:
    params = [p for g in optimizer.param_groups for p in g["params"]]
    return [params, [p.grad for p in params], [optimizer.state[p] for p in params]]


def change(group: dict[str, Any], i: int) -> None:
    """Change what schedulers change, as they do it."""
    group["lr"] = 0.05 / (1 + i)
    if group.get("momentum"):
        group["momentum"] = 0.9 - 0.05 * i
    if "betas" in group:
        group["betas"] = (0.9 - 0.05 * i, group["betas"][1])


@pytest.mark.parametrize(("name", "options"), ROWS, ids=str)
def test_eager_and_compiled_are_equal_with_one_trace(name: str, options: dict[str, Any]) -> None:
    both = [parameters(), parameters()]
    first, second = (getattr(optim, name)(p, **options) for p in both)
    eager, compiled = step_of(first, both[0]), dg.compile(step_of(second, both[1]))
    for i in range(7):
        for optimizer in (first, second):
            change(optimizer.param_groups[0], i)
        assert_bits_equal(compiled(batch(i)), eager(batch(i)))
        assert_bits_equal(everything(second), everything(first))
    assert len(compiled.traces) == 1, [t.reason for t in compiled.traces]


@pytest.mark.parametrize(("name", "options"), ROWS, ids=str)
def test_a_saved_optimizer_continues_with_the_same_bits(name: str, options: dict) -> None:
    params = parameters()
    first = getattr(optim, name)(params, **options)
    step = step_of(first, params)
    for i in range(3):
        step(batch(i))
    twins = [p.detach().clone().requires_grad_() for p in params]
    second = getattr(optim, name)(twins)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    again = step_of(second, twins)
    for i in range(3, 6):
        assert_bits_equal(again(batch(i)), step(batch(i)))
    assert_bits_equal(everything(second), everything(first))


@pytest.fixture
def torch() -> Any:
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # then PyTorch keeps its 0-d state in float64, as we do
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.parametrize(("name", "options"), ROWS + MORE, ids=str)
def test_twenty_steps_are_pytorchs(torch: Any, name: str, options: dict[str, Any]) -> None:
    ours = parameters("float64")
    theirs = [torch.tensor(p.detach().numpy().copy(), requires_grad=True) for p in ours]
    mine = getattr(optim, name)(ours, **options)
    reference = getattr(torch.optim, name)(theirs, **options)
    for i in range(20):
        for optimizer in (mine, reference):
            change(optimizer.param_groups[0], i)
        x = batch(i, "float64")
        step_of(mine, ours)(x)
        step_of(reference, theirs)(torch.tensor(x.numpy()))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=0, atol=1e-12)
        for key, held in reference.state[b].items():
            if held is not None:  # SGD notes a momentum buffer that is not there
                np.testing.assert_allclose(
                    mine.state[a][key].numpy(), held.numpy(), rtol=1e-11, atol=1e-12, err_msg=key
                )
    assert set(mine.state_dict()["param_groups"][0]) >= set(options)


@pytest.mark.parametrize(("name", "options"), ROWS, ids=str)
def test_pytorchs_state_can_be_loaded(torch: Any, name: str, options: dict[str, Any]) -> None:
    ours = parameters("float64")
    theirs = [torch.tensor(p.detach().numpy().copy(), requires_grad=True) for p in ours]
    reference = getattr(torch.optim, name)(theirs, **options)
    for i in range(3):
        step_of(reference, theirs)(torch.tensor(batch(i, "float64").numpy()))
    with dg.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            p.copy_(dg.tensor(q.detach().numpy()))
    mine = getattr(optim, name)(ours)
    saved = reference.state_dict()
    held = {
        i: {k: None if v is None else dg.tensor(v.numpy()) for k, v in entry.items()}
        for i, entry in saved["state"].items()
    }
    mine.load_state_dict({"state": held, "param_groups": saved["param_groups"]})
    for i in range(3, 6):
        step_of(reference, theirs)(torch.tensor(batch(i, "float64").numpy()))
        step_of(mine, ours)(batch(i, "float64"))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=0, atol=1e-12)


def test_a_learning_rate_in_a_tensor_is_read_at_every_step() -> None:
    both = [parameters(), parameters()]
    rates = [dg.tensor(0.1, dtype="float64"), dg.tensor(0.1, dtype="float64")]
    first, second = (optim.NAdam(p, lr=r) for p, r in zip(both, rates, strict=True))
    eager, compiled = step_of(first, both[0]), dg.compile(step_of(second, both[1]))
    for i in range(4):
        for rate in rates:
            rate.fill_(0.1 / (1 + i))
        assert_bits_equal(compiled(batch(i)), eager(batch(i)))
        assert_bits_equal(everything(second), everything(first))
    assert len(compiled.traces) == 1
