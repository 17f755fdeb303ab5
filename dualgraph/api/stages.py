"""The stages from a function to a program that can be called, with a small record for each.

trace (what the function does) -> split (what forward keeps for backward) -> optimize (passes) ->
build (native code) -> bind (where a call finds its arrays and puts its results).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.lib.array_utils import byte_bounds

from ..core.tensor import TensorBase
from ..errors import TraceError
from ..ir.graph import Graph, Node
from ..passes.pipeline import PassRecord, optimize
from ..targets.protocol import Destination, Executable as Program, Fresh, Target, Write
from ..trace.capture import Held, Source, TensorGuard, TrackedGuard
from ..trace.effects import Effect, Outputs
from ..trace.guards import Guards, Unchanging, all_guards, reads_of
from ..trace.tracer import Tracer, traced
from ..trace.tree import unflatten
from .backward import Joint
from .binding import Binding
from .results import Computed, Results


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """What the function does: its results, and its effects on all that outlives the call."""

    results: Results
    effects: list[Effect]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The forward graph, and the tape from which backward graphs are cut."""

    captured: Graph
    sources: list[Source]
    destinations: list[Destination]
    joint: Joint | None  # where there is something to differentiate
    saved: "list[Saved]"


@dataclass(frozen=True, slots=True, eq=False)
class Optimized:
    """The graph after all passes, and what each did."""

    graph: Graph
    log: list[PassRecord]


class Saved(NamedTuple):
    """An output that backward needs, as `Joint.saved`; the user may have it as well."""

    position: int  # among the arrays with memory of their own
    result: int  # among the distinct results, or -1


def trace(function: Any, tensors: list[TensorBase], tree: Any) -> tuple[Tracer, Traced, Outputs]:
    """Run the function once on symbols."""
    unchanging = Unchanging(reads_of(function))
    tracer, result = traced(function, tensors, lambda symbols: unflatten(tree, symbols))
    unchanging.check()
    outputs = Outputs()
    results = Results(tracer, result, outputs)
    effects = tracer.effects()
    for effect in effects:
        effect.bind(outputs)
    return tracer, Traced(results, effects), outputs


def split(
    tracer: Tracer, traced: Traced, outputs: Outputs, tensors: list[TensorBase], target: Target
) -> Split:
    """Let forward keep what the backward of its differentiable results needs."""
    _refuse_overlaps(tracer, outputs.written, tensors)
    forward = tracer.graph(outputs.values)  # the tape adds backward nodes and inputs
    joint, saved = None, []
    if traced.results.roots:
        joint = Joint(tracer, target, traced.results.roots, outputs.values, outputs.written)
        saved = _save(joint, traced.results, outputs)
    places = {node: i for i, node in enumerate(forward.inputs)}
    destinations = [Fresh() if m is None else Write(places[m]) for m in outputs.memory]
    return Split(
        captured=Graph(forward.inputs, forward.nodes, tuple(outputs.values)),
        sources=[tracer.inputs[node] for node in forward.inputs],
        destinations=destinations,
        joint=joint,
        saved=saved,
    )


def _save(joint: Joint, results: Results, outputs: Outputs) -> list[Saved]:
    known = {
        result.value: Saved(result.position, k)
        for k, result in enumerate(results.distinct)
        if isinstance(result, Computed)
    }
    return [known.get(node) or Saved(outputs.fresh(node), -1) for node in joint.saved]


def optimized(split: Split) -> Optimized:
    """Run all passes over the forward graph."""
    return Optimized(*optimize(split.captured))


def bind(tracer: Tracer, split: Split, function: Any, tree: Any) -> Binding:
    """Find out what every call must fetch, and what must still be as it was."""
    guards = Guards(
        all_guards(function, tracer.modules, tree), _distinct(tracer.guards, split.sources)
    )
    written = frozenset(d.target for d in split.destinations if isinstance(d, Write))
    return Binding(split.captured.inputs, split.sources, written, guards)


def timings(seconds: dict[str, float], program: Program, joint: Joint | None) -> dict[str, float]:
    """Return the seconds of each phase; the first backward program was made while splitting."""
    phases = {**seconds, **program.cost.phases()}
    if joint is None:
        return phases
    phases["trace"] -= sum(joint.timings.values())
    return {phase: s + joint.timings.get(phase, 0.0) for phase, s in phases.items()}


def _distinct(guards: list[TensorGuard], sources: list[Source]) -> list[TensorGuard]:
    """Leave out what is asked twice, and what the binding of captured tensors compares anyway."""
    known = {s.held for s in sources if isinstance(s, Held)}
    kept: list[TensorGuard] = []
    for guard in guards:
        if isinstance(guard, TrackedGuard):
            if guard.owner.held in known:
                continue
            known.add(guard.owner.held)
        kept.append(guard)
    return kept


class _Span(NamedTuple):
    """The memory of one input."""

    start: int
    end: int
    written: bool
    what: str
    node: Node


def _refuse_overlaps(tracer: Tracer, written: set[Node], tensors: list[TensorBase]) -> None:
    """Refuse to compile when memory that is written is also read through another tensor."""
    spans: list[_Span] = []
    for node, slot in tracer.read.items():
        bounds = byte_bounds(slot.origin.fetch(tensors))
        spans.append(_Span(*bounds, node in written, slot.origin.describe(), node))
    reaching: list[_Span] = []  # those that begin before this one and end after its start
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        reaching = [other for other in reaching if other.end > span.start]
        for other in reaching:
            first, second = (span, other) if span.written else (other, span)
            if first.written:
                raise TraceError(
                    f"the traced function changes the {first.what} in place, whose memory "
                    f"is also read through the {second.what} ({second.node.source}): the "
                    "order of reads and writes would be lost. Use one tensor for both, or run it "
                    "eagerly"
                )
        if span.end > span.start:
            reaching.append(span)
