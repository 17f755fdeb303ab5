"""What a comparison found: the numbers in one record, as JSON, and as one table."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, isfinite
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..extras import load
from .benchmark import Timing

PHASES = {
    "trace": "trace",
    "optimise": "optimise",
    "codegen": "generate code",
    "llvm": "LLVM",
    "load": "load from the cache",
}
Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `dualgraph compare` measured; ``timing`` is None where bits differ."""

    job: str
    settings: dict[str, Any]
    differing_bits: int
    compared_bits: int
    steps_verified: int
    message: str
    eager_losses: list[float]
    compiled_losses: list[float]
    test_accuracy: float | None
    compile_seconds: dict[str, float]
    warm: bool
    traces: list[str]  # the reason of each
    passes: list[tuple[str, int, int]]
    kernels: int
    kernel_calls: int
    fused_ops: int
    tape_ops: int
    eager_peak_bytes: int
    compiled_peak_bytes: int
    arena_bytes: int
    library_calls: list[str] = field(default_factory=list)  # what leaves native code
    native_calls: int = 1
    timing: Timing | None = field(default=None)

    @property
    def verified(self) -> bool:
        """True when eager and compiled agreed in every bit of every step."""
        return self.differing_bits == 0 and not self.message

    @property
    def breakeven_steps(self) -> int | None:
        """Steps after which compiling has paid for itself; None when it never does."""
        if self.timing is None:
            return None
        gained = self.timing.eager_seconds - self.timing.compiled_seconds
        return ceil(sum(self.compile_seconds.values()) / gained) if gained > 0 else None

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` writes; times are seconds, absent numbers are None."""
        timing = self.timing
        return {
            "job": self.job,
            "settings": self.settings,
            "verified": self.verified,
            "differing_bits": self.differing_bits,
            "compared_bits": self.compared_bits,
            "steps_verified": self.steps_verified,
            "message": self.message,
            "test_accuracy": self.test_accuracy,
            "eager_step_seconds": timing and timing.eager_seconds,
            "compiled_step_seconds": timing and timing.compiled_seconds,
            "speedup": timing and timing.speedup,
            "speedup_quartiles": timing and list(timing.quartiles),
            "breakeven_steps": self.breakeven_steps,
            "compile_seconds": self.compile_seconds,
            "cache": "warm" if self.warm else "cold",
            "eager_peak_bytes": self.eager_peak_bytes,
            "compiled_peak_bytes": self.compiled_peak_bytes,
            "arena_bytes": self.arena_bytes,
            "tape_ops": self.tape_ops,
            "traces": self.traces,
            "passes": [{"name": n, "before": a, "after": b} for n, a, b in self.passes],
            "kernels": self.kernels,
            "kernel_calls": self.kernel_calls,
            "fused_ops": self.fused_ops,
            "native_calls": self.native_calls,
            "library_calls": self.library_calls,
            "eager_losses": self.eager_losses,
            "compiled_losses": self.compiled_losses,
        }

    def rows(self) -> Iterator[Row]:
        """Yield (what, eager, compiled) for the table."""
        yield from self._result_rows()
        yield from self._time_rows()
        yield from self._compile_rows()
        yield from self._program_rows()

    def _result_rows(self) -> Iterator[Row]:
        yield "steps verified", "", f"{self.steps_verified:,}"
        yield "bits that differ", "", f"{self.differing_bits:,} of {self.compared_bits:,}"
        if self.eager_losses:
            yield "last loss", f"{self.eager_losses[-1]:.6g}", f"{self.compiled_losses[-1]:.6g}"
        if self.test_accuracy is not None:
            shown = f"{self.test_accuracy:.2%}"
            yield "test accuracy", shown, shown if self.verified else "not measured"

    def _time_rows(self) -> Iterator[Row]:
        if self.timing is None:
            yield "speed-up", "", "not shown: the modes differ"
            return
        low, high = self.timing.quartiles
        eager, compiled = self.timing.eager_seconds, self.timing.compiled_seconds
        yield "time per step", seconds(eager), seconds(compiled)
        yield "speed-up", "", f"{self.timing.speedup:.2f}x (quartiles {low:.2f} to {high:.2f})"
        paid = self.breakeven_steps
        yield "break-even", "", "never" if paid is None else f"after {paid:,} steps"

    def _compile_rows(self) -> Iterator[Row]:
        for phase, taken in self.compile_seconds.items():
            yield f"compile: {PHASES.get(phase, phase)}", "", seconds(taken)
        total = seconds(sum(self.compile_seconds.values()))
        yield "compile: all", "", f"{total} ({'warm' if self.warm else 'cold'} cache)"
        if len(self.traces) > 1:
            yield "traces", "", f"{len(self.traces)}, last: {self.traces[-1]}"

    def _calls(self) -> str:
        if not self.library_calls:
            return "1 native call"
        names = ", ".join(dict.fromkeys(self.library_calls))
        return f"{self.native_calls} native calls, split by {len(self.library_calls)} of {names}"

    def _program_rows(self) -> Iterator[Row]:
        yield (
            "peak memory",
            size(self.eager_peak_bytes),
            (f"{size(self.compiled_peak_bytes)} (arena {size(self.arena_bytes)})"),
        )
        yield "ops in the tape, and update", f"{self.tape_ops:,}", self._calls()
        for name, before, after in self.passes:
            yield f"nodes: {name.replace('_', ' ')}", "", f"{before:,} -> {after:,}"
        yield "kernels", "", f"{self.kernels:,} in {self.kernel_calls:,} calls"
        yield "fused ops", "", f"{self.fused_ops:,}"


def print_report(report: Report, console: Any) -> None:
    """Print the one table on a rich console."""
    console.print(report.job)
    table = load("rich.table", "cli", "the table").Table()
    table.add_column("")
    table.add_column("eager", justify="right")
    table.add_column("compiled", justify="right")
    for row in report.rows():
        table.add_row(*row)
    console.print(table)


def check_writable(path: Path, option: str) -> None:
    """Raise `ArgumentError` when a file cannot be written; leave nothing behind."""
    existed = path.exists()
    try:
        with path.open("a"):
            pass
    except OSError as error:
        raise ArgumentError(f"{option} {path}: cannot write there ({error.strerror})") from None
    if not existed:
        path.unlink()


def write_json(report: Report, path: Path) -> None:
    """Write the report as JSON; the file is replaced whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(_strict(report.as_json()), indent=2) + "\n")
    partial.replace(path)


def _strict(value: Any) -> Any:
    """Replace what JSON cannot hold: NaN and infinities become null."""
    if isinstance(value, dict):
        return {k: _strict(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_strict(v) for v in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def seconds(value: float) -> str:
    """Return a time with a unit that fits.

    >>> seconds(0.00123), seconds(0), seconds(2.5)
    ('1.23 ms', '0', '2.5 s')
    """
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns" if value else "0"


def size(count: int) -> str:
    """Return a number of bytes with a unit that fits.

    >>> size(512), size(3 * 2**20)
    ('512 B', '3 MiB')
    """
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 1 << power:
            return f"{count / (1 << power):.3g} {unit}"
    return f"{count} B"
