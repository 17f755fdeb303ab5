"""The IR: its printed form with source lines and module paths, the interpreter, tracer effects."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.ir.graph import CONST, Graph, Node, constant, print_graph, print_node, users_of
from dualgraph.ir.interpreter import run, trace_values
from dualgraph.trace.capture import Argument, GradGuard, GradOf, Held, Number
from dualgraph.trace.effects import ChangeGrad, ClearGrad, SetGrad, WriteMemory
from dualgraph.trace.tracer import Tracer, traced
from tests.bits import assert_bits_equal


def line_of(function: Callable[..., Any], text: str) -> str:
    """Return ``file:line`` of the first line of a function that holds this text."""
    lines, start = inspect.getsourcelines(function)
    at = next(i for i, line in enumerate(lines) if text in line)
    return f"{inspect.getsourcefile(function)}:{start + at}"


def trace(function: Callable[..., Any], *tensors: Any) -> tuple[Tracer, Graph]:
    """Trace a function; return the tracer and the graph of its results."""
    tracer, out = traced(function, list(tensors), lambda symbols: (symbols, {}))
    outs = out if isinstance(out, tuple) else (out,)
    return tracer, tracer.graph([tracer.lift(t) for t in outs if t is not None])


def numbers(*shape: int, seed: int = 0) -> Any:
    return dg.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


# --- the printed form ----------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
        self.scale = nn.Parameter(dg.ones(3))

    def forward(self, x: Any) -> Any:
        hidden = self.body(x)  # body line
        return hidden * self.scale  # scale line


def test_the_text_of_a_small_graph() -> None:
    function = lambda x, n: dg.tanh(x * 2.5).sum(1) + n  # noqa: E731
    _, graph = trace(function, dg.ones(2, 3), dg.tensor(1))
    assert print_graph(graph, location=False) == (
        "graph(%0: float32[2,3] = input 0, %1: int64[] = input 1) {\n"
        "  %2: float32[] = const 2.5\n"
        "  %3: float32[2,3] = mul(%0, %2)\n"
        "  %4: float32[2,3] = tanh(%3)\n"
        "  %5: float32[2] = sum(%4, axes=(1,), keepdim=False)\n"
        "  %6: float32[] = cast(%1, dtype=float32)\n"
        "  %7: float32[2] = add(%5, %6)\n"
        "  return %7\n"
        "}"
    )


def test_the_text_does_not_depend_on_what_ran_before() -> None:
    """1, 1.0 and True are one key of the cache of literals: a constant prints by its dtype."""
    texts = []
    for one in (1, 1.0, True):
        _ = dg.ones(1) * one, dg.ones(1, dtype="int64") + 1
        _, graph = trace(lambda x: x * 1.0 + 1, dg.ones(2))
        texts.append(print_graph(graph, location=False))
    assert texts[0] == texts[1] == texts[2]
    assert "const 1.0\n" in texts[0]
    assert constant(0.0, np.dtype("int64")).static["number"].__class__ is int
    assert str(constant(-0.0, np.dtype("float32")).static["number"]) == "-0.0"


def test_source_lines_and_module_paths() -> None:
    """Each node ends with the user's line and the path of the module that was called."""
    model = Net()

    def function(x: Any) -> Any:
        y = model(x)
        return y - 1  # last line

    _, graph = trace(function, dg.ones(4, 2))
    body, last = line_of(Net, "# body line"), line_of(function, "# last line")
    expected = [
        ("%4: float32[2,3] = permute(%1, dims=(1, 0))", f"{body} Net.body.0"),
        ("%5: float32[4,3] = matmul(%0, %4)", f"{body} Net.body.0"),
        ("%6: float32[4,3] = add(%5, %2)", f"{body} Net.body.0"),
        ("%7: float32[4,3] = tanh(%6)", f"{body} Net.body.1"),
        ("%8: float32[4,3] = mul(%7, %3)", f"{line_of(Net, '# scale line')} Net"),
        ("%9: float32[] = const 1.0", ""),
        ("%10: float32[4,3] = sub(%8, %9)", last),
    ]
    lines = [f"  {text:<60} # {where}" if where else f"  {text}" for text, where in expected]
    assert str(graph).splitlines()[1:-2] == lines


def test_backward_nodes_carry_the_place_of_their_forward_op() -> None:
    model = Net()

    def function(x: Any) -> Any:
        loss = model(x).sum()
        loss.backward()  # backward line
        return loss

    tracer, _ = trace(function, dg.ones(4, 2))
    derived = [n for n in tracer.nodes if n.derived]
    places = {(n.source, n.path) for n in derived}
    body = line_of(Net, "# body line")
    assert (body, "Net.body.0") in places
    assert (body, "Net.body.1") in places
    assert (line_of(Net, "# scale line"), "Net") in places
    assert line_of(function, "# backward line") not in {source for source, _ in places}
    products = [n for n in derived if n.op.name == "matmul"]  # the gradient of the weight
    assert [(n.source, n.path) for n in products] == [(body, "Net.body.0")]
    forward = [n for n in tracer.nodes if n.op.name == "tanh"]
    assert not any(n.derived for n in forward)


def test_nodes_of_second_derivatives_are_placed_too() -> None:
    def function(x: Any) -> Any:
        y = dg.exp(x)  # forward
        (first,) = dg.autograd.grad(y.sum(), x, create_graph=True)
        return dg.autograd.grad(first.sum(), x)[0]

    tracer, _ = trace(function, dg.ones(3, requires_grad=True))
    where = line_of(function, "# forward")
    products = [n for n in tracer.nodes if n.op.name == "mul"]
    assert products
    assert {n.source for n in products} == {where}


def test_a_node_is_immutable_and_prints_itself() -> None:
    _, graph = trace(lambda x: dg.exp(x), dg.ones(2))
    (node,) = graph.nodes
    with pytest.raises(AttributeError):
        node.shape = (3,)
    assert repr(node).startswith("<exp float32[2] at ")
    assert print_node(node, {node: "%b", node.inputs[0]: "%a"}, location=False) == (
        "%b: float32[2] = exp(%a)"
    )
    assert (node.ndim, node.size, node.nbytes) == (1, 2, 8)
    assert node.with_inputs(node.inputs) is node


def test_users_count_every_use() -> None:
    _, graph = trace(lambda x: (x * x) + x, dg.ones(2))
    product, total = graph.nodes
    assert users_of(graph.nodes) == {graph.inputs[0]: [product, product, total], product: [total]}


# --- the interpreter -----------------------------------------------------------------------------


def test_the_interpreter_equals_eager() -> None:
    model = Net()
    names = [name for name, _ in model.named_parameters()]

    def function(x: Any) -> Any:
        loss = (model(x) ** 2).mean() + dg.cumsum(x, 0).logsumexp(0).sum()
        return (loss, *dg.autograd.grad(loss, [x, *model.parameters()]))

    x = numbers(5, 2).requires_grad_()
    tracer, graph = trace(function, x)
    arrays = [s.fetch([x]) for s in tracer.sources]
    assert_bits_equal(run(graph, arrays), list(function(x)), f"loss, x, {names}")


def test_the_interpreter_shows_every_value() -> None:
    _, graph = trace(lambda x: dg.exp(x * 2.0), dg.ones(2))
    shown = list(trace_values(graph, [np.ones(2, np.float32)]))
    assert [node.op.name for node, _ in shown] == ["const", "mul", "exp"]
    assert shown[0][0].op is CONST
    assert [value.tolist() for _, value in shown[:2]] == [2.0, [2.0, 2.0]]
    assert_bits_equal(shown[2][1], dg.exp(dg.tensor([2.0, 2.0])))


def test_an_input_may_be_an_output() -> None:
    _, graph = trace(lambda x: (x, x + 1), dg.ones(2))
    first, second = run(graph, [np.zeros(2, np.float32)])
    assert first.tolist() == [0.0, 0.0]
    assert second.tolist() == [1.0, 1.0]


# --- what a trace captures and changes -----------------------------------------------------------


def test_sources_of_inputs() -> None:
    w = dg.tensor([1.0, 2.0], requires_grad=True)
    w.grad = dg.zeros(2)
    opt = optim.SGD([w], lr=0.1)

    def function(x: Any) -> Any:
        (x * w).sum().backward()
        opt.step()

    tracer, _ = trace(function, dg.ones(2))
    kinds = {type(s) for s in tracer.sources}
    assert kinds == {Argument, Held, GradOf, Number}
    described = [s.describe() for s in tracer.sources]
    assert described[0] == "argument 0"
    assert "captured tensor of shape (2,)" in described
    assert ".grad of captured tensor of shape (2,)" in described
    assert "number 'lr'" in described
    opt.param_groups[0]["lr"] = 0.5
    rate = tracer.sources[described.index("number 'lr'")]
    assert rate.fetch([]) == 0.5


def test_a_captured_tensor_is_one_input() -> None:
    w = dg.ones(2)
    tracer, graph = trace(lambda x: x * w + w, dg.ones(2))
    assert len(graph.inputs) == 2
    assert tracer.sources[1].held is w


def test_effects_on_arguments_and_captured_tensors() -> None:
    w, other = dg.ones(2), dg.ones(2)

    def function(x: Any, y: Any) -> Any:
        x.mul_(3.0)
        w.add_(x)
        w.add_(1.0)
        return y * other

    tracer, _ = trace(function, dg.ones(2), dg.ones(2))
    writes = [e for e in tracer.effects() if isinstance(e, WriteMemory)]
    values = {e.target.describe(): e.value.op.name for e in writes}
    assert values == {"argument 0": "mul", "captured tensor of shape (2,)": "add"}
    assert [e.target.held for e in writes if isinstance(e.target, Held)] == [w]
    assert w.tolist() == [1.0, 1.0]  # the trace itself changes nothing


def test_a_change_through_an_alias_is_an_update_of_its_owner() -> None:
    w = dg.ones(2)

    def function(x: Any) -> Any:
        w.detach().add_(x)
        return w * 2

    tracer, graph = trace(function, dg.ones(2))
    (effect,) = tracer.effects()
    assert effect.target.held is w
    assert graph.outputs[0].inputs[0] is effect.value


def test_a_view_sees_a_later_change_of_its_base() -> None:
    def function(x: Any) -> Any:
        view = x[1:]
        x.add_(10.0)
        return view * 1.5

    tracer, graph = trace(function, dg.ones(3))
    x = dg.tensor([1.0, 2.0, 3.0])
    arrays = [x.numpy().copy()]
    assert_bits_equal(run(graph, arrays), [function(x)])
    assert len(tracer.effects()) == 1


def test_effects_on_grad() -> None:
    fresh = dg.ones(2, requires_grad=True)
    present = dg.ones(2, requires_grad=True)
    present.grad = dg.ones(2)
    cleared = dg.ones(2, requires_grad=True)
    cleared.grad = dg.ones(2)
    read = dg.ones(2, requires_grad=True)
    read.grad = dg.ones(2)

    def function(x: Any) -> Any:
        cleared.grad = None
        (x * fresh * present * read.grad).sum().backward()

    tracer, _ = trace(function, dg.ones(2))
    found = {effect.target.held: type(effect) for effect in tracer.effects()}
    assert found == {fresh: SetGrad, present: ChangeGrad, cleared: ClearGrad}
    assert fresh.grad is None
    assert cleared.grad is not None


def test_grad_guards() -> None:
    w = dg.ones(2, requires_grad=True)

    def function(x: Any) -> Any:
        (x * w).sum().backward()

    tracer, _ = trace(function, dg.ones(2))
    guard = next(g for g in tracer.guards if isinstance(g, GradGuard))
    assert not guard.present
    assert guard.holds([])
    assert guard.describe() == ".grad of captured tensor of shape (2,) was None when traced"
    w.grad = dg.ones(2)
    assert not guard.holds([])


def test_no_guard_when_the_grad_is_set_before_it_is_read() -> None:
    w = dg.ones(2, requires_grad=True)

    def function(x: Any) -> Any:
        w.grad = None
        (x * w).sum().backward()

    tracer, _ = trace(function, dg.ones(2))
    assert not [g for g in tracer.guards if isinstance(g, GradGuard)]


def test_literals_are_shared_constants() -> None:
    _, graph = trace(lambda x: (x * 2.0 + 2.0) * -0.0 + 0.0, dg.ones(2))
    consts = [n.static["number"] for n in graph.nodes if n.op is CONST]
    assert [str(c) for c in consts] == ["2.0", "-0.0", "0.0"]


def test_the_tape_of_a_trace_holds_nodes() -> None:
    """The one backward walk runs on symbols: same rules, same order."""
    seen: list[Any] = []

    def function(x: Any) -> Any:
        y = x * x
        seen.append((type(y.value), y.grad_fn.name(), y.shape, y.requires_grad))
        return y

    trace(function, dg.ones(2, requires_grad=True))
    assert seen == [(Node, "MulBackward0", (2,), True)]
