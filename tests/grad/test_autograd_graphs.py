"""Very deep and very wide graphs, and memory that is freed as backward proceeds."""

import copy
import functools
import gc
import itertools
import sys
import time
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.autograd import grad
from dualgraph.config import settings
from dualgraph.utils.checkpoint import checkpoint
from tests.bits import assert_bits_equal

DEEP: dict[str, Callable[[Any, int], Any]] = {
    "ops": lambda x, n: functools.reduce(lambda y, k: y.abs() if k % 2 else y - 0.25, range(n), x),
    "views": lambda x, n: functools.reduce(lambda y, _: y.view(2, 2).view(4), range(n // 2), x * 1),
    "in place": lambda x, n: functools.reduce(lambda y, _: y.mul_(1.0001), range(n), x * 1),
}
WIDE: dict[str, Callable[[Any, int], Any]] = {
    "one tensor used often": lambda x, n: functools.reduce(lambda y, k: y + x * k, range(n), x),
    "a sum of many": lambda x, n: sum([x * float(k + 2) for k in range(n)]),
    "cat of many": lambda x, n: dg.cat([x * float(k + 2) for k in range(n)]),
    "many pieces": lambda x, n: sum(
        row * (k + 1.0) for k, row in enumerate(x.expand(n, 4).unbind())
    ),
}


def leaf() -> Any:
    """Four numbers that require grad."""
    return dg.tensor([0.5, -1.0, 2.0, 0.25], dtype=dg.float64, requires_grad=True)


@pytest.mark.parametrize("name", DEEP)
def test_deep_graphs(name: str) -> None:
    """Beyond any recursion: forward, backward, and freed by ``del`` alone, saved values too."""
    depth = 10_000  # test_autograd has one of 100,000
    assert sys.getrecursionlimit() < depth
    x = leaf()
    y = DEEP[name](x, depth)
    gc.collect()
    gc.disable()
    try:
        node = weakref.ref(y.grad_fn)
        y.sum().backward()
        assert x.grad.isfinite().all()
        del y
        assert node() is None
        y = DEEP[name](x, depth)
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_a_deep_graph_of_gradients() -> None:
    """The backward of a backward of 10,000 ops."""
    x = leaf()
    y = functools.reduce(lambda y, _: y * 1.0001, range(10_000), x)
    (g,) = grad((y * y).sum(), x, create_graph=True)
    (h,) = grad(g.sum(), x)
    assert h.tolist() == pytest.approx([2 * 1.0001**20_000] * 4)


@pytest.mark.parametrize("name", WIDE)
def test_wide_graphs(name: str) -> None:
    """Many uses or operands: the gradient is the sum of the factors."""
    x = leaf()
    count = {"cat of many": 5_000, "many pieces": 2_000}.get(name, 10_000)
    y = WIDE[name](x, count)
    y.sum().backward()
    first = {"one tensor used often": 1, "many pieces": count}.get(name, 2 * count)
    assert x.grad.tolist() == [first + count * (count - 1) / 2.0] * 4


@pytest.mark.parametrize("name", ["ops", "a sum of many", "cat of many"])
def test_large_graphs_compile(name: str) -> None:
    """Thousands of nodes: the same bits, and four times as many take about four times as long."""
    build = {**DEEP, **WIDE}[name]
    x = leaf()

    def seconds(count: int) -> float:
        function = lambda x: grad(build(x, count).sum(), x)[0]  # noqa: E731
        assert_bits_equal(dg.compile(function)(x), function(x))  # now every kernel is there
        start = time.process_time()
        compiled = dg.compile(function)
        compiled(x)
        assert len(compiled.last.captured.nodes) >= 2 * count
        return time.process_time() - start

    settings.checks, checks = False, settings.checks
    try:
        small, large = seconds(300), seconds(1200)
    finally:
        settings.checks = checks
    assert large < 9 * small + 0.2


def test_steps_of_many_parameters_compile() -> None:
    """Every parameter is state that is written in place: four times as many, four times as long."""

    def seconds(count: int) -> float:
        dg.manual_seed(0)
        layers = nn.Sequential(*[nn.Linear(2, 2) for _ in range(count)])
        twin = copy.deepcopy(layers)
        x = dg.ones(1, 2)
        start = time.process_time()
        dg.compile(stepping(layers))(x)
        spent = time.process_time() - start
        stepping(twin)(x)
        assert_bits_equal(list(layers.parameters()), list(twin.parameters()))
        return spent

    settings.checks, checks = False, settings.checks
    try:
        seconds(30)  # now every kernel is there
        small, large = seconds(30), seconds(120)
    finally:
        settings.checks = checks
    assert large < 9 * small + 0.2


def stepping(model: Any) -> Callable[[Any], Any]:
    """Return a training step."""
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    return step


def test_products_in_a_long_chain_compile() -> None:
    """Thousands of kernels with far-reaching dependences: planned in seconds, not minutes."""
    w = dg.full((4, 4), 0.3)
    function = lambda x: grad(  # noqa: E731
        functools.reduce(lambda h, _: dg.tanh(h @ w), range(150), x[None].float()).sum(), x
    )[0]
    x = leaf()
    start = time.process_time()
    compiled = dg.compile(function)
    found = compiled(x)
    assert len(compiled.last.program.rows) > 400
    assert time.process_time() - start < 10
    assert_bits_equal(found, function(x))


# --- memory -------------------------------------------------------------------------------------

SIZE = 50_000
BYTES = 8 * SIZE


def measured(function: Callable[[], Any]) -> float:
    """Return the most memory that a call held at once, in arrays of SIZE float64."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function()
        return (tracemalloc.get_traced_memory()[1] - before) / BYTES
    finally:
        tracemalloc.stop()


def layers(x: Any, count: int = 16, watch: Callable[[Any], Any] | None = None) -> Any:
    """A chain in which every step saves one array."""
    for _ in range(count):
        x = x * x * 0.5
        if watch is not None:
            x.register_hook(watch)
    return x.sum()


def test_memory_is_freed_as_backward_proceeds() -> None:
    """After every step back one array less is held, although the graph as a whole still is."""
    x = dg.ones(SIZE, dtype=dg.float64, requires_grad=True)
    held: list[float] = []
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        loss = layers(x, 16, lambda g: held.append(tracemalloc.get_traced_memory()[0] - before))
        forward = (tracemalloc.get_traced_memory()[0] - before) / BYTES
        loss.backward()
        after = (tracemalloc.get_traced_memory()[0] - before) / BYTES
    finally:
        tracemalloc.stop()
    steps = [n / BYTES for n in held]
    assert 14.5 < forward < 16.5
    assert all(b < a - 0.9 for a, b in itertools.pairwise(steps[1:])), steps
    assert max(steps) < forward + 3.5  # cotangents on the way
    assert after < 1.5  # the gradient of x
    assert loss.grad_fn is not None


def test_what_keeps_memory() -> None:
    """retain_graph keeps what was saved; a Function and a checkpoint free theirs as well."""
    x = dg.ones(SIZE, dtype=dg.float64, requires_grad=True)

    class Sine(dg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return dg.sin(x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * dg.cos(ctx.saved_tensors[0])

    loss = functools.reduce(lambda y, _: Sine.apply(y), range(8), x * 1).sum()
    saved = weakref.ref(loss.grad_fn.next_functions[0][0].saved_tensors[0])
    loss.backward(retain_graph=True)
    assert saved() is not None
    loss.backward()
    assert saved() is None
    three = lambda y: y * y * y * y  # noqa: E731
    quarters = measured(
        lambda: grad(
            functools.reduce(lambda y, _: checkpoint(three, y),
                             range(6), x).sum(), x,
        )
    )  # fmt: skip
    assert quarters < 14.5  # six ends of parts and one part, not eighteen arrays


def net(x: Any) -> Any:
    """Products and activations."""
    for layer in NET:
        x = dg.tanh(layer(x))
    return (x * x).mean()


NET = nn.Sequential(*[nn.Linear(128, 128) for _ in range(5)])
MODELS: dict[str, tuple[Callable[[Any], Any], Callable[[], Any]]] = {
    "chain": (layers, lambda: dg.ones(SIZE, dtype=dg.float64)),
    "net": (net, lambda: dg.ones(400, 128)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_compiled_program_holds_no_more_than_eager(name: str) -> None:
    """One program with its backward: its arena; forward and backward apart: what is kept too."""
    model, data = MODELS[name]
    x = data().requires_grad_()
    leaves = [x, *(NET.parameters() if name == "net" else ())]
    function = lambda x: grad(model(x), leaves if x is leaves[0] else [x, *leaves[1:]])  # noqa: E731
    function(x)  # kernels are loaded
    eager = measured(lambda: function(x))
    whole = dg.compile(function)
    whole(x)
    results = sum(p.nbytes for p in leaves) / BYTES
    assert whole.last.program.arena_bytes / BYTES + results <= eager + 0.1
    apart = dg.compile(model)
    run = lambda: grad(apart(x), leaves)  # noqa: E731
    run()
    (backward,) = apart.last.joint.programs.values()
    scratch = max(apart.last.program.arena_bytes, backward.program.arena_bytes) / BYTES
    assert measured(run) + scratch <= 1.25 * eager  # what is kept is freed at the end of backward
