"""Calls from several threads, and kernels that use several."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.config import settings
from tests.bits import assert_bits_equal
from tests.trace.programs import numbers


def test_two_threads_at_once() -> None:
    w = numbers(32)
    function = lambda x: (dg.tanh(x * w[: x.shape[1]]) + x).sum(1)  # noqa: E731
    f = dg.compile(function)
    inputs = [numbers(3, 4 * (1 + i % 8), seed=i) for i in range(16)]
    expected = [function(x).numpy() for x in inputs]
    failures: list[BaseException] = []
    gate = threading.Barrier(2)

    def work(start: int) -> None:
        try:
            gate.wait()
            for i in range(200):
                k = (start + i) % len(inputs)
                assert_bits_equal(f(inputs[k]), expected[k])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(s,)) for s in (0, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[0]


TWO_SHARED = """
import threading
import numpy as np
import dualgraph as dg
from dualgraph.config import settings

settings.num_threads = 2
x = dg.tensor(np.linspace(-2, 2, 2_000_000, dtype=np.float32).reshape(2000, 1000))
functions = [dg.compile(lambda x: dg.tanh(x) * 2), dg.compile(lambda x: (dg.exp(x) + x).sum(1))]
expected = [f(x).numpy() for f in functions]
assert all(f.last.program.shares for f in functions)
wrong = []

def work(f, right):
    for _ in range(40):
        if np.any(f(x).numpy() != right):
            wrong.append(f)

threads = [threading.Thread(target=work, args=a) for a in zip(functions, expected)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(wrong))
"""


def test_two_threads_with_programs_that_use_threads_themselves() -> None:
    """Numba's simplest threading layer ends the process when it is entered twice."""
    environment = {
        **os.environ,
        "NUMBA_THREADING_LAYER": "workqueue",
        "NUMBA_NUM_THREADS": "2",
        "DUALGRAPH_CACHE": str(settings.cache_dir),
    }
    command = [sys.executable, "-c", TWO_SHARED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0"]


@contextmanager
def num_threads(count: int) -> Iterator[None]:
    before = settings.num_threads
    settings.num_threads = count
    try:
        yield
    finally:
        settings.num_threads = before


def wide(x: Any, w: Any, table: Any, index: Any) -> Any:
    """Every kernel family at sizes above the grain of parallel rows."""
    h = dg.tanh(x @ w)
    loss = (h * dg.softmax(h, 1)).sum() + dg.cumsum(h, 1).mean()
    loss = loss + dg.index_select(table, 0, index).sum()
    return loss, h, h.sum(0), h.t().sum(0), h.amax(1), dg.cat([h, h * 2]), h.argmax(1)


def test_the_number_of_threads_moves_no_bit() -> None:
    x, w = numbers(300, 130).requires_grad_(), numbers(130, 310, seed=1).requires_grad_()
    table = numbers(500, 64, seed=2)
    index = dg.tensor(np.random.default_rng(0).integers(0, 500, 1500))

    def function(x: Any, w: Any) -> Any:
        out = wide(x, w, table, index)
        return out, dg.autograd.grad(out[0], [x, w])

    expected = function(x, w)
    f = dg.compile(function)
    for count in (1, 2):
        with num_threads(count):
            assert_bits_equal(f(x, w), expected, f"{count} threads")
    assert f.last.program.shares


def test_the_chunk_size_moves_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows cut into other chunks: what the shared driver does with another grain."""
    x, w = numbers(70, 40), numbers(40, 90, seed=1)
    table, index = numbers(50, 64, seed=2), dg.tensor(np.arange(40))
    f = dg.compile(wide)
    expected = wide(x, w, table, index)
    f(x, w, table, index)
    rows = f.last.program.memory[2]
    with num_threads(2):
        for grain in (1, 3, 17):
            rows[:, 3] = np.where(rows[:, 4] != 0, rows[:, 3], grain)
            (segment,) = f.last.program.steps
            segment.shares = True
            assert_bits_equal(f(x, w, table, index), expected, f"grain {grain}")
