"""Checks that a graph keeps the rules of the IR; run after the trace and after each pass."""

from typing import Any, NoReturn

from ..core.types import Aval
from ..errors import GraphError
from .graph import CONST, INPUT, RESULT, Graph, Node, names_of, print_node


def verify_graph(graph: Graph, after: str) -> None:
    """Raise `GraphError` unless order, leaves and every re-inferred type are right.

    Regions are checked in the same way, by themselves: they are closed.
    """
    Check(graph, after).run()


class Check:
    """The check of one graph; ``after`` names the pass in errors."""

    def __init__(self, graph: Graph, after: str) -> None:
        self.graph = graph
        self.after = after
        self.defined: set[Node] = set()
        self.projected: set[tuple[Node, int]] = set()

    def run(self) -> None:
        for node in self.graph.inputs:
            self.need(node.op is INPUT, node, "is listed as input but is none")
            self.defined.add(node)
        for node in self.graph.nodes:
            self.node(node)
            self.defined.add(node)
        for node in self.graph.outputs:
            self.need(node in self.defined, node, "is returned but not defined")
            self.need(len(node.results) == 1, node, "is returned, but has several results")

    def node(self, node: Node) -> None:
        self.need(node.op is not INPUT, node, "is an input inside of the body")
        self.need(node not in self.defined, node, "is defined twice")
        for value in node.inputs:
            self.need(value in self.defined, node, "takes a value that is not defined yet")
            whole = len(value.results) != 1
            fits = whole == (node.op is RESULT)
            self.need(fits, node, "takes all results of a node" if whole else "is no result")
        self.regions(node)
        if node.op is RESULT:
            self.projection(node)
        elif node.op is not CONST:
            self.types(node, _inferred(node))

    def types(self, node: Node, avals: tuple[Aval, ...]) -> None:
        found = [(tuple(a.shape), a.dtype) for a in avals]
        if found != [(a.shape, a.dtype) for a in node.results]:
            said, infers = (", ".join(map(repr, kinds)) for kinds in (node.results, avals))
            self.refuse(node, f"is {said}, but its op infers {infers}")

    def projection(self, node: Node) -> None:
        (whole,) = node.inputs
        index: int = node.static["index"]
        if index >= len(whole.results):
            self.refuse(node, f"is result {index} of {len(whole.results)}")
        self.need((whole, index) not in self.projected, node, "stands for a result that has a node")
        self.projected.add((whole, index))
        self.types(node, (whole.results[index],))

    def regions(self, node: Node) -> None:
        names = node.op.regions
        if len(names) != len(node.regions):
            self.refuse(node, f"needs the regions {names}")
        for name, region in zip(names, node.regions, strict=True):
            verify_graph(region, f"{self.after}, in {name} of {node.op.name} ({node.source})")

    def need(self, condition: bool, node: Node, what: str) -> None:
        if not condition:
            self.refuse(node, what)

    def refuse(self, node: Node, what: str) -> NoReturn:
        names = names_of(self.graph)
        names.update({n: "%?" for n in (node, *node.inputs) if n not in names})
        raise GraphError(f"after {self.after}: node {what}:\n  {print_node(node, names)}")


def _inferred(node: Node) -> tuple[Aval, ...]:
    inferred: Any = node.op.infer(*node.inputs, **node.facts)
    avals: tuple[Aval, ...] = inferred if node.op.several else (inferred,)
    return avals
