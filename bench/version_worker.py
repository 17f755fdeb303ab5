"""One side of `bench.versions`: a process that measures what it is told, with one of the versions.

It answers lines of JSON on its standard input with lines on its standard output: first the names of
all cases with a hash of their results, then for each ``[case, count]`` the seconds per call, or for
a count of 0 the number of Python's instructions. Garbage is collected before a block, not in it.
"""

import contextlib
import gc
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import dualgraph as dg
from bench.calls import cases as call_cases
from bench.eager_overhead import OPS, VALUES, chain
from bench.ops import CASES, operands
from bench.workloads import MODELS, RUNS, Recorded, digest, recorded

Seconds = dict[str, float]  # by what was measured


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured: ``block(count)`` returns seconds per call, ``result`` a hash."""

    block: Callable[[int], Seconds]
    result: str


def call_block(call: Callable[[], Any], each: int = 1) -> Callable[[int], Seconds]:
    """Time calls in a row; the seconds are those of one of ``each`` parts of a call."""

    def block(count: int) -> Seconds:
        wall, cpu = monotonic(), process_time()
        for _ in range(count):
            call()
        cpu, wall = process_time() - cpu, monotonic() - wall
        return {"cpu": cpu / count / each, "wall": wall / count / each}

    return block


def backward_block(forward: Callable[[], Any], each: int) -> Callable[[int], Seconds]:
    """Time the backward passes of fresh results alone."""

    def block(count: int) -> Seconds:
        losses = [forward() for _ in range(count)]
        return call_block(lambda: losses.pop().backward(), each)(count)

    return block


def compile_block(record: Recorded) -> Callable[[int], Seconds]:
    """Time new traces for which no kernel must be compiled: their phases, and all of it.

    The phases come from ``trace.timings``, for which `bench.versions` has chosen the clock.
    """

    def block(count: int) -> Seconds:
        phases: dict[str, list[float]] = {}
        wall, cpu = monotonic(), process_time()
        for _ in range(count):
            for phase, seconds in record.prepared().timings.items():
                phases.setdefault(phase, []).append(seconds)
        cpu, wall = process_time() - cpu, monotonic() - wall
        if any(phases.pop("llvm", ())) or any(phases.pop("load", ())):
            raise SystemExit(f"{record.name}: kernels were compiled or loaded, not just looked up")
        whole = {"all, cpu": cpu / count, "all, wall": wall / count}
        return {phase: min(seconds) for phase, seconds in phases.items()} | whole

    return block


def bytecodes(case: Case) -> int:
    """Return how many instructions Python's interpreter runs in a block of one call."""
    count = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        case.block(1)
    finally:
        sys.settrace(None)
    return count


def compile_cases(records: list[Recorded]) -> dict[str, Case]:
    """Return a case for each compiled function; of those with one name (``f 2``) the first."""
    return {r.name: Case(compile_block(r), digest(r.bits)) for r in records if r.name[-2:-1] != " "}


def chain_cases() -> dict[str, Case]:
    """Return forward and backward of small recorded ops, per op."""
    x, c = dg.tensor(VALUES, requires_grad=True), dg.tensor(VALUES)

    def forward() -> Any:
        return chain(x, c)

    loss = forward().sum()
    loss.backward()
    result = digest([loss, x.grad])
    return {
        "small op, forward": Case(call_block(forward, OPS), result),
        "small op, backward": Case(backward_block(lambda: forward().sum(), OPS), result),
    }


def composite_cases() -> dict[str, Case]:
    """Return forward, and forward and backward, of ops that are made of others."""
    found: dict[str, Case] = {}
    for name in ("softmax", "cross_entropy", "layer_norm"):
        function, arrays = CASES[name]
        tensors = operands(dg, arrays)

        def forward(f: Any = function, xs: Any = tensors) -> Any:
            return f(dg, *xs)

        def both(f: Any = forward, x: Any = tensors[0]) -> Any:
            x.grad = None
            f().sum().backward()
            return x.grad

        found[f"{name}, forward"] = Case(call_block(forward), digest(forward()))
        found[f"{name}, forward and backward"] = Case(call_block(both), digest(both()))
    return found


def compiled_cases() -> dict[str, Case]:
    """Return the cases of `bench.calls`, compiled."""
    found: dict[str, Case] = {}
    for name, (function, arguments, leaves, timed) in call_cases().items():
        compiled = dg.compile(function)
        call = timed(lambda f=compiled, a=arguments: f(*a), leaves)
        found[name] = Case(call_block(call), digest([call(), *(leaf.grad for leaf in leaves)]))
    return found


def all_cases(groups: list[str]) -> dict[str, dict[str, Case]]:
    """Return the cases of the groups, by group and name."""
    units = (*RUNS, *MODELS) if "compile" in groups else ("digits_mlp",)
    records = [record for unit in units for record in recorded(unit)]
    mlp = next(r for r in records if r.name.startswith("digits_mlp/"))
    found: dict[str, dict[str, Case]] = {}
    if "compile" in groups:
        found["compile"] = compile_cases(records)
    if "eager" in groups:
        step = Case(call_block(mlp.eager), digest(mlp.eager()))
        found["eager"] = chain_cases() | composite_cases() | {"MLP step": step}
    if "compiled" in groups:
        step = Case(call_block(mlp.again), digest(mlp.again()))
        found["compiled"] = compiled_cases() | {"MLP step": step}
    return found


def serve(groups: list[str], answers: Any) -> None:
    """Prepare the cases, say so, and measure until the input ends."""

    def say(answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    dg.set_num_threads(1)
    cases = all_cases(groups)
    flat = {f"{g}: {name}": case for g, named in cases.items() for name, case in named.items()}
    for case in flat.values():
        case.block(2)
    gc.collect()
    gc.freeze()
    gc.disable()
    results = {name: case.result for name, case in flat.items()}
    say({"package": str(Path(dg.__file__).parent.parent), "results": results})
    for line in sys.stdin:
        name, count = json.loads(line)
        gc.collect()
        say(flat[name].block(count) if count else {"bytecodes": bytecodes(flat[name])})


def main(groups: list[str]) -> None:
    """Serve; what anything prints goes to the standard error, not between the answers."""
    with os.fdopen(os.dup(1), "w") as answers, contextlib.redirect_stdout(sys.stderr):
        serve(groups, answers)
