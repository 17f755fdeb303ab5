"""Samplers: the order in which a loader asks a dataset for samples.

Everything random is drawn when the iteration starts, so that neither workers that run ahead nor
dropout between two batches can change the order.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ...eager.construct import as_tensor
from ...errors import DataError
from ...ops.create.creation import Generator
from ...ops.random.distributions import multinomial, randint, randperm

_LARGEST = 2**63 - 1


def fresh_seed(generator: Any) -> int:
    """Return a seed drawn from a generator, by default from the default random stream."""
    return int(randint(0, _LARGEST, (1,), generator=generator).item())


def _stream(generator: Any) -> Any:
    """Return the generator, or a new one that the default stream has seeded."""
    return generator or Generator().manual_seed(fresh_seed(None))


def _count(name: str, what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value <= 0:
        raise DataError(f"{name}: {what} must be a positive int, got {value!r}")
    return int(value)


class Sampler:
    """Base of the samplers: subclass it and write ``__iter__``, and ``__len__`` if known."""

    def __init__(self, data_source: Any = None) -> None:
        """Take the dataset, which the base class has no use for."""

    def __class_getitem__(cls, item: Any) -> type:
        """Accept ``Sampler[int]`` in annotations."""
        return cls

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__")


class SequentialSampler(Sampler):
    """The indices in ascending order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """The indices in random order, or ``num_samples`` of them, with replacement if so asked.

    More samples than the dataset has, without replacement, are several shuffles one after the
    other. Raises `DataError` for an empty dataset.

    >>> import dualgraph as dg
    >>> g = dg.Generator().manual_seed(0)
    >>> sorted(RandomSampler(range(4), generator=g))
    [0, 1, 2, 3]
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise DataError(f"RandomSampler: replacement is a bool: {replacement!r}")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _count("RandomSampler", "num_samples (the length of the dataset)", self.num_samples)

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, many, stream = len(self.data_source), self.num_samples, _stream(self.generator)
        if self.replacement:
            return iter(randint(n, (many,), generator=stream).tolist())
        orders = [randperm(n, generator=stream).tolist() for _ in range(-(-many // n))]
        return islice((i for order in orders for i in order), many)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in random order."""

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[Any]:
        order = randperm(len(self.indices), generator=_stream(self.generator)).tolist()
        return iter([self.indices[i] for i in order])

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """``num_samples`` indices, drawn with probabilities in proportion to the weights."""

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Any = None
    ) -> None:
        self.weights = as_tensor(weights, "float64")
        self.num_samples = _count("WeightedRandomSampler", "num_samples", num_samples)
        self.replacement = replacement
        self.generator = generator
        if self.weights.ndim != 1:
            raise DataError(
                f"WeightedRandomSampler: weights are a vector, got {tuple(self.weights.shape)}"
            )

    def __iter__(self) -> Iterator[int]:
        stream = _stream(self.generator)
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=stream)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of ``batch_size`` indices of another sampler; the last may be shorter.

    >>> list(BatchSampler(range(5), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        self.sampler: Any = sampler
        self.batch_size = _count("batch_size", "the batch size", batch_size)
        if not isinstance(drop_last, bool):
            raise DataError(f"drop_last must be a bool, got {drop_last!r}")
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        return self._batches(iter(self.sampler))  # what is random is drawn now

    def _batches(self, indices: Iterator[Any]) -> Iterator[list[Any]]:
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        n = len(self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
