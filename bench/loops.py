"""An LSTM as a loop in Python and as `control.scan`, eager and compiled, forward and backward.

Run: ``python -m bench.loops [--steps 64 1000] [--unrolled-up-to 64]``. Milliseconds of one call
(the median of interleaved rounds, one thread, CPU time), the seconds of the first call (no kernel
is in the cache when the first line begins; a later line finds those of the lines before), and the
bytes of scratch memory. Gradients are compared bit for bit first. Batch 32, 32 features, 128
hidden units, float32.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dualgraph as dg
from bench.ops import interleaved
from dualgraph.config import settings
from dualgraph.control import scan

BATCH, FEATURES, HIDDEN = 32, 32, 128
Call = Callable[[], Any]


def cell(w: Any, u: Any, b: Any) -> Any:
    """Return a step of an LSTM with these weights."""

    def step(state: Any, x: Any) -> Any:
        h, c = state
        i, f, g, o = (x @ w + h @ u + b).chunk(4, 1)
        c = dg.sigmoid(f) * c + dg.sigmoid(i) * dg.tanh(g)
        h = dg.sigmoid(o) * dg.tanh(c)
        return (h, c), h

    return step


def unrolled(step: Any, state: Any, xs: Any) -> Any:
    """Return what scan returns, by a loop in Python."""
    rows = []
    for k in range(xs.shape[0]):
        state, y = step(state, xs[k])
        rows.append(y)
    return state, dg.stack(rows)


def gradients(loop: Any) -> Callable[..., Any]:
    """Return a function of the sequence that gives the gradients of the weights."""
    dg.manual_seed(0)
    weights = [dg.randn(n, 4 * HIDDEN) * 0.1 for n in (FEATURES, HIDDEN)]
    weights.append(dg.randn(4 * HIDDEN) * 0.1)
    for weight in weights:
        weight.requires_grad_()
    first = dg.zeros(BATCH, HIDDEN)

    def run(xs: Any) -> Any:
        _, ys = loop(cell(*weights), (first, first), xs)
        return dg.autograd.grad((ys * ys).sum(), weights)

    return run


def measure(length: int, loops: dict[str, Any]) -> None:
    """Print one line for each way to run a sequence of this length."""
    xs = dg.randn(length, BATCH, FEATURES)
    calls: dict[str, Call] = {}
    firsts: dict[str, float] = {}
    scratch: dict[str, str] = {}
    bits: set[bytes] = set()
    for name, loop in loops.items():
        run = gradients(loop)
        compiled = dg.compile(run)
        calls[f"{name}, eager"] = lambda f=run: f(xs)
        calls[f"{name}, compiled"] = lambda f=compiled: f(xs)
        for kind in ("eager", "compiled"):
            start = time.perf_counter()
            found = calls[f"{name}, {kind}"]()
            firsts[f"{name}, {kind}"] = time.perf_counter() - start
            bits.add(b"".join(g.numpy().tobytes() for g in found))
        arena = compiled.traces[0].program.inspect().arena_bytes
        scratch[f"{name}, compiled"] = f"   scratch {arena / 1e6:.1f} MB"
    if len(bits) != 1:
        raise SystemExit(f"{length} steps: gradients differ")
    for name, times in interleaved(calls).items():
        middle = statistics.median(times) / 1000
        print(
            f"{length:5} steps  {name:20} {middle:8.1f} ms   first call {firsts[name]:6.2f} s"
            f"{scratch.get(name, '')}",
            flush=True,
        )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[64, 1000])
    parser.add_argument("--unrolled-up-to", type=int, default=64)
    options = parser.parse_args()
    dg.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        settings.cache_dir = Path(folder)
        for length in options.steps:
            loops = {"scan": scan}
            if length <= options.unrolled_up_to:
                loops["in Python"] = unrolled
            measure(length, loops)


if __name__ == "__main__":
    main()
