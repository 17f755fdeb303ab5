"""Many new kernels are compiled by several processes over the shared cache folder.

Numba compiles under one lock, so that threads would not help. A worker is a fresh Python that
imports this package and nothing of the user's: it is no fork and no `multiprocessing`, which would
run the user's script again. It gets source text on its input, leaves object code in the cache,
answers, and ends by itself when nobody asks for a while or when the parent is gone. The parent
compiles too; what no worker finished, it compiles. A worker that cannot start, or breaks, is
nobody's loss: it is not waited for.
"""

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ....config import settings

FEWEST = 20  # kernels that are worth a second of starting processes
EACH = 8  # kernels for each process
MOST = 8  # processes
PATIENCE = 60.0  # seconds to wait for what a worker has begun


@dataclass(slots=True, eq=False)
class Task:
    """One kernel to compile."""

    name: str
    text: str
    ended: threading.Event = field(default_factory=threading.Event)
    done: bool = False


class Worker:
    """A process that compiles, and the thread that hands it one task after the other."""

    def __init__(self, tasks: "queue.Queue[Task]", environment: str) -> None:
        self.tasks = tasks
        self.environment = environment
        self.process = subprocess.Popen(
            [sys.executable, "-c", _code()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DUALGRAPH_CACHE": str(settings.cache_dir)},
            start_new_session=True,  # an interrupt from the keyboard is for the parent alone
            text=True,
        )
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        try:
            if self._answer() != self.environment:  # another compiler: its kernels are not ours
                return
            while True:
                task = self.tasks.get()
                try:
                    task.done = self._ask(task) == "done"
                finally:
                    task.ended.set()
        except (OSError, ValueError):
            pass
        finally:
            self.end()

    def end(self) -> None:
        """End the process and close the pipes to it."""
        self.process.kill()
        with contextlib.suppress(OSError), self.process:
            pass

    def _ask(self, task: Task) -> str:
        assert self.process.stdin is not None
        json.dump([task.name, task.text], self.process.stdin)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ValueError("the worker is gone")
        return line.rstrip("\n")


def _code() -> str:
    """Return what a worker runs; it finds the package where the parent found it."""
    return f"import sys; sys.path[:] = {sys.path!r}; from {__package__}.worker import main; main()"


@dataclass(slots=True)
class Pool:
    """The workers of this process; a forked child makes its own."""

    process: int = 0
    folder: Path | None = None
    tasks: "queue.Queue[Task]" = field(default_factory=queue.Queue["Task"])
    workers: list[Worker] = field(default_factory=list["Worker"])

    def grow(self, count: int, environment: str) -> None:
        """Have this many workers that live, if the system lets us."""
        if (self.process, self.folder) != (os.getpid(), settings.cache_dir):
            self.stop()
            self.process, self.folder = os.getpid(), settings.cache_dir
        self.workers = [w for w in self.workers if w.thread.is_alive()]
        while len(self.workers) < count:
            self.workers.append(Worker(self.tasks, environment))

    def stop(self) -> None:
        """End the workers that are ours."""
        if self.process == os.getpid():
            for worker in self.workers:
                worker.process.kill()  # its thread sees the end
                worker.process.wait()
        self.tasks, self.workers = queue.Queue(), []


_pool = Pool()
atexit.register(_pool.stop)


def compile_together(
    kernels: dict[str, str], compile_here: Callable[[str, str], object], environment: str
) -> list[str]:
    """Compile kernels, in the order of the dict, here and in workers; return the workers' ones.

    What a worker could not do is left out, for the caller to do or to say what is wrong with it.
    """
    count = _useful_workers(len(kernels))
    if not count:
        return []
    try:
        _pool.grow(count, environment)
    except (OSError, RuntimeError):  # no more processes or threads
        return []
    tasks = [Task(name, text) for name, text in kernels.items()]
    for task in tasks:
        _pool.tasks.put(task)
    mine: set[str] = set()
    try:
        while (task := _next()) is not None:
            mine.add(task.name)
            compile_here(task.text, task.name)
    finally:
        while _next() is not None:  # after an error: the workers need not go on
            pass
    deadline = time.monotonic() + PATIENCE
    for task in tasks:
        if task.name not in mine:
            task.ended.wait(max(0.0, deadline - time.monotonic()))
    return [task.name for task in tasks if task.done]


def _next() -> Task | None:
    try:
        return _pool.tasks.get_nowait()
    except queue.Empty:
        return None


def _useful_workers(kernels: int) -> int:
    """Return how many processes are worth starting: none unless cores are free."""
    wanted = min(MOST, kernels // EACH)
    if kernels < FEWEST or not _can_start():
        return 0
    if settings.compile_workers is not None:
        return min(wanted, settings.compile_workers)
    busy = max(0, round(os.getloadavg()[0]) - 1) if hasattr(os, "getloadavg") else 0
    return max(0, min(wanted, settings.cores - 1 - busy))


def _can_start() -> bool:
    """Tell whether there is a Python to start, and a folder through which kernels come back."""
    plain = "python" in Path(sys.executable or "").name.lower() and not hasattr(sys, "frozen")
    try:
        settings.cache_dir.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return plain and os.access(settings.cache_dir, os.W_OK)
