"""Every optimizer: eager = compiled in every bit with one trace, PyTorch's steps, saving."""

import copy
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import optim
from dualgraph.errors import ArgumentError, TraceError
from tests.bits import assert_bits_equal

ROWS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    (
        "Adam",
        {"weight_decay": 0.2, "decoupled_weight_decay": True, "amsgrad": True, "maximize": True},
    ),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3, "amsgrad": True}),
    ("AdamW", {"betas": (0.8, 0.9), "eps": 1e-4, "maximize": True}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1}),
    ("NAdam", {"betas": (0.5, 0.9), "eps": 1e-4, "maximize": True}),
    ("NAdam", {"weight_decay": 0.2, "decoupled_weight_decay": True, "momentum_decay": 0.1}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "eps": 1e-4, "maximize": True}),
    ("RAdam", {"betas": (0.7, 0.9), "weight_decay": 0.2, "decoupled_weight_decay": True}),
    (
        "Adamax",
        {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1, "maximize": True},
    ),
    ("Adadelta", {"lr": 0.7, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "initial_accumulator_value": 0.1}),
    ("Adagrad", {"weight_decay": 0.1, "eps": 1e-4, "maximize": True}),
    ("RMSprop", {"lr": 0.02, "eps": 1e-4, "weight_decay": 0.1, "maximize": True}),
    ("RMSprop", {"alpha": 0.8, "momentum": 0.7, "centered": True}),
    ("Rprop", {"lr": 0.02, "etas": (0.4, 1.3), "step_sizes": (1e-4, 0.05), "maximize": True}),
    ("ASGD", {"lr": 0.05, "lambd": 0.1, "alpha": 0.5, "t0": 4.0, "weight_decay": 0.1}),
    ("ASGD", {"maximize": True}),
]
MORE = [  # only against PyTorch: the same programs as above with other options
    ("Adam", {}),
    ("ASGD", {}),
    ("Adagrad", {"weight_decay": 0.1}),
    ("RMSprop", {"weight_decay": 0.1}),
    ("Rprop", {"etas": (0.4, 1.3), "step_sizes": (1e-4, 0.05)}),
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
    for i in range(20):
        for optimizer in (first, second):
            change(optimizer.param_groups[0], i % 7)
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


# --- L-BFGS: eager only --------------------------------------------------------------------------

LBFGS_ROWS: list[dict[str, Any]] = [
    {"line_search_fn": "strong_wolfe"},
    {"lr": 0.1, "max_iter": 5},
    {"lr": 0.3, "max_iter": 4, "history_size": 3, "line_search_fn": "strong_wolfe"},
    {"lr": 0.2, "max_iter": 6, "max_eval": 4, "tolerance_grad": 1e-3, "tolerance_change": 1e-5},
]


def rosenbrock(w: Any, b: Any) -> Any:
    ends = ((w[1:] - w[:-1] ** 2) ** 2).sum() * 10 + ((1 - w[:-1]) ** 2).sum()
    return ends + ((b - 0.5) ** 4).sum()


def run_lbfgs(optimizer: Any, params: list[Any], calls: int) -> list[float]:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = rosenbrock(*params)
        loss.backward()
        return loss

    return [optimizer.step(closure).item() for _ in range(calls)]


@pytest.mark.parametrize("options", LBFGS_ROWS, ids=str)
def test_lbfgs_goes_where_pytorchs_goes(torch: Any, options: dict[str, Any]) -> None:
    ours = parameters("float64")
    theirs = [torch.tensor(p.detach().numpy().copy(), requires_grad=True) for p in ours]
    mine, reference = optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)
    calls = 2 if options.get("max_iter", 20) > 10 else 5
    losses = run_lbfgs(mine, ours, calls)
    np.testing.assert_allclose(losses, run_lbfgs(reference, theirs, calls), rtol=1e-9, atol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=0, atol=1e-9)
    counts = ("func_evals", "n_iter")
    noted = reference.state[theirs[0]]
    assert [mine.state[ours[0]][k] for k in counts] == [noted[k] for k in counts]


@pytest.mark.parametrize("options", LBFGS_ROWS, ids=str)
def test_a_saved_lbfgs_continues_with_the_same_bits(options: dict[str, Any]) -> None:
    params = parameters("float64")
    first = optim.LBFGS(params, **options)
    run_lbfgs(first, params, 2)
    twins = [p.detach().clone().requires_grad_() for p in params]
    second = optim.LBFGS(twins)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert run_lbfgs(second, twins, 2) == run_lbfgs(first, params, 2)
    assert_bits_equal(twins, params)


# --- groups, names, hooks, errors ----------------------------------------------------------------


def test_named_parameters_are_noted_in_their_group() -> None:
    layer = dg.nn.Linear(2, 3)
    optimizer = optim.Adam(layer.named_parameters())
    assert optimizer.param_groups[0]["params"][0] is layer.weight
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ArgumentError, match="either all parameter groups have names or none"):
        optimizer.add_param_group({"params": [dg.ones(1, requires_grad=True)]})
    with pytest.raises(ArgumentError, match="some parameters have names and some have none"):
        optim.SGD([("weight", layer.weight), layer.bias])


def test_step_hooks_run_around_a_step_and_cannot_be_traced() -> None:
    params = parameters()
    optimizer = optim.SGD(params, lr=0.1)
    seen: list[str] = []
    before = optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    optimizer.step()
    before.remove()
    optimizer.step()
    assert seen == ["before", "after", "after"]
    with pytest.raises(TraceError, match="an optimizer with step hooks cannot step in a traced"):
        dg.compile(step_of(optimizer, params))(batch(0))


def test_a_momentum_can_be_turned_on_later() -> None:
    both = [parameters(), parameters()]
    first, second = (optim.SGD(p, lr=0.1) for p in both)
    eager, compiled = step_of(first, both[0]), dg.compile(step_of(second, both[1]))
    for i, momentum in enumerate([0.0, 0.0, 0.5, 0.6]):
        for optimizer in (first, second):
            optimizer.param_groups[0]["momentum"] = momentum
        assert_bits_equal(compiled(batch(i)), eager(batch(i)))
        assert_bits_equal(everything(second), everything(first))
    assert len(compiled.traces) == 2


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda p: optim.Adam([p], differentiable=True), ArgumentError, "differentiable=True is"),
        (lambda p: optim.SGD([p], lr=dg.ones(2)), ArgumentError, r"lr must be one number, got sh"),
        (
            lambda p: optim.Adadelta([p], rho=1.5),
            ArgumentError,
            r"rho must be in \[0, 1\]",
        ),
        (lambda p: optim.Rprop([p], etas=(0.5, 0.9)), ArgumentError, "etas must be"),
        (lambda p: optim.RMSprop([p], alpha=-1), ArgumentError, "alpha must be >= 0, got -1"),
        (lambda p: optim.NAdam([p], momentum_decay=-1), ArgumentError, "momentum_decay must be"),
        (lambda p: optim.LBFGS([p], line_search_fn="x"), ArgumentError, "line_search_fn must be"),
        (lambda p: optim.LBFGS([p]).step(), ArgumentError, "needs a closure"),
        (lambda p: optim.LBFGS([{"params": [p]}, {"params": []}]), ArgumentError, "one parameter"),
        (
            lambda p: dg.compile(optim.LBFGS([p]).step)(lambda: p.sum()),
            TraceError,
            r"LBFGS.step\(\) cannot be traced",
        ),
    ],
)
def test_wrong_arguments_are_named(call: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        call(dg.ones(2, requires_grad=True))


def test_hooks_around_saving_see_and_change_the_state() -> None:
    params = parameters()
    optimizer, seen = optim.Adam(params), []
    step_of(optimizer, params)(batch(0))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("second"))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("first"), prepend=True)
    handle = optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
    saved = optimizer.state_dict()
    assert (seen, saved["note"]) == (["first", "second"], 1)
    handle.remove()
    assert "note" not in optimizer.state_dict()
    other = optim.Adam(parameters())
    other.register_load_state_dict_pre_hook(
        lambda o, state: {**state, "param_groups": [{**state["param_groups"][0], "lr": 0.5}]}
    )
    other.register_load_state_dict_post_hook(lambda o: seen.append(o.param_groups[0]["lr"]))
    other.load_state_dict(saved)
    assert seen[-1] == 0.5
    assert saved["param_groups"][0]["lr"] == 0.001
