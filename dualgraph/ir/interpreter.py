"""The reference interpreter: runs any graph with the eager kernels, node by node.

It is the oracle: what it returns is by definition right, and it can show every value. The kernel of
an op with regions runs them with `run` as well.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .graph import CONST, RESULT, Graph, Node, const_array


def trace_values(graph: Graph, inputs: Sequence[np.ndarray]) -> Iterator[tuple[Node, np.ndarray]]:
    """Yield every value with its array, in order; of several results, each that is taken."""
    values: dict[Node, Any] = dict(zip(graph.inputs, inputs, strict=True))
    for node in graph.nodes:
        values[node] = evaluate(node, [values[i] for i in node.inputs])
        if len(node.results) == 1:
            yield node, values[node]


def evaluate(node: Node, arguments: Sequence[Any]) -> Any:
    """Run the eager kernel of one node; return an array, or a tuple of them for several results."""
    if node.op is CONST:
        return const_array(node)
    if node.op is RESULT:
        return arguments[0][node.static["index"]]
    return node.op.kernel(*arguments, **node.facts)


def run(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs of a graph for these input arrays."""
    values: dict[Node, np.ndarray] = dict(zip(graph.inputs, inputs, strict=True))
    values.update(trace_values(graph, inputs))
    return [values[n] for n in graph.outputs]
