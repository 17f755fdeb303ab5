"""How one batch is read from a dataset, in whichever thread; errors say which sample it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from ...core.dispatch import assign
from ...eager.construct import tensor
from ...errors import DataError
from ...ops.create.creation import Generator, streams
from .collate import Mismatch, default_collate
from .dataset import Subset, TensorDataset

END = object()  # what an exhausted iterable dataset gives instead of a batch
_DRAWS = 32  # bits: how many random ops one batch may use before it meets the next one's numbers


@contextmanager
def stream_of_batch(seed: int, number: int) -> Iterator[None]:
    """Let random ops draw from a part of a stream that belongs to one batch.

    So what a dataset draws depends neither on the number of workers nor on what the model draws.
    """
    before, streams.current = streams.current, Generator()
    wrapped = np.array([number << _DRAWS, seed], np.int64)
    assign(streams.current.state, wrapped)
    try:
        yield
    finally:
        streams.current = before


class ByIndex:
    """Reads the samples that a list of indices names; with ``batched=False`` that of one key."""

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], batched: bool) -> None:
        self.dataset, self.collate, self.batched = dataset, collate, batched

    def __call__(self, indices: Any) -> Any:
        if not self.batched:
            return self.collate(_sample(self.dataset, indices))
        if self.collate is default_collate:
            whole = _rows(self.dataset, indices)
            if whole is not None:
                return whole
        return _collated(self.collate, self._samples(indices), list(indices))

    def _samples(self, indices: Any) -> list[Any]:
        if hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__(indices)
        return [_sample(self.dataset, i) for i in indices]


class InOrder:
    """Reads the next samples of an iterable dataset; `END` when there are none."""

    def __init__(
        self, dataset: Any, collate: Callable[[Any], Any], size: int | None, drop_last: bool
    ) -> None:
        self.iterator = iter(dataset)
        self.collate, self.size, self.drop_last = collate, size, drop_last
        self.count = 0

    def __call__(self, _: Any = None) -> Any:
        samples = list(islice(self.iterator, self.size or 1))
        if not samples or (self.size and self.drop_last and len(samples) < self.size):
            return END
        where = list(range(self.count, self.count + len(samples)))
        self.count += len(samples)
        if self.size is None:
            return self.collate(samples[0])
        return _collated(self.collate, samples, where)


def _sample(dataset: Any, index: Any) -> Any:
    try:
        return dataset[index]
    except StopIteration as error:  # would end the loop in silence
        raise DataError(f"DataLoader: dataset[{index!r}] raised StopIteration") from error
    except Exception as error:
        error.add_note(f"DataLoader: this was raised by dataset[{index!r}]")
        raise


def _collated(collate: Callable[[Any], Any], samples: list[Any], indices: list[Any]) -> Any:
    try:
        return collate(samples)
    except Mismatch as error:
        first, other = indices[0], indices[error.position]
        error.args = (f"{error.args[0]}\n  they are dataset[{first!r}] and dataset[{other!r}]",)
        raise


def _rows(dataset: Any, indices: Any) -> list[Any] | None:
    """Return the batch of a `TensorDataset` in one go where that has the values of collating."""
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset:
        return None
    count = len(dataset)
    known = all(isinstance(t.value, np.ndarray) and not t.requires_grad for t in dataset.tensors)
    if not known or not all(isinstance(i, int) and -count <= i < count for i in indices):
        return None
    return [tensor(t.value[indices]) for t in dataset.tensors]
