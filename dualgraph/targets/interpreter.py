"""The reference interpreter as a target: every node runs its eager kernel.

Nothing is fused and nothing compiled. It shows what a target needs at the least, and what it
returns is by definition right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DualgraphError
from ..ir.graph import CONST, Graph, Node, const_array, print_graph
from ..ir.interpreter import kernel_of
from .protocol import (
    Cost,
    Destination,
    Executable,
    Fresh,
    StagedTarget,
    Summary,
    Write,
    described,
)


@dataclass(slots=True, eq=False)
class Step:
    """One node, and the values that nobody needs after it."""

    node: Node
    dropped: list[Node] = field(default_factory=list[Node])

    @property
    def nodes(self) -> tuple[Node]:
        """The group of the step: nodes stay alone."""
        return (self.node,)

    def compute(self, values: dict[Node, Any]) -> Any:
        """Return the result of the node, or the tuple of its results; errors name the line."""
        node = self.node
        if node.op is CONST:
            return const_array(node)
        try:
            return kernel_of(node)(*[values[i] for i in node.inputs], **node.facts)
        except DualgraphError as error:
            where = f"in a compiled function ({described(node)})"
            raise type(error)(f"{error.args[0]} {where}") from error


@dataclass(slots=True, eq=False)
class Steps:
    """A graph as one step after the other."""

    graph: Graph
    destinations: list[Destination]
    steps: list[Step] = field(default_factory=list[Step])


class Kernels:
    """What every op becomes: a step that calls its kernel."""

    def emit(self, group: Step, unit: Steps) -> None:
        """Add the step of a node."""
        unit.steps.append(group)


class Liveness:
    """Values live in arrays of their own until their last use."""

    def plan(self, unit: Steps) -> None:
        """Note for every step which values nobody needs after it."""
        seen = set(unit.graph.outputs)
        for step in reversed(unit.steps):
            last = dict.fromkeys(v for v in (*step.node.inputs, step.node) if v not in seen)
            step.dropped = [*last]
            seen.update(last)


@dataclass(slots=True, eq=False, repr=False)
class Interpreted:
    """The steps of a graph, run by Python."""

    unit: Steps
    cost: Cost = field(default_factory=Cost)

    def __repr__(self) -> str:
        return f"<Interpreted: {len(self.unit.steps)} steps>"

    @property
    def fresh(self) -> list[Node]:
        """The outputs that get memory of their own, in order."""
        graph = self.unit.graph
        places = zip(graph.outputs, self.unit.destinations, strict=True)
        return [node for node, place in places if isinstance(place, Fresh)]

    def run(self, arrays: tuple[np.ndarray, ...]) -> None:
        """Execute on the inputs and fresh outputs; state is written when everything is computed."""
        graph = self.unit.graph
        count = len(graph.inputs)
        values: dict[Node, Any] = dict(zip(graph.inputs, arrays[:count], strict=True))
        for step in self.unit.steps:
            values[step.node] = step.compute(values)
            for node in step.dropped:
                del values[node]
        for node, array in zip(self.fresh, arrays[count:], strict=True):
            np.copyto(array, values[node])
        written = [
            (place.target, values[node].copy())  # it may be a view of state written before it
            for node, place in zip(graph.outputs, self.unit.destinations, strict=True)
            if isinstance(place, Write)
        ]
        for target, value in written:
            np.copyto(arrays[target], value)

    def inspect(self) -> Summary:
        """Return what reports say: a call for each node, no memory between them."""
        ops = [s.node.op for s in self.unit.steps if s.node.op is not CONST]
        return Summary(
            calls=len(ops),
            kernels=len(set(ops)),
            fused_ops=0,
            arena_bytes=0,
            native_calls=0,
            library_calls=(),
            source=print_graph(self.unit.graph),
        )


class Loop:
    """Runs one step after the other in Python."""

    def link(self, unit: Steps) -> Executable:
        """Return what runs the steps."""
        return Interpreted(unit)


def cut(graph: Graph, destinations: list[Destination]) -> tuple[Sequence[Step], Steps]:
    """Return a step for each node, and the unit that collects them."""
    return [Step(node) for node in graph.nodes], Steps(graph, destinations)


_KERNELS = Kernels()
INTERPRETER = StagedTarget("interpreter", cut, lambda node: _KERNELS, Liveness(), Loop())
