"""State dicts: hooks, extra state, assignment; buffers by assignment; hooks of all modules."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, DTypeError, ShapeError
from dualgraph.nn.modules import module as everywhere
from tests.bits import assert_bits_equal


def numbers(*shape: int) -> dg.Tensor:
    return dg.tensor(np.random.default_rng(0).normal(size=shape).astype("float32"))


def model() -> nn.Sequential:
    dg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 2)))


# --- state dicts ---------------------------------------------------------------------------------


def test_hooks_of_state_dicts_see_and_change_them() -> None:
    net, seen = model(), []
    inner = net[1]
    inner.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((m, prefix, keep)))

    def rename(module: Any, state: dict, prefix: str, metadata: dict) -> None:
        state[prefix + "renamed"] = state.pop(prefix + "0.weight")

    handle = inner.register_state_dict_post_hook(rename)
    saved = net.state_dict(keep_vars=True)
    assert list(saved) == ["0.weight", "0.bias", "1.0.bias", "1.renamed"]
    assert seen == [(inner, "1.", True)]
    with pytest.raises(ArgumentError, match=r"missing in the state dict: 1\.0\.weight"):
        net.load_state_dict(saved)

    def back(module: Any, state: dict, prefix: str, *rest: Any) -> None:
        state[prefix + "0.weight"] = state.pop(prefix + "renamed")

    other = model()
    other[1].register_load_state_dict_pre_hook(back)
    before = list(saved)
    assert other.load_state_dict(saved) == ([], [])
    assert list(saved) == before
    handle.remove()
    assert_bits_equal(other.state_dict(), net.state_dict())


def test_a_hook_after_loading_may_forgive_and_one_before_may_refuse() -> None:
    net = model()
    found = {"0.weight": dg.ones(2, 3), "more": dg.ones(1)}
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    with pytest.raises(ArgumentError, match="unexpected in the state dict: more"):
        net.load_state_dict(found)
    net.register_load_state_dict_post_hook(lambda m, keys: keys.unexpected_keys.clear())
    net.load_state_dict(found)
    assert_bits_equal(net[0].weight.detach(), dg.ones(2, 3))
    net.register_load_state_dict_pre_hook(lambda *given: given[-1].append("not this one"))
    with pytest.raises(ArgumentError, match="not this one"):
        net.load_state_dict(found)


def test_extra_state_is_saved_and_loaded() -> None:
    class Counter(nn.Linear):
        count = 0

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    first, second = nn.Sequential(Counter(2, 2)), nn.Sequential(Counter(2, 2))
    first[0].count = 3
    saved = first.state_dict()
    assert list(saved) == ["0.weight", "0.bias", "0._extra_state"]
    second.load_state_dict(saved)
    assert second[0].count == 3
    del saved["0._extra_state"]
    with pytest.raises(ArgumentError, match=r"missing in the state dict: 0\._extra_state"):
        second.load_state_dict(saved)


def test_children_may_save_in_their_own_way() -> None:
    class Quiet(nn.Linear):
        def state_dict(self, *, destination=None, prefix="", keep_vars=False):
            destination[f"{prefix}said"] = dg.ones(1)
            return destination

    assert list(nn.Sequential(Quiet(2, 2)).state_dict()) == ["0.said"]


def test_assigned_tensors_replace_the_parameters() -> None:
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
    net[1].weight.requires_grad_(False)
    given = {k: v.double() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    net.load_state_dict(given, assign=True)
    assert net[1].weight.dtype is dg.float64
    assert (net[1].weight.requires_grad, net[1].bias.requires_grad) == (False, True)
    assert isinstance(net[1].weight, nn.Parameter)
    assert net[0].running_mean is given["0.running_mean"]
    assert np.shares_memory(net[1].bias.detach().numpy(), given["1.bias"].numpy())


def test_what_is_no_dict_is_refused() -> None:
    with pytest.raises(DTypeError, match="load_state_dict: expected a dict, got list"):
        model().load_state_dict([1])


def test_all_that_does_not_fit_is_listed_at_once() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    given = net.state_dict()
    for name in ("0.weight", "2.weight"):
        given[name] = dg.zeros(5, 5)
    for name in ("1.running_mean", "1.weight"):
        given[f"{name}.old"] = given.pop(name)
    kept = copy.deepcopy(net.state_dict())
    with pytest.raises(ArgumentError) as found:
        net.load_state_dict(given)
    lines = str(found.value).splitlines()
    assert lines[:5] == [
        "load_state_dict into Sequential: names differ, nothing was loaded",
        "  missing in the state dict: 1.weight, 1.running_mean",
        "  unexpected in the state dict: 1.running_mean.old, 1.weight.old",
        "  0.weight: (3, 2) in the module, (5, 5) in the state dict",
        "  2.weight: (1, 3) in the module, (5, 5) in the state dict",
    ]
    assert f"{__file__}:" in lines[-1]
    assert_bits_equal(net.state_dict(), kept)


# --- buffers, parts ------------------------------------------------------------------------------


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Buffer(dg.full((2,), 3.0))
        self.hidden = nn.Buffer(dg.ones(1), persistent=False)

    def forward(self, x: Any) -> Any:
        return x * self.factor + self.hidden


def test_a_buffer_is_registered_by_assignment() -> None:
    net = Scale()
    assert [n for n, _ in net.named_buffers()] == ["factor", "hidden"]
    assert list(net.state_dict()) == ["factor"]
    assert not list(net.parameters())
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), dg.compile(net)):
        assert_bits_equal(twin(dg.ones(2)), dg.tensor([4.0, 4.0]))
    assert net.double().factor.dtype is dg.float64
    assert nn.Buffer().shape == nn.Parameter().shape == (0,)


def test_parts_are_replaced_by_path() -> None:
    net = model()
    net.set_submodule("1.0", nn.Identity())
    assert isinstance(net[1][0], nn.Identity)
    with pytest.raises(ArgumentError, match=r"has no submodule '1\.1'"):
        net.set_submodule("1.1", nn.Identity(), strict=True)
    shared = nn.Sequential(net[0], net[0])
    assert len(list(shared.modules(remove_duplicate=False))) == 3


# --- hooks of all modules, compiled modules ------------------------------------------------------


def test_hooks_of_all_modules_run_in_both_frontends_and_retrace() -> None:
    net, x = model(), numbers(4, 3)
    run, seen = dg.compile(net), []
    plain = net(x)
    assert_bits_equal(run(x), plain)

    def double(module: Any, args: Any, out: Any) -> Any:
        seen.append(type(module).__name__)
        return out * 2

    with everywhere.register_module_forward_hook(double):
        assert_bits_equal(run(x), net(x))
        assert seen == ["Linear", "Linear", "Sequential", "Sequential"] * 2
    with everywhere.register_module_forward_pre_hook(lambda m, args: args[0] + 1):
        assert_bits_equal(run(x), net(x))
    assert_bits_equal(run(x), plain)
    reasons = [t.reason for t in run.traces]
    assert reasons[1:] == ["the hooks of all modules changed"] * 2


def test_backward_hooks_of_all_modules() -> None:
    net, found = model(), []
    for wrap in (lambda f: f, dg.compile):
        seen: list[str] = []
        note = lambda m, *grads, seen=seen: seen.append(type(m).__name__)  # noqa: E731
        pre = everywhere.register_module_full_backward_pre_hook(note)
        post = everywhere.register_module_full_backward_hook(note)
        with pre, post:

            def step(x: Any) -> Any:
                return dg.autograd.grad(net(x).sum(), list(net.parameters()))

            found.append(wrap(step)(numbers(4, 3)))
        assert sorted(seen) == ["Linear"] * 4 + ["Sequential"] * 4
    assert_bits_equal(found[1], found[0])


def test_a_module_compiles_itself() -> None:
    net = model()
    twin, x = copy.deepcopy(net), numbers(4, 3)
    net.compile()
    net.compile()
    runs = []
    for one in (net, twin):
        out = one(x)
        out.square().sum().backward()
        runs.append([out, *(p.grad for p in one.parameters())])
    assert_bits_equal(runs[0], runs[1])
    assert runs[0][0].grad_fn.name() != runs[1][0].grad_fn.name()
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert_bits_equal(again(x), runs[1][0])
    net.register_forward_hook(lambda m, args, out: out * 2)
    assert_bits_equal(net(x), runs[1][0] * 2)
    assert_bits_equal(dg.compile(lambda x: net(x) + 1)(x), runs[1][0] * 2 + 1)
    g = dg.autograd.grad(net(x).sum(), net[0].weight, create_graph=True)[0]
    h = dg.autograd.grad((twin(x) * 2).sum(), twin[0].weight, create_graph=True)[0]
    assert_bits_equal(g, h)
    with pytest.raises(ShapeError) as found:
        net(dg.ones(1, 2))
    assert found.value.__notes__[0].startswith("in module Sequential.0: Linear(")
