"""A compiled function on the tape: one node that runs the backward program.

It sees what had already arrived at its leaves and continues that very sum, so that the order of
additions is that of an eager run. Backward programs are made when first needed, one for each set of
outputs that got a cotangent and of leaves at which one had arrived.
"""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..codegen.lower import Fresh
from ..codegen.program import Program, build
from ..core.dispatch import state
from ..core.op import Op, tape_op
from ..eager.frontend import eager_frontend
from ..errors import GradError, at_user_line
from ..grad.backward import AbsorbingNode, Bundle, backward, gradient_edge
from ..grad.tape import TWICE, Node as TapeNode, version_counter
from ..graph.capture import Argument, Cotangent, Held
from ..graph.ir import Node
from ..graph.pipeline import optimize
from ..graph.tracer import Tracer
from .split import ancestors, backward_graph


class BackwardProgram(NamedTuple):
    """A native backward: what it reads, and the leaf that each of its outputs belongs to."""

    program: Program
    reads: tuple[Node, ...]
    leaves: tuple[int, ...]


class Joint:
    """The traced forward and its tape, from which backward programs are made.

    ``roots`` are the differentiable outputs, ``leaves`` the inputs that require grad: (source, edge
    of the symbolic tape).
    """

    def __init__(
        self, tracer: Tracer, roots: list[Any], forward: list[Node], overwritten: set[Node]
    ) -> None:
        self.tracer = tracer
        self.roots = roots
        self.overwritten = overwritten
        self.sources = dict(zip(tracer.inputs, tracer.sources, strict=True))
        self.leaves = _leaves(tracer)
        self.cotangents: dict[Node, Cotangent] = {}
        self.programs: dict[tuple, BackwardProgram] = {}
        self.timings: dict[str, float] = {}  # of the last backward program, in seconds
        self._available = ancestors(tuple(forward))
        self.refused = False  # some rule says that there is no derivative: backward runs eagerly
        self.saved: tuple[Node, ...] = ()
        try:
            everything = self._build(tuple(range(len(roots))), ())
        except GradError:
            self.refused = True
        else:
            self.saved = tuple(n for n in everything.reads if self._must_save(n))
        self._available = set(self.saved)

    def _must_save(self, node: Node) -> bool:
        if node in self.cotangents:
            return False
        source = self.sources.get(node)
        return not isinstance(source, Argument | Held) or node in self.overwritten

    def program(self, outputs: tuple[int, ...], carried: tuple[int, ...]) -> BackwardProgram:
        """Return the program for these outputs' cotangents and these leaves' running sums."""
        key = (outputs, carried)
        if key not in self.programs:
            self._build(outputs, carried)
        return self.programs[key]

    def _build(self, outputs: tuple[int, ...], carried: tuple[int, ...]) -> BackwardProgram:
        with self.tracer.active():
            seeds = [self._input(Cotangent(k), self.roots[k].value) for k in outputs]
            before = {
                self.leaves[i][1]: self._input(Cotangent(i, True), self._leaf_node(i))
                for i in carried
            }
            edges = {edge: None for _, edge, _ in self.leaves}
            found = backward(
                [self.roots[k] for k in outputs],
                seeds,
                edges,
                retain_graph=True,
                create_graph=False,
                arrived=before,
            )
            reached = [
                (i, self.tracer.lift(found[edge]))
                for i, (_, edge, _) in enumerate(self.leaves)
                if edge in found and found[edge] is not before.get(edge)
            ]
        grads = [node for _, node in reached]
        cut = backward_graph(tuple(self.tracer.nodes), self._available, grads)
        start = time.perf_counter()
        graph, _ = optimize(cut.graph)
        self.timings = {"optimise": time.perf_counter() - start}
        program = build(graph, [Fresh()] * len(grads))
        self.timings |= program.cost.phases()
        result = BackwardProgram(program, cut.reads, tuple(i for i, _ in reached))
        self.programs[outputs, carried] = result
        return result

    def _input(self, source: Cotangent, like: Node) -> Any:
        node = self.tracer.add_input(source, like)  # only its shape and dtype are read
        self.cotangents[node] = source
        return self.tracer.symbol(node)

    def _leaf_node(self, index: int) -> Node:
        return self.leaves[index][2]


def _leaves(tracer: Tracer) -> list[tuple[Argument | Held, Any, Node]]:
    """Return (source, symbolic leaf, input node) of every input that requires grad."""
    found = []
    for node, source in zip(tracer.inputs, tracer.sources, strict=True):
        if not isinstance(source, Argument | Held):
            continue
        leaf = tracer.leaf_of(source)
        if tracer.asked_grad(leaf):
            found.append((source, leaf, node))
    return found


class CallRecord(NamedTuple):
    """What one call keeps for its backward."""

    saved: dict[Node, np.ndarray]
    tensors: dict[Node, tuple[Any, int]]  # inputs that are read again, with their versions
    replay: Callable[[], list[Any]]  # the same call, run eagerly


class CompiledBackward(AbsorbingNode):
    """The tape node of one call of a compiled function."""

    __slots__ = ("joint",)

    def __init__(self, joint: Joint, edges: list[Any], record: CallRecord) -> None:
        super().__init__(_COMPILED, edges, (), {}, {0: record})
        self.joint = joint

    def absorb(self, g: Bundle, pending: dict[Any, Any]) -> list[tuple[Any, Any]]:
        """Run the backward program, or replay eagerly when the result must be differentiable."""
        if self.saved is None:
            raise GradError(at_user_line(TWICE))
        record: CallRecord = self.saved[0]
        if state.grad_enabled or self.joint.refused:
            return self._replayed(g, pending, record)
        carried = tuple(i for i, edge in enumerate(self.edges) if edge in pending)
        made = self.joint.program(tuple(sorted(g)), carried)
        arrays = [self._array(node, g, pending, record) for node in made.reads]
        fresh = [np.empty(n.shape, n.dtype) for n in made.program.fresh]
        made.program.run((*arrays, *fresh))
        totals = [eager_frontend.tensor(a) for a in fresh]
        return [(self.edges[i], t) for i, t in zip(made.leaves, totals, strict=True)]

    def _array(self, node: Node, g: Bundle, pending: dict, record: CallRecord) -> np.ndarray:
        cotangent = self.joint.cotangents.get(node)
        if cotangent is not None:
            position = cotangent.position
            tensor = pending[self.edges[position]] if cotangent.carried else g[position]
            return np.ascontiguousarray(tensor.value).reshape(node.shape)
        if node in record.saved:
            return record.saved[node]
        tensor, version = record.tensors[node]
        if version_counter(tensor)[0] != version:
            raise GradError(
                at_user_line(self._modified(tensor, version_counter(tensor)[0], version))
            )
        return np.ascontiguousarray(tensor.value).reshape(node.shape)

    def _replayed(self, g: Bundle, pending: dict, record: CallRecord) -> list[tuple[Any, Any]]:
        if self.joint.overwritten:
            raise GradError(
                at_user_line(
                    "create_graph=True, or an op without derivative, in a compiled function that "
                    "changes state (random numbers, running statistics) is not supported: run this "
                    "function eagerly"
                )
            )
        again, state.grad_enabled = state.grad_enabled, True
        try:
            outputs = record.replay()
        finally:
            state.grad_enabled = again
        order = sorted(g)
        found = backward(
            [outputs[k] for k in order],
            [g[k] for k in order],
            dict.fromkeys(self.edges),
            retain_graph=True,
            create_graph=again,
            arrived={e: pending[e] for e in self.edges if e in pending},
        )
        return list(found.items())


def attach(outputs: list[Any], joint: Joint, tensors: list[Any], record: CallRecord) -> None:
    """Put the outputs of one call on the tape."""
    edges = [gradient_edge(source.tensor(tensors)) for source, _, _ in joint.leaves]
    hub = CompiledBackward(joint, edges, record)
    for k, out in enumerate(outputs):
        out.grad_fn = TapeNode(_OUTPUT, [hub], (out.value.shape,), {"position": k}, {})
        out.requires_grad = True


def attach_freed(out: Any, name: str) -> None:
    """Give an output the place that eager gives it after its backward has run: freed."""
    leaf = eager_frontend.tensor(out.value)
    leaf.requires_grad = True
    out.grad_fn = TapeNode(_freed_op(name), [leaf], (out.value.shape,), {}, {})
    out.requires_grad = True


@cache
def _freed_op(name: str) -> Op:
    return tape_op(name, lambda g: _raise_twice())


def _raise_twice() -> None:
    raise GradError(at_user_line(TWICE))


_COMPILED = tape_op("CompiledFunctionBackward", lambda g: g)
_OUTPUT = tape_op(
    "CompiledOutputBackward", lambda g, *, position: Bundle({position: g}), ("position",)
)
