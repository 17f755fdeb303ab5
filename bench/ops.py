"""Calls of single functions: ours eager and compiled, and PyTorch's eager where it is installed.

Run: ``python -m bench.ops [name ...]``. One line per function: microseconds of a forward call with
recording (medians of interleaved rounds, one thread, its CPU time) and how many times faster than
PyTorch. Ours are compared bit for bit first, and with PyTorch's to a part in a thousand.
"""

import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import dualgraph
import dualgraph.nn.functional

ROUNDS, SECONDS = 30, 0.004
Call = Callable[[], Any]
RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((64, 128)).astype(np.float32)
LOGITS, TARGETS = ROWS[:, :10].copy(), RNG.integers(0, 10, 64)
SCALE, SHIFT = ROWS[0].copy(), ROWS[1].copy()
HEADS = RNG.standard_normal((2, 4, 16, 32)).astype(np.float32)
IMAGES = RNG.standard_normal((2, 3, 16, 16)).astype(np.float32)
KERNELS = RNG.standard_normal((8, 3, 3, 3)).astype(np.float32)
POSITIONS = RNG.integers(0, 64, 32)

CASES: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "add": (lambda m, x: x + 1.0, (ROWS,)),
    "sum": (lambda m, x: x.sum(1), (ROWS,)),
    "gelu": (lambda m, x: m.nn.functional.gelu(x), (ROWS,)),
    "softmax": (lambda m, x: m.nn.functional.softmax(x, 1), (ROWS,)),
    "log_softmax": (lambda m, x: m.nn.functional.log_softmax(x, 1), (ROWS,)),
    "cross_entropy": (lambda m, x, y: m.nn.functional.cross_entropy(x, y), (LOGITS, TARGETS)),
    "layer_norm": (
        lambda m, x, w, b: m.nn.functional.layer_norm(x, (128,), w, b), (ROWS, SCALE, SHIFT),
    ),
    "batch_norm": (
        lambda m, x, w, b: m.nn.functional.batch_norm(x, None, None, w, b, True),
        (ROWS, SCALE, SHIFT),
    ),
    "attention": (
        lambda m, q: m.nn.functional.scaled_dot_product_attention(q, q, q), (HEADS,),
    ),
    "conv2d": (lambda m, x, k: m.nn.functional.conv2d(x, k), (IMAGES, KERNELS)),
    "max_pool2d": (lambda m, x: m.nn.functional.max_pool2d(x, 2), (IMAGES,)),
    "x[positions]": (lambda m, x, at: x[at], (ROWS, POSITIONS)),
    "sort": (lambda m, x: m.sort(x, 1)[0], (ROWS,)),
}  # fmt: skip


def operands(framework: Any, arrays: tuple[np.ndarray, ...]) -> list[Any]:
    """Return tensors; the first one requires grad."""
    first, *rest = (framework.tensor(a) for a in arrays)
    return [first.requires_grad_(), *rest]


def calls(name: str) -> dict[str, Call]:
    """Return what is timed, its results verified."""
    function, arrays = CASES[name]
    mine = operands(dualgraph, arrays)
    compiled = dualgraph.compile(lambda *xs: function(dualgraph, *xs))
    found: dict[str, Call] = {
        "eager": lambda: function(dualgraph, *mine),
        "compiled": lambda: compiled(*mine),
    }
    expected = found["eager"]().detach().numpy()
    if expected.tobytes() != found["compiled"]().detach().numpy().tobytes():
        raise SystemExit(f"{name}: eager and compiled differ")
    if find_spec("torch"):
        torch = __import__("torch")
        torch.set_num_threads(1)
        theirs = operands(torch, arrays)
        found["torch"] = lambda: function(torch, *theirs)
        np.testing.assert_allclose(expected, found["torch"]().detach().numpy(), 1e-3, 1e-5)
    return found


def microseconds(call: Call, count: int) -> float:
    """Return the time of one call among several in a row."""
    start = time.thread_time()
    for _ in range(count):
        call()
    return (time.thread_time() - start) / count * 1e6


def interleaved(found: dict[str, Call]) -> dict[str, list[float]]:
    """Return microseconds of each, one round after the other."""
    counts = {k: max(1, int(SECONDS * 1e6 / microseconds(f, 3))) for k, f in found.items()}
    times: dict[str, list[float]] = {k: [] for k in found}
    for _ in range(ROUNDS):
        for key, call in found.items():
            times[key].append(microseconds(call, counts[key]))
    return times


def report(name: str, times: dict[str, list[float]]) -> str:
    """Return the line of one function."""
    parts = [f"{k} {statistics.median(t):8.1f} us" for k, t in times.items()]
    theirs = times.get("torch")
    for key in ("eager", "compiled") if theirs else ():
        ratios = [b / a for a, b in zip(times[key], theirs or [], strict=True)]
        parts.append(f"torch / {key} {statistics.median(ratios):5.2f}")
    return f"{name:14}" + "   ".join(parts)


def main(names: list[str]) -> None:
    """Print one line for each function."""
    dualgraph.set_num_threads(1)
    for name in names or CASES:
        print(report(name, interleaved(calls(name))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
