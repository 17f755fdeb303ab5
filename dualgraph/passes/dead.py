"""Dead code."""

from ..ir.graph import Graph
from .rebuild import inside


def dead_code(graph: Graph) -> Graph:
    """Drop nodes that no output needs; inputs stay.

    That an index is out of range is found where it is used: an op whose result nobody needs is not
    run, and raises nothing.
    """
    graph = inside(graph, dead_code)
    live = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node in live:
            live.update(node.inputs)
    return Graph(graph.inputs, tuple(n for n in graph.nodes if n in live), graph.outputs)
