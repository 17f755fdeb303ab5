"""Rows of random ops, each drawn from a generator of its own."""

from typing import Any

import numpy as np

from dualgraph import Generator
from tests.ops import references as ref
from tests.ops.op_row import Row, Sample, of, s
from tests.ops.rows.creation import NORMAL


def drawn(name: str, *samples: Sample, reference: Any, **more: Any) -> Row:
    """Return the row of a random op; ``seed`` is the seed of its stream."""

    def call(api: Any, *xs: Any, seed: int, **kw: Any) -> Any:
        generator = Generator().manual_seed(seed)
        return getattr(api, name)(*xs, **kw, generator=generator)

    more.setdefault("dtypes", ("float32",))
    return Row(name, samples, reference, call, differentiable=False, torch=False, **more)


def below(low: int, high: int, count: int, seed: int) -> np.ndarray:
    """Return the upper half of the product of each random word and the range."""
    words = ref.words((count,), seed, 0)
    return np.array([low + (int(w) * (high - low) >> 64) for w in words], np.int64)


def randint_reference(low: int, high: int, size: tuple, seed: int, dtype: str = "int64") -> Any:
    """Return integers in a shape."""
    return below(low, high, int(np.prod(size)), seed).reshape(size).astype(dtype)


def randperm_reference(n: int, seed: int, dtype: str = "int64") -> np.ndarray:
    """Shuffle from the back; element i draws below i + 1."""
    words = ref.words((n,), seed, 0)
    out = np.arange(n, dtype=np.int64)
    for i in range(n - 1, 0, -1):
        k = int(words[i]) * (i + 1) >> 64
        out[i], out[k] = out[k], out[i]
    return out.astype(dtype)


def multinomial_reference(
    p: np.ndarray, num_samples: int, seed: int, replacement: bool = False
) -> np.ndarray:
    """Invert the running sum, or take the shortest waiting times."""
    rows = np.atleast_2d(p).astype(np.float64)
    if replacement:
        u = ref.rand_reference((len(rows), num_samples), "float64", seed)
        sums = np.array([[sum(row[: j + 1]) for j in range(len(row))] for row in rows])
        found = [np.searchsorted(t, v * t[-1], side="right") for t, v in zip(sums, u, strict=True)]
    else:
        u = ref.rand_reference(rows.shape, "float64", seed)
        with np.errstate(divide="ignore"):
            found = np.argsort(-np.log1p(-u) / rows, axis=1, kind="stable")[:, :num_samples]
    return np.array(found).reshape(*p.shape[:-1], num_samples)


def poisson_reference(rate: np.ndarray, seed: int) -> np.ndarray:
    """Multiply uniforms until they fall below exp(-rate); rates below 10."""
    flat, out = rate.reshape(-1), []
    for i, r in enumerate(flat):
        k, product = -1, 1.0
        while product > np.exp(-float(r)):
            word = ref.philox(i + (k + 1) * 2**40, 0, seed)[0]
            product *= (word >> 11) * 2.0**-53
            k += 1
        out.append(k)
    return np.array(out, rate.dtype).reshape(rate.shape)


WEIGHTS = (0.1, 2.0)
ROWS: tuple[Row, ...] = (
    drawn(
        "randint",
        s(low=0, high=10, size=(3, 4), seed=5),
        s(low=-7, high=2**40, size=(5,), seed=6, dtype="int64"),
        s(low=0, high=200, size=(4,), seed=7, dtype="uint8"),
        s(low=0, high=3, size=(0,), seed=8),
        reference=randint_reference,
    ),
    drawn(
        "randint_like",
        s((2, 3), low=0, high=5, seed=1),
        reference=lambda x, low, high, seed: randint_reference(low, high, x.shape, seed, x.dtype),
        dtypes=("float32", "int64"),
    ),
    drawn("randperm", s(n=7, seed=2), s(n=0, seed=2), s(n=1, seed=2), reference=randperm_reference),
    drawn(
        "multinomial",
        s(of((5,), domain=WEIGHTS), num_samples=3, seed=4),
        s(of((3, 6), domain=WEIGHTS), num_samples=6, seed=5),
        s(of((2, 4), domain=WEIGHTS), num_samples=9, replacement=True, seed=6),
        reference=multinomial_reference,
        dtypes=("float32", "float64"),
    ),
    drawn(
        "normal",
        s(mean=2.0, std=0.5, size=(3, 4), seed=3),
        s((4,), (3, 1), seed=4),
        reference=lambda *xs, seed, mean=None, std=None, size=None: normal_reference(
            xs, mean, std, size, seed
        ),
        **NORMAL,
    ),
    drawn(
        "poisson",
        s(of((3, 4), domain=(0.1, 9.0)), seed=3),
        reference=poisson_reference,
        dtypes=("float32", "float64"),
    ),
)


def normal_reference(xs: Any, mean: Any, std: Any, size: Any, seed: int) -> np.ndarray:
    """Scale and shift the standard normal numbers."""
    a, b = xs or (np.float32(mean), np.float32(std))
    shape = size or np.broadcast_shapes(a.shape, b.shape)
    return (ref.randn_reference(shape, "float32", seed) * b + a).astype(np.float32)
