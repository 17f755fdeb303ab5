"""Print the largest error in ULP, ns per element and compile time of each scalar function.

Run ``python bench/scalar_accuracy.py [stride]``: float32 is scanned over every stride-th of its
2^32 numbers (default 101), float64 at samples by regime against mpmath.
"""

import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np

TESTS = Path(__file__).parent.parent / "tests" / "numerics" / "test_scalar_accuracy.py"
ELEMENTS, REPEATS = 16384, 200


def load_tests() -> Any:
    """Import the test module: it has the references and the distance in ULP."""
    spec = importlib.util.spec_from_file_location("scalar_tests", TESTS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def largest_error(tests: Any, name: str, dtype: str, stride: int) -> float:
    """Return the largest error found, in ULP."""
    if name == "pow":
        return tests.worst_power(dtype, 3000)[0]
    sampled = tests.worst(name, dtype, 1000)[0]
    scanned = tests.scan_float32(name, stride)[0] if dtype == "float32" else 0.0
    return max(sampled, scanned)


def measure(loop: Any, dtype: str, domain: str) -> float:
    """Return the nanoseconds per element of a loop over arrays that stay in the cache."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=ELEMENTS) * 2
    x = np.abs(x) if domain == "positive" else np.tanh(x) if domain == "unit" else x
    x, y = x.astype(dtype), rng.normal(size=ELEMENTS).astype(dtype)
    # Shifted by a few cache lines: distances of a multiple of 4096 bytes cost false dependences.
    out = np.empty(ELEMENTS + 128, dtype)[72 : 72 + ELEMENTS]
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        loop(x.ctypes.data, y.ctypes.data, out.ctypes.data, ELEMENTS)
        times.append(time.perf_counter() - start)
    return min(times) / ELEMENTS * 1e9


def row(tests: Any, name: str, dtype: str, stride: int) -> str:
    start = time.perf_counter()
    loop = tests.loop_of(tests.SCALARS[name, dtype], dtype, 2 if name == "pow" else 1)
    compile_ms = (time.perf_counter() - start) * 1e3
    domain = "unit" if name == "erfinv" else "positive" if name in POSITIVE else "line"
    speed = measure(loop, dtype, domain)
    error = largest_error(tests, name, dtype, stride)
    return f"{name:8} {dtype:8} {error:6.3f} ULP  {speed:6.3f} ns  {compile_ms:4.0f} ms"


POSITIVE = {"log", "log2", "log10", "log1p", "rsqrt", "pow"}


def main() -> None:
    tests = load_tests()
    stride = int(sys.argv[1]) if len(sys.argv) > 1 else 101
    print("the compile time includes that of the loop around the function, about 60 ms")
    with mp.workprec(180), np.errstate(all="ignore"):
        for name, dtype in sorted(tests.SCALARS):
            print(row(tests, name, dtype, stride), flush=True)


if __name__ == "__main__":
    main()
