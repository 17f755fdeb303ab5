"""Inputs that no library's random numbers can move: integers are mixed, and scaled exactly."""

from typing import Any

import numpy as np

import dualgraph as dg

Shape = tuple[int, ...]


def mixed(count: int, seed: int) -> np.ndarray:
    """Return 64-bit words: the counter after SplitMix64's mixing (S. Vigna's constants)."""
    z = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed * 1_000_003)
    z = z * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def floats(shape: Shape, seed: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Return numbers of 24 random bits between two, in float64."""
    words = mixed(int(np.prod(shape, dtype=int)), seed) >> np.uint64(40)
    return (low + (high - low) * (words.astype(np.float64) / 2.0**24)).reshape(shape)


def real(shape: Shape, seed: int, low: float = -2.0, high: float = 2.0, dtype: str = "float32"):
    """Return a tensor of numbers between two; the rounding to the dtype is IEEE's."""
    return dg.tensor(floats(shape, seed, low, high).astype(dtype))


def leaf(shape: Shape, seed: int, low: float = -2.0, high: float = 2.0, dtype: str = "float32"):
    """Return the same as a leaf that requires grad."""
    return real(shape, seed, low, high, dtype).requires_grad_()


def whole(shape: Shape, seed: int, low: int, high: int, dtype: str = "int64"):
    """Return integers from low to below high."""
    words = mixed(int(np.prod(shape, dtype=int)), seed) >> np.uint64(33)
    return dg.tensor(
        (low + (words % np.uint64(high - low)).astype(np.int64)).reshape(shape).astype(dtype)
    )


def flags(shape: Shape, seed: int):
    """Return booleans."""
    return whole(shape, seed, 0, 2, "bool")


def edges(dtype: str) -> np.ndarray:
    """Return the values at which kernels go wrong: zeros, ones, huge, tiny, infinite, NaN."""
    info = np.finfo(dtype)
    plain = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 10.0, 88.0, 104.0, 0.1, 1e-5]
    odd = [info.max, info.tiny, info.smallest_subnormal, info.tiny / 4, np.inf]
    near = [1 - info.epsneg, 1 + info.eps]
    positive = np.array([*plain, *odd, *near], dtype)
    return np.concatenate([positive, -positive, np.array([np.nan], dtype)])


def with_edges(count: int, seed: int, low: float, high: float, dtype: str) -> Any:
    """Return a leaf of plain numbers with the edge values after them."""
    plain = floats((count,), seed, low, high)
    plain[::4] *= 25  # the reduction of arguments, and where functions end
    plain = plain.astype(dtype)
    return dg.tensor(np.concatenate([plain, edges(dtype)])).requires_grad_()


def cotangents(dtype: str, count: int = 4096) -> Any:
    """Return numbers from which results of a part take their cotangents."""
    return real((count,), 99, -1, 1, dtype)
