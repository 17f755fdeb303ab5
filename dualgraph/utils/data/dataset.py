"""Datasets: what has samples by index, or yields them, and how such things are put together."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import floor
from typing import Any

from ...eager.tensor import Tensor
from ...errors import AxisError, DataError, ShapeError
from ...ops.arguments import need_tensor
from ...ops.random.distributions import randperm


class Dataset:
    """Samples by index: subclass it and write ``__getitem__`` and ``__len__``.

    Optional: ``__getitems__(indices)`` returns the samples of a whole batch as a list.
    """

    def __class_getitem__(cls, item: Any) -> type:
        """Accept ``Dataset[...]`` in annotations."""
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__")

    def __add__(self, other: "Dataset") -> "ConcatDataset":
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Samples in an order of its own: subclass it and write ``__iter__``.

    Each worker of a `DataLoader` runs an iterator of its own over the one dataset object: split the
    work with `get_worker_info`, or every sample comes once per worker.
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__")

    def __add__(self, other: Any) -> "ChainDataset":  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Tensors with the samples along their first axis; a sample is a tuple with one of each.

    Raises `ShapeError` when the first extents differ.

    >>> import dualgraph as dg
    >>> data = TensorDataset(dg.arange(3), dg.eye(3))
    >>> len(data), data[1]
    (3, (tensor(1), tensor([0., 1., 0.])))
    """

    def __init__(self, *tensors: Tensor) -> None:
        for t in tensors:
            need_tensor("TensorDataset", t)
        if not tensors or any(t.ndim == 0 for t in tensors) or len({len(t) for t in tensors}) > 1:
            shapes = ", ".join(str(tuple(t.shape)) for t in tensors) or "no tensors"
            raise ShapeError(f"TensorDataset needs tensors with one first extent, got {shapes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class StackDataset(Dataset):
    """Datasets of equal length side by side: a sample is a tuple, or a dict, with one of each.

    Raises `DataError` when the lengths differ.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise DataError("StackDataset takes datasets by position or by name")
        self.datasets: Any = kwargs or args
        lengths = [len(d) for d in (kwargs.values() if kwargs else args)]
        if len(set(lengths)) > 1:
            raise DataError(f"StackDataset: the lengths differ: {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {name: d[index] for name, d in self.datasets.items()}
        return tuple(d[index] for d in self.datasets)

    def __len__(self) -> int:
        return self._length


class Subset(Dataset):
    """The samples of a dataset that a sequence of indices names."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset):
    """Datasets one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise DataError("ConcatDataset needs at least one dataset")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise DataError("ConcatDataset has no place for an IterableDataset: use ChainDataset")
        self.cumulative_sizes = list(accumulate(len(d) for d in self.datasets))

    def __getitem__(self, index: int) -> Any:
        count = len(self)
        if not -count <= index < count:
            said = f"index {index} of a ConcatDataset with {count} samples"
            raise AxisError(said)
        index %= count
        which = bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset):
    """Iterable datasets one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise DataError(
                    f"ChainDataset takes IterableDatasets, got {type(dataset).__name__}"
                )
            yield from dataset

    def __len__(self) -> int:
        return sum(len(d) for d in self.datasets)  # type: ignore[arg-type]


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset]:
    """Return subsets without overlap, of the given lengths or fractions, in random order.

    Fractions must add up to 1; what rounding down leaves over goes to the first subsets, one each.
    Lengths must add up to the length of the dataset: raises `DataError` otherwise.

    >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    counts = _counts(lengths, len(dataset))
    order = randperm(len(dataset), generator=generator).tolist()
    ends = list(accumulate(counts))
    return [Subset(dataset, order[end - n : end]) for end, n in zip(ends, counts, strict=True)]


def _counts(lengths: Sequence[float], total: int) -> list[int]:
    """Return whole lengths for fractions; check that lengths fit the dataset."""
    counts = list(lengths)
    if abs(sum(counts) - 1) < 1e-9 and sum(counts) <= total:
        if any(not 0 <= f <= 1 for f in counts):
            raise DataError(f"random_split: fractions lie in [0, 1], got {counts}")
        counts = [floor(f * total) for f in counts]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
    if sum(counts) != total or any(n < 0 or n != int(n) for n in counts):
        raise DataError(
            f"random_split: lengths {list(lengths)} do not add up to the {total} samples of "
            "the dataset, nor do they add up to 1 as fractions"
        )
    return [int(n) for n in counts]
