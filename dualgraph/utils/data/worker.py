"""Worker threads: each reads batches for the loader, ahead of the loop that takes them.

Nothing here holds a lock that the garbage collector could wait for: queues are ``SimpleQueue``, and
a thread knows its pool by what it needs only, so a loader that nobody holds any more is collected
and its threads end.
"""

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from time import monotonic
from typing import Any

from .fetch import stream_of_batch

_PATIENCE = 5.0  # seconds to wait at the end for a worker that is inside of the dataset


@dataclass(frozen=True)
class WorkerInfo:
    """What `get_worker_info` tells inside of a worker."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Local(threading.local):
    info: WorkerInfo | None = None


_local = _Local()


def get_worker_info() -> WorkerInfo | None:
    """Return who this worker is (``id, num_workers, seed, dataset``); None outside of workers."""
    return _local.info


@dataclass(frozen=True)
class Failure:
    """An error on its way from a worker to the loop."""

    error: BaseException


class Epoch:
    """One pass over the data: what the workers give to, and know of, the loop."""

    def __init__(self, workers: int, seed: int, make_fetch: Callable[[], Any]) -> None:
        self.results: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(workers)]
        self.seed = seed
        self.make_fetch = make_fetch
        self.fetchers: dict[int, Any] = {}  # of each worker, made by itself
        self.cancelled = False

    def read(self, worker: int, number: int, indices: Any) -> Any:
        """Read one batch, in the worker's thread."""
        with stream_of_batch(self.seed, number):
            if worker not in self.fetchers:
                self.fetchers[worker] = self.make_fetch()
            return self.fetchers[worker](indices)


Task = tuple[Epoch, int, Any]


class Pool:
    """The threads of one loader, or of one pass over it; `close` ends them."""

    def __init__(
        self, dataset: Any, count: int, seed: int, init: Callable[[int], Any] | None
    ) -> None:
        self.tasks: list[SimpleQueue[Task | None]] = [SimpleQueue() for _ in range(count)]
        self.threads = [
            threading.Thread(
                target=_work,
                args=(WorkerInfo(i, count, seed + i, dataset), self.tasks[i], init),
                name=f"dualgraph-data-{i}",
                daemon=True,  # the interpreter's exit does not wait for ever for a stuck dataset
            )
            for i in range(count)
        ]
        self.close = weakref.finalize(self, _close, self.tasks, self.threads)  # also at exit
        for thread in self.threads:
            thread.start()


def _close(tasks: list[Any], threads: list[threading.Thread]) -> None:
    for queue in tasks:
        queue.put(None)
    limit = monotonic() + _PATIENCE
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(max(0.0, limit - monotonic()))


def _work(info: WorkerInfo, tasks: SimpleQueue, init: Callable[[int], Any] | None) -> None:
    _local.info = info
    broken: Failure | None = None
    try:
        if init is not None:
            init(info.id)
    except BaseException as error:
        error.add_note(f"{_place()}, in worker_init_fn")
        broken = Failure(error)
    while (task := tasks.get()) is not None:
        epoch, number, indices = task
        if not epoch.cancelled:
            epoch.results[info.id].put(broken or _attempt(info.id, epoch, number, indices))
        del task, epoch, indices  # keep nothing alive while waiting


def _attempt(worker: int, epoch: Epoch, number: int, indices: Any) -> Any:
    """Return a batch, or the failure to read one."""
    try:
        return epoch.read(worker, number, indices)
    except BaseException as error:
        error.add_note(f"{_place()}, while reading batch {number}")
        return Failure(error)


def _place() -> str:
    return f"in the DataLoader worker {threading.current_thread().name!r}"
