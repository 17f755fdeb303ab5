"""The picture of a comparison: losses overlaid, time per step, and where compiling spent time."""

from pathlib import Path
from typing import Any

from ..extras import load
from .report import Report, seconds

EAGER, COMPILED = "#d97706", "#1d4ed8"


def check_plotting() -> None:
    """Raise `MissingExtraError` early when there is no matplotlib."""
    load("matplotlib.figure", "cli", "--plot")


def save_plot(report: Report, path: Path) -> None:
    """Write a PNG (or what the suffix names) of a report."""
    figure = load("matplotlib.figure", "cli", "--plot").Figure(figsize=(13, 4.2))
    losses, times, phases = figure.subplots(1, 3, width_ratios=(1.6, 1, 1.2))
    _draw_losses(losses, report)
    _draw_times(times, report)
    _draw_phases(phases, report)
    figure.suptitle(f"{report.job}: {report.differing_bits} differing bits", fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def _draw_losses(axes: Any, report: Report) -> None:
    steps = range(1, len(report.eager_losses) + 1)
    axes.plot(steps, report.eager_losses, color=EAGER, linewidth=3.5, alpha=0.45, label="eager")
    axes.plot(steps, report.compiled_losses, color=COMPILED, linewidth=0.8, label="compiled")
    if report.eager_losses and min(report.eager_losses) > 0:
        axes.set_yscale("log")
    axes.set(title="loss: two curves, one line", xlabel="step", ylabel="loss")
    axes.legend(frameon=False)


def _draw_times(axes: Any, report: Report) -> None:
    if report.timing is None:
        axes.set(title="no times: the modes differ")
        axes.axis("off")
        return
    timing = report.timing
    micros = [timing.eager_seconds * 1e6, timing.compiled_seconds * 1e6]
    bars = axes.bar(["eager", "compiled"], micros, color=[EAGER, COMPILED])
    axes.bar_label(bars, labels=[f"{m:.0f} us" for m in micros])
    axes.margins(y=0.12)
    axes.set(title=f"time per step: {timing.speedup:.1f}x faster", ylabel="microseconds")


def _draw_phases(axes: Any, report: Report) -> None:
    names = list(report.compile_seconds)[::-1]
    values = [report.compile_seconds[n] for n in names]
    bars = axes.barh(names, [v * 1e3 for v in values], color=COMPILED)
    axes.bar_label(bars, labels=[seconds(v) for v in values], padding=3)
    axes.margins(x=0.35)
    cache = "warm" if report.warm else "cold"
    axes.set(title=f"compiling, {cache} cache: {seconds(sum(values))}", xlabel="milliseconds")
