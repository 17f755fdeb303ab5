"""Hooks of modules: what they see and replace, eagerly and compiled; a changed hook retraces."""

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, ShapeError
from tests.bits import assert_bits_equal


def layer() -> nn.Linear:
    dg.manual_seed(0)
    return nn.Linear(3, 2)


def numbers(*shape: int) -> dg.Tensor:
    return dg.tensor(np.random.default_rng(1).normal(size=shape).astype("float32"))


def test_pre_hooks_and_hooks_replace_arguments_and_outputs():
    fc, x = layer(), numbers(4, 3)
    first = fc.register_forward_pre_hook(lambda m, args: args[0] * 2)
    second = fc.register_forward_hook(lambda m, args, out: out + args[0].sum())
    assert_bits_equal(fc(x), fc.forward(x * 2) + (x * 2).sum())
    first.remove()
    first.remove()
    assert_bits_equal(fc(x), fc.forward(x) + x.sum())
    with second:
        pass
    assert_bits_equal(fc(x), fc.forward(x))


def test_hooks_run_in_order_and_prepend_puts_one_first():
    fc, seen = nn.Identity(), []
    fc.register_forward_hook(lambda m, args, out: seen.append("a"))
    fc.register_forward_hook(lambda m, args, out: seen.append("b"), prepend=True)
    fc.register_forward_pre_hook(lambda m, args: seen.append("pre"))
    fc(dg.ones(1))
    assert seen == ["pre", "b", "a"]


def test_hooks_take_keyword_arguments_when_asked():
    class Scaled(nn.Module):
        def forward(self, x, by=1.0):
            return x * by

    module = Scaled()
    module.register_forward_pre_hook(lambda m, a, k: (a, {"by": k["by"] + 1}), with_kwargs=True)
    seen = []
    module.register_forward_hook(lambda m, a, k, out: seen.append(k["by"]), with_kwargs=True)
    assert module(dg.ones(1), by=2.0).item() == 3.0
    assert seen == [3.0]
    module.register_forward_pre_hook(lambda m, a, k: 1, with_kwargs=True)
    with pytest.raises(ArgumentError, match="must return None or"):
        module(dg.ones(1), by=2.0)


def test_a_hook_is_called_after_an_error_only_when_asked():
    fc, seen = layer(), []
    fc.register_forward_hook(lambda m, a, out: seen.append("never"))
    fc.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True)
    with pytest.raises(ShapeError):
        fc(dg.ones(2, 5))
    assert seen == [None]


def test_backward_hooks_see_and_replace_gradients_in_both_frontends():
    fc, x = layer(), numbers(4, 3)
    fc.register_full_backward_pre_hook(lambda m, grads: (grads[0] * 2,))
    fc.register_full_backward_hook(lambda m, gi, go: (gi[0] + go[0].sum(),))

    def step(x):
        x = x.detach().requires_grad_()
        return dg.autograd.grad(fc(x).square().sum(), [x, fc.weight])

    g = 2 * fc.forward(x).detach() * 2
    found = step(x)
    np.testing.assert_allclose(found[0].numpy(), (g @ fc.weight.detach() + g.sum()).numpy(), 1e-4)
    for a, b in zip(found, dg.compile(step)(x), strict=True):
        assert_bits_equal(a, b)


def test_backward_hooks_without_gradients_of_the_input():
    fc, seen = layer(), []
    handle = fc.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].shape)))
    fc(numbers(4, 3)).sum().backward()
    assert seen == [((None,), (4, 2))]
    handle.remove()
    fc(numbers(4, 3)).sum().backward()
    assert len(seen) == 1
    fc.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(ArgumentError, match="returned 2 gradients, not 1"):
        fc(numbers(4, 3).requires_grad_()).sum().backward()


def test_a_changed_hook_retraces():
    fc, x = layer(), numbers(4, 3)
    run = dg.compile(fc)
    plain = run(x)
    handle = fc.register_forward_hook(lambda m, args, out: out * 3)
    assert_bits_equal(run(x), plain * 3)
    handle.remove()
    assert_bits_equal(run(x), plain)


FACTOR = 2.0


def test_what_a_hook_reads_is_guarded(monkeypatch):
    fc, x = layer(), numbers(4, 3)
    plain = fc(x)
    fc.register_forward_hook(lambda m, args, out: out * FACTOR)
    run = dg.compile(fc)
    assert_bits_equal(run(x), plain * 2)
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert_bits_equal(run(x), plain * 5)


def test_the_innermost_module_of_a_wrong_shape_is_named():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.BatchNorm1d(2)))
    with pytest.raises(ShapeError, match="BatchNorm1d: expected 2 or 3 dimensions") as caught:
        net(dg.ones(1, 1, 5, 5))
    assert "in module Sequential.1.0: BatchNorm1d(2" in caught.value.__notes__[0]
    with pytest.raises(ShapeError, match="channels") as caught:
        net(dg.ones(1, 3, 5, 5))
    assert "in module Sequential.0: Conv2d(1, 2" in caught.value.__notes__[0]
