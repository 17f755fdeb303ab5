"""The training step of the demo (MLP 64-128-128-10, batch 32, cross-entropy, SGD with momentum).

Run: ``python -m bench.mlp_step``. Times the compiled step against our eager one, and against
PyTorch's eager step where it is installed, in paired rounds on one thread; the bits of eager and
compiled are verified first. Then the cost of compiling, cold and warm, each in a fresh process.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import dualgraph
from dualgraph import nn, optim
from dualgraph.compare.benchmark import Timing, paired_rounds

RNG = np.random.default_rng(0)
X = RNG.random((32, 64), dtype=np.float32)
Y = RNG.integers(0, 10, 32)


def our_step() -> Callable[..., Any]:
    """Return a training step on freshly seeded parameters."""
    dualgraph.manual_seed(0)
    return _step(nn, optim)


def _step(nn: Any, optim: Any) -> Callable[..., Any]:
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_function = nn.CrossEntropyLoss()

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def report(name: str, timing: Timing) -> None:
    """Print both times and the ratio with its quartiles."""
    low, high = timing.quartiles
    print(
        f"{name}: {timing.eager_seconds * 1e6:.0f} us against {timing.compiled_seconds * 1e6:.0f} "
        f"us compiled, {timing.speedup:.1f}x (quartiles {low:.1f} to {high:.1f})"
    )


def compile_seconds() -> float:
    """Return the seconds of one first call, in this process."""
    trace = dualgraph.compile(our_step()).prepare(dualgraph.tensor(X), dualgraph.tensor(Y))
    return sum(trace.timings.values())


def cold_and_warm() -> None:
    """Print the compile time of a fresh process, with an empty and then with a filled cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "DUALGRAPH_CACHE": cache}
        code = "from bench.mlp_step import compile_seconds; print(compile_seconds())"
        for name in ("cold", "warm"):
            taken = subprocess.check_output([sys.executable, "-c", code], env=environment)
            print(f"compile {name}: {float(taken):.3f} s")


def main() -> None:
    """Verify, then time."""
    dualgraph.set_num_threads(1)
    x, y = dualgraph.tensor(X), dualgraph.tensor(Y)
    print(dualgraph.verify(our_step(), x, y, steps=20).message)
    eager, compiled = our_step(), dualgraph.compile(our_step())
    report("dualgraph eager", paired_rounds(lambda: eager(x, y), lambda: compiled(x, y)))
    if find_spec("torch"):
        torch = __import__("torch")
        torch.set_num_threads(1)
        theirs = _step(torch.nn, torch.optim)
        tx, ty = torch.tensor(X), torch.tensor(Y)
        report("torch eager", paired_rounds(lambda: theirs(tx, ty), lambda: compiled(x, y)))
    cold_and_warm()


if __name__ == "__main__":
    main()
