"""One trace of a function, compiled, and everything that can be asked about it."""

import gc
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..core.tensor import TensorBase
from ..ir.graph import Graph
from ..passes.pipeline import PassRecord
from ..targets.protocol import Executable as Program, Target
from ..trace.capture import Source
from ..trace.effects import Effect
from . import stages
from .backward import Joint
from .executable import Executable
from .results import Result
from .stages import Optimized, Split, Traced


@dataclass(slots=True, eq=False, repr=False)
class Trace:
    """One traced and compiled version of a function: the record of each stage."""

    reason: str
    target: Target
    traced: Traced
    split: Split
    optimized: Optimized
    program: Program
    executable: Executable
    timings: dict[str, float]
    last_used: int = 0  # the number of the call

    def __repr__(self) -> str:
        return f"<Trace ({self.reason}): {len(self.captured.nodes)} ops in {self.program!r}>"

    @property
    def captured(self) -> Graph:
        """The graph as traced."""
        return self.split.captured

    @property
    def graph(self) -> Graph:
        """The graph after all passes."""
        return self.optimized.graph

    @property
    def pass_log(self) -> list[PassRecord]:
        """What each pass did."""
        return self.optimized.log

    @property
    def sources(self) -> list[Source]:
        """Where the inputs of the graph come from."""
        return self.split.sources

    @property
    def effects(self) -> list[Effect]:
        """What a call changes besides its results."""
        return self.traced.effects

    @property
    def results(self) -> list[Result]:
        """Where each returned tensor comes from, in the order of the result tree."""
        return self.traced.results.all

    @property
    def joint(self) -> Joint | None:
        """The tape from which backward programs are made."""
        return self.split.joint


@contextmanager
def _uncollected() -> Generator[None, None, None]:
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
def compile_trace(
    function: Callable[..., Any],
    tensors: list[TensorBase],
    tree: Any,
    *,
    target: Target,
    reason: str,
) -> Trace:
    """Trace a function for these arguments, optimize the graph, and let the target compile it."""
    start = time.perf_counter()
    tracer, traced, outputs = stages.trace(function, tensors, tree)
    split = stages.split(tracer, traced, outputs, tensors, target)
    split_at = time.perf_counter()
    optimized = stages.optimized(split)
    seconds = {"trace": split_at - start, "optimise": time.perf_counter() - split_at}
    program = target.compile(optimized.graph, split.destinations)
    tracer.forget_arguments()
    binding = stages.bind(tracer, split, function, tree)
    return Trace(
        reason=reason,
        target=target,
        traced=traced,
        split=split,
        optimized=optimized,
        program=program,
        executable=Executable(function, traced, split, program, binding),
        timings=stages.timings(seconds, program, split.joint),
    )
