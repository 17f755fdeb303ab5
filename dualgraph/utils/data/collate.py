"""From a list of samples to a batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.types import default_float
from ...eager.construct import as_tensor, tensor
from ...eager.tensor import Tensor
from ...errors import DataError, DTypeError
from ...ops.shape.joining import stack


class Mismatch(DataError):
    """Samples that do not make a batch; ``position`` is the place of the first that differs."""

    position: int = 0


def default_collate(batch: Sequence[Any]) -> Any:
    """Return one batch of samples: tensors and arrays stacked, numbers in a tensor, strings listed.

    Dicts, tuples, namedtuples and lists are gone into; floats become float64 and ints int64. Raises
    `DataError` for samples that differ in shape, length, keys or type, and for other types.

    >>> default_collate([{"x": 1.5, "name": "a"}, {"x": 2.5, "name": "b"}])
    {'x': tensor([1.5000, 2.5000], dtype=dualgraph.float64), 'name': ['a', 'b']}
    """
    if not len(batch):
        raise DataError("default_collate: a batch of no samples")
    return _collate(list(batch), "")


def _collate(batch: list[Any], path: str) -> Any:
    first = batch[0]
    if isinstance(first, Tensor | np.ndarray):
        return _stacked(batch, path)
    if isinstance(first, np.generic):
        return _numbers(batch, None, path)
    if isinstance(first, float):
        return _numbers(batch, "float64", path)
    if isinstance(first, int):
        return _numbers(batch, None, path)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _mapping(batch, path)
    if isinstance(first, Sequence):
        return _sequence(batch, path)
    raise DataError(
        f"default_collate: no batch can be made of {type(first).__name__}{_at(path)}; it takes "
        "tensors, arrays, numbers, strings, dicts, tuples and lists: give the loader a "
        "collate_fn"
    )


def _at(path: str) -> str:
    return f" (in {path} of the sample)" if path else ""


def _same(batch: list[Any], describe: Any, what: str, path: str) -> None:
    """Raise unless a description is the same for all samples."""
    found = [describe(x) for x in batch]
    for position, other in enumerate(found):
        if other != found[0]:
            error = Mismatch(
                f"default_collate: samples differ in {what}{_at(path)}: sample 0 of the batch "
                f"has {found[0]}, sample {position} has {other}"
            )
            error.position = position
            raise error


def _shape(x: Any) -> Any:
    return tuple(x.shape) if isinstance(x, Tensor | np.ndarray) else type(x).__name__


def _dtype(x: Any) -> str:
    return x.value.dtype.name if isinstance(x, Tensor) else x.dtype.name


def _stacked(batch: list[Any], path: str) -> Tensor:
    _same(batch, _shape, "shape", path)
    if all(isinstance(x, np.ndarray) or _plain(x) for x in batch):
        _same(batch, _dtype, "dtype", path)
        arrays = [x.value if isinstance(x, Tensor) else x for x in batch]
        return _converted(lambda: tensor(np.stack(arrays)), path)
    return stack([as_tensor(x) for x in batch])


def _plain(x: Any) -> bool:
    """Return whether only the numbers of a tensor matter: no gradient, no trace."""
    return isinstance(x, Tensor) and not x.requires_grad and isinstance(x.value, np.ndarray)


def _numbers(batch: list[Any], dtype: Any, path: str) -> Tensor:
    odd = (i for i, x in enumerate(batch) if not isinstance(x, int | float | np.generic))
    if (position := next(odd, None)) is not None:
        _same([batch[0], batch[position]], lambda x: type(x).__name__, "type", path)
    if dtype is None and not isinstance(batch[0], np.generic):
        ints = all(isinstance(x, int) for x in batch)
        dtype = None if ints else default_float()
        return _converted(lambda: tensor(batch, dtype), path)
    return _converted(lambda: tensor(np.array(batch, dtype)), path)


def _converted(make: Any, path: str) -> Tensor:
    try:
        return make()
    except (DTypeError, OverflowError) as error:
        raise DataError(f"default_collate: {error}{_at(path)}") from None


def _mapping(batch: list[Any], path: str) -> Any:
    _same(
        batch,
        lambda x: sorted(map(str, x)) if isinstance(x, Mapping) else type(x).__name__,
        "keys",
        path,
    )
    parts = {key: _collate([x[key] for x in batch], f"{path}[{key!r}]") for key in batch[0]}
    return _like(batch[0], parts) if type(batch[0]) is not dict else parts


def _like(first: Any, parts: dict) -> Any:
    """Return a mapping of the sample's own class, or a dict where that cannot be made."""
    try:
        return type(first)(parts)
    except TypeError:
        return parts


def _sequence(batch: list[Any], path: str) -> Any:
    _same(
        batch,
        lambda x: f"length {len(x)}" if isinstance(x, Sequence) else type(x).__name__,
        "length",
        path,
    )
    columns = zip(*batch, strict=True)
    parts = [_collate(list(column), f"{path}[{i}]") for i, column in enumerate(columns)]
    return type(batch[0])(*parts) if hasattr(batch[0], "_fields") else parts


def default_convert(data: Any) -> Any:
    """Return a sample that is not batched, with its arrays as tensors."""
    if isinstance(data, np.ndarray | np.generic) and data.dtype.kind in "biuf":
        return as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(x) for key, x in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))  # type: ignore[call-arg]
    if isinstance(data, tuple):
        return [default_convert(x) for x in data]
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return [default_convert(x) for x in data]
    return data
