"""Measure two ways to run one step: time in paired rounds, peak memory, and ops dispatched.

The machine's speed drifts (other processes, clock, temperature). Both ways are therefore timed in
turns, a ratio is taken within each round, and the median of the ratios is reported with quartiles.
"""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from ..core.op import Op
from ..core.tensor import TensorBase
from ..eager.frontend import WatchingFrontend

Step = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds per step of both modes (medians over rounds), and the ratio of each round."""

    eager_seconds: float
    compiled_seconds: float
    ratios: tuple[float, ...]

    @property
    def speedup(self) -> float:
        """The median of the ratios: how many compiled steps fit into the time of an eager one."""
        return median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The ratios that a quarter and three quarters of the rounds stay below."""
        if len(self.ratios) < 2:
            return self.speedup, self.speedup
        low, _, high = quantiles(self.ratios, n=4, method="inclusive")
        return low, high


def paired_rounds(
    eager: Step,
    compiled: Step,
    rounds: int = 21,
    seconds: float = 0.02,
    progress: Callable[[int, int], None] | None = None,
) -> Timing:
    """Time both steps in ``rounds`` rounds of about ``2 * seconds`` each.

    Whoever is first changes from round to round; garbage is collected only in between.
    """
    counts = _calibrated(eager, seconds), _calibrated(compiled, seconds)
    pairs = []
    with _no_garbage_collection():
        for i in range(rounds):
            pairs.append(_one_round((eager, compiled), counts, swapped=bool(i % 2)))
            gc.collect()
            if progress:
                progress(i + 1, rounds)
    return Timing(
        median(e for e, _ in pairs),
        median(c for _, c in pairs),
        tuple(e / c for e, c in pairs),
    )


def _one_round(
    steps: tuple[Step, Step], counts: tuple[int, int], swapped: bool
) -> tuple[float, float]:
    """Return seconds per step of (eager, compiled), measured in one order or the other."""
    order = (1, 0) if swapped else (0, 1)
    taken = {i: _seconds_of(steps[i], counts[i]) / counts[i] for i in order}
    return taken[0], taken[1]


def _seconds_of(step: Step, count: int) -> float:
    start = perf_counter()
    for _ in range(count):
        step()
    return perf_counter() - start


def _calibrated(step: Step, seconds: float) -> int:
    """Return how many steps take about ``seconds``; they also warm up caches."""
    step()
    count = 1
    while (taken := _seconds_of(step, count)) < seconds / 4:
        count *= 2
    return max(1, round(count * seconds / taken))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def peak_bytes(step: Step) -> int:
    """Return how far memory rose during one step: NumPy's arrays and Python's objects.

    Counts what tracemalloc sees; memory that exists before the step (parameters, a program's
    arena) is not part of it.
    """
    step()
    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        step()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not running:
            tracemalloc.stop()


class _Counting(WatchingFrontend):
    """Counts the ops that run."""

    count = 0

    def seen(self, op: Op, out: TensorBase) -> None:
        self.count += 1


def ops_dispatched(step: Step) -> int:
    """Return how many ops one eager step runs: forward, backward and update together.

    >>> import dualgraph as dg
    >>> x = dg.ones(3)
    >>> ops_dispatched(lambda: x * x + x)
    2
    """
    with _Counting() as counting:
        step()
    return counting.count
