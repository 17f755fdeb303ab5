"""What the ops should give, in NumPy: exact where the op is exact, in float64 elsewhere."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

LANES, ROWS = (
    128,
    128,
)  # of the canonical order, as `numerics.facts.reduction` says
Combine = Callable[[Any, Any], Any]


def blocks_of(x: np.ndarray, length: int) -> list[np.ndarray]:
    """Cut the first axis into blocks of this length (the last may be shorter)."""
    return [x[i : i + length] for i in range(0, len(x), length)]


def inner_block(x: np.ndarray, combine: Combine) -> Any:
    """Combine a vector in lanes, then fold the lanes by halves."""
    lanes = x[:LANES].copy()
    for row in blocks_of(x, LANES)[1:]:
        lanes[: len(row)] = combine(lanes[: len(row)], row)
    half = LANES // 2
    while half:
        fold = min(half, max(0, len(lanes) - half))
        lanes[:fold] = combine(lanes[:fold], lanes[half : half + fold])
        lanes = lanes[: max(half, 1)]
        half //= 2
    return lanes[0]


def outer_block(x: np.ndarray, combine: Combine) -> np.ndarray:
    """Combine the rows of (n, q) one after another."""
    total = x[0].copy()
    for row in x[1:]:
        total = combine(total, row)
    return total


def canonical(x: np.ndarray, combine: Combine) -> np.ndarray:
    """Reduce the first axis of (n, q) in the documented order."""
    inner = x.shape[1] == 1
    while True:
        parts = blocks_of(x, LANES * ROWS if inner else ROWS)
        if inner:
            x = np.array([[inner_block(p[:, 0], combine)] for p in parts], x.dtype)
        else:
            x = np.array([outer_block(p, combine) for p in parts], x.dtype)
        if len(x) == 1:
            return x[0]


def contiguous_groups(axes: list[int]) -> list[list[int]]:
    """Split sorted axes into runs of neighbours, the innermost run first."""
    groups: list[list[int]] = []
    for axis in axes:
        if groups and groups[-1][-1] == axis - 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups[::-1]


def axes_of(dim: Any, ndim: int) -> list[int]:
    """Return the axes that ``dim`` names, sorted."""
    if dim is None or dim == ():
        return list(range(ndim))
    return sorted({d % max(ndim, 1) for d in (dim if isinstance(dim, tuple) else (dim,))})


def reduction(combine: Combine, identity: float) -> Callable[..., np.ndarray]:
    """Return ``f(x, dim, keepdim)`` that reduces in the canonical order, in the dtype of x."""

    def group(x: np.ndarray, axes: list[int]) -> np.ndarray:
        first, last = axes[0], axes[-1]
        p, q = math.prod(x.shape[:first]), math.prod(x.shape[last + 1 :])
        n = math.prod(x.shape[first : last + 1])
        shape = tuple(1 if i in axes else e for i, e in enumerate(x.shape))
        if n == 0:
            return np.full(shape, identity, x.dtype)
        lines = [canonical(line, combine) for line in x.reshape(p, n, q)] if p * q else []
        return np.array(lines, x.dtype).reshape(shape)

    def reduce(x: np.ndarray, dim: Any = None, keepdim: bool = False) -> np.ndarray:
        axes = axes_of(dim, x.ndim) if x.ndim else []
        for axes_group in contiguous_groups(axes):
            x = group(x, axes_group)
        return x if keepdim else x.reshape([e for i, e in enumerate(x.shape) if i not in axes])

    return reduce


def wide_integers(f: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Sum and multiply bools and integers as int64."""

    def function(x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
        return f(x if x.dtype.kind == "f" else x.astype(np.int64), *args, **kwargs)

    return function


larger_of: Combine = lambda a, b: np.where((a >= b) | (a != a), a, b)  # noqa: E731
smaller_of: Combine = lambda a, b: np.where((a <= b) | (a != a), a, b)  # noqa: E731
sum_reference = wide_integers(reduction(np.add, 0))
prod_reference = wide_integers(reduction(np.multiply, 1))
amax_reference = reduction(larger_of, 0)
amin_reference = reduction(smaller_of, 0)


def mean_reference(x: np.ndarray, dim: Any = None, keepdim: bool = False) -> np.ndarray:
    """Divide the canonical sum by the count."""
    count = math.prod(x.shape[a] for a in axes_of(dim, x.ndim)) if x.ndim else 1
    return sum_reference(x, dim, keepdim) / x.dtype.type(count)


def skipping_nan(f: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Take 0 for every NaN."""
    return lambda x, *args, **kwargs: f(np.where(np.isnan(x), x.dtype.type(0), x), *args, **kwargs)


def nanmean_reference(x: np.ndarray, dim: Any = None, keepdim: bool = False) -> np.ndarray:
    """Divide the canonical sum of what is not NaN by its count."""
    count = np.sum(~np.isnan(x), axis=dim, keepdims=keepdim)
    return skipping_nan(sum_reference)(x, dim, keepdim) / count.astype(x.dtype)


def position(f: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return argmax or argmin with PyTorch's keepdim over all axes."""

    def function(x: np.ndarray, dim: int | None = None, keepdim: bool = False) -> np.ndarray:
        out = f(x, axis=dim, keepdims=keepdim) if x.ndim else np.zeros((), np.int64)
        return np.asarray(out)

    return function


def truth(f: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Return any or all over axes; of uint8, as uint8."""

    def function(x: np.ndarray, dim: Any = None, keepdim: bool = False) -> np.ndarray:
        out = np.asarray(f(x, axis=dim if x.ndim else None, keepdims=keepdim))
        return out.astype(np.uint8) if x.dtype == np.uint8 else out

    return function


def narrow_reference(x: np.ndarray, dim: int, start: int, length: int) -> np.ndarray:
    """Take some elements of an axis."""
    first = start + x.shape[dim] if start < 0 else start
    return np.take(x, range(first, first + length), axis=dim)


def logsumexp_reference(x: np.ndarray, dim: Any, keepdim: bool = False) -> np.ndarray:
    """Compute in float64, shifted by the maximum."""
    if not x.ndim:
        return x.copy()
    axes = tuple(axes_of(dim, x.ndim))
    top = np.max(x, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    out = np.log(np.sum(np.exp(x - top), axis=axes, keepdims=True)) + top
    return out if keepdim else np.squeeze(out, axes)


def log_softmax_reference(x: np.ndarray, dim: int) -> np.ndarray:
    """Compute in float64."""
    if x.size == 0:
        return x
    if not x.ndim:
        return np.zeros_like(x)
    shifted = x - np.max(x, axis=dim, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=dim, keepdims=True))


def softmax_reference(x: np.ndarray, dim: int) -> np.ndarray:
    """Compute in float64."""
    return np.exp(log_softmax_reference(x, dim))


def pow_reference(x: Any, y: Any = None, other: Any = None) -> np.ndarray:
    """Raise to a tensor or to a number."""
    return np.power(x, other if y is None else y)


def clamp_reference(x: np.ndarray, *limits: Any, min: Any = None, max: Any = None) -> np.ndarray:
    """Apply the lower bound, then the upper one; NaN on either side gives NaN."""
    low, high = limits if limits else (min, max)
    if low is not None:
        low = np.asarray(low, x.dtype)
        x = np.where((x < low) | (low != low), low, x)
    if high is not None:
        high = np.asarray(high, x.dtype)
        x = np.where((x > high) | (high != high), high, x)
    return x


def cast_reference(x: np.ndarray, dtype: str) -> np.ndarray:
    """Convert; floats saturate into integers, NaN becomes 0, integers wrap."""
    target = np.dtype(dtype)
    if x.dtype.kind != "f" or target.kind not in "iu":
        return x.astype(target)
    info = np.iinfo(target)
    clipped = [0 if v != v else min(max(v, info.min), info.max) for v in x.ravel().tolist()]
    return np.array([int(v) for v in clipped], dtype=target).reshape(x.shape)


def gather_reference(x: np.ndarray, index: np.ndarray, dim: int) -> np.ndarray:
    """Read ``x`` at the index along one axis."""
    out = np.empty(index.shape, x.dtype)
    for at in np.ndindex(index.shape):
        out[at] = x[(*at[: dim % x.ndim], index[at], *at[dim % x.ndim + 1 :])]
    return out


def scatter_add_reference(
    x: np.ndarray, index: np.ndarray, src: np.ndarray, dim: int
) -> np.ndarray:
    """Add in row-major order of the source."""
    out = x.copy()
    for at in np.ndindex(index.shape):
        out[(*at[: dim % x.ndim], index[at], *at[dim % x.ndim + 1 :])] += src[at]
    return out


def one_hot_reference(x: np.ndarray, num_classes: int = -1) -> np.ndarray:
    """Compare with every class."""
    count = int(x.max()) + 1 if num_classes == -1 else num_classes
    return (x[..., None] == np.arange(count)).astype(np.int64)


def flatten_reference(x: np.ndarray, start_dim: int = 0, end_dim: int = -1) -> np.ndarray:
    """Merge axes."""
    if not x.ndim:
        return x.reshape(1)
    first, last = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape(*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])


def squeeze_reference(x: np.ndarray, dim: Any = None) -> np.ndarray:
    """Drop axes of extent 1, where they are named or all."""
    axes = axes_of(dim, x.ndim) if x.ndim else []
    return x.reshape([e for i, e in enumerate(x.shape) if i not in axes or e != 1])


def split_reference(x: np.ndarray, sections: Any, dim: int = 0) -> tuple[np.ndarray, ...]:
    """Cut into equal sizes, or into those listed."""
    extent = x.shape[dim]
    if isinstance(sections, int):
        edges = list(range(sections, extent, sections))
    else:
        edges = np.cumsum(sections)[:-1].tolist()
    return tuple(np.split(x, edges, axis=dim))


def chunk_reference(x: np.ndarray, chunks: int, dim: int = 0) -> tuple[np.ndarray, ...]:
    """Cut into at most so many parts."""
    return split_reference(x, max(1, -(-x.shape[dim] // chunks)), dim)


def expand_reference(x: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Broadcast; -1 keeps an extent."""
    lead = len(size) - x.ndim
    return np.broadcast_to(x, [x.shape[i - lead] if e == -1 else e for i, e in enumerate(size)])


def philox(index: int, counter: int, seed: int) -> tuple[int, int]:
    """Philox-2x64-10 of Salmon et al. (2011) in Python integers."""
    mask = (1 << 64) - 1
    x0, x1, key = index & mask, counter & mask, seed & mask
    for _ in range(10):
        product = 0xD2B74407B1CE6E93 * x0
        x0, x1 = (product >> 64) ^ key ^ x1, product & mask
        key = (key + 0x9E3779B97F4A7C15) & mask
    return x0, x1


def words(shape: tuple[int, ...], seed: int, which: int) -> np.ndarray:
    """Return one of the two random words of each element, for the first op of a stream."""
    flat = [philox(i, 0, seed)[which] for i in range(math.prod(shape))]
    return np.array(flat, dtype=np.uint64).reshape(shape)


def rand_reference(size: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    """Uniform in [0, 1): the upper 24 or 53 bits."""
    digits = 24 if dtype == "float32" else 53
    bits = words(size, seed, 0) >> np.uint64(64 - digits)
    return (bits.astype(np.float64) * 2.0**-digits).astype(dtype)


def randn_reference(size: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    """Standard normal numbers by Box and Muller, in float64."""
    u = ((words(size, seed, 0) >> np.uint64(11)).astype(np.float64) + 1.0) * 2.0**-53
    v = (words(size, seed, 1) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return (np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * v)).astype(dtype)


def layer_norm_reference(
    x: np.ndarray, weight: Any = 1.0, bias: Any = 0.0, normalized_shape: tuple[int, ...] = ()
) -> np.ndarray:
    """Compute in float64."""
    axes = tuple(range(-len(normalized_shape), 0))
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axes, keepdims=True) + 1e-5) * weight + bias


def reduced(loss: np.ndarray, reduction: str) -> np.ndarray:
    """Take the mean, the sum, or neither."""
    return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](loss)


def elementwise(f: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    """Lift a function of Python floats to float64 arrays."""

    def function(x: np.ndarray) -> np.ndarray:
        return np.array([f(v) for v in x.ravel().tolist()], np.float64).reshape(x.shape)

    return function
