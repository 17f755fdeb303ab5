"""Lazy layers: PyTorch's names and prints, the first call, loading, copies, optimizers."""

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, TraceError
from dualgraph.nn.parameter import is_lazy
from tests.bits import assert_bits_equal

ROWS: dict[str, tuple[tuple, tuple[int, ...]]] = {
    "Linear": ((3,), (2, 4)),
    "Conv1d": ((3, 2), (2, 4, 5)),
    "Conv2d": ((3, 2), (2, 4, 5, 5)),
    "Conv3d": ((3, 2), (2, 4, 3, 3, 3)),
    "ConvTranspose1d": ((3, 2), (2, 4, 5)),
    "ConvTranspose2d": ((3, 2), (2, 4, 3, 3)),
    "ConvTranspose3d": ((3, 2), (2, 4, 2, 2, 2)),
    "BatchNorm1d": ((), (3, 4)),
    "BatchNorm2d": ((), (2, 4, 3, 3)),
    "BatchNorm3d": ((), (2, 4, 2, 2, 2)),
    "InstanceNorm1d": ((), (2, 4, 5)),
    "InstanceNorm2d": ((), (2, 4, 3, 3)),
    "InstanceNorm3d": ((), (2, 4, 2, 2, 2)),
}


def numbers(shape: tuple[int, ...]) -> dg.Tensor:
    return dg.tensor(np.random.default_rng(0).normal(size=shape).astype("float32"))


def layer(name: str) -> Any:
    return getattr(nn, f"Lazy{name}")(*ROWS[name][0])


def test_every_lazy_layer_has_a_row() -> None:
    assert {n for n in vars(nn) if n.startswith("Lazy")} == {f"Lazy{n}" for n in ROWS}


@pytest.mark.parametrize("name", ROWS)
def test_a_lazy_layer_becomes_the_layer_of_its_first_input(name: str) -> None:
    args, shape = ROWS[name]
    options = {"affine": True, "track_running_stats": True} if name[:8] == "Instance" else {}
    lazy = layer(name)
    assert isinstance(lazy, getattr(nn, name))
    held = [*lazy.parameters(), *lazy.buffers()]
    assert lazy.has_uninitialized_params()
    dg.manual_seed(0)
    found = lazy(numbers(shape))
    dg.manual_seed(0)
    full = getattr(nn, name)(4, *args, **options)
    assert type(lazy) is getattr(nn, name)
    assert repr(lazy) == repr(full)
    assert_bits_equal(found, full(numbers(shape)))
    assert_bits_equal(lazy.state_dict(), full.state_dict())
    assert {id(t) for t in held} == {id(t) for t in (*lazy.parameters(), *lazy.buffers())}
    assert not any(is_lazy(t) for t in held)
    assert not {"_arguments", "_state_hooks"} & set(vars(lazy)) or not lazy._state_hooks


@pytest.mark.parametrize("name", ROWS)
def test_names_prints_and_arguments_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    args, shape = ROWS[name]
    ours, theirs = layer(name), getattr(torch.nn, f"Lazy{name}")(*args)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    given = [list(inspect.signature(type(m)).parameters) for m in (ours, theirs)]
    assert given[0] == given[1]
    theirs.double()(torch.tensor(numbers(shape).double().numpy()))
    ours.double().load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = numbers(shape).double()
    expected = theirs(torch.tensor(x.numpy())).detach().numpy()
    np.testing.assert_allclose(ours(x).detach().numpy(), expected, rtol=1e-9, atol=1e-12)
    assert repr(ours) == repr(theirs)


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.LazyConv2d(4, 3, padding=1), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2)
    )


def test_a_lazy_model_trains_and_compiles_after_a_first_call() -> None:
    model, x = net(), numbers((2, 3, 4, 4))
    optimizer = dg.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TraceError, match="call the model once eagerly") as found:
        dg.compile(model)(x)
    assert "Sequential.0: LazyConv2d(0, 4" in found.value.__notes__[0]
    model(x)
    twin = copy.deepcopy(model)
    other = dg.optim.SGD(twin.parameters(), lr=0.1)
    runs = []
    for m, o, wrap in ((model, optimizer, lambda f: f), (twin, other, dg.compile)):

        def step(x: Any, m: Any = m, o: Any = o) -> Any:
            o.zero_grad()
            loss = m(x).square().sum()
            loss.backward()
            o.step()
            return loss

        run = wrap(step)
        runs.append([run(x) for _ in range(2)] + [m.state_dict()])
    assert_bits_equal(runs[1], runs[0])


def test_a_lazy_model_is_copied_pickled_converted_and_loaded_before_its_first_call() -> None:
    model, x = net(), numbers((2, 3, 4, 4))
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), net().eval()]
    model(x)
    for twin in twins:
        twin.load_state_dict(model.state_dict())
        assert_bits_equal(twin.train()(x), copy.deepcopy(model)(x))
        assert repr(twin) == repr(model)
    assert net().double()(x.double()).dtype is dg.float64
    lazy = nn.LazyLinear(3, bias=False).eval()
    lazy(numbers((2, 5)))
    assert (lazy.training, lazy.bias) == (False, None)


def test_what_is_not_there_yet_is_a_named_error() -> None:
    lazy = nn.LazyLinear(3)
    assert repr(lazy.weight) == "<UninitializedParameter>"
    for wrong in (
        lambda: lazy.weight.shape,
        lambda: nn.Linear(2, 3).load_state_dict(lazy.state_dict()),
    ):
        with pytest.raises(ArgumentError, match="has no shape before the first call"):
            wrong()
    given = nn.UninitializedBuffer()
    given.materialize((2, 3))
    assert (type(given), given.shape) == (dg.Tensor, (2, 3))
    assert nn.UninitializedParameter(dtype=dg.float64).dtype is dg.float64
