"""One trace of a function, compiled: fetch the inputs, run the program, put the results back."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..core.dispatch import apply, state
from ..eager.frontend import eager_frontend
from ..errors import TraceError
from ..grad.backward import reachable
from ..grad.tape import Packed, version_counter
from ..ir.graph import INPUT, Graph, Node
from ..passes.pipeline import PassRecord, optimize
from ..targets.cpu.lower import Destination, Fresh, Write
from ..targets.cpu.program import Program, build
from ..trace.capture import (
    Argument,
    GradGuard,
    GradOf,
    GradUpdate,
    Held,
    HookGuard,
    Source,
    StridesGuard,
    TrackedGuard,
    Update,
)
from ..trace.guards import Guards, Unchanging, all_guards
from ..trace.tracer import Tracer, traced
from ..trace.tree import flatten, refuse_hidden, unflatten
from .backward import CallRecord, Joint, Returned, attach, attach_freed
from .binding import Binding, Mismatch

_empty = np.empty


class Output(NamedTuple):
    """Where a returned tensor comes from."""

    kind: str  # "fresh", "argument", "held", "view"
    position: int = -1  # of the fresh array or the argument
    held: Any = None
    root: int = -1  # position among the differentiable outputs
    freed: str = ""  # the grad_fn name of an output whose tape was already walked
    leaf: bool = False  # made inside as a leaf that requires grad


@dataclass(slots=True, eq=False, repr=False)
class Trace:
    """One traced and compiled version of a function, and everything that can be asked about it."""

    reason: str
    captured: Graph  # as traced
    graph: Graph  # after all passes
    pass_log: list[PassRecord]
    timings: dict[str, float]
    program: Program
    sources: list[Source]
    updates: list[Update]
    grad_updates: list[GradUpdate]
    guards: Guards
    grad_guards: list[GradGuard | HookGuard | StridesGuard | TrackedGuard]
    outputs: list[Output]
    tree: Any
    joint: Joint | None
    kept: list[int]  # where among the fresh arrays backward finds what it needs
    returned: frozenset[int]  # those of them that the user gets as well
    binding: Binding
    counters: list[list[int]]  # version counters of the captured tensors that are changed
    changed_arguments: list[Argument]
    grad_writes: list[tuple[Argument | Held, int, bool]]  # owner, fresh array or -1, in place
    fresh: list[tuple[tuple[int, ...], np.dtype]]
    function: Any
    changes: bool  # of state: there is something to note after a call
    last_used: int = 0  # the number of the call

    def __repr__(self) -> str:
        return f"<Trace ({self.reason}): {len(self.captured.nodes)} ops in {self.program!r}>"

    def bind(self, tensors: list[Any]) -> list[np.ndarray]:
        """Return the input arrays; raise `Mismatch` when this trace cannot serve the call."""
        for guard in self.grad_guards:
            if not guard.holds(tensors):
                raise Mismatch(guard.describe())
        broken = self.guards.broken()
        if broken is not None:
            raise Mismatch(broken.describe())
        return self.binding.fetch(tensors)

    def run(self, tensors: list[Any], arrays: list[np.ndarray], call: Any) -> Any:
        """Execute on bound arrays and return the result tree."""
        arrays, back = self.binding.dense(arrays)
        fresh = [_empty(shape, dtype) for shape, dtype in self.fresh]
        versions = self.joint.versions(tensors) if self.joint else []
        self.program.run((*arrays, *fresh))
        for original, copy in back:
            np.copyto(original, copy)
        if self.changes:
            self._write_back(tensors, fresh)
        return unflatten(self.tree, self._results(tensors, fresh, versions, call))

    def _write_back(self, tensors: list[Any], fresh: list[np.ndarray]) -> None:
        """Count the changes of state, and set every ``.grad`` that the function set."""
        for counter in self.counters:
            counter[0] += 1
        for target in self.changed_arguments:
            version_counter(target.tensor(tensors))[0] += 1
        for target, index, in_place in self.grad_writes:
            owner = target.tensor(tensors)
            if in_place:
                version_counter(owner.held_grad)[0] += 1
            else:
                owner.held_grad = None if index < 0 else eager_frontend.tensor(fresh[index])

    def _results(
        self, tensors: list[Any], fresh: list[np.ndarray], versions: list[int], call: Any
    ) -> list[Any]:
        results: list[Any] = []
        roots: dict[int, Any] = {}
        made: dict[int, Any] = {}  # a tensor that is returned twice is one object
        for output in self.outputs:
            kind, position = output.kind, output.position
            if kind == "fresh":
                out = made.get(position)
                if out is None:
                    out = made[position] = eager_frontend.tensor(fresh[position])
                    if output.root >= 0:
                        roots[output.root] = out
                    elif output.leaf:
                        out.tracked = True
                    elif output.freed:
                        attach_freed(out, output.freed)
                results.append(out)
            elif kind == "argument":
                results.append(tensors[position])
            elif kind == "held":
                results.append(output.held)
            else:
                source, chain = output.held
                results.append(_viewed(source.tensor(tensors), chain))
        if roots and self.joint:
            record = CallRecord(
                self._saved(fresh, made), tensors, versions, lambda: self._replay(call)
            )
            attach([roots[k] for k in sorted(roots)], self.joint, record)
        return results

    def _saved(self, fresh: list[np.ndarray], made: dict[int, Any]) -> list[Any]:
        """Return what backward needs, as the user's hooks want it to be held."""
        if not self.returned and state.saved_hooks is None:
            return fresh[len(fresh) - len(self.kept) :] if self.kept else []
        found: list[Any] = []
        for index in self.kept:
            if index in self.returned:
                counter = version_counter(made[index])
                found.append(Returned(fresh[index], counter, counter[0]))
            elif state.saved_hooks is None:
                found.append(fresh[index])
            else:
                found.append(Packed(eager_frontend.tensor(fresh[index]), state.saved_hooks))
        return found

    def _replay(self, call: Any) -> list[Any]:
        """Run the call eagerly and return the differentiable outputs."""
        args, kwargs = call
        leaves: list[Any] = []
        flatten(self.function(*args, **kwargs), leaves)
        chosen = {o.root: t for o, t in zip(self.outputs, leaves, strict=True) if o.root >= 0}
        return [chosen[k] for k in sorted(chosen)]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Put the cyclic collector off: it would walk over the growing graph, for a fifth of the time.

    What is kept for good is little; all else goes when it is no longer referred to.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def compile_trace(function: Any, tensors: list[Any], tree: Any, reason: str) -> Trace:
    """Trace a function for these arguments, optimize, generate and load native code."""
    start = time.perf_counter()
    unchanging = Unchanging(function)
    tracer, result = traced(function, tensors, lambda symbols: unflatten(tree, symbols))
    unchanging.check()
    leaves: list[Any] = []
    out_tree = flatten(result, leaves)
    refuse_hidden(out_tree)
    outputs, values, roots = _classify(tracer, tensors, leaves)
    updates, grad_updates = tracer.updates(), tracer.grad_updates()
    wanted, destinations = _destinations(tracer, values, updates, grad_updates)
    captured = tracer.graph(wanted)
    joint, kept, returned = None, [], frozenset()
    if roots:
        overwritten = {tracer.inputs[d.target] for d in destinations if isinstance(d, Write)}
        joint = Joint(tracer, roots, wanted, overwritten)
        positions = {node: i for i, node in enumerate(values)}
        extra = [node for node in joint.saved if node not in positions]
        first = sum(isinstance(d, Fresh) for d in destinations)
        places = positions | {node: first + i for i, node in enumerate(extra)}
        kept = [places[node] for node in joint.saved]
        returned = frozenset(kept).intersection(range(len(values)))
        captured = Graph(captured.inputs, captured.nodes, (*captured.outputs, *extra))
        destinations += [Fresh()] * len(extra)
    traced_at = time.perf_counter()
    graph, log = optimize(captured)
    optimized_at = time.perf_counter()
    program = build(graph, destinations)
    timings = {
        "trace": traced_at - start,
        "optimise": optimized_at - traced_at,
        **program.cost.phases(),
    }
    if joint:  # its first backward program was made on the way
        timings["trace"] -= sum(joint.timings.values())
        timings = {phase: s + joint.timings.get(phase, 0.0) for phase, s in timings.items()}
    tracer.forget_arguments()
    sources = tracer.sources[: len(captured.inputs)]
    _refuse_overlaps(captured, sources, tensors, updates)
    written = frozenset(d.target for d in destinations if isinstance(d, Write))
    counters = [version_counter(u.target.held) for u in updates if isinstance(u.target, Held)]
    changed_arguments = [u.target for u in updates if isinstance(u.target, Argument)]
    grad_writes = _grad_writes(len(values), grad_updates)
    return Trace(
        reason=reason,
        captured=captured,
        graph=graph,
        pass_log=log,
        timings=timings,
        program=program,
        sources=sources,
        updates=updates,
        grad_updates=grad_updates,
        guards=Guards(all_guards(function, tracer.modules, tree)),
        grad_guards=_distinct(tracer.guards, sources),
        outputs=outputs,
        tree=out_tree,
        joint=joint,
        kept=kept,
        returned=returned,
        binding=Binding(captured.inputs, sources, written),
        counters=counters,
        changed_arguments=changed_arguments,
        grad_writes=grad_writes,
        fresh=[(n.shape, n.dtype) for n in program.fresh],
        function=function,
        changes=bool(counters or changed_arguments or grad_writes),
    )


def _distinct(guards: list[Any], sources: list[Any]) -> list[Any]:
    """Leave out what is asked twice, and what the binding of captured tensors compares anyway."""
    known = {id(s.held) for s in sources if isinstance(s, Held)}
    kept = []
    for guard in guards:
        if isinstance(guard, TrackedGuard):
            if id(guard.owner.held) in known:
                continue
            known.add(id(guard.owner.held))
        kept.append(guard)
    return kept


def _grad_writes(
    first: int, grad_updates: list[GradUpdate]
) -> list[tuple[Argument | Held, int, bool]]:
    """Say which fresh array each ``.grad`` gets; they come after the ``first`` results."""
    found = []
    for update in grad_updates:
        replaced = update.value is not None and not update.in_place
        found.append((update.target, first if replaced else -1, update.in_place))
        first += replaced
    return found


def _classify(
    tracer: Tracer, tensors: list[Any], leaves: list[Any]
) -> tuple[list[Output], list[Node], list[Any]]:
    """Say for every returned tensor where it comes from; return (outputs, values, roots)."""
    outputs: list[Output] = []
    values: list[Node] = []
    roots: list[Any] = []
    known: dict[int, Output] = {}
    for leaf in leaves:
        position = tracer.position_of(leaf)
        if id(leaf) in known:
            outputs.append(known[id(leaf)])
        elif position is not None:
            outputs.append(Output("argument", position))
        elif not isinstance(leaf.value, Node):
            outputs.append(Output("held", held=leaf))
        elif view := _view_of_input(tracer, leaf):
            known[id(leaf)] = Output("view", held=view)
            outputs.append(known[id(leaf)])
        else:
            values.append(tracer.lift(leaf))
            fresh = Output("fresh", len(values) - 1)
            if leaf.tracked and leaf.grad_fn is not None:
                fresh = _on_tape(fresh, leaf, roots)
            elif leaf.tracked:
                fresh = fresh._replace(leaf=True)
                _refuse_gradient(leaf)
            known[id(leaf)] = fresh
            outputs.append(fresh)
    return outputs, values, roots


def _view_of_input(tracer: Tracer, leaf: Any) -> tuple[Argument | Held, list[Node]] | None:
    """Return (input, view ops) of a returned view of an input that the function left unchanged.

    A view on the tape is part of the compiled node instead: beside it, the order in which
    cotangents arrive at the input would not be that of eager.
    """
    if leaf.tracked:
        return None
    node = tracer.lift(leaf)
    chain: list[Node] = []
    while node.op.is_view:
        chain.append(node)
        node = node.inputs[0]
    if node.op is not INPUT or not chain:
        return None
    source = tracer.sources[tracer.inputs.index(node)]
    if not isinstance(source, Argument | Held) or any(u.target == source for u in tracer.updates()):
        return None
    asked = tracer.asked_grad(tracer.leaf_of(source))
    return None if asked else (source, chain[::-1])


def _viewed(tensor: Any, chain: list[Node]) -> Any:
    """Take the same view of the caller's tensor: memory is shared, as in eager."""
    for node in chain:
        tensor = apply(node.op, tensor, **node.static)
    return tensor


def _refuse_gradient(leaf: Any) -> None:
    if leaf.held_grad is not None:
        raise TraceError(
            "the traced function returns a leaf tensor that it made itself and gave a .grad, which "
            "would be lost: return the .grad as well and detach the leaf, or run it eagerly"
        )


def _on_tape(output: Output, leaf: Any, roots: list[Any]) -> Output:
    if any(node.saved is None for node in reachable([leaf.grad_fn])):
        return output._replace(freed=leaf.grad_fn.name())
    roots.append(leaf)
    return output._replace(root=len(roots) - 1)


def _destinations(
    tracer: Tracer, values: list[Node], updates: list[Update], grads: list[GradUpdate]
) -> tuple[list[Node], list[Destination]]:
    """Return the graph's outputs and where each goes: results, state, gradients."""
    wanted = list(values)
    where: list[Destination] = [Fresh()] * len(values)
    position = {source: i for i, source in enumerate(tracer.sources)}
    for update in updates:
        wanted.append(update.value)
        where.append(Write(position[update.target]))
    for update in grads:
        if update.value is None:
            continue
        wanted.append(update.value)
        held = position.get(GradOf(update.target))
        where.append(Write(held) if update.in_place and held is not None else Fresh())
    return wanted, where


def _refuse_overlaps(
    graph: Graph, sources: list[Source], tensors: list[Any], updates: list[Update]
) -> None:
    """Refuse to compile when memory that is written is also read through another tensor."""
    written = {u.target for u in updates}
    spans = []
    for node, source in zip(graph.inputs, sources, strict=True):
        if isinstance(source, Argument | Held):
            start, end = byte_bounds(source.fetch(tensors))
            spans.append((start, end, source in written, source, node))
    reaching: list[tuple] = []  # spans that begin before this one and end after its start
    for span in sorted(spans, key=lambda span: span[:2]):
        reaching = [other for other in reaching if other[1] > span[0]]
        for other in reaching:
            first, second = (span, other) if span[2] else (other, span)
            if first[2]:
                raise TraceError(
                    f"the traced function changes the {first[3].describe()} in place, whose memory "
                    f"is also read through the {second[3].describe()} ({second[4].source}): the "
                    "order of reads and writes would be lost. Use one tensor for both, or run it "
                    "eagerly"
                )
        if span[1] > span[0]:
            reaching.append(span)
