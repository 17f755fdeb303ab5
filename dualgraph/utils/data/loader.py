"""The loader: batches of a dataset, read in the loop's own thread or ahead of it by workers."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count, repeat
from queue import Empty
from typing import Any

from ...core.dispatch import state
from ...errors import DataError, described
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .fetch import END, ByIndex, InOrder, stream_of_batch
from .sampler import BatchSampler, RandomSampler, SequentialSampler, fresh_seed
from .worker import Epoch, Failure, Pool


class DataLoader:
    """Iterates over batches of a dataset, in PyTorch's words.

    ``num_workers`` counts *threads*, which read up to ``prefetch_factor`` batches each ahead of the
    loop. The batches, and the random numbers that a dataset draws from dualgraph's default stream,
    do not depend on that count; ``generator``, or by default `manual_seed`, fixes both. (Every
    worker reads the whole of an `IterableDataset`.) An error in a worker is raised in the
    loop, with its own traceback and the name of the worker. ``pin_memory`` means nothing here, and
    batches always come in order.

    Raises `DataError` for arguments that exclude each other, and for an empty dataset.

    >>> import dualgraph as dg
    >>> from dualgraph.utils.data import TensorDataset
    >>> data = TensorDataset(dg.arange(5))
    >>> [x.tolist() for (x,) in DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.drop_last = drop_last
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self._iterable = isinstance(dataset, IterableDataset)
        if not (generator is None or hasattr(generator, "draw")):
            said = f"a dualgraph.Generator, got {described(generator)}"
            raise DataError(f"DataLoader: generator must be {said}")
        self._check_workers(multiprocessing_context)
        self._check_order(batch_size, shuffle, sampler, batch_sampler)
        if batch_sampler is not None:
            batch_size = None
        elif not self._iterable:
            sampler = self._sampler(shuffle) if sampler is None else sampler
        self.sampler = sampler
        self.batch_size = batch_size
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler or (), batch_size, drop_last)
        self.batch_sampler = None if self._iterable else batch_sampler
        batched = batch_size is not None or batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self._batched = batched
        self._pool: Pool | None = None

    # --- what the arguments must fulfil ---

    def _check_workers(self, multiprocessing_context: Any) -> None:
        n = self.num_workers
        _need(isinstance(n, int) and n >= 0, f"num_workers must not be negative, got {n!r}")
        _need(self.timeout >= 0, f"timeout must not be negative, got {self.timeout}")
        _need(
            multiprocessing_context is None,
            f"multiprocessing_context={multiprocessing_context!r}: workers are threads here, not "
            "processes; leave it out",
        )
        _need(
            n > 0 or self.prefetch_factor is None,
            "prefetch_factor needs workers: give num_workers, or leave it out",
        )
        _need(not n or (self.prefetch_factor or 0) > 0, "prefetch_factor must be positive")
        _need(n > 0 or not self.persistent_workers, "persistent_workers needs num_workers > 0")

    def _check_order(self, batch_size: Any, shuffle: Any, sampler: Any, batches: Any) -> None:
        if self._iterable:
            _need(not shuffle, "an IterableDataset has an order of its own: shuffle in it")
            _need(sampler is None and batches is None, "an IterableDataset takes no sampler")
        else:
            missing = [m for m in ("__getitem__", "__len__") if not hasattr(self.dataset, m)]
            own = sampler is not None or batches is not None
            _need(
                not missing or (own and missing == ["__len__"]),
                f"the dataset ({type(self.dataset).__name__}) has no {' and no '.join(missing)}; "
                "a dataset that is only iterated over is an IterableDataset",
            )
        _need(sampler is None or not shuffle, "give a sampler or shuffle=True, not both")
        _need(
            batches is None
            or (batch_size == 1 and not shuffle and sampler is None and not self.drop_last),
            "a batch_sampler excludes batch_size, shuffle, sampler and drop_last",
        )
        _need(batch_size is not None or not self.drop_last, "batch_size=None excludes drop_last")

    def _sampler(self, shuffle: bool | None) -> Any:
        _need(
            len(self.dataset) > 0,
            f"the dataset ({type(self.dataset).__name__}) is empty: its length is 0",
        )
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    @property
    def multiprocessing_context(self) -> None:
        """Always None: workers are threads."""
        return None

    # --- reading ---

    def __iter__(self) -> Iterator[Any]:
        if state.tracing:
            _need(False, "a loader cannot be read while a function is traced: pass batches to it")
        seed = fresh_seed(self.generator)
        return _Threaded(self, seed) if self.num_workers else _Direct(self, seed)

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        if not self._iterable:
            return len(self.sampler)  # type: ignore[arg-type]
        n = len(self.dataset)
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def _tasks(self) -> Iterator[Any]:
        """Yield what to read for each batch: indices, a key, or nothing."""
        if self._iterable:
            return repeat(None)
        return iter(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def _fetcher(self) -> Any:
        if self._iterable:
            return InOrder(self.dataset, self.collate_fn, self.batch_size, self.drop_last)
        return ByIndex(self.dataset, self.collate_fn, self._batched)

    def _workers(self, seed: int) -> Pool:
        if self._pool is not None:
            return self._pool
        pool = Pool(self.dataset, self.num_workers, seed, self.worker_init_fn)
        if self.persistent_workers:
            self._pool = pool
        return pool


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise DataError(f"DataLoader: {message}")


class _Direct:
    """One pass over a loader without workers."""

    def __init__(self, loader: DataLoader, seed: int) -> None:
        self.loader, self.seed = loader, seed
        self.tasks = loader._tasks()
        self.numbers = count()
        self.fetch: Any = None

    def __iter__(self) -> "_Direct":
        return self

    def __next__(self) -> Any:
        indices = next(self.tasks)
        with stream_of_batch(self.seed, next(self.numbers)):
            self.fetch = self.fetch or self.loader._fetcher()
            batch = self.fetch(indices)
        if batch is END:
            self.tasks = iter(())
            raise StopIteration
        return batch

    def __len__(self) -> int:
        return len(self.loader)


class _Threaded:
    """One pass over a loader with workers: tasks go round, results are taken in that order."""

    def __init__(self, loader: DataLoader, seed: int) -> None:
        self.loader = loader
        self.tasks = loader._tasks()
        self.numbers = count()
        self.pool = loader._workers(seed)
        self.epoch = Epoch(loader.num_workers, seed, loader._fetcher)
        self.turns = deque(range(loader.num_workers))  # of the workers that have more to give
        self.pending: deque[tuple[int, int]] = deque()  # (worker, batch) in the order of the tasks
        for _ in range(loader.num_workers * (loader.prefetch_factor or 1)):
            self._send()

    def _send(self) -> None:
        """Give the next task to the worker whose turn it is."""
        if not self.turns:
            return
        try:
            indices = next(self.tasks)
        except StopIteration:
            return
        worker, number = self.turns[0], next(self.numbers)
        self.turns.rotate(-1)
        self.pending.append((worker, number))
        self.pool.tasks[worker].put((self.epoch, number, indices))

    def __iter__(self) -> "_Threaded":
        return self

    def __len__(self) -> int:
        return len(self.loader)

    def __next__(self) -> Any:
        try:
            return self._take()
        except BaseException:  # the end, an error, Ctrl-C
            self._finish()
            raise

    def _take(self) -> Any:
        while self.pending:
            worker, number = self.pending.popleft()
            result = self._wait(worker, number)
            if isinstance(result, Failure):
                raise result.error
            if result is not END:
                self._send()
                return result
            if worker in self.turns:
                self.turns.remove(worker)
                self._send()
        raise StopIteration

    def _wait(self, worker: int, number: int) -> Any:
        limit = self.loader.timeout
        try:
            return self.epoch.results[worker].get(timeout=limit or None)
        except Empty:
            name = self.pool.threads[worker].name
            raise DataError(
                f"DataLoader: the worker {name!r} did not deliver batch {number} within "
                f"timeout={limit} seconds: raise the timeout, or look for what blocks "
                "the dataset"
            ) from None

    def _finish(self) -> None:
        """Let the workers forget this pass, and end unless the loader keeps them."""
        self.epoch.cancelled = True
        self.pending.clear()
        self.turns.clear()
        if self.pool is not self.loader._pool:
            self.pool.close()

    def __del__(self) -> None:
        if hasattr(self, "epoch"):
            self.epoch.cancelled = True
