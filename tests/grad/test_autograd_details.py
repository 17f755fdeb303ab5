"""Single facts of autograd: what is seen here is what PyTorch shows (compared where installed)."""

import gc
import importlib
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import GradError
from tests.bits import assert_bits_equal

try:
    import torch
except ImportError:
    torch: Any = None

FACTS: dict[str, tuple[Callable[[Any], Any], Any]] = {}


def fact(expected: Any) -> Callable[[Callable[[Any], Any]], Any]:
    """Put a function into the table with what it gives."""

    def put(function: Callable[[Any], Any]) -> Any:
        FACTS[function.__name__] = function, expected
        return function

    return put


def leaf(t: Any, *values: float) -> Any:
    """A float64 vector that requires grad."""
    return t.tensor(list(values), dtype=t.float64, requires_grad=True)


def seen(result: Any) -> Any:
    """Return a result in lists and plain values."""
    if isinstance(result, tuple | list):
        return [seen(r) for r in result]
    if isinstance(result, dict):
        return {k: seen(v) for k, v in result.items()}
    return result.detach().tolist() if hasattr(result, "detach") else result


@fact([[7, False], True, "end", [True, False], ["closed", False], True])
def generators_run_in_their_mode(t: Any) -> Any:
    log: list[Any] = []

    @t.no_grad()
    def steps() -> Any:
        try:
            given = yield 1
            log.append([given, t.is_grad_enabled()])
            yield t.is_grad_enabled()
            return "end"
        except KeyError:
            yield [True, t.is_grad_enabled()]
        finally:
            log.append(["closed", t.is_grad_enabled()])

    run = steps()
    next(run)
    run.send(7)
    between = t.is_grad_enabled()
    with pytest.raises(StopIteration) as end:
        next(run)
    thrown = steps()
    next(thrown)
    found = thrown.throw(KeyError())
    thrown.close()
    return log[0], between, end.value.value, found, log[-1], t.is_grad_enabled()


@fact([[False, True, False, True, False, True], [True, False], [False, True]])
def modes_nest(t: Any) -> Any:
    found = []
    with t.no_grad():
        found.append(t.is_grad_enabled())
        with t.enable_grad():
            found.append(t.is_grad_enabled())
            with t.inference_mode():
                found.append(t.is_grad_enabled())
                with t.inference_mode(False):
                    found.append(t.is_grad_enabled())
        with t.set_grad_enabled(False):
            found.append(t.is_grad_enabled())
        with t.inference_mode(False):
            found.append(t.is_grad_enabled())
    with t.inference_mode():
        inside = [
            t.is_inference_mode_enabled(),
            t.enable_grad()(lambda: leaf(t, 1.0) * 2)().requires_grad,
        ]
    t.set_grad_enabled(False)
    off = t.is_grad_enabled()
    t.set_grad_enabled(True)
    return found, inside, [off, t.is_grad_enabled()]


@fact([False, True, True, True, False, [float("inf")]])
def anomaly_modes(t: Any) -> Any:
    found = [t.is_anomaly_enabled()]
    with t.autograd.set_detect_anomaly(True):
        found.append(t.is_anomaly_enabled())
    with t.autograd.detect_anomaly(check_nan=True):
        found += [t.is_anomaly_enabled(), t.is_anomaly_check_nan_enabled()]
    x = leaf(t, 0.0)
    with t.autograd.detect_anomaly(check_nan=False):
        x.sqrt().backward()
    return *found, t.is_anomaly_enabled(), x.grad


@fact([True])
def modes_belong_to_threads(t: Any) -> Any:
    found: list[bool] = []
    with t.no_grad():
        thread = threading.Thread(target=lambda: found.append(t.is_grad_enabled()))
        thread.start()
        thread.join()
    return found


@fact([[0, 1, 2, 2, 3, 3], [0, 3], 4, [1, 1, 1, 1, 2, 1]])
def version_counters(t: Any) -> Any:
    x = t.zeros(4)
    view, apart = x.view(2, 2), x.detach()
    found = [x._version]
    view.add_(1)
    found.append(apart._version)
    apart.add_(1)
    found += [x._version, view[0]._version]
    view[0][1] = 5
    found.append(x._version)
    x.data.add_(1)
    found.append(x._version)
    clone = x.clone()._version, x[1:]._version
    t.autograd.graph.increment_version(x)
    changes = [
        lambda y: y.copy_(t.ones(3)),
        lambda y: y.__setitem__(0, 1.0),
        lambda y: y.fill_(1),
        lambda y: y.masked_fill_(y > 0, 1.0),
        lambda y: y.sub_(1).mul_(2),
        lambda y: y.index_add_(0, t.tensor([0]), t.ones(1)),
    ]
    counts = []
    for change in changes:
        y = t.ones(3)
        change(y)
        counts.append(y._version)
    return found, clone, x._version, counts


@fact([[[9.0, 6.0], True, True, [18.0, 12.0]], ["float32", [3]], [[1.0, 1.0], [0.0, 0.0]]])
def data_is_assigned(t: Any) -> Any:
    x, other = leaf(t, 1.0, 2.0), t.tensor([5.0, 6.0], dtype=t.float64)
    x.data = other
    other[0] = 9
    (x * x).sum().backward()
    y = leaf(t, 1.0)
    y.data = t.ones(3)
    base = t.ones(2, 2)
    view = base[0]
    view.data = t.zeros(2)
    kind = str(y.dtype).rpartition(".")[2], list(y.shape)
    return [x, x.is_leaf, x.requires_grad, x.grad], kind, [base[0], view]


@fact([[-0.155, 0.46], [0.0, 0.0], [2.0, 3.0]])
def descent_through_data(t: Any) -> Any:
    w, x = leaf(t, 1.0, 2.0), t.tensor([3.0, 4.0], dtype=t.float64)
    for _ in range(3):
        (w * x).sum().square().backward()
        w.data -= 0.01 * w.grad.data
        w.grad.detach_()
        w.grad.zero_()
    y = leaf(t, 2.0, 3.0)
    z = y * y
    y.data.mul_(0.5)  # nobody notices, and backward sees it
    z.sum().backward()
    return [round(v, 9) for v in w.tolist()], w.grad, y.grad


@fact([False, True, None, None, [4.0], [False, True]])
def leaves_change(t: Any) -> Any:
    h = leaf(t, 1.0) * 2
    h.detach_()
    x = leaf(t, 1.0)
    y = x * 2
    x.requires_grad = False
    y.backward()
    z = leaf(t, 1.0)
    (z * 4).backward()
    kept = z.grad
    del z.grad
    made = (x * 2).detach().requires_grad_()
    return h.requires_grad, h.is_leaf, x.grad, z.grad, kept, [(x * 2).requires_grad, made.is_leaf]


@fact([["a", "b", "a"], [18.0], ["tensor", "retained", "node"], ["one", "three"]])
def hooks_in_order(t: Any) -> Any:
    log: list[Any] = []
    x = leaf(t, 2.0)
    x.register_hook(lambda g: (log.append("a"), g * 2)[1])
    second = x.register_hook(lambda g: log.append("b"))
    x.register_hook(lambda g: g + 1)
    (x * x).backward()
    second.remove()
    (x * x).backward()
    order: list[str] = []
    y = leaf(t, 1.0) * 2
    y.grad_fn.register_prehook(
        lambda g: order.extend([] if y.grad is None else ["retained"]) or order.append("node")
    )
    y.retain_grad()
    y.register_hook(lambda g: order.append("tensor"))
    y.backward()
    left: list[str] = []
    z = leaf(t, 1.0)
    z.register_hook(lambda g: (left.append("one"), later.remove())[1])
    later = z.register_hook(lambda g: left.append("two"))
    z.register_hook(lambda g: left.append("three"))
    z.sum().backward()
    left = [name for name in left if name != "two"]  # whether it still ran is not promised
    return log, x.grad, order, left


@fact([[True, [2.0]], [True, [4.0]], [[2.0]]])
def hooks_after_accumulation(t: Any) -> Any:
    log: list[Any] = []
    x = leaf(t, 1.0)
    x.register_post_accumulate_grad_hook(lambda p: log.append([p is x, p.grad.tolist()]))
    (x * x).backward()
    (x * x).backward()
    return *log, t.autograd.grad(x * x, x)


@fact([[12.0], True, [16.0]])
def a_walk_that_failed(t: Any) -> Any:
    x = leaf(t, 2.0)
    y = x * x
    calls: list[int] = []

    def fails(g: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError

    y.register_hook(fails)
    z = (y * 3).sum()
    with pytest.raises(KeyError):
        z.backward(retain_graph=True)
    z.backward()
    first = x.grad.clone()
    (x * x).sum().backward()
    return first, t.is_grad_enabled(), x.grad


@fact([["outer", "inner"], ["pack", "pack", "unpack", "unpack"], [4.0]])
def saved_tensor_hooks(t: Any) -> Any:
    log: list[str] = []
    hooks = t.autograd.graph.saved_tensors_hooks
    note = lambda name: lambda a: (log.append(name), a)[1]  # noqa: E731
    x = leaf(t, 0.5)
    with hooks(note("outer"), note("")):
        y = x.exp()
        with hooks(note("inner"), note("")):
            z = y.exp()
    first = log[:]
    z.backward()
    log.clear()
    w = leaf(t, 2.0)

    class Doubled(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2 * ctx.saved_tensors[0]

    pack = lambda a: (log.append("pack"), a.detach().clone())[1]  # noqa: E731
    with hooks(pack, note("unpack")):
        h = w * 1
        u = Doubled.apply(h).exp()
    h.detach().mul_(5)  # the hooks hold what it was
    t.autograd.grad(u, h, retain_graph=True)
    kept = log[:]
    with hooks(pack, note("unpack")):
        u = Doubled.apply(w)
    u.backward()
    return first, kept, w.grad


@fact([[3, {}], [True, True], [True, 7, "ScaledBackward"], [[6.0], None]])
def nodes(t: Any) -> Any:
    x = leaf(t, 1.0)
    y, z = x * 2, x * 3
    y.grad_fn.metadata["k"] = 3
    metadata = (y + z).grad_fn.next_functions[0][0].metadata["k"], z.grad_fn.metadata
    one, other = (v.grad_fn.next_functions[0][0] for v in (y, z))

    class Scaled(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, unused: Any, k: int = 7) -> Any:
            ctx.k = k
            return x * k

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * (ctx.k - 1), None, None, None  # one None more than there are inputs

    w = leaf(t, 1.0)
    s = Scaled.apply(x, w)
    s.backward()
    names = [s.grad_fn.metadata == {}, s.grad_fn.k, s.grad_fn.name()]
    return metadata, [one is other, one.variable is x], names, [x.grad, w.grad]


@fact([[3.0, 1.0], [3.0, 2.0], True, [3.0], "float32"])
def functions_in_place_and_dtypes(t: Any) -> Any:
    class Tripled(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x.mul_(3)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3

    class Wide(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.double() * t.ones(3, 1)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g  # broadcast and too wide: summed and cast

    x = leaf(t, 1.0, 2.0)
    y = x * 1
    row = y[0]
    same = Tripled.apply(row) is row
    y.sum().backward()
    z = t.ones(1, requires_grad=True)
    Wide.apply(z).sum().backward()
    return x.grad, y, same, z.grad, str(z.grad.dtype).rpartition(".")[2]


@fact([3, 2, [0.5, 1.0], ["forward", "recompute"]])
def checkpoints(t: Any) -> Any:
    module = importlib.import_module(f"{t.__name__}.utils.checkpoint")
    calls: list[int] = []

    def f(x: Any) -> Any:
        calls.append(1)
        return x.exp() * 0 + x * x / 2

    x = leaf(t, 0.5, 1.0)
    y = module.checkpoint(f, x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    y.backward()
    first, found = len(calls), x.grad / 2
    calls.clear()
    module.checkpoint_sequential([f, f, f], 3, x, use_reentrant=False)
    calls.clear()
    module.checkpoint_sequential([f, t.neg], 2, x, use_reentrant=False).sum().backward()
    order: list[str] = []

    class Noting:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> None:
            order.append(self.name)

        def __exit__(self, *error: object) -> None:
            pass

    contexts = lambda: (Noting("forward"), Noting("recompute"))  # noqa: E731
    module.checkpoint(f, x, use_reentrant=False, context_fn=contexts).sum().backward()
    return first, 2, found, order


@fact([[[2.0, 3.0], [[1.0]]], [[4.0, 4.0]], [[5.0]], [[[2.0]], [[5.0]]], True])
def functional_calls(t: Any) -> Any:
    layer = t.nn.Linear(2, 1)
    with t.no_grad():
        layer.weight.fill_(2.0)
        layer.bias.fill_(1.0)
    held = {k: v.detach() for k, v in layer.named_parameters()}
    call = t.func.functional_call
    x = t.tensor([[2.0, 3.0]])
    grads = t.func.grad(lambda p: call(layer, p, (x,)).sum())(held)
    tied = t.nn.Sequential(t.nn.Linear(2, 2, bias=False), t.nn.Linear(2, 2, bias=False))
    tied[1].weight = tied[0].weight
    ones = t.ones(1, 2)
    both = call(tied, {"0.weight": t.eye(2) * 2}, ones)
    other = call(layer, {"weight": t.ones(1, 2), "nothing": ones}, kwargs={"input": ones}, args=())
    split = call(layer, ({"weight": t.ones(1, 2)}, {"bias": t.zeros(1)}), ones), layer(ones)
    return [grads["weight"][0], grads["bias"][None]], both, other + 2, split, layer.bias.item() == 1


@pytest.mark.parametrize("name", FACTS)
def test_here(name: str) -> None:
    function, expected = FACTS[name]
    assert seen(function(dg)) == expected


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", FACTS)
def test_in_pytorch(name: str) -> None:
    function, expected = FACTS[name]
    assert seen(function(torch)) == expected


# --- where dualgraph says more ------------------------------------------------------------------


def test_a_nan_in_the_loss_names_its_op() -> None:
    """Also where every derivative is finite; the first op is named, with the user's line."""
    x = dg.tensor([-1.0, 2.0], requires_grad=True)
    with dg.autograd.detect_anomaly():
        loss = (x.log() * 2 + x).mean()
        with pytest.raises(GradError, match=r"forward of LogBackward0 was the first") as raised:
            loss.backward()
    assert "test_autograd_details.py" in str(raised.value)
    loss.backward()
    assert x.grad.tolist() == [-0.5, 1.0]
    step = dg.compile(lambda x: (x.log() * 2 + x).mean())
    with dg.autograd.detect_anomaly(), pytest.raises(GradError, match="LogBackward0"):
        step(x).backward()


def test_hooks_of_accumulation_nodes_are_refused() -> None:
    node = (dg.ones(1, requires_grad=True) * 2).grad_fn.next_functions[0][0]
    with pytest.raises(GradError, match="register_post_accumulate_grad_hook"):
        node.register_hook(print)


def test_other_data_in_a_trace() -> None:
    """Writing through .data is traced; other memory is refused, with the way out."""
    w = dg.ones(2, requires_grad=True)

    def step(rate: Any) -> Any:
        w.data -= rate
        w.data.mul_(2)
        return w.sum()

    assert_bits_equal(dg.compile(step)(dg.tensor(0.5)), np.float32(2.0))
    assert w.tolist() == [1.0, 1.0]

    def other(x: Any) -> Any:
        w.data = x * 2
        return w.sum()

    with pytest.raises(dg.errors.TraceError, match=r"w\.data\.copy_|x\.data\.copy_"):
        dg.compile(other)(dg.ones(2))


def test_a_mode_that_a_trace_leaves_switched() -> None:
    """It would stay so after the first call only."""

    def function(x: Any) -> Any:
        dg.set_grad_enabled(False)
        return x * 2

    with pytest.raises(dg.errors.TraceError, match="returns with grad enabled switched"):
        dg.compile(function)(dg.ones(2))
    assert dg.is_grad_enabled()


def test_detached_data_is_no_cycle() -> None:
    """The count of versions is what views and detached tensors share, nothing else."""
    gc.disable()
    try:
        x = dg.ones(2)
        alias, watched = x.data, weakref.ref(x)
        del x
        assert watched() is None
        assert alias.tolist() == [1.0, 1.0]
    finally:
        gc.enable()
