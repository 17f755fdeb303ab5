"""Kernels compiled by several processes: the same code in the cache, and nothing of the user's."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualgraph.config import settings
from dualgraph.errors import CompileError
from dualgraph.targets.cpu.prelude import with_imports
from dualgraph.targets.cpu.toolchain import native, workers
from dualgraph.targets.cpu.toolchain.native import address_of, content_name, environment

ROOT = Path(__file__).parents[3]


def kernels(count: int, tag: str) -> dict[str, str]:
    """Return that many small kernels that no other test has."""
    body = "def KERNEL(args, lo, hi):\n    a = ptr_i8(args)\n    a[0] = {}  # {}\n"
    texts = [with_imports(body.format(i, tag)) for i in range(count)]
    return {content_name("small", t): t for t in texts}


def cached(names: dict[str, str]) -> list[str]:
    return [n for n in names if native._is_cached(n)]


@pytest.fixture(autouse=True)
def some_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Let two kernels be enough for a worker, in a folder of the test's own."""
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.setattr(settings, "compile_workers", 1)
    monkeypatch.setattr(workers, "FEWEST", 2)
    monkeypatch.setattr(workers, "EACH", 1)
    yield
    workers._pool.stop()


def test_a_worker_puts_kernels_into_the_cache() -> None:
    names = kernels(4, "cache")
    slept: list[str] = []

    def sleep_until_one_is_there(text: str, name: str) -> None:
        slept.append(name)
        deadline = time.monotonic() + 60
        while not cached(names) and time.monotonic() < deadline:
            time.sleep(0.02)

    made = workers.compile_together(names, sleep_until_one_is_there, environment())
    assert made
    assert set(made).isdisjoint(slept)
    assert set(made) | set(slept) == set(names)
    assert sorted(made) == sorted(cached(names))
    before = native.stats.compiled
    assert address_of(names[made[0]], made[0])
    assert native.stats.compiled == before  # loaded


def test_an_error_here_ends_the_work_and_is_raised() -> None:
    def interrupted(text: str, name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workers.compile_together(kernels(6, "interrupt"), interrupted, environment())
    assert workers._next() is None


def test_a_kernel_that_cannot_be_compiled_is_left_to_the_parent() -> None:
    text = "def KERNEL(args, lo, hi):\n    return nothing_of_that_name\n"
    names = {content_name("wrong", text): text, **kernels(3, "wrong")}
    with pytest.raises(CompileError, match="nothing_of_that_name"):
        native.prepare(names)
    with pytest.raises(CompileError, match="nothing_of_that_name"):
        address_of(text, content_name("wrong", text))


@pytest.mark.parametrize("program", ["/nonexistent/python", "", "/usr/bin/env"])
def test_without_a_python_to_start_everything_is_compiled_here(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    names = kernels(2, f"none {program}")
    native.prepare(names)
    for name, text in names.items():
        assert address_of(text, name)
    assert not workers._pool.workers


def test_a_frozen_program_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert workers._useful_workers(100) == 0


def test_few_kernels_and_no_wish_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers._useful_workers(1) == 0
    assert workers._useful_workers(100) == 1
    monkeypatch.setattr(settings, "compile_workers", 0)
    assert workers._useful_workers(100) == 0
    monkeypatch.setattr(settings, "compile_workers", None)
    monkeypatch.setattr(os, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    assert workers._useful_workers(100) == 0


def test_a_worker_that_dies_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    names, done = kernels(3, "dies"), []
    start = time.monotonic()
    made = workers.compile_together(names, lambda text, name: done.append(name), environment())
    assert made == []
    assert done == list(names)
    assert time.monotonic() - start < 20


def test_a_worker_with_another_compiler_is_not_used() -> None:
    names, done = kernels(3, "other"), []

    def wait(text: str, name: str) -> None:
        done.append(name)
        workers._pool.workers[0].thread.join(60)

    assert workers.compile_together(names, wait, "another compiler") == []
    assert done == list(names)


def test_two_threads_of_the_parent_get_all_kernels() -> None:
    names = kernels(6, "threads")
    found: list[int] = []

    def ask() -> None:
        native.prepare(names)
        found.extend(address_of(text, name) for name, text in names.items())

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert all(found)


SCRIPT = """
print("the script runs")
import dualgraph as dg
from dualgraph.targets.cpu.toolchain import workers
workers.FEWEST, workers.EACH = 2, 1

@dg.compile
def f(x):
    return (x + x).sum(), (x * x).amin()

x = dg.linspace(0.0, 1.0, 5)
assert f(x) == f.function(x)
assert workers._pool.workers, "no worker was started"
print("done")
"""


def test_a_script_without_a_guard_runs_once_and_ends(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DUALGRAPH_CACHE": str(tmp_path / "own"),
        "DUALGRAPH_COMPILE_WORKERS": "1",
    }
    result = subprocess.run(
        [sys.executable, str(script)], env=env, capture_output=True, text=True, timeout=120
    )
    assert result.stderr == ""
    assert result.stdout == "the script runs\ndone\n"
