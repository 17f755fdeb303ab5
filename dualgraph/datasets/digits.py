"""The UCI handwritten digits, shipped with the package (source and licence: README.md here)."""

import gzip
from functools import cache
from pathlib import Path

import numpy as np

from ..eager.construct import tensor
from ..eager.tensor import Tensor
from ..errors import ArgumentError
from ..ops.create.creation import Generator, rand

COUNT, PIXELS, CLASSES = 1797, 64, 10


def load_digits() -> tuple[Tensor, Tensor]:
    """Return all images, float32 (1797, 64) in [0, 1], and their classes, int64 (1797,).

    >>> images, labels = load_digits()
    >>> images.shape, labels.shape
    ((1797, 64), (1797,))
    """
    images, labels = _arrays()
    return tensor(images), tensor(labels)


def digits_split(test: int = 360, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return (train images, train classes, test images, test classes), shuffled by ``seed``.

    The shuffle uses dualgraph's own random numbers: one seed gives one split, on every machine.
    Raises `ArgumentError` unless 0 < test < 1797.
    """
    if not 0 < test < COUNT:
        raise ArgumentError(f"digits_split: test must lie in 1..1796, got {test}")
    images, labels = _arrays()
    order = shuffled(COUNT, seed)
    train, held_out = order[test:], order[:test]
    parts = (images[train], labels[train], images[held_out], labels[held_out])
    return tuple(tensor(part) for part in parts)  # type: ignore[return-value]


def shuffled(count: int, seed: int) -> np.ndarray:
    """Return 0..count-1 in an order that depends on the seed alone."""
    keys = rand(count, dtype="float64", generator=Generator().manual_seed(seed))
    return np.argsort(keys.numpy(), kind="stable")


@cache
def _arrays() -> tuple[np.ndarray, np.ndarray]:
    packed = Path(__file__).with_name("digits.csv.gz").read_bytes()
    numbers = gzip.decompress(packed).replace(b"\n", b",").rstrip(b",")
    table = np.array(numbers.split(b","), dtype=np.int64).reshape(COUNT, PIXELS + 1)
    return table[:, :PIXELS].astype(np.float32) / np.float32(16), table[:, PIXELS].copy()
