"""Optimizers: 20 steps against PyTorch, saving and loading, and what they refuse."""

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.errors import ArgumentError, DTypeError, ShapeError

VARIANTS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.02}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3, "amsgrad": True}),
]


def bits(tensors) -> list[bytes]:
    return [t.detach().numpy().tobytes() for t in tensors]


def loss_of(w, b, x):
    """A loss that is not quadratic, in the operators that both libraries share."""
    return (((x @ w).tanh() + b) ** 2).mean() + (w * w).sum() * 0.1


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_twenty_steps_are_pytorchs(name, options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(5, 3)), np.array(0.7)]  # a matrix and a 0-d parameter
    data = rng.normal(size=(20, 8, 5))
    ours = [dg.tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    mine, reference = (
        getattr(optim, name)(ours, **options),
        getattr(torch.optim, name)(theirs, **options),
    )
    for x in data:
        for params, optimizer, batch in (
            (ours, mine, dg.tensor(x)),
            (theirs, reference, torch.tensor(x)),
        ):
            optimizer.zero_grad()
            loss_of(*params, batch).backward()
            optimizer.step()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=0, atol=1e-12)


def step(optimizer, params, seed):
    optimizer.zero_grad()
    x = dg.tensor(np.random.default_rng(seed).normal(size=(8, 5)).astype(np.float32))
    loss_of(*params, x).backward()
    optimizer.step()


def fresh_params():
    rng = np.random.default_rng(1)
    return [dg.tensor(rng.normal(size=s).astype("f4"), requires_grad=True) for s in ((5, 3), ())]


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_a_saved_optimizer_continues_with_the_same_bits(name, options):
    params = fresh_params()
    first = getattr(optim, name)(params, **options)
    for seed in range(3):
        step(first, params, seed)
    twins = [p.detach().clone().requires_grad_() for p in params]
    second = getattr(optim, name)(twins, lr=123.0)
    second.param_groups[0].update(
        {k: v for k, v in first.param_groups[0].items() if k not in ("params", "lr")}
    )
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == first.param_groups[0]["lr"]
    for seed in range(3, 6):
        step(first, params, seed)
        step(second, twins, seed)
    assert bits(params) == bits(twins)


def test_loading_overwrites_existing_state_in_place():
    params = fresh_params()
    optimizer = optim.Adam(params)
    step(optimizer, params, 0)
    saved = {
        "state": {
            i: {k: t.clone() for k, t in held.items()}
            for i, held in optimizer.state_dict()["state"].items()
        },
        "param_groups": optimizer.state_dict()["param_groups"],
    }
    kept = optimizer.state[params[0]]["exp_avg"]
    before = bits([kept])
    step(optimizer, params, 1)
    assert bits([kept]) != before
    optimizer.load_state_dict(saved)
    assert optimizer.state[params[0]]["exp_avg"] is kept
    assert bits([kept]) == before


def test_loading_what_does_not_fit_is_refused():
    params = fresh_params()
    optimizer = optim.SGD(params, momentum=0.9)
    step(optimizer, params, 0)
    saved = optimizer.state_dict()
    with pytest.raises(ArgumentError, match=r"groups of \[2\] parameters do not fit .* \[1\]"):
        optim.SGD(params[:1], momentum=0.9).load_state_dict(saved)
    other = [dg.zeros(4, 4, requires_grad=True), params[1]]
    with pytest.raises(ShapeError, match=r"momentum_buffer has shape \(5, 3\)"):
        optim.SGD(other, momentum=0.9).load_state_dict(saved)


def test_groups_have_options_of_their_own():
    a, b = fresh_params()
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.0}], lr=0.1)
    before = bits([a, b])
    step(optimizer, [a, b], 0)
    after = bits([a, b])
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_parameters_without_gradient_are_left_alone():
    a, b = fresh_params()
    optimizer = optim.Adam([a, b])
    (a * a).sum().backward()
    optimizer.step()
    assert a in optimizer.state
    assert b not in optimizer.state


def test_a_closure_is_run_with_gradients_on():
    p = dg.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with dg.no_grad():
        assert optimizer.step(closure).item() == 2.0
    assert not p.detach().numpy().any()


def test_the_learning_rate_may_be_a_number_or_a_tensor_with_the_same_bits():
    results = []
    for lr in (0.1, dg.tensor(0.1, dtype="float64")):
        for kind in (optim.SGD, optim.Adam, optim.AdamW):
            params = fresh_params()
            optimizer = kind(params, lr=lr)
            step(optimizer, params, 0)
            results.append(bits(params))
    assert results[:3] == results[3:]


def test_guard_values_hold_all_options_but_those_that_schedulers_change():
    p = dg.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5, momentum=0.9)
    before = optimizer.guard_values()
    optimizer.param_groups[0].update({"lr": 0.1, "momentum": 0.8, "foreach": True})
    assert optimizer.guard_values() == before
    optimizer.param_groups[0]["momentum"] = 0.0  # no velocity: another program
    assert optimizer.guard_values() != before
    optimizer.param_groups[0].update({"momentum": 0.9, "weight_decay": 0.8})
    assert optimizer.guard_values() != before


def test_repr_lists_the_options():
    text = repr(optim.SGD([dg.ones(1, requires_grad=True)], lr=0.5))
    assert text.startswith(
        "SGD (\nParameter Group 0\n    dampening: 0.0\n    differentiable: False\n"
    )
    assert "    lr: 0.5\n" in text


def test_training_a_small_classifier_works():
    dg.manual_seed(0)
    x = dg.rand(64, 2) - 0.5
    target = (x[:, 0] * x[:, 1] > 0).long()
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    for _ in range(120):
        optimizer.zero_grad()
        loss = criterion(net(x), target)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.15


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda p: optim.SGD([]), ArgumentError, "SGD got an empty parameter list"),
        (lambda p: optim.Adam(nn.ReLU().parameters()), ArgumentError, "Adam got an empty"),
        (lambda p: optim.SGD(p), DTypeError, r"got one tensor: use \[p\]"),
        (lambda p: optim.SGD([3.0]), DTypeError, "takes tensors or group dicts, got float"),
        (lambda p: optim.SGD([p * 2]), DTypeError, "floating leaf tensors, this one is the result"),
        (lambda p: optim.SGD([dg.tensor([1])]), DTypeError, "this one is dualgraph.int64"),
        (lambda p: optim.SGD([p, p]), ArgumentError, "is given twice"),
        (lambda p: optim.SGD([p], lr=-1.0), ArgumentError, "lr must be >= 0, got -1"),
        (lambda p: optim.SGD([p], nesterov=True), ArgumentError, "nesterov needs a momentum"),
        (lambda p: optim.Adam([p], betas=(0.9, 1.0)), ArgumentError, r"betas\[1\] must be in"),
        (lambda p: optim.SGD([{"lr": 1.0}]), ArgumentError, "a dict with the key 'params'"),
        (
            lambda p: optim.SGD([{"params": [p], "beta": 1.0}]),
            ArgumentError,
            "does not know the options beta",
        ),
    ],
)
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call(dg.ones(2, requires_grad=True))
