"""Parametrizations: PyTorch's values and names, both frontends, assignment, removal, caching."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, TraceError
from dualgraph.nn.utils import parametrizations, parametrize
from tests.bits import assert_bits_equal


class Symmetric(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.triu() + x.triu(1).mT

    def right_inverse(self, x: Any) -> Any:
        return x.triu()


class Scaled(nn.Module):
    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Any) -> Any:
        return x * self.factor


class Product(nn.Module):
    def forward(self, a: Any, b: Any) -> Any:
        return a * b

    def right_inverse(self, x: Any) -> Any:
        return x.abs(), x.sign()


def layer() -> Any:
    dg.manual_seed(0)
    return nn.Linear(3, 3)


def numbers(*shape: int) -> dg.Tensor:
    return dg.tensor(np.random.default_rng(1).normal(size=shape).astype("float32"))


MAKERS = {
    "custom": lambda m, p: p.register_parametrization(m, "weight", Symmetric()),
    "weight_norm": lambda m, _: parametrizations.weight_norm(m),
    "weight_norm.whole": lambda m, _: parametrizations.weight_norm(m, dim=None),
    "spectral_norm": lambda m, _: parametrizations.spectral_norm(m),
    "matrix_exp": lambda m, _: parametrizations.orthogonal(m),
    "cayley": lambda m, _: parametrizations.orthogonal(m, orthogonal_map="cayley"),
    "householder": lambda m, _: parametrizations.orthogonal(m, orthogonal_map="householder"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_steps_are_equal_in_both_frontends(name: str) -> None:
    one = MAKERS[name](layer(), parametrize)
    two, three = copy.deepcopy(one), pickle.loads(pickle.dumps(one))
    found = []
    for net, wrap in ((one, lambda f: f), (two, dg.compile), (three, dg.compile)):
        opt = dg.optim.SGD(net.parameters(), lr=0.1)

        def step(x: Any, net: Any = net, opt: Any = opt) -> Any:
            opt.zero_grad()
            out = net(x)
            out.square().sum().backward()
            opt.step()
            return out

        run = wrap(step)
        outs = [run(numbers(4, 3)) for _ in range(2)]
        found.append([*outs, *net.parameters(), *net.buffers()])
    for a, b, c in zip(*found, strict=True):
        assert_bits_equal(a, b)
        assert_bits_equal(a, c)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@pytest.mark.parametrize("name", [n for n in MAKERS if n != "custom"])
def test_values_and_names_are_pytorchs(name: str, shape: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    theirs_space = torch.nn.utils.parametrizations
    kind = name.partition(".")[0]
    kind, options = {
        "weight_norm": ("weight_norm", {"dim": None if "whole" in name else 0}),
        "spectral_norm": ("spectral_norm", {"n_power_iterations": 3}),
    }.get(kind, ("orthogonal", {"orthogonal_map": kind}))
    theirs = getattr(theirs_space, kind)(torch.nn.Linear(*shape).double(), **options)
    ours = getattr(parametrizations, kind)(nn.Linear(*shape).double(), **options)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for p in theirs.parameters():
            if name != "householder":  # its diagonal must stay 1 or -1
                p.copy_(torch.tensor(rng.normal(size=tuple(p.shape))))
    shapes = {k: tuple(v.shape) for k, v in theirs.state_dict().items()}
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == shapes
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = rng.normal(size=(5, shape[0]))
    results = []
    for net, space in ((ours, dg), (theirs, torch)):
        out = net(space.tensor(x))
        (out * out * out).sum().backward()
        results.append([out, *(p.grad for p in net.parameters()), *net.buffers()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-9, 1e-10)


def test_orthogonal_weights_are_orthogonal_and_start_from_the_weight() -> None:
    q = dg.linalg.qr(numbers(4, 2))[0]
    net = nn.Linear(2, 4)
    with dg.no_grad():
        net.weight.copy_(q)
    parametrizations.orthogonal(net)
    np.testing.assert_allclose(net.weight.detach().numpy(), q.numpy(), atol=1e-6)
    with dg.no_grad():
        net.parametrizations.weight.original.add_(numbers(4, 2).tril(-1))
    w = net.weight.detach()
    np.testing.assert_allclose((w.mT @ w).numpy(), np.eye(2), atol=1e-6)
    plain = parametrizations.orthogonal(layer(), use_trivialization=False).weight.detach()
    np.testing.assert_allclose((plain.mT @ plain).numpy(), np.eye(3), atol=1e-6)


def test_an_attribute_can_be_assigned_to_and_put_back() -> None:
    net = layer()
    weight = net.weight
    parametrize.register_parametrization(net, "weight", Symmetric())
    assert parametrize.is_parametrized(net)
    assert not parametrize.is_parametrized(net, "bias")
    assert list(dict(net.named_parameters())) == ["bias", "parametrizations.weight.original"]
    assert net.parametrizations.weight.original is weight
    with dg.no_grad():
        net.weight = numbers(3, 3) + numbers(3, 3).mT
    assert_bits_equal(net.weight.detach(), numbers(3, 3) + numbers(3, 3).mT)
    assert parametrize.type_before_parametrizations(net) is nn.Linear
    parametrize.remove_parametrizations(net, "weight")
    assert net.weight is weight
    assert_bits_equal(weight.detach(), numbers(3, 3) + numbers(3, 3).mT)
    assert not parametrize.is_parametrized(net)
    assert sorted(net.state_dict()) == ["bias", "weight"]


def test_several_parametrizations_of_a_parameter_and_one_of_a_buffer() -> None:
    net = nn.BatchNorm1d(3)
    for factor in (2.0, 5.0):
        parametrize.register_parametrization(net, "weight", Scaled(factor))
    parametrize.register_parametrization(net, "running_var", Scaled())
    assert net.weight.tolist() == [10.0] * 3
    assert "parametrizations.running_var.original" in dict(net.named_buffers())
    with pytest.raises(ArgumentError, match="Scaled does not implement right_inverse"):
        net.weight = dg.ones(3)
    parametrize.remove_parametrizations(net, "running_var", leave_parametrized=False)
    assert net.running_var.tolist() == [1.0] * 3
    assert "running_var" in net.state_dict()
    pair = parametrize.register_parametrization(layer(), "weight", Product())
    before = pair.weight.detach()
    with pytest.raises(ArgumentError, match="no original one to put back"):
        parametrize.remove_parametrizations(pair, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(pair, "weight")
    assert_bits_equal(pair.weight.detach(), before)
    assert isinstance(pair.weight, nn.Parameter)


def test_old_weight_norms_load() -> None:
    old, new = nn.utils.weight_norm(layer()), parametrizations.weight_norm(nn.Linear(3, 3))
    new.load_state_dict(old.state_dict())
    assert_bits_equal(new.weight.detach(), old.weight.detach())


def test_caching_reads_once() -> None:
    class Counted(nn.Module):
        calls = 0

        def forward(self, x: Any) -> Any:
            Counted.calls += 1
            return x + 0.0

    net = parametrize.register_parametrization(layer(), "weight", Counted(), unsafe=True)
    with parametrize.cached():
        net(numbers(2, 3))
        with parametrize.cached():
            assert net.weight is net.weight
        assert Counted.calls == 1
    assert net.weight is not net.weight

    net = parametrizations.spectral_norm(layer())

    def twice(x: Any) -> Any:
        with parametrize.cached():
            return net(net(x))

    run = dg.compile(twice)
    before = copy.deepcopy(net.state_dict())
    expected, after = twice(numbers(2, 3)), copy.deepcopy(net.state_dict())
    net.load_state_dict(before)
    assert_bits_equal(run(numbers(2, 3)), expected)
    for name, value in net.state_dict().items():
        assert_bits_equal(value, after[name])
    compiled = dg.compile(net)
    compiled(numbers(2, 3))
    with parametrize.cached(), pytest.raises(TraceError, match="entered outside of a compiled"):
        compiled(numbers(2, 3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m: ("weights", Scaled()), "no parameter, buffer or parametrized tensor 'weights'"),
        (lambda m: ("weight", nn.Flatten(0)), r"\(3, 3\) dualgraph.float32 became \(9,\)"),
    ],
)
def test_wrong_parametrizations_are_named(call: Any, text: str) -> None:
    net = layer()
    with pytest.raises(ArgumentError, match=text):
        parametrize.register_parametrization(net, *call(net))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: parametrizations.orthogonal(layer(), "bias"), r"expected a matrix, got shape"),
        (lambda: parametrizations.orthogonal(layer(), orthogonal_map="qr"), "is one of matrix_exp"),
        (lambda: parametrizations.spectral_norm(layer(), dim=2), "dim 2 does not exist"),
        (lambda: parametrizations.spectral_norm(layer(), "w"), "no parameter or buffer 'w'"),
        (lambda: parametrize.remove_parametrizations(layer(), "weight"), "no parametrization of"),
    ],
)
def test_wrong_arguments_are_named(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
