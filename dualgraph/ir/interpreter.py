"""The reference interpreter: runs any graph with the eager kernels, node by node.

It is the oracle: what it returns is by definition right, and it can show every value.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from .graph import CONST, Graph, Node, const_array


def trace_values(graph: Graph, inputs: Sequence[np.ndarray]) -> Iterator[tuple[Node, np.ndarray]]:
    """Yield every node with its value, in order."""
    values: dict[Node, np.ndarray] = dict(zip(graph.inputs, inputs, strict=True))
    for node in graph.nodes:
        values[node] = evaluate(node, [values[i] for i in node.inputs])
        yield node, values[node]


def evaluate(node: Node, arguments: Sequence[np.ndarray]) -> np.ndarray:
    """Run the eager kernel of one node."""
    if node.op is CONST:
        return const_array(node)
    return node.op.kernel(*arguments, **node.static)


def run(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs of a graph for these input arrays."""
    values: dict[Node, np.ndarray] = dict(zip(graph.inputs, inputs, strict=True))
    values.update(trace_values(graph, inputs))
    return [values[n] for n in graph.outputs]
