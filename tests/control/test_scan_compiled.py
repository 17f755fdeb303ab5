"""What a compiled scan is: one region, rows that run once for each step, nothing unasked for."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph.api.compile import CompiledFunction
from dualgraph.control import scan
from dualgraph.errors import AxisError
from dualgraph.ir.graph import Graph, Node
from dualgraph.ir.scan import SCAN, Scan
from tests.bits import assert_bits_equal

from .scan_programs import FEATURES, numbers


def tanh_step(w: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = dg.tanh(h @ w + x)
        return h, h

    return step


def operands(length: int) -> tuple[Any, Any, Any]:
    w = numbers(FEATURES, FEATURES, seed=0).requires_grad_()
    return w, numbers(2, FEATURES, seed=1), numbers(length, 2, FEATURES, seed=2)


def compiled_graph(function: CompiledFunction) -> Graph:
    (trace,) = function.traces
    return trace.program.graph


def scans(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.op is SCAN]


def test_the_graph_and_its_kernels_do_not_grow_with_the_number_of_steps() -> None:
    sizes: set[tuple[int, int, int]] = set()
    for length in (3, 300):
        w, h, xs = operands(length)
        step = dg.compile(lambda h, xs, w=w: scan(tanh_step(w), h, xs)[1].sum())
        step(h, xs)
        graph = compiled_graph(step)
        (node,) = scans(graph)
        program = step.traces[0].program
        assert Scan.of(node).length == length
        sizes.add((len(graph.nodes), len(node.regions[0].nodes), len(program.kernels)))
    assert len(sizes) == 1


def test_a_loop_that_is_not_differentiated_keeps_nothing_for_backward() -> None:
    w, h, xs = operands(4)

    def last(h: Any, xs: Any) -> Any:
        return scan(tanh_step(w), h, xs)[0].detach()

    compiled = dg.compile(last)
    assert_bits_equal(compiled(h, xs), last(h, xs))
    (node,) = scans(compiled_graph(compiled))
    assert [aval.shape for aval in node.results] == [h.shape]


def test_a_carry_on_which_nothing_depends_is_dropped_with_its_operands() -> None:
    _, h, xs = operands(4)

    def step(state: Any, x: Any) -> Any:
        used, unused = state
        return (used + x[0], dg.exp(unused + x[1])), (used * 2, unused)

    def last(h: Any, xs: Any) -> Any:
        return scan(step, (h, h), (xs, xs * 3))[1][0]

    compiled = dg.compile(last)
    assert_bits_equal(compiled(h, xs), last(h, xs))
    graph = compiled_graph(compiled)
    (node,) = scans(graph)
    assert Scan.of(node).carries == 1
    assert Scan.of(node).sequences == 1
    assert len(graph.nodes) == 2  # the scan and the result that is taken: xs * 3 is gone


def test_equal_loops_are_computed_once() -> None:
    w, h, xs = operands(4)

    def twice(h: Any, xs: Any) -> Any:
        with dg.no_grad():
            return scan(tanh_step(w), h, xs)[0] + scan(tanh_step(w), h, xs)[0]

    compiled = dg.compile(twice)
    assert_bits_equal(compiled(h, xs), twice(h, xs))
    assert len(scans(compiled_graph(compiled))) == 1


def test_the_source_shows_the_loop_and_its_rows() -> None:
    w, h, xs = operands(7)

    def last(h: Any, xs: Any) -> Any:
        return scan(tanh_step(w), h, xs, reverse=True)[0]

    compiled = dg.compile(last)
    compiled(h, xs)
    lines = compiled.traces[0].program.source.splitlines()
    at = lines.index("for step in reversed(range(7)):")
    assert lines[at - 1].startswith("# scan -> float32[2,4]")
    assert any("(arguments, 0, " in line for line in lines[at + 1 :] if line.startswith("    "))


def test_an_op_that_refuses_its_input_names_the_line_and_changes_no_state() -> None:
    table = numbers(4, FEATURES, seed=0)
    total = dg.zeros(FEATURES)

    def add(places: Any) -> Any:
        last, _ = scan(lambda h, i: (h + table[i], None), total, places)
        total.copy_(last)

    compiled = dg.compile(add)
    compiled(dg.tensor([0, 3, -4]))
    before = total.clone()
    with pytest.raises(AxisError, match=r"index 4 is out of range .*test_scan_compiled\.py"):
        compiled(dg.tensor([0, 4, 1]))
    assert_bits_equal(total, before)


def test_a_library_call_in_a_step_is_said_aloud() -> None:
    def step(m: Any, x: Any) -> Any:
        return m + x, dg.linalg.eigvalsh(m)

    compiled = dg.compile(lambda m, xs: scan(step, m, xs)[1])
    m, xs = numbers(3, 3, seed=0), numbers(4, 3, 3, seed=1)
    assert_bits_equal(compiled(m, xs), scan(step, m, xs)[1])
    program = compiled.traces[0].program
    assert program.library_calls == ["scan"]
    assert "leaves native code" in program.source


@pytest.mark.parametrize("compiled", [False, True])
def test_a_module_with_a_loop_trains_the_same_bits(compiled: bool) -> None:
    found = [_trained(compile_it) for compile_it in (False, compiled)]
    assert_bits_equal(found[1], found[0])


def _trained(compiled: bool) -> list[Any]:
    dg.manual_seed(0)
    cell, out = dg.nn.LSTMCell(FEATURES, 8), dg.nn.Linear(8, 2)
    parameters = [*cell.parameters(), *out.parameters()]
    optimizer = dg.optim.Adam(parameters, lr=0.01)
    xs = numbers(6, 3, FEATURES, seed=1)

    def forward(state: Any, x: Any) -> Any:
        state = cell(x, state)
        return state, state[0]

    def train(xs: Any) -> Any:
        optimizer.zero_grad()
        first = dg.zeros(3, 8)
        loss = (out(scan(forward, (first, first), xs)[1]) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    step = dg.compile(train) if compiled else train
    losses = [step(xs) for _ in range(4)]
    assert losses[-1] < losses[0]
    return [*losses, *parameters, *(p.grad for p in parameters)]
