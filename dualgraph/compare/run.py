"""The whole comparison: train both copies in lockstep, then time, weigh and describe them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

from ..api.compile import CompiledFunction, compile
from ..core.tensor import TensorBase
from ..errors import DualgraphError, ModelPathError, TraceError
from ..ops.create.creation import default_generator
from ..trace.capture import Held
from ..trace.effects import WriteMemory
from .benchmark import Timing, ops_dispatched, paired_rounds, peak_bytes
from .jobs import Batches, Job
from .report import Report
from .twins import Outcome, compare_named, reachable, run_twins
from .verify import verify

Progress = Callable[[str, int, int], None]
"""Called with the phase, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How many steps are verified and how many rounds are timed."""

    steps: int = 600
    rounds: int = 21


def compare(
    make: Callable[[], Job], effort: Effort, settings: dict[str, Any], progress: Progress
) -> Report:
    """Run the job that ``make`` returns (called once for each mode) and report.

    Nothing is timed when a bit differs. Raises `ModelPathError` when the two copies do not start
    equal or share state, and whatever the job's own step raises.
    """
    eager, other = make(), make()
    _check_twins(eager, other)
    compiled = compile(other.step)
    outcome = run_twins(
        eager.step,
        compiled,
        (partial(reachable, eager.step), partial(reachable, other.step)),
        (eager.batches, other.batches),
        effort.steps,
        lambda done: progress("verify", done, effort.steps),
    )
    _check_all_reached(compiled, other)
    seen = eager.batches[: effort.steps], other.batches[: effort.steps]
    copies = _in_turns(eager.step, seen[0]), _in_turns(compiled, seen[1])
    timing, accuracy = None, None
    if outcome.differing_bits:
        outcome.first += _diagnosis(other, outcome.steps)
    else:
        accuracy = eager.accuracy() if eager.accuracy else None  # before timing trains further
        timing = _timed(compiled, copies, effort.rounds, partial(progress, "time"))
    return _report(eager.name, compiled, copies, outcome, settings, (timing, accuracy))


def _check_twins(eager: Job, compiled: Job) -> None:
    """Refuse copies that start unequal or share memory: the comparison would mean nothing."""
    start = Outcome()
    compare_named(start, reachable(eager.step), reachable(compiled.step))
    for i, (a, b) in enumerate(zip(eager.batches, compiled.batches, strict=True)):
        names = [f"argument {k} of batch {i}" for k in range(len(a))]
        compare_named(start, _tensors(names, a), _tensors(names, b))
    if start.differing_bits:
        raise ModelPathError(
            f"{eager.name}: two calls of the function do not start equal "
            f"({start.first.partition(': ')[2]}); seed every random source inside of it "
            "(dualgraph's own is seeded for you)"
        )
    theirs = {id(t) for t in reachable(compiled.step).values()} - {id(_stream())}
    for name, tensor in reachable(eager.step).items():
        if id(tensor) in theirs:
            raise ModelPathError(
                f"{eager.name}: two calls of the function share the tensor {name}; make models, "
                "optimizers and data inside of the function"
            )


def _diagnosis(job: Job, step: int) -> str:
    """Run the step that differed under `verify`, which names the first node that goes astray."""
    try:
        verify(job.step, *job.batches[step % len(job.batches)])
    except DualgraphError as error:
        return f"\n{error}"
    return "\nverify does not find it again from the state after that step"


def _tensors(names: list[str], values: tuple) -> dict[str, Any]:
    return {n: v for n, v in zip(names, values, strict=True) if isinstance(v, TensorBase)}


def _stream() -> Any:
    return default_generator().state


def _check_all_reached(compiled: CompiledFunction, job: Job) -> None:
    """Refuse a verdict when the program changed state that was not compared."""
    reached = {id(t) for t in reachable(job.step).values()} | {id(_stream())}
    for trace in compiled.traces:
        for effect in trace.effects:
            target = effect.target if isinstance(effect, WriteMemory) else None
            if isinstance(target, Held) and id(target.held) not in reached:
                raise ModelPathError(
                    f"{job.name}: the step changes a tensor of shape {target.held.shape} that "
                    "cannot be reached through closures, globals or attributes, so that it cannot "
                    "be compared; hold it in one of these"
                )


def _timed(
    compiled: CompiledFunction,
    copies: tuple[Callable[[], Any], Callable[[], Any]],
    rounds: int,
    progress: Callable[[int, int], None],
) -> Timing:
    traces = len(compiled.traces)
    timing = paired_rounds(*copies, rounds=rounds, progress=progress)
    if len(compiled.traces) != traces:
        raise TraceError(
            "the step was traced again while it was timed, so that there is no time per step: "
            f"{compiled.traces[-1].reason}"
        )
    return timing


def _in_turns(step: Callable[..., Any], batches: Batches) -> Callable[[], Any]:
    """Return a function without arguments that runs one step on the next batch."""
    arguments = cycle(batches)
    return lambda: step(*next(arguments))


def _report(
    name: str,
    compiled: CompiledFunction,
    copies: tuple[Callable[[], Any], Callable[[], Any]],
    outcome: Outcome,
    settings: dict[str, Any],
    measured: tuple[Timing | None, float | None],
) -> Report:
    trace = compiled.traces[-1]
    phases = {k: sum(t.timings[k] for t in compiled.traces) for k in trace.timings}
    program = trace.program.inspect()
    return Report(
        job=name,
        settings=settings,
        differing_bits=outcome.differing_bits,
        compared_bits=outcome.compared_bits,
        steps_verified=outcome.steps,
        message=outcome.first,
        eager_losses=outcome.eager_losses,
        compiled_losses=outcome.compiled_losses,
        test_accuracy=measured[1],
        compile_seconds=phases,
        traces=[t.reason for t in compiled.traces],
        warm=all(t.program.cost.compiled == 0 for t in compiled.traces),
        passes=[(p.name, p.before, p.after) for p in trace.pass_log],
        kernels=program.kernels,
        kernel_calls=program.calls,
        fused_ops=program.fused_ops,
        library_calls=list(program.library_calls),
        native_calls=program.native_calls,
        tape_ops=ops_dispatched(copies[0]),
        eager_peak_bytes=peak_bytes(copies[0]),
        compiled_peak_bytes=program.arena_bytes + peak_bytes(copies[1]),
        arena_bytes=program.arena_bytes,
        timing=measured[0],
    )
