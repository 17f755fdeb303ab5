"""Cut a joint graph: the forward program keeps what the backward program will need.

A value that the forward outputs need anyway is saved; whatever else backward needs (masks, views,
constants) is computed there again. Inputs are read again where they are.
"""

from dataclasses import dataclass

from .graph import CONST, INPUT, RESULT, Graph, Node


@dataclass(frozen=True, slots=True)
class Backward:
    """A backward graph; each of its inputs is a node of the forward graph or a cotangent input."""

    graph: Graph
    reads: tuple[Node, ...]


def ancestors(outputs: tuple[Node, ...]) -> set[Node]:
    """Return every node that the outputs depend on, themselves included."""
    found = set(outputs)
    stack = list(found)
    while stack:
        for value in stack.pop().inputs:
            if value not in found:
                found.add(value)
                stack.append(value)
    return found


def _is_at_hand(node: Node, forward: set[Node]) -> bool:
    """Tell whether the forward has a value in memory; of several results it has all or none."""
    if node.op is CONST or node.op.is_view:
        return False
    return node in forward or (node.op is RESULT and node.inputs[0] in forward)


def backward_graph(nodes: tuple[Node, ...], forward: set[Node], grads: list[Node]) -> Backward:
    """Return the graph that computes ``grads`` from saved forward values, inputs, cotangents."""
    needed: set[Node] = set()
    reads: dict[Node, None] = {}
    stack = list(grads)
    while stack:
        node = stack.pop()
        if node in needed or node in reads:
            continue
        if node.op is INPUT or _is_at_hand(node, forward):
            reads[node] = None
            continue
        needed.add(node)
        stack.extend(node.inputs)
    inputs = {n: Node(INPUT, (), {}, (n.aval,), n.source, n.path) for n in reads}
    new = dict(inputs)
    body: list[Node] = []
    for node in nodes:
        if node in needed:
            new[node] = node.with_inputs(tuple(new[i] for i in node.inputs))
            body.append(new[node])
    outputs = tuple(new[g] for g in grads)
    return Backward(Graph(tuple(inputs.values()), tuple(body), outputs), tuple(reads))
