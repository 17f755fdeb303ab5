"""The tape behaves as PyTorch's: accumulation, graphs kept and freed, grad modes, versions."""

import copy
import gc
import itertools
import pickle
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import GradError
from dualgraph.grad.tape import AccumulateGrad, TapeNode
from tests.bits import assert_bits_equal


def leaf(*values: float) -> Any:
    """A float32 vector that requires grad."""
    return dg.tensor(list(values), requires_grad=True)


def test_gradients_accumulate() -> None:
    """A second backward adds to ``.grad`` in place; None starts anew."""
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad
    assert first.tolist() == [2.0, 4.0]
    (x * 3).sum().backward()
    assert x.grad is first
    assert x.grad.tolist() == [5.0, 7.0]
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert not x.grad.requires_grad


def test_two_leaves_do_not_share_a_gradient() -> None:
    """``x + y`` gives both the same cotangent; their gradients are separate memory."""
    x, y = leaf(1.0), leaf(2.0)
    ((x + y) * dg.tensor([3.0])).sum().backward()
    x.grad.mul_(10)
    assert (x.grad.item(), y.grad.item()) == (30.0, 3.0)


def test_the_gradient_is_not_the_callers_tensor() -> None:
    """``backward(g)`` leaves g alone, also after more is accumulated."""
    x = leaf(1.0, 1.0)
    g = dg.tensor([2.0, 3.0])
    x.backward(g)
    x.backward(g)
    assert x.grad.tolist() == [4.0, 6.0]
    assert g.tolist() == [2.0, 3.0]


def test_leaves_and_their_functions() -> None:
    """is_leaf, requires_grad and grad_fn as in PyTorch."""
    x, data = leaf(1.0), dg.tensor([1.0])
    y = x * data
    assert (x.is_leaf, x.grad_fn, data.is_leaf, data.requires_grad) == (True, None, True, False)
    assert (y.is_leaf, y.requires_grad, y.grad) == (False, True, None)
    assert y.grad_fn.name() == "MulBackward0"
    assert (data * 2).grad_fn is None
    assert (x > 0).requires_grad is False
    assert x.detach().requires_grad is False
    assert x.long().requires_grad is False


def test_next_functions() -> None:
    """The graph can be walked: nodes for results, AccumulateGrad for leaves, None for the rest."""
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    z = (x.exp() * w).sum()
    ((mul, _),) = z.grad_fn.next_functions
    (exp, _), (accumulate, _) = mul.next_functions
    assert [z.grad_fn.name(), mul.name(), exp.name()] == [
        "SumBackward0", "MulBackward0", "ExpBackward0",
    ]  # fmt: skip
    assert isinstance(accumulate, AccumulateGrad)
    assert accumulate.variable is w
    assert accumulate.name() == "AccumulateGrad"
    assert exp.next_functions[0][0].variable is x
    assert (x * dg.tensor([1.0, 1.0])).grad_fn.next_functions[1] == (None, 0)
    assert repr(z.grad_fn).startswith("<SumBackward0 object at 0x")


NAMES = {
    "AddBackward0": lambda x: x + 1,
    "SubBackward0": lambda x: x - 1,
    "DivBackward0": lambda x: x / 2,
    "NegBackward0": lambda x: -x,
    "PowBackward0": lambda x: x**3,
    "TanhBackward0": lambda x: x.tanh(),
    "ReluBackward0": lambda x: x.relu(),
    "CloneBackward0": lambda x: x.clone(),
    "ToCopyBackward0": lambda x: x.double(),
    "MmBackward0": lambda x: x.reshape(1, 2) @ x.reshape(2, 1),
    "ViewBackward0": lambda x: x.reshape(2, 1),
    "PermuteBackward0": lambda x: x.reshape(1, 2).t(),
    "ExpandBackward0": lambda x: x.expand(3, 2),
    "CatBackward0": lambda x: dg.cat([x, x]),
    "LogSoftmaxBackward0": lambda x: x.log_softmax(0),
    "AmaxBackward0": lambda x: x.amax(),
}


@pytest.mark.parametrize("name", NAMES)
def test_grad_fn_names(name: str) -> None:
    """Names in PyTorch's form, which printing shows."""
    y = NAMES[name](leaf(1.0, 2.0))
    assert y.grad_fn.name() == name
    assert f"grad_fn=<{name}>" in repr(y)


def test_retain_graph() -> None:
    """A kept graph can be walked again; a freed one cannot, unless nothing was saved."""
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0
    with pytest.raises(GradError, match="retain_graph"):
        y.backward()
    plain = (x + x).sum()  # additions save nothing, as in PyTorch
    plain.backward()
    plain.backward()
    assert x.grad.item() == 12.0


def test_part_of_a_freed_graph() -> None:
    """Two losses over one trunk: the second backward needs what the first one freed."""
    x = leaf(2.0)
    trunk = x.exp()
    first, second = trunk.sum(), (trunk * 2).sum()
    first.backward()
    with pytest.raises(GradError, match="retain_graph"):
        second.backward()


def test_create_graph() -> None:
    """Gradients of gradients, through ``.grad`` too."""
    x = leaf(3.0)
    (x * x * x).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    g = x.grad
    x.grad = None
    g.sum().backward()
    assert x.grad.item() == 18.0


def test_create_graph_keeps_the_graph() -> None:
    """create_graph implies retain_graph, unless it is refused."""
    x = leaf(3.0)
    y = (x * x).sum()
    dg.autograd.grad(y, x, create_graph=True)
    assert dg.autograd.grad(y, x)[0].item() == 6.0


def test_autograd_grad_leaves_grad_alone() -> None:
    """Several outputs and inputs, intermediate ones too; ``.grad`` stays None."""
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x * w
    y = h.square().sum()
    gh, gx, gw = dg.autograd.grad(y, [h, x, w])
    assert_bits_equal(gh, 2 * (x * w).detach().numpy())
    assert_bits_equal(gx, np.array([18.0, 64.0], np.float32))
    assert_bits_equal(gw, np.array([6.0, 32.0], np.float32))
    assert x.grad is None
    assert w.grad is None
    (both,) = dg.autograd.grad([x.sum(), (x * 2).sum()], x)
    assert both.tolist() == [3.0, 3.0]
    (weighted,) = dg.autograd.grad(x * 2, x, grad_outputs=dg.tensor([1.0, 10.0]))
    assert weighted.tolist() == [2.0, 20.0]


def test_allow_unused() -> None:
    """None for what was not used; the error otherwise."""
    x, other = leaf(1.0), leaf(2.0)
    assert dg.autograd.grad(x.sum(), [x, other], allow_unused=True)[1] is None
    with pytest.raises(GradError, match="allow_unused"):
        dg.autograd.grad(x.sum(), [x, other])


def test_backward_of_several_roots() -> None:
    """``autograd.backward`` walks once from all roots."""
    x = leaf(2.0)
    trunk = x * x
    dg.autograd.backward([trunk.sum(), (trunk * 3).sum()])
    assert x.grad.item() == 16.0


def test_detach_shares_memory_and_version() -> None:
    """A change through the detached tensor is seen, and invalidates what was saved."""
    x = leaf(1.0, 2.0)
    y = x * 3
    z = (y * y).sum()
    d = y.detach()
    assert d.is_leaf
    d.mul_(2)
    assert y.tolist() == [6.0, 12.0]
    with pytest.raises(GradError, match="modified in place"):
        z.backward()


def test_versions_of_views() -> None:
    """Changing the base invalidates what was saved of a view, and the other way round."""
    base = dg.tensor([1.0, 2.0, 3.0])
    w = leaf(1.0, 1.0)
    z = (base[:2] * w).sum()
    base.add_(1)
    with pytest.raises(GradError, match="version 1, version 0"):
        z.backward()
    z = (base * leaf(1.0, 1.0, 1.0)).sum()
    base[:1].add_(1)
    with pytest.raises(GradError, match="modified in place"):
        z.backward()


def test_a_change_before_saving_is_fine() -> None:
    """Only changes after an op saved its input count."""
    x = leaf(1.0, 2.0)
    y = x * 3
    y.add_(1)
    (y * y).sum().backward()
    assert x.grad.tolist() == [24.0, 42.0]


def test_a_change_of_what_nobody_saved_is_fine() -> None:
    """Addition saves nothing, so its inputs may change."""
    x = leaf(1.0, 2.0)
    y = x + 1
    z = (y + 2).sum()
    y.mul_(5)
    z.backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_in_place_is_recorded() -> None:
    """An in-place op on a recorded tensor takes its place on the tape."""
    x = leaf(1.0, 2.0)
    y = x * 2
    y.mul_(3)
    assert y.grad_fn.name() == "MulBackward0"
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    buffer = dg.zeros(2)
    buffer.add_(x)
    assert buffer.requires_grad
    assert not buffer.is_leaf


def test_in_place_under_no_grad() -> None:
    """A leaf may be updated where nothing is recorded."""
    x = leaf(1.0, 2.0)
    with dg.no_grad():
        x.sub_(0.5)
        x -= 0.5
    assert x.tolist() == [0.0, 1.0]
    assert x.is_leaf
    assert x.requires_grad


def test_grad_modes_nest() -> None:
    """no_grad, enable_grad and set_grad_enabled inside one another, also after an error."""
    x = leaf(1.0)
    with dg.no_grad():
        assert not dg.is_grad_enabled()
        assert not (x * 2).requires_grad
        with dg.enable_grad():
            assert (x * 2).requires_grad
            with dg.set_grad_enabled(False):
                assert not (x * 2).requires_grad
            assert dg.is_grad_enabled()
        assert not dg.is_grad_enabled()
    with pytest.raises(KeyError), dg.no_grad():
        raise KeyError
    assert dg.is_grad_enabled()


def test_grad_modes_as_decorators() -> None:
    """Also on a function that calls itself."""
    x = leaf(1.0)

    @dg.no_grad()
    def frozen(depth: int) -> Any:
        return frozen(depth - 1) if depth else x * 2

    @dg.enable_grad()
    def recorded() -> Any:
        return x * 2

    assert not frozen(3).requires_grad
    with dg.no_grad():
        assert recorded().requires_grad
    assert dg.is_grad_enabled()


def test_grad_mode_belongs_to_the_thread() -> None:
    """no_grad in one thread does not reach another."""
    seen: list[bool] = []
    with dg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(dg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_a_long_chain_does_not_recurse() -> None:
    """Forward, backward, and freeing 100,000 ops, far beyond Python's recursion limit."""
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1
    assert sys.getrecursionlimit() < 100_000
    y.sum().backward()
    assert x.grad.item() == 1.0
    del y
    gc.collect()


def test_a_long_chain_is_freed_without_backward() -> None:
    """Dropping the last reference frees the chain iteratively."""
    y = leaf(1.0) * 2
    first = weakref.ref(y.grad_fn)
    for _ in range(100_000):
        y = y * 1.5
    del y
    gc.collect()
    assert first() is None


def test_backward_frees_saved_tensors() -> None:
    """After backward nothing saved is alive, although the loss still is."""
    x = leaf(1.0, 2.0)
    h = x * 2
    saved = weakref.ref(h)
    loss = (h * h).sum()
    del h
    assert saved() is not None, "mul keeps its input"
    loss.backward()
    assert saved() is None


def test_a_dropped_graph_is_freed_at_once() -> None:
    """No cycle: reference counting alone frees the tape."""
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        h = x.exp()
        y = (h * h).sum()
        node, tensor = weakref.ref(y.grad_fn), weakref.ref(h)
        del h, y
        assert node() is None
        assert tensor() is None
    finally:
        gc.enable()


KEEPS = {
    "add": (lambda x, y: x + y, (False, False)),
    "sub": (lambda x, y: x - y, (False, False)),
    "mul": (lambda x, y: x * y, (True, True)),
    "div": (lambda x, y: x / y, (False, True)),
    "matmul of views": (lambda x, y: x.reshape(1, 2) @ y.reshape(2, 1), (True, True)),
    "sum": (lambda x, y: x.sum() + y.mean(), (False, False)),
    "exp": (lambda x, y: x.exp() + y.tanh(), (False, False)),
    "cat": (lambda x, y: dg.cat([x, y]), (False, False)),
    "cast": (lambda x, y: x.double() + y, (False, False)),
    "views": (lambda x, y: x.reshape(2, 1).t().expand(3, 2)[0] + y, (False, False)),
    "log": (lambda x, y: x.log() + y, (True, False)),
    "maximum": (lambda x, y: dg.maximum(x, y), (True, True)),
    "where": (lambda x, y: dg.where(dg.tensor([True, False]), x, y), (False, False)),
}


@pytest.mark.parametrize("name", KEEPS)
def test_the_tape_keeps_what_rules_name(name: str) -> None:
    """Nothing else stays alive: not the inputs of an addition, not the output of a product."""
    function, expected = KEEPS[name]
    x, y = leaf(1.0, 2.0) * 1.5, leaf(3.0, 4.0) * 2.5
    refs = [weakref.ref(x), weakref.ref(y)]
    out = function(x, y)
    del x, y
    assert tuple(r() is not None for r in refs) == expected
    assert out.requires_grad


def test_outputs_are_not_kept_by_their_own_node() -> None:
    """exp needs its output: the array is kept, not the tensor, or nothing could be freed."""
    y = leaf(1.0).exp()
    reference = weakref.ref(y)
    z = y.sum()
    del y
    assert reference() is None
    z.backward()


def test_unneeded_inputs_are_not_kept() -> None:
    """A product with data keeps the data for the weights, and not the weights for the data."""
    data, w = dg.tensor([1.0, 2.0]), leaf(3.0, 4.0) * 1
    kept, dropped = weakref.ref(data), weakref.ref(w)
    out = w * data
    del data, w
    assert kept() is not None
    assert dropped() is None
    assert out.requires_grad


def test_nodes_hold_shapes_not_tensors() -> None:
    """A rule that asks for ``x_shape`` keeps no tensor."""
    y = leaf(1.0, 2.0).sum()
    assert y.grad_fn.saved == {}
    assert y.grad_fn.shapes == ((2,),)


def test_no_walk_where_nothing_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """``grad`` runs only the rules on the way to its inputs."""
    x, w = leaf(1.0), leaf(2.0)
    y = (x * 3 + w.exp().sin()).sum()
    walked: list[str] = []
    cotangent = TapeNode.cotangent

    def spy(node: TapeNode, index: int, g: Any) -> Any:
        walked.append(node.name())
        return cotangent(node, index, g)

    monkeypatch.setattr(TapeNode, "cotangent", spy)
    (g,) = dg.autograd.grad(y, x)
    assert g.item() == 3.0
    assert walked == ["SumBackward0", "AddBackward0", "MulBackward0"]


def test_gradient_hooks_into_numpy() -> None:
    """Values come back as NumPy arrays that share memory; recorded ones need detach()."""
    x = leaf(1.0, 2.0)
    y = x.detach().numpy()
    y[0] = 7
    assert x.tolist() == [7.0, 2.0]


def test_copies_of_leaves() -> None:
    """deepcopy and pickle keep values, requires_grad and gradient, in memory of their own."""
    x = leaf(1.0, 2.0)
    x.sum().backward()
    twin = copy.deepcopy(x)
    twin.grad.mul_(5)
    assert (twin.tolist(), twin.requires_grad, x.grad.tolist()) == ([1.0, 2.0], True, [1.0, 1.0])
    loaded = pickle.loads(pickle.dumps(x))
    assert (loaded.tolist(), loaded.requires_grad) == ([1.0, 2.0], True)


def test_accumulation_order_is_fixed() -> None:
    """Permuting the uses of a value permutes nothing in the sum: it follows creation order."""
    values = np.float32([1e8, 1.0, -1e8, 3.0])

    def total() -> Any:
        x = leaf(1.0)
        parts = [x * float(v) for v in values]
        y = parts[0]
        for p in parts[1:]:
            y = y + p
        y.sum().backward()
        return x.grad

    first = total()
    for _ in range(3):
        assert_bits_equal(total(), first)
    backwards = list(itertools.accumulate(values[::-1], lambda a, b: np.float32(a + b)))[-1]
    assert first.item() == backwards, "the latest use arrives first"


def test_copy_from_a_leaf_passes_the_gradient_on() -> None:
    leaf = dg.ones(3, requires_grad=True)
    x = dg.zeros(3)
    x.copy_(leaf)
    assert not x.is_leaf
    (x * 2).sum().backward()
    assert leaf.grad.tolist() == [2.0, 2.0, 2.0]
