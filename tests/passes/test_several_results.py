"""Passes over nodes with several results, into regions, and over static facts that are equal."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.core.dispatch import apply
from dualgraph.core.op import static_key
from dualgraph.ir.graph import RESULT, Graph
from dualgraph.ir.interpreter import run
from dualgraph.ir.verifier import verify_graph
from dualgraph.passes.cse import common_subexpressions
from dualgraph.passes.dead import dead_code
from dualgraph.passes.fold import fold_constants
from dualgraph.passes.pipeline import PIPELINE
from dualgraph.passes.simplify import simplify
from dualgraph.passes.views import materialize_views
from tests.bits import assert_bits_equal
from tests.ir.test_ir import trace
from tests.ir.toy_ops import FILLED, PARTS, REPEATED


def graph_of(function: Any, *tensors: Any) -> Graph:
    return trace(function, *tensors)[1]


def ops(graph: Graph) -> list[str]:
    return [n.op.name for n in graph.nodes if n.op is not RESULT]


def repeated(function: Any, x: Any, times: int = 2) -> Any:
    return apply(REPEATED, x, body=graph_of(function, dg.ones(2, 2)), times=times)


def body_of(graph: Graph) -> Graph:
    (body,) = next(n for n in graph.nodes if n.regions).regions
    return body


def program(x: Any) -> Any:
    """Two equal nodes of several results, an unused one, and regions that are equal."""
    low, high, _ = apply(PARTS, x.reshape(4), at=2)
    again = apply(PARTS, x.reshape(4), at=2)
    apply(PARTS, x.reshape(4), at=3)
    rows = repeated(lambda y: (y.mT * 1).mT.reshape(4).reshape(2, 2) + (y - y), x)
    same = repeated(lambda y: (y.mT * 1).mT.reshape(4).reshape(2, 2) + (y - y), x)
    return low + again[1], high, rows + same


def test_every_pass_keeps_the_bits() -> None:
    graph = graph_of(program, dg.ones(2, 2))
    x = np.random.default_rng(0).normal(size=(2, 2)).astype(np.float32)
    expected = run(graph, [x])
    for step in PIPELINE:
        graph = step(graph)
        verify_graph(graph, step.__name__)
        for a, b in zip(run(graph, [x]), expected, strict=True):
            assert_bits_equal(a, b)


def test_dead_results_go_and_dead_nodes_with_all_of_theirs() -> None:
    def function(x: Any) -> Any:
        apply(PARTS, x, at=2)
        low, _, _ = apply(PARTS, x, at=1)
        return low * 1

    graph = dead_code(graph_of(function, dg.ones(3)))
    assert [n.static.get("index") for n in graph.nodes if n.op is RESULT] == [0]
    assert ops(graph) == ["parts", "const", "mul"]


def test_equal_nodes_share_their_results() -> None:
    def function(x: Any) -> Any:
        return apply(PARTS, x, at=1)[0] + apply(PARTS, x, at=1)[0]

    graph = dead_code(common_subexpressions(graph_of(function, dg.ones(3))))
    verify_graph(graph, "cse")
    assert ops(graph) == ["parts", "add"]
    (total,) = graph.outputs
    assert total.inputs[0] is total.inputs[1]


def test_nodes_with_equal_regions_are_equal() -> None:
    def function(x: Any, other: float) -> Any:
        one = repeated(lambda y: y * 2 + y, x)
        return one + repeated(lambda y: y * other + y, x)

    for other, count in ((2.0, 1), (3.0, 2)):
        graph = graph_of(lambda x, other=other: function(x, other), dg.ones(2, 2))
        assert ops(common_subexpressions(graph)).count("repeated") == count


def test_passes_go_into_regions() -> None:
    def body(y: Any) -> Any:
        (y * 5).sum()  # dead
        return dg.exp(y * 1) + dg.exp(y * 1) * (dg.full((), 2.0) * 3)

    graph = graph_of(lambda x: repeated(body, x), dg.ones(2, 2))
    assert "sum" in ops(body_of(graph))
    graph = fold_constants(simplify(dead_code(graph)))
    graph = dead_code(common_subexpressions(graph))
    verify_graph(graph, "all")
    assert [n for n in ops(body_of(graph)) if n != "const"] == ["exp", "mul", "add"]


def test_views_are_materialized_in_regions() -> None:
    graph = graph_of(lambda x: repeated(lambda y: y.mT.reshape(4).reshape(2, 2), x), dg.ones(2, 2))
    assert "clone" in ops(body_of(materialize_views(graph)))


@pytest.mark.parametrize(("one", "other"), [(0.0, -0.0), (1, True), (1, 1.0), ((1,), (1.0,))])
def test_static_facts_are_told_apart_by_type(one: Any, other: Any) -> None:
    assert one == other
    assert static_key({"value": one}) != static_key({"value": other})
    assert static_key({"value": one}) == static_key({"value": one})


def test_nodes_whose_static_facts_are_only_equal_stay_two() -> None:
    """0.0 == -0.0, and a node that fills with one is no node that fills with the other."""

    def function(x: Any) -> Any:
        return apply(FILLED, x, value=0.0), apply(FILLED, x, value=-0.0)

    graph = graph_of(function, dg.ones(2))
    merged = common_subexpressions(graph)
    x = np.ones(2, np.float32)
    for before, after in zip(run(graph, [x]), run(merged, [x]), strict=True):
        assert_bits_equal(before, after)
    assert ops(merged) == ["filled", "filled"]
