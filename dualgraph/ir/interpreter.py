"""The reference interpreter: runs any graph with the eager kernels, node by node.

It is the oracle: what it returns is by definition right, and it can show every value. The kernel of
an op with regions runs them with `run` as well.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..core.op import Kernel
from ..errors import GraphError
from .graph import CONST, RESULT, Graph, Node, const_array


class Step(NamedTuple):
    """One kernel: the places of its operands, and those that nobody reads afterwards."""

    kernel: Callable[..., Any]
    operands: tuple[int, ...]
    static: dict[str, Any]
    free: tuple[int, ...]


class Plan:
    """A graph prepared for many runs: every value has a place, and is let go after its last use.

    Inputs come first, then constants (which are shared by all runs: read-only), then results.
    """

    __slots__ = ("constants", "first", "graph", "outputs", "steps")

    def __init__(self, graph: Graph) -> None:
        constants = [n for n in graph.nodes if n.op is CONST]
        computed = [n for n in graph.nodes if n.op is not CONST]
        places = {n: i for i, n in enumerate((*graph.inputs, *constants, *computed))}
        self.graph = graph
        self.constants = tuple([_read_only(const_array(n)) for n in constants])
        self.outputs = tuple([places[n] for n in graph.outputs])
        self.first = len(graph.inputs) + len(constants)  # place of the first result
        self.steps = _steps(computed, places, frozenset(self.outputs))

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the outputs for these input arrays."""
        memory = self.memory(inputs)
        return [memory[i] for i in self.outputs]

    def memory(self, inputs: Sequence[np.ndarray]) -> list[Any]:
        """Run every kernel; return what is left at the end, with the outputs at their places."""
        memory: list[Any] = [*inputs, *self.constants]
        if len(memory) != self.first:
            raise self._other_inputs(inputs)
        for kernel, operands, static, free in self.steps:
            memory.append(kernel(*[memory[i] for i in operands], **static))
            for i in free:
                memory[i] = None
        return memory

    def values(self, inputs: Sequence[np.ndarray]) -> Iterator[tuple[Node, np.ndarray]]:
        """Yield every value with its array, in order; of several results, each that is taken."""
        memory: list[Any] = [*inputs, *self.constants]
        if len(memory) != self.first:
            raise self._other_inputs(inputs)
        constants, steps = iter(self.constants), iter(self.steps)
        for node in self.graph.nodes:
            if node.op is CONST:
                yield node, next(constants)
                continue
            kernel, operands, static, free = next(steps)
            memory.append(kernel(*[memory[i] for i in operands], **static))
            if len(node.results) == 1:
                yield node, memory[-1]
            for i in free:
                memory[i] = None

    def _other_inputs(self, inputs: Sequence[np.ndarray]) -> GraphError:
        return GraphError(f"a graph of {len(self.graph.inputs)} inputs was given {len(inputs)}")


def _steps(
    nodes: Sequence[Node], places: dict[Node, int], kept: frozenset[int]
) -> tuple[Step, ...]:
    last = {places[n]: n for n in nodes}  # a value that nobody reads goes at once
    last |= {places[value]: n for n in nodes for value in n.inputs}
    free: dict[Node, list[int]] = {n: [] for n in nodes}
    for place, node in last.items():
        if place not in kept:
            free[node].append(place)
    return tuple([
        Step(kernel_of(n), tuple([places[i] for i in n.inputs]), n.facts, tuple(free[n]))
        for n in nodes
    ])  # fmt: skip


def kernel_of(node: Node) -> Callable[..., Any]:
    """Return the eager kernel of a node that computes, or takes one of several results."""
    if node.op is RESULT:
        return _taken
    alone = node.op.several and len(node.results) == 1
    return partial(_first, node.op.kernel) if alone else node.op.kernel


def _first(kernel: Kernel, *arrays: np.ndarray, **static: Any) -> np.ndarray:
    """Return the only result of an op that may have any number of them."""
    return kernel(*arrays, **static)[0]


def _taken(results: tuple[np.ndarray, ...], index: int) -> np.ndarray:
    return results[index]


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def run(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs of a graph for these input arrays."""
    return Plan(graph).run(inputs)


def trace_values(graph: Graph, inputs: Sequence[np.ndarray]) -> Iterator[tuple[Node, np.ndarray]]:
    """Yield every value with its array, in order; of several results, each that is taken."""
    return Plan(graph).values(inputs)


def evaluate(node: Node, arguments: Sequence[np.ndarray]) -> np.ndarray:
    """Run the eager kernel of a node with one result."""
    if node.op is CONST:
        return const_array(node)
    return kernel_of(node)(*arguments, **node.facts)
