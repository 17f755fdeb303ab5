"""What eager costs per recorded small op: a chain of 200 ops on 8 float32 elements.

Run: ``python -m bench.eager_overhead``. Prints microseconds per op, forward and backward, kernels
included (best of 50 runs; the machine's noise only adds). With PyTorch installed, its figures too.
"""

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import dualgraph

OPS = 200
VALUES = np.linspace(0.5, 1.0, 8, dtype=np.float32)


def chain(x: Any, c: Any) -> Any:
    """Multiply and add, 100 times each."""
    for _ in range(OPS // 2):
        x = x * c + c
    return x


def measure(make: Callable[[np.ndarray], Any]) -> tuple[float, float]:
    """Return microseconds per op of (forward, backward)."""
    x, c = make(VALUES), make(VALUES)
    x.requires_grad_()
    forward, backward = [], []
    for _ in range(50):
        start = time.perf_counter()
        y = chain(x, c)
        forward.append(time.perf_counter() - start)
        loss = y.sum()
        start = time.perf_counter()
        loss.backward()
        backward.append(time.perf_counter() - start)
    return min(forward) / OPS * 1e6, min(backward) / OPS * 1e6


def main() -> None:
    """Print one line per framework."""
    frameworks: dict[str, Callable[[np.ndarray], Any]] = {"dualgraph": dualgraph.tensor}
    if find_spec("torch"):
        frameworks["torch"] = __import__("torch").tensor
    for name, make in frameworks.items():
        forward, backward = measure(make)
        print(f"{name:10} forward {forward:5.2f} us/op   backward {backward:5.2f} us/op")


if __name__ == "__main__":
    main()
