"""Nodes with several results and with regions: their text, the verifier, the interpreter."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.core.dispatch import apply
from dualgraph.errors import GraphError
from dualgraph.ir.graph import Graph, print_graph, print_node, results_of
from dualgraph.ir.interpreter import run, trace_values
from dualgraph.ir.verifier import verify_graph
from tests.ir.test_ir import trace
from tests.ir.toy_ops import PARTS, REPEATED

PAIR = dg.ones(2)


def graph_of(function: Any, *tensors: Any) -> Graph:
    return trace(function, *tensors)[1]


def parts(x: Any) -> Any:
    low, _, count = apply(PARTS, x, at=1)
    return low * 2, count


def repeated(x: Any) -> Any:
    body = graph_of(lambda x: x * 2 + 1, PAIR)
    return apply(REPEATED, x, body=body, times=3)


def text(graph: Graph) -> list[str]:
    return print_graph(graph, location=False).splitlines()


def refused(graph: Graph) -> str:
    with pytest.raises(GraphError) as caught:
        verify_graph(graph, "my_pass")
    return str(caught.value)


# --- several results -----------------------------------------------------------------------------


def test_a_line_names_all_results() -> None:
    graph = graph_of(parts, dg.ones(3))
    assert text(graph) == [
        "graph(%0: float32[3] = input 0) {",
        "  %1: float32[1], %2: float32[2], %3: int64[] = parts(%0, at=1)",
        "  %4: float32[] = const 2.0",
        "  %5: float32[1] = mul(%1, %4)",
        "  return %5, %3",
        "}",
    ]
    verify_graph(graph, "the trace")


def test_a_result_that_nobody_takes_has_no_name() -> None:
    graph = graph_of(parts, dg.ones(3))
    without = tuple(n for n in graph.nodes if n.static.get("index") != 1)
    line = text(Graph(graph.inputs, without, graph.outputs))[1]
    assert line == "  %1: float32[1], _: float32[2], %2: int64[] = parts(%0, at=1)"


def test_a_result_alone_says_of_what_it_is_one() -> None:
    graph = graph_of(parts, dg.ones(3))
    whole, low = graph.nodes[:2]
    line = print_node(low, {low: "%7"}, location=False)
    assert line == "%7: float32[1] = result 0 of parts"
    assert low.source == whole.source
    assert repr(whole).startswith("<parts float32[1], float32[2], int64[] at ")
    assert results_of(low) == (low,)


def test_a_node_with_several_results_has_no_shape() -> None:
    whole = graph_of(parts, dg.ones(3)).nodes[0]
    with pytest.raises(GraphError, match="which has 3 results: take one"):
        _ = whole.ndim
    assert whole.with_inputs(whole.inputs) is whole


def test_the_interpreter_shows_each_value_that_is_taken() -> None:
    graph = graph_of(parts, dg.ones(3))
    x = np.arange(3, dtype=np.float32)
    values = [(n.op.name, a.tolist()) for n, a in trace_values(graph, [x])]
    assert values == [
        ("result", [0.0]),
        ("result", [1.0, 2.0]),
        ("result", 3),
        ("const", 2.0),
        ("mul", [0.0]),
    ]
    assert [a.tolist() for a in run(graph, [x])] == [[0.0], 3]


def test_wrong_results_are_refused() -> None:
    graph = graph_of(parts, dg.ones(3))
    whole, low, high, count, *rest = graph.nodes
    again = low.beside(low.op, (whole,), {"index": 0}, low.aval)
    doubled = refused(Graph(graph.inputs, (*graph.nodes, again), graph.outputs))
    assert "stands for a result that has a node" in doubled
    wrong = low.beside(low.op, (whole,), {"index": 1}, low.aval)
    assert "is float32[1], but its op infers float32[2]" in refused(
        Graph(graph.inputs, (whole, wrong), (wrong,))
    )
    wrong = low.beside(low.op, (whole,), {"index": 3}, low.aval)
    assert "is result 3 of 3" in refused(Graph(graph.inputs, (whole, wrong), (wrong,)))
    wrong = low.beside(low.op, (low,), {"index": 0}, low.aval)
    assert "is no result" in refused(Graph(graph.inputs, (whole, low, wrong), (wrong,)))
    taking = low.beside(rest[1].op, (whole, whole), {}, low.aval)
    assert "takes all results of a node" in refused(Graph(graph.inputs, (whole, taking), (taking,)))
    assert "has several results" in refused(Graph(graph.inputs, (whole,), (whole,)))
    assert "%?: float32[1], %?: float32[2], %?: int64[] = parts(%0, at=1)" in refused(
        Graph(graph.inputs, (), (whole,))
    )
    assert (high.shape, count.shape) == ((2,), ())


# --- regions -------------------------------------------------------------------------------------


def test_regions_are_printed_beneath_their_node() -> None:
    graph = graph_of(repeated, dg.ones(2))
    assert text(graph) == [
        "graph(%0: float32[2] = input 0) {",
        "  %1: float32[2] = repeated(%0, times=3)",
        "    body(%0: float32[2] = input 0) {",
        "      %1: float32[] = const 2.0",
        "      %2: float32[2] = mul(%0, %1)",
        "      %3: float32[] = const 1.0",
        "      %4: float32[2] = add(%2, %3)",
        "      return %4",
        "    }",
        "  return %1",
        "}",
    ]
    verify_graph(graph, "the trace")


def test_the_interpreter_runs_regions() -> None:
    graph = graph_of(repeated, dg.ones(2))
    assert run(graph, [np.float32([0, 1])])[0].tolist() == [7.0, 15.0]
    assert repeated(dg.tensor([0.0, 1.0])).tolist() == [7.0, 15.0]


def test_the_verifier_goes_into_regions() -> None:
    graph = graph_of(repeated, dg.ones(2))
    (node,) = graph.nodes
    (body,) = node.regions
    broken = node.with_regions((Graph(body.inputs, body.nodes[1:], body.outputs),))
    said = refused(Graph(graph.inputs, (broken,), (broken,)))
    assert "after my_pass, in body of repeated (" in said
    assert "takes a value that is not defined yet" in said
    assert "needs the regions ('body',)" in refused(
        Graph(graph.inputs, (without := node.with_regions(()),), (without,))
    )
    assert node.with_regions(node.regions) is node
