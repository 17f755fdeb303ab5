"""Checks that a graph keeps the rules of the IR; run after the trace and after each pass."""

from ..errors import GraphError
from .graph import CONST, INPUT, Graph, Node, names_of, print_node


def verify_graph(graph: Graph, after: str) -> None:
    """Raise `GraphError` unless order, leaves and every re-inferred type are right."""
    defined: set[Node] = set()
    for node in graph.inputs:
        _need(node.op is INPUT, graph, node, after, "is listed as input but is none")
        defined.add(node)
    for node in graph.nodes:
        _need(node.op is not INPUT, graph, node, after, "is an input inside of the body")
        _need(node not in defined, graph, node, after, "is defined twice")
        for value in node.inputs:
            _need(value in defined, graph, node, after, "takes a value that is not defined yet")
        if node.op is not CONST:
            aval = node.op.infer(*node.inputs, **node.static)
            found = (tuple(aval.shape), aval.dtype)
            text = f"is {node.aval!r}, but its op infers {aval!r}"
            _need(found == (node.shape, node.dtype), graph, node, after, text)
        defined.add(node)
    for node in graph.outputs:
        _need(node in defined, graph, node, after, "is returned but not defined")


def _need(condition: bool, graph: Graph, node: Node, after: str, what: str) -> None:
    if condition:
        return
    names = names_of(graph)
    names.update({n: "%?" for n in (node, *node.inputs) if n not in names})
    raise GraphError(f"after {after}: node {what}:\n  {print_node(node, names)}")
