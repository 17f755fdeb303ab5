"""A step of a loop as regions: what it computes, and what its backward computes.

The function is traced once, on symbols, with its tape. Its derivative is made on the same symbols
by the one backward walk; it is a step too, which hands cotangents to the step before, and can be
differentiated in its turn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..core.dispatch import state
from ..core.tensor import TensorBase
from ..core.types import Aval
from ..grad.backward import backward
from ..grad.tape import gradient_edge
from ..ir.graph import Graph, Node
from ..ir.split import ancestors, backward_graph
from ..ops.create.creation import full
from ..trace.region import Region, RegionTracer

Tensors = Sequence[TensorBase]


class Joint(NamedTuple):
    """A step that keeps what its backward needs, and this backward.

    ``kept`` is stacked after the step's own results. ``sequences`` names what the backward reads
    step by step: ("cotangent", k), ("element", k) or ("kept", k).
    """

    forward: Region
    kept: list[Node]
    backward: Region
    sequences: list[tuple[str, int]]


@dataclass(eq=False)
class Body:
    """A step on symbols: what it is given and what it returns, in the order of `ir.scan`."""

    tracer: RegionTracer
    carries: list[TensorBase]
    elements: list[TensorBase]
    after: list[TensorBase]  # the carries of the next step
    outputs: list[TensorBase]  # what is stacked
    derivatives: "dict[tuple[int, ...], Derivative]" = field(
        default_factory=dict[tuple[int, ...], "Derivative"]
    )

    @property
    def inputs(self) -> list[TensorBase]:
        return [*self.carries, *self.elements]

    @property
    def captured(self) -> list[TensorBase]:
        """What it reads from outside, besides what it is given."""
        return [*self.tracer.captured]

    @property
    def floating(self) -> list[int]:
        """The carries that have cotangents."""
        return [k for k, c in enumerate(self.carries) if c.tracked]

    @property
    def differentiable(self) -> list[int]:
        """The outputs that have cotangents."""
        return [k for k, y in enumerate(self.outputs) if y.tracked]

    def region(self, kept: Sequence[Node] = ()) -> Region:
        """Return the step as a graph, which returns these values as well."""
        returned = [*self._lifted(self.after), *self._lifted(self.outputs), *kept]
        return self.tracer.region(self._lifted(self.inputs), returned)

    def _lifted(self, tensors: Tensors) -> list[Node]:
        return [self.tracer.lift(t) for t in tensors]

    # --- backward ---

    def derivative(self, arrived: tuple[int, ...]) -> "Derivative":
        """Return the backward of the step, for cotangents of all carries and of these outputs.

        Raises `GradError` where there is none.
        """
        if arrived not in self.derivatives:
            with self.tracer.active():
                self.derivatives[arrived] = self._differentiated(arrived)
        return self.derivatives[arrived]

    def _differentiated(self, arrived: tuple[int, ...]) -> "Derivative":
        cotangents = [self._input("cotangent", self.carries[k]) for k in self.floating]
        given = [self._input("cotangent", self.outputs[k]) for k in arrived]
        shared = self.tracer.differentiable()
        sums = [self._input("sum of cotangents", t) for t in shared.values()]
        pairs = [
            *zip((self.after[k] for k in self.floating), cotangents, strict=True),
            *zip((self.outputs[k] for k in arrived), given, strict=True),
        ]
        edges = {x: gradient_edge(x) for x in self.inputs if x.tracked}
        found = backward(
            [root for root, _ in pairs if root.tracked],
            [g for root, g in pairs if root.tracked],
            dict.fromkeys([*edges.values(), *shared]),
            retain_graph=True,
            create_graph=True,
            arrived=dict(zip(shared, sums, strict=True)),
            since=self.tracer.began,
        )
        grads = {x: found[e] if e in found else nothing(x) for x, e in edges.items()}
        return Derivative(
            tracer=self.tracer,
            carries=[*cotangents, *sums],
            elements=[*given, *self.inputs],
            after=[*(grads[self.carries[k]] for k in self.floating), *(found[e] for e in shared)],
            outputs=[grads[x] for x in self.elements if x.tracked],
            shared=[*shared.values()],
            given=given,
        )

    def _input(self, path: str, like: TensorBase) -> TensorBase:
        return self.tracer.argument_of(aval_of(like), path, tracked=True)

    # --- both, with as little in between as will do ---

    def joint(self, arrived: tuple[int, ...]) -> Joint:
        """Return the step and its backward, which reads what the step keeps."""
        back = self.derivative(arrived)
        forward = ancestors((*self._lifted(self.after), *self._lifted(self.outputs)))
        grads = [*self._lifted(back.after), *self._lifted(back.outputs)]
        nodes = tuple(self.tracer.nodes)
        cut = backward_graph(nodes, forward & self._varying(nodes), grads)
        inputs = dict(zip(cut.reads, cut.graph.inputs, strict=True))
        captured = {node: t for t, node in self.tracer.captured.items() if node in inputs}
        carried = self._lifted(back.carries)
        read = [n for n in cut.reads if n not in captured and n not in set(carried)]
        kept = [n for n in read if n not in self._sources(back)]
        names = self._sources(back) | {n: ("kept", k) for k, n in enumerate(kept)}
        graph = Graph(
            (
                *(inputs.get(n, n) for n in carried),
                *(inputs[n] for n in read),
                *(inputs[n] for n in captured),
            ),
            cut.graph.nodes,
            cut.graph.outputs,
        )
        return Joint(
            forward=self.region(kept),
            kept=kept,
            backward=Region(graph, [*captured.values()]),
            sequences=[names[n] for n in read],
        )

    def _sources(self, back: "Derivative") -> dict[Node, tuple[str, int]]:
        """Return what the backward can read step by step although nobody keeps it."""
        given = {n: ("cotangent", k) for k, n in enumerate(self._lifted(back.given))}
        return given | {n: ("element", k) for k, n in enumerate(self._lifted(self.elements))}

    def _varying(self, nodes: tuple[Node, ...]) -> set[Node]:
        """Return what is another value at every step; the rest is computed again."""
        found = set(self._lifted(self.inputs))
        for node in nodes:
            if any(i in found for i in node.inputs):
                found.add(node)
        return found


@dataclass(eq=False, kw_only=True)
class Derivative(Body):
    """The backward of a step: its carries are cotangents of carries, then sums for captured ones.

    Its elements are cotangents of outputs, then all inputs of the step, carries first.
    """

    shared: list[TensorBase]  # the captured tensors to which the sums belong
    given: list[TensorBase]  # the cotangents of outputs


def traced(
    call: Callable[[list[TensorBase], list[TensorBase]], Any],
    carries: Sequence[Aval],
    elements: Sequence[Aval],
    tracked: Sequence[bool],
) -> tuple[Body, Any]:
    """Trace a step; ``call(carries, elements)`` runs it, with these elements requiring grad.

    A carry may require grad from the second step on: it does as long as gradients are recorded.
    Returns the body, whose results are still to be filled in, and what the call returned.
    """
    tracer = RegionTracer(state.frontend, "scan")
    recorded = state.grad_enabled
    with tracer.active():
        taken = [
            tracer.argument_of(aval, f"carry {k}", tracked=recorded and aval.dtype.kind == "f")
            for k, aval in enumerate(carries)
        ]
        read = [
            tracer.argument_of(aval, f"element {k}", tracked=recorded and needed)
            for k, (aval, needed) in enumerate(zip(elements, tracked, strict=True))
        ]
        result = call(taken, read)
    tracer.differentiable()
    return Body(tracer, taken, read, [], []), result


def aval_of(x: TensorBase) -> Aval:
    """Return the shape and the dtype of a tensor."""
    return Aval(tuple(x.value.shape), x.value.dtype)


def nothing(like: TensorBase) -> TensorBase:
    """Return the cotangent to which nothing has been added: x + (-0.0) is x in every bit."""
    return full(like.value.shape, -0.0, dtype=like.value.dtype)
