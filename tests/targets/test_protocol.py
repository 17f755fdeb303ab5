"""Three targets through one protocol: the CPU, the interpreter, and a toy that counts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.errors import ArgumentError, AxisError
from dualgraph.ir.graph import CONST, Graph, Node
from dualgraph.targets.interpreter import INTERPRETER, Kernels, Liveness, Loop, Step, Steps, cut
from dualgraph.targets.protocol import Destination, Fresh, StagedTarget, Target, Write
from dualgraph.targets.registry import TARGETS, target
from tests.bits import assert_bits_equal

# --- a toy: NumPy by the interpreter's memory and driver, with emitters of its own ---------------


@dataclass(slots=True, eq=False)
class CountedStep(Step):
    """A node that is counted whenever it runs."""

    counter: Counter[str] = field(default_factory=Counter[str])

    def compute(self, values: dict[Node, Any]) -> Any:
        self.counter[self.node.op.name] += 1
        return Step.compute(self, values)


class Counted:
    """The emitter of a family whose calls are counted."""

    def __init__(self, counter: Counter[str]) -> None:
        self.counter = counter

    def emit(self, group: Step, unit: Steps) -> None:
        unit.steps.append(CountedStep(group.node, counter=self.counter))


def counting(counter: Counter[str]) -> Target:
    """Return a target that counts what is computed, and leaves views and constants alone."""
    counted, plain = Counted(counter), Kernels()

    def emitter(node: Node) -> Counted | Kernels:
        return plain if node.op is CONST or node.op.is_view else counted

    return StagedTarget("counting", cut, emitter, Liveness(), Loop())


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Register the toy; return what it counts."""
    found: Counter[str] = Counter()
    monkeypatch.setitem(TARGETS, "counting", counting(found))
    return found


@pytest.fixture(params=["cpu", "interpreter", "counting"])
def each(request: pytest.FixtureRequest, counter: Counter[str]) -> Target:
    """One target after the other, by its name."""
    return target(request.param)


# --- graphs --------------------------------------------------------------------------------------


def numbers(*shape: int, seed: int = 0) -> Any:
    return dg.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def graph_of(function: Callable[..., Any], *tensors: Any) -> Graph:
    """Return the optimized graph of a function of tensors."""
    f = dg.compile(function)
    f(*tensors)
    return f.traces[-1].graph


def run(compiler: Target, graph: Graph, *arrays: np.ndarray) -> list[np.ndarray]:
    """Compile a graph whose outputs are all fresh, and run it twice."""
    destinations: list[Destination] = [Fresh() for _ in graph.outputs]
    program = compiler.compile(graph, destinations)
    assert len(program.fresh) == len(graph.outputs)
    first, again = ([np.empty(n.shape, n.dtype) for n in program.fresh] for _ in range(2))
    program.run((*arrays, *first))
    program.run((*arrays, *again))
    assert_bits_equal(first, again)
    return first


def mixed(x: Any, w: Any, index: Any) -> Any:
    """Use every kind of kernel that is compiled."""
    y = dg.tanh(x @ w)
    parts = dg.cat([y.t(), y.t()[:1]], 0)
    total = (y * 2.0).sum(1)
    return y.index_select(0, index), parts, total, y.argmax(1), dg.sort(y, 1)[0], y.cumsum(0)


def test_all_targets_give_the_bits_of_eager(each: Target) -> None:
    tensors = numbers(5, 7), numbers(7, 4, seed=1), dg.tensor([2, 0, 4])
    graph = graph_of(mixed, *tensors)
    found = run(each, graph, *(t.numpy() for t in tensors))
    assert_bits_equal(found, [t.numpy() for t in mixed(*tensors)])


def swap() -> tuple[Graph, list[Destination]]:
    """Return a graph that swaps two pieces of state, and returns the sum of the old ones."""
    graph = graph_of(lambda a, b: a + b, numbers(3), numbers(3, seed=1))
    a, b = graph.inputs
    return Graph(graph.inputs, graph.nodes, (b, a, *graph.outputs)), [Write(0), Write(1), Fresh()]


def test_state_is_written_after_it_was_read(each: Target) -> None:
    graph, destinations = swap()
    a, b, total = (np.array(v, np.float32) for v in ([1, 2, 3], [10, 20, 30], [0, 0, 0]))
    each.compile(graph, destinations).run((a, b, total))
    assert (a.tolist(), b.tolist(), total.tolist()) == ([10, 20, 30], [1, 2, 3], [11, 22, 33])


def test_what_an_op_refuses_is_named_and_changes_no_state(each: Target) -> None:
    def function(x: Any, index: Any) -> Any:
        return x.gather(0, index) * 2.0  # here

    graph = graph_of(function, numbers(3), dg.tensor([0, 1, 2]))
    x, bad = np.arange(3, dtype=np.float32), np.array([0, 3, 1])
    program = each.compile(graph, [Write(0)])
    with pytest.raises(AxisError, match=r"3 is out of range.* compiled function.*test_protocol"):
        program.run((x, bad))
    assert x.tolist() == [0, 1, 2]
    program.run((x, np.array([2, 1, 0])))
    assert x.tolist() == [4, 2, 0]


def test_reports_need_no_more_than_the_protocol(each: Target) -> None:
    graph = graph_of(lambda x: dg.exp(x) * x, numbers(4))
    program = each.compile(graph, [Fresh()])
    summary = program.inspect()
    fused = each.name == "cpu"
    assert (summary.calls, summary.fused_ops) == ((1, 2) if fused else (2, 0))
    assert "exp" in summary.source
    assert set(program.cost.phases()) == {"codegen", "llvm", "load"}


def test_values_die_after_their_last_use() -> None:
    graph = graph_of(lambda x: dg.exp(dg.sin(x) * 2.0) + 1.0, numbers(4))
    steps, unit = cut(graph, [Fresh()])
    for step in steps:
        INTERPRETER.emitter(step.node).emit(step, unit)
    Liveness().plan(unit)
    dropped = [node.op.name for step in unit.steps for node in step.dropped]
    assert sorted(dropped) == ["const", "const", "exp", "input", "mul", "sin"]
    assert [n.op.name for n in unit.steps[-1].dropped] == ["exp", "const"]


def test_the_toy_counts() -> None:
    counter: Counter[str] = Counter()
    graph = graph_of(lambda x: (dg.exp(x.t()) * x).sum(), numbers(3, 3))
    run(counting(counter), graph, numbers(3, 3).numpy())
    assert counter == {"exp": 2, "mul": 2, "sum": 2}


def test_an_unknown_target_is_an_error_with_the_names() -> None:
    assert target("inductor") is target("cpu")
    with pytest.raises(ArgumentError, match="no backend 'gpu': the backends are 'cpu', 'inductor'"):
        target("gpu")


# --- compile, by name ----------------------------------------------------------------------------


def test_compile_gives_the_bits_of_eager_forward_and_backward(each: Target) -> None:
    x, w = numbers(5, 7), numbers(7, 4, seed=1).requires_grad_()
    function = lambda x, w: (dg.tanh(x @ w).softmax(1) * w[0]).sum(0)  # noqa: E731
    compiled = dg.compile(function, backend=each.name)
    for f in (function, compiled):
        w.grad = None
        out = f(x, w)
        out.sum().backward()
        results = [out.detach().numpy(), w.grad.numpy()]
        if f is function:
            expected = results
    assert_bits_equal(results, expected)
    assert compiled.last.target is each


def trained(backend: str | None) -> list[np.ndarray]:
    """Return losses, parameters and state after a few steps with dropout and momentum."""
    dg.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.25), nn.Linear(8, 3))
    optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=0.1)

    def step(x: Any, target: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = step if backend is None else dg.compile(step, backend=backend)
    batch = numbers(4, 6, seed=2), dg.tensor([0, 2, 1, 1])
    losses = [run(*batch) for _ in range(4)]
    state = [t for s in optimizer.state.values() for t in s.values() if isinstance(t, dg.Tensor)]
    return [t.detach().numpy() for t in (*losses, *model.state_dict().values(), *state)]


def test_a_training_step_gives_the_bits_of_eager(each: Target) -> None:
    assert_bits_equal(trained(each.name), trained(None))


def test_modules_are_compiled_for_the_target(each: Target) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    compiled = dg.compile(model, backend=each.name)
    x = numbers(4, 3)
    compiled(x).sum().backward()
    grads = [p.grad.numpy() for p in model.parameters()]
    model.zero_grad()
    model(x).sum().backward()
    assert_bits_equal(grads, [p.grad.numpy() for p in model.parameters()])


def test_an_error_of_a_compiled_call_names_the_line(each: Target) -> None:
    f = dg.compile(lambda x, i: x.gather(0, i) * 2.0, backend=each.name)
    assert f(numbers(3), dg.tensor([0, 1, 2])).shape == (3,)
    with pytest.raises(AxisError, match=r"3 is out of range.*gather.* at .*test_protocol\.py:\d+"):
        f(numbers(3), dg.tensor([0, 3, 1]))


def test_reports_of_a_compiled_function(each: Target) -> None:
    f = dg.compile(lambda x: dg.exp(x) * x, backend=each.name)
    f(numbers(4))
    calls, fused = (1, 2) if each.name == "cpu" else (2, 0)
    assert f"  {calls} calls of {calls} kernels, {fused} fused ops, 0 bytes of arena" in f.explain()
    assert repr(f.last).startswith("<Trace (first call): 2 ops in <")
    assert "exp" in f.last.program.inspect().source


def test_verify_keeps_the_target(counter: Counter[str]) -> None:
    f = dg.compile(lambda x: dg.exp(x).sum(), backend="counting")
    assert dg.verify(f, numbers(4)).ok
    assert counter == {"exp": 1, "sum": 1}


def test_the_toy_counts_what_a_step_computes(counter: Counter[str]) -> None:
    w = numbers(3).requires_grad_()
    f = dg.compile(lambda x: (w * x).sum(), backend="counting")
    f(numbers(3)).backward()
    assert (counter["mul"], counter["sum"]) == (2, 1)  # the second product is that of backward
