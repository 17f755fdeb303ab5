"""What passes share: replacing nodes one by one, and going into regions."""

from collections.abc import Callable

from ..ir.graph import Graph, Node

Pass = Callable[[Graph], Graph]


def rebuild(graph: Graph, replace: Callable[[Node], Node]) -> Graph:
    """Apply ``replace`` to every node (on already replaced inputs), keeping order and constants.

    A replacement may be an earlier node or a new one; new constants that it takes come before it.
    """
    new: dict[Node, Node] = {n: n for n in graph.inputs}
    known = set(graph.inputs)
    order: list[Node] = []

    def place(node: Node) -> None:
        if node in known:
            return
        for value in node.inputs:
            place(value)
        known.add(node)
        order.append(node)

    for node in graph.nodes:
        result = replace(node.with_inputs(tuple(new[i] for i in node.inputs)))
        new[node] = result
        place(result)
    return Graph(graph.inputs, tuple(order), tuple(new[n] for n in graph.outputs))


def inside(graph: Graph, step: Pass) -> Graph:
    """Apply a pass to the regions of every node."""
    if not any(node.regions for node in graph.nodes):
        return graph
    return rebuild(graph, lambda node: node.with_regions(tuple(map(step, node.regions))))
