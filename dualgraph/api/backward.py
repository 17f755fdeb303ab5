"""A compiled function on the tape: one node that runs the backward program.

It sees what had already arrived at its leaves and continues that very sum, so that the order of
additions is that of an eager run. Backward programs are made when first needed, one for each set of
outputs that got a cotangent and of leaves at which one had arrived.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..core.dispatch import in_grad_mode, state
from ..core.hooks import RemovableHandle
from ..core.op import Op, tape_op
from ..core.tensor import TensorBase, Value
from ..eager.frontend import array_of, eager_frontend
from ..errors import GradError
from ..grad.backward import AbsorbingNode, backward, reachable
from ..grad.saved import TWICE, Packed, version_counter
from ..grad.tape import Arrived, Edge, TapeNode, form_of, gradient_edge
from ..ir.graph import Node
from ..ir.split import ancestors, backward_graph
from ..passes.pipeline import optimize
from ..targets.protocol import Executable as Program, Fresh, Target
from ..trace.capture import Argument, Cotangent, Origin
from ..trace.tracer import Tracer

CARRIED, COTANGENT, SAVED, INPUT = range(4)  # what a backward program reads
Key = tuple[tuple[int, ...], tuple[int, ...]]  # outputs with a cotangent, leaves with a sum


class BackwardProgram(NamedTuple):
    """A compiled backward: what it reads, and the leaf that each of its outputs belongs to."""

    program: Program
    reads: tuple[Node, ...]
    leaves: tuple[int, ...]
    fresh: list[tuple[tuple[int, ...], np.dtype]]
    operands: list[tuple[int, int]]  # as `Joint.operands` found them; empty before


class Leaf(NamedTuple):
    """An input that requires grad."""

    origin: Origin
    edge: TensorBase  # of the symbolic tape
    node: Node


class Joint:
    """The traced forward and its tape, from which backward programs are made.

    ``roots`` are the differentiable outputs, ``leaves`` the inputs that require grad.
    """

    def __init__(
        self,
        tracer: Tracer,
        target: Target,
        roots: list[TensorBase],
        forward: list[Node],
        overwritten: set[Node],
    ) -> None:
        self.tracer = tracer
        self.target = target
        self.roots = roots
        self.forms = [form_of(root) for root in roots]
        self.overwritten = overwritten
        slots = tracer.read.values()
        self.leaves = [Leaf(s.origin, s.tensor, n) for n, s in tracer.read.items() if s.tracked]
        self.inputs = {node: k for k, node in enumerate(tracer.read)}  # tensors of the caller
        self.owners = tuple(slot.origin for slot in slots)
        self._counters = [  # (argument, None) or (-1, the counter of a captured tensor)
            (s.position, None) if isinstance(s, Argument) else (-1, version_counter(s.held))
            for s in self.owners
        ]
        self.cotangents: dict[Node, Cotangent] = {}
        self.programs: dict[Key, BackwardProgram] = {}
        self.timings: dict[str, float] = {}  # of the last backward program, in seconds
        self._available = ancestors(tuple(forward))
        self._freed: dict[tuple[int, ...], set[int]] = {}  # as `freed_with` found it
        self.refused = False  # some rule says that there is no derivative: backward runs eagerly
        self.saved: tuple[Node, ...] = ()
        try:
            everything = self._build(tuple(range(len(roots))), ())
        except GradError:
            self.refused = True
        else:
            self.saved = tuple(n for n in everything.reads if self._must_save(n))
            self.programs[tuple(range(len(roots))), ()] = everything
        self._available = set(self.saved)

    def freed_with(self, outputs: tuple[int, ...]) -> set[int]:
        """Return the outputs through which eager could not go back after a walk from these."""
        if outputs not in self._freed:
            saving = [_saving(root) for root in self.roots]
            gone: set[TapeNode] = set()
            gone.update(*[saving[k] for k in outputs])
            self._freed[outputs] = {k for k, n in enumerate(saving) if not gone.isdisjoint(n)}
        return self._freed[outputs]

    def _must_save(self, node: Node) -> bool:
        if node in self.cotangents:
            return False
        return node not in self.inputs or node in self.overwritten

    def versions(self, tensors: list[TensorBase]) -> list[int]:
        """Return the versions that the inputs have now."""
        return [
            (version_counter(tensors[at]) if counter is None else counter)[0]
            for at, counter in self._counters
        ]

    def program(self, outputs: tuple[int, ...], carried: tuple[int, ...]) -> BackwardProgram:
        """Return the program for these outputs' cotangents and these leaves' running sums."""
        key = (outputs, carried)
        if key not in self.programs:
            self.programs[key] = self._build(outputs, carried)
        return self.programs[key]

    def operands(self, made: BackwardProgram) -> list[tuple[int, int]]:
        """Return where a call finds each array that a program reads: (kind, position)."""
        if not made.operands:
            saved = {node: k for k, node in enumerate(self.saved)}
            made.operands.extend(self._operand(node, saved) for node in made.reads)
        return made.operands

    def _operand(self, node: Node, saved: dict[Node, int]) -> tuple[int, int]:
        if node in self.cotangents:
            cotangent = self.cotangents[node]
            return CARRIED if cotangent.carried else COTANGENT, cotangent.position
        return (SAVED, saved[node]) if node in saved else (INPUT, self.inputs[node])

    def _build(self, outputs: tuple[int, ...], carried: tuple[int, ...]) -> BackwardProgram:
        with self.tracer.active():
            seeds = [self._input(Cotangent(k), self.roots[k].value) for k in outputs]
            before: dict[Edge, TensorBase] = {
                self.leaves[i].edge: self._input(Cotangent(i, True), self.leaves[i].node)
                for i in carried
            }
            edges = {leaf.edge: None for leaf in self.leaves}
            found = backward(
                [self.roots[k] for k in outputs],
                seeds,
                edges,
                retain_graph=True,
                create_graph=False,
                arrived=before,
            )
            reached = [
                (i, self.tracer.lift(found[leaf.edge]))
                for i, leaf in enumerate(self.leaves)
                if leaf.edge in found and found[leaf.edge] is not before.get(leaf.edge)
            ]
        grads = [node for _, node in reached]
        cut = backward_graph(tuple(self.tracer.nodes), self._available, grads)
        start = time.perf_counter()
        graph, _ = optimize(cut.graph)
        self.timings = {"optimise": time.perf_counter() - start}
        program = self.target.compile(graph, [Fresh()] * len(grads))
        self.timings |= program.cost.phases()
        fresh = [(n.shape, n.dtype) for n in program.fresh]
        return BackwardProgram(program, cut.reads, tuple(i for i, _ in reached), fresh, [])

    def _input(self, source: Cotangent, like: Value) -> TensorBase:
        node = self.tracer.add_input(source, like)  # only its shape and dtype are read
        self.cotangents[node] = source
        return self.tracer.symbol(node)


def _saving(root: TensorBase) -> set[TapeNode]:
    """Return the nodes behind a result that hold something for their rules."""
    return {node for node in reachable([root.grad_fn]) if node.saved}


class Returned(NamedTuple):
    """An array that backward needs and the user has; the tensor itself is not held: no cycle."""

    array: np.ndarray
    counter: list[int]
    version: int


Kept: TypeAlias = np.ndarray | Packed | Returned
"""What stands for a saved value: itself, what hooks made of it, or what the user has."""


class CallRecord(NamedTuple):
    """What one call keeps for its backward."""

    saved: Sequence[Kept]  # as `Joint.saved`
    arguments: list[TensorBase]
    versions: list[int]  # of the inputs, as `Joint.versions`
    replay: Callable[[], list[TensorBase]]  # the same call, run eagerly


class CompiledBackward(AbsorbingNode):
    """The tape node of one call of a compiled function; its outputs are the differentiable ones."""

    __slots__ = ("freed", "joint", "walked")

    def __init__(self, joint: Joint, edges: list[Edge | None], record: CallRecord) -> None:
        super().__init__(_COMPILED, edges, (), {}, {0: record}, joint.forms)
        self.joint = joint
        self.walked: tuple[int, ...] = ()  # the outputs of the last walk
        self.freed: set[int] = set()  # outputs whose saved values eager would have freed

    def absorb(self, g: Arrived, pending: dict[Edge, TensorBase]) -> list[tuple[Edge, TensorBase]]:
        """Run the backward program, or replay eagerly when the result must be differentiable."""
        if isinstance(g, list):
            given = {k: cotangent for k, cotangent in enumerate(g) if cotangent is not None}
        else:
            given = {0: g}
        self.walked = tuple(given)
        if self.saved is None or not self.freed.isdisjoint(self.walked):
            raise GradError(TWICE)
        record: CallRecord = self.saved[0]
        joint, edges = self.joint, self.edges
        if state.grad_enabled or joint.refused:
            return self._replayed(given, pending, record)
        carried = tuple([i for i, edge in enumerate(edges) if edge in pending]) if pending else ()
        made = joint.program(self.walked, carried)
        arrays: list[np.ndarray] = []
        for kind, position in made.operands or joint.operands(made):
            if kind == COTANGENT:
                array: Any = given[position].value  # a call of `array_of` would show in the time
            elif kind == SAVED:
                kept = record.saved[position]
                array = kept if isinstance(kept, np.ndarray) else self._kept(kept)
            elif kind == CARRIED:
                array = array_of(pending[edges[position]])
            else:
                array = self._input(position, record)
            arrays.append(array if array.flags.c_contiguous else np.ascontiguousarray(array))
        fresh = [np.empty(shape, dtype) for shape, dtype in made.fresh]
        made.program.run((*arrays, *fresh))
        return [
            (edges[i], eager_frontend.tensor(a)) for i, a in zip(made.leaves, fresh, strict=True)
        ]

    def release(self) -> None:
        """Free what the walk needed; what other outputs need as well is freed with the last."""
        self.freed |= self.joint.freed_with(self.walked)
        if len(self.freed) == len(self.joint.roots):
            super().release()

    def register_hook(
        self, hook: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]
    ) -> RemovableHandle:
        """Refuse: the cotangents of the inputs are sums that other nodes contribute to."""
        raise GradError(
            "a node hook that sees the gradients of the inputs of a compiled function is not "
            "supported: register hooks on the tensors, or run the function eagerly"
        )

    def _kept(self, kept: Packed | Returned) -> np.ndarray:
        """Return a saved array that hooks held, or that the user has and may have changed."""
        if isinstance(kept, Packed):
            return array_of(kept.unpacked())
        if kept.counter[0] != kept.version:
            raise GradError(self.modified(kept.array, kept.counter[0], kept.version))
        return kept.array

    def _input(self, position: int, record: CallRecord) -> np.ndarray:
        """Return an input as it was; raise when it was changed since."""
        tensor = self.joint.owners[position].tensor(record.arguments)
        now, version = version_counter(tensor)[0], record.versions[position]
        if now != version:
            raise GradError(self.modified(tensor, now, version))
        array: Any = tensor.value  # as in `absorb`
        return array

    def _replayed(
        self, g: dict[int, TensorBase], pending: dict[Edge, TensorBase], record: CallRecord
    ) -> list[tuple[Edge, TensorBase]]:
        if self.joint.overwritten:
            raise GradError(
                "create_graph=True, or an op without derivative, in a compiled function that "
                "changes state (random numbers, running statistics) is not supported: run this "
                "function eagerly"
            )
        outputs = in_grad_mode(record.replay, enabled=True)
        order = sorted(g)
        found = backward(
            [outputs[k] for k in order],
            [g[k] for k in order],
            dict.fromkeys(self.edges),
            retain_graph=True,
            create_graph=state.grad_enabled,
            arrived={e: pending[e] for e in self.edges if e in pending},
        )
        return list(found.items())


def attach(outputs: list[TensorBase], joint: Joint, record: CallRecord) -> None:
    """Put the outputs of one call on the tape."""
    tensors = [leaf.origin.tensor(record.arguments) for leaf in joint.leaves]
    edges = [gradient_edge(t) for t in tensors]
    node = CompiledBackward(joint, edges, record)
    for k, out in enumerate(outputs):
        out.grad_fn, out.output_nr, out.tracked = node, k, True


def attach_freed(out: TensorBase, name: str) -> None:
    """Give an output the place that eager gives it after its backward has run: freed."""
    leaf = eager_frontend.tensor(out.value)
    leaf.tracked = True
    out.grad_fn = TapeNode(_freed_op(name), [leaf], (out.value.shape,), {}, {})
    out.tracked = True


@cache
def _freed_op(name: str) -> Op:
    return tape_op(name, _raise_twice)


def _raise_twice(g: TensorBase) -> None:
    raise GradError(TWICE)


def _unchanged(g: TensorBase) -> TensorBase:
    return g


_COMPILED = tape_op("CompiledFunctionBackward", _unchanged)
