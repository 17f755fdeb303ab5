"""Convolutions, pools, resizing and normalization in NumPy, element by element."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np


def each(value: Any, count: int) -> tuple[Any, ...]:
    """Return one value for each axis."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * count


def unbatched(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a reference take inputs without the batch axis; ``axes`` says how many are pooled."""

    def wrapped(x: Any, *more: Any, axes: int, **kwargs: Any) -> Any:
        if x.ndim == axes + 2:
            return function(x, *more, axes=axes, **kwargs)
        out = function(x[None], *more, axes=axes, **kwargs)
        return tuple(o[0] for o in out) if isinstance(out, tuple) else out[0]

    return wrapped


@unbatched
def conv(
    x: Any,
    w: Any,
    b: Any = None,
    *,
    axes: int,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Cross-correlation: one tensordot for each place and group."""
    kernel, s, d = w.shape[2:], each(stride, axes), each(dilation, axes)
    if padding == "same":
        total = [g * (k - 1) for g, k in zip(d, kernel, strict=True)]
        sides = [(t // 2, t - t // 2) for t in total]
    else:
        sides = [(p, p) for p in each(0 if padding == "valid" else padding, axes)]
    x = np.pad(x, [(0, 0), (0, 0), *sides])
    shape = [
        (e - g * (k - 1) - 1) // t + 1 for e, g, k, t in zip(x.shape[2:], d, kernel, s, strict=True)
    ]
    out = np.zeros((x.shape[0], w.shape[0], *shape))
    inner, outer = w.shape[1], w.shape[0] // groups
    for place in np.ndindex(*shape):
        cut = tuple(
            slice(p * t, p * t + g * (k - 1) + 1, g)
            for p, t, g, k in zip(place, s, d, kernel, strict=True)
        )
        for i in range(groups):
            part = x[(slice(None), slice(i * inner, (i + 1) * inner), *cut)]
            own = w[i * outer : (i + 1) * outer]
            value = np.tensordot(part, own, (range(1, axes + 2), range(1, axes + 2)))
            out[(slice(None), slice(i * outer, (i + 1) * outer), *place)] = value
    return out if b is None else out + b.reshape((-1,) + (1,) * axes)


@unbatched
def conv_transpose(
    x: Any,
    w: Any,
    b: Any = None,
    *,
    axes: int,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Each element of the input adds the weight, scaled, where it lies."""
    kernel, s, d = w.shape[2:], each(stride, axes), each(dilation, axes)
    p, o = each(padding, axes), each(output_padding, axes)
    whole = [
        (e - 1) * t + g * (k - 1) + 1 + q
        for e, t, g, k, q in zip(x.shape[2:], s, d, kernel, o, strict=True)
    ]
    inner, outer = w.shape[0] // groups, w.shape[1]
    out = np.zeros((x.shape[0], outer * groups, *whole))
    for place in np.ndindex(*x.shape[2:]):
        cut = tuple(
            slice(at * t, at * t + g * (k - 1) + 1, g)
            for at, t, g, k in zip(place, s, d, kernel, strict=True)
        )
        for i in range(groups):
            part = x[(slice(None), slice(i * inner, (i + 1) * inner), *place)]
            own = w[i * inner : (i + 1) * inner]
            at = (slice(None), slice(i * outer, (i + 1) * outer), *cut)
            out[at] += np.tensordot(part, own, (1, 0))
    keep = tuple(slice(q, e - q) for q, e in zip(p, whole, strict=True))
    out = out[(slice(None), slice(None), *keep)]
    return out if b is None else out + b.reshape((-1,) + (1,) * axes)


def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Columns: a convolution with unit weights."""
    kernel = each(kernel_size, 2)
    channels = x.shape[-3]
    size = channels * kernel[0] * kernel[1]
    unit = np.eye(size).reshape(size, channels, *kernel)
    out = conv(x, unit, axes=2, stride=stride, padding=padding, dilation=dilation)
    return out.reshape(*out.shape[:-2], -1).astype(x.dtype)


def fold(x: Any, output_size: Any, kernel_size: Any, **kwargs: Any) -> Any:
    """The transpose of the matrix of `unfold`."""
    kernel = each(kernel_size, 2)
    channels = x.shape[-2] // (kernel[0] * kernel[1])
    size = channels * output_size[0] * output_size[1]
    unit = np.eye(size).reshape(size, channels, *output_size)
    rows = unfold(unit, kernel_size, **kwargs).reshape(size, -1)
    flat = x.reshape(*x.shape[:-2], -1) @ rows.T
    return flat.reshape(*x.shape[:-2], channels, *output_size)


# --- pools --------------------------------------------------------------------------------------


def places_of(
    extent: int, k: int, s: int, p: int, d: int, ceil: bool
) -> list[tuple[list[int], int]]:
    """Return the positions in each window of an axis, and its length with the padding."""
    windows = []
    start = -p
    while True:
        stop = start + d * (k - 1) + 1
        fits = stop <= extent + p or (ceil and start < extent)
        if not fits or (stop > extent + p and stop - s >= extent + p):
            return windows
        inside = [i for i in range(start, stop, d) if 0 <= i < extent]
        windows.append((inside, min(stop, extent + p) - start))
        start += s


def adaptive_places(extent: int, count: int) -> list[tuple[list[int], int]]:
    """Return the positions in each of ``count`` windows that cover an axis."""
    spans = [(i * extent // count, -(-(i + 1) * extent // count)) for i in range(count)]
    return [(list(range(a, b)), b - a) for a, b in spans]


def pooled(x: Any, windows: list[Any], reduce: Callable[..., Any]) -> Any:
    """Apply ``reduce(elements, flat places, window with padding)`` to each window of each plane."""
    axes = len(windows)
    planes = x.reshape(int(np.prod(x.shape[: x.ndim - axes])), *x.shape[x.ndim - axes :])
    numbers = np.arange(np.prod(planes.shape[1:], dtype=int)).reshape(planes.shape[1:])
    out = []
    for plane in planes:
        for choice in itertools.product(*windows):
            grid = np.ix_(*[inside for inside, _ in choice])
            size = int(np.prod([n for _, n in choice]))
            out.append(reduce(plane[grid].ravel(), numbers[grid].ravel(), size))
    shape = (*x.shape[: x.ndim - axes], *(len(w) for w in windows))
    return np.array(out).reshape(shape)


def _windows(
    x: Any, axes: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> list[Any]:
    kernel = each(kernel_size, axes)
    facts = (kernel, each(stride or kernel, axes), each(padding, axes), each(dilation, axes))
    extents = x.shape[x.ndim - axes :]
    return [places_of(e, *f, ceil) for e, *f in zip(extents, *facts, strict=True)]


def _maxima(x: Any, windows: list[Any], indices: bool) -> Any:
    best = pooled(x, windows, lambda e, at, n: e.max()).astype(x.dtype)
    if not indices:
        return best
    return best, pooled(x, windows, lambda e, at, n: at[e.argmax()])


def max_pool(
    x: Any,
    *,
    axes: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window."""
    windows = _windows(x, axes, kernel_size, stride, padding, dilation, ceil_mode)
    return _maxima(x, windows, return_indices)


def avg_pool(
    x: Any,
    *,
    axes: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The sum of each window by its size."""
    windows = _windows(x, axes, kernel_size, stride, padding, 1, ceil_mode)

    def reduce(e: Any, at: Any, size: int) -> Any:
        return e.sum() / (divisor_override or (size if count_include_pad else e.size))

    return pooled(x, windows, reduce)


def lp_pool(
    x: Any,
    *,
    axes: int,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Any:
    """The p-norm of each window, as if a window that is cut off had mean values beyond."""
    windows = _windows(x, axes, kernel_size, stride, 0, 1, ceil_mode)
    full = int(np.prod(each(kernel_size, axes)))

    def reduce(e: Any, at: Any, size: int) -> Any:
        total = (e**norm_type).sum() * full / size
        return max(total, 0) ** (1 / norm_type)

    return pooled(x, windows, reduce)


def adaptive_avg_pool(x: Any, *, axes: int, output_size: Any) -> Any:
    """The mean of each window."""
    return pooled(x, _adaptive(x, axes, output_size), lambda e, at, n: e.mean())


def adaptive_max_pool(x: Any, *, axes: int, output_size: Any, return_indices: bool = False) -> Any:
    """The largest element of each window."""
    return _maxima(x, _adaptive(x, axes, output_size), return_indices)


def _adaptive(x: Any, axes: int, output_size: Any) -> list[Any]:
    extents = x.shape[x.ndim - axes :]
    wanted = each(output_size, axes)
    return [adaptive_places(e, e if n is None else n) for e, n in zip(extents, wanted, strict=True)]


def unpooled(x: Any, *, axes: int, kernel_size: int) -> Any:
    """The maxima of windows that do not overlap, at their places, zeros elsewhere."""
    values, places = max_pool(x, axes=axes, kernel_size=kernel_size, return_indices=True)
    lead = x.shape[: x.ndim - axes]
    shape = [n * kernel_size for n in values.shape[x.ndim - axes :]]
    out = np.zeros((*lead, int(np.prod(shape))), x.dtype)
    flat = (*lead, -1)
    assert tuple(shape) == x.shape[x.ndim - axes :]
    np.put_along_axis(out, places.reshape(flat), values.reshape(flat), -1)
    return out.reshape(*lead, *shape)


# --- resizing -----------------------------------------------------------------------------------


def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool = False,
    recompute_scale_factor: bool = False,
) -> Any:
    """A matrix for each axis."""
    axes = x.ndim - 2
    extents = x.shape[2:]
    scales = each(scale_factor, axes)
    sizes = each(size, axes) if size else [int(e * s) for e, s in zip(extents, scales, strict=True)]
    if mode == "area":
        return adaptive_avg_pool(x, axes=axes, output_size=tuple(sizes))
    for d, (e, n) in enumerate(zip(extents, sizes, strict=True)):
        ratio = e / n if size or recompute_scale_factor else 1 / scales[d]
        matrix = np.zeros((n, e))
        for o in range(n):
            for i, w in taps(o, n, e, ratio, mode, align_corners):
                matrix[o, min(max(i, 0), e - 1)] += w
        x = np.moveaxis(np.tensordot(x, matrix, (2 + d, 1)), -1, 2 + d)
    return x


def taps(o: int, n: int, e: int, ratio: float, mode: str, align: bool) -> list[tuple[int, float]]:
    """Return (element, weight) of an output element."""
    if mode == "nearest":
        return [(int(o * ratio), 1.0)]
    if mode == "nearest-exact":
        return [(int((o + 0.5) * ratio), 1.0)]
    at = o * (e - 1) / max(n - 1, 1) if align else (o + 0.5) * ratio - 0.5
    at = at if mode == "bicubic" else max(at, 0.0)
    first = int(np.floor(at))
    t = at - first
    if mode != "bicubic":
        return [(first, 1 - t), (first + 1, t)]
    return [(first + k, keys(t - k)) for k in range(-1, 3)]


def keys(x: float, a: float = -0.75) -> float:
    """The cubic convolution kernel."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def padded(x: Any, pad: tuple[int, ...], mode: str = "constant", value: float = 0) -> Any:
    """np.pad after the cuts."""
    sides = [(0, 0)] * (x.ndim - len(pad) // 2)
    sides += [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    cut = tuple(slice(max(-a, 0), e + min(b, 0)) for e, (a, b) in zip(x.shape, sides, strict=True))
    grow = [(max(a, 0), max(b, 0)) for a, b in sides]
    names = {"replicate": "edge", "circular": "wrap"}
    more = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x[cut], grow, names.get(mode, mode), **more)  # type: ignore[call-overload]


def reflected(c: float, low: float, span: float) -> float:
    """Bounce between low and low + span."""
    if span == 0:
        return 0.0
    turns, rest = divmod(abs(c - low), span)
    return low + (span - rest if turns % 2 else rest)


def grid_sample(
    x: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
) -> Any:
    """Point by point."""
    n, channels, *extents = x.shape
    out = np.zeros((n, channels, *grid.shape[1:-1]))

    def moved(c: float, e: int) -> float:
        if padding_mode == "reflection":
            c = reflected(c, 0, e - 1) if align_corners else reflected(c, -0.5, e)
        return c if padding_mode == "zeros" else min(max(c, 0.0), e - 1.0)

    def read(b: int, at: Any) -> Any:
        inside = all(0 <= i < e for i, e in zip(at, extents, strict=True))
        return x[(b, slice(None), *at)] if inside else 0.0

    for b, *place in np.ndindex(n, *grid.shape[1:-1]):
        lines = []
        for c, e in zip(grid[(b, *place)][::-1], extents, strict=True):
            at = (c + 1) / 2 * (e - 1) if align_corners else ((c + 1) * e - 1) / 2
            first = int(np.floor(at if mode == "bicubic" else moved(at, e)))
            if mode == "bicubic":
                near = [(moved(first + k, e), keys(at - first - k)) for k in range(-1, 3)]
                lines.append([(int(np.rint(i)), w) for i, w in near])
            elif mode == "nearest":
                lines.append([(int(np.rint(moved(at, e))), 1.0)])
            else:
                t = moved(at, e) - first
                lines.append([(first, 1 - t), (first + 1, t)])
        for corner in itertools.product(*lines):
            weight = np.prod([w for _, w in corner])
            out[(b, slice(None), *place)] += weight * read(b, [i for i, _ in corner])
    return out


def affine_grid(theta: Any, size: tuple[int, ...], align_corners: bool = False) -> Any:
    """The map of every place."""
    extents = size[2:]
    out = np.zeros((size[0], *extents, len(extents)))
    for b, *place in np.ndindex(size[0], *extents):
        at = []
        for i, e in zip(place, extents, strict=True):
            edge = 1.0 if align_corners else (e - 1) / e
            at.append(-edge + 2 * edge * i / (e - 1) if e > 1 else 0.0)
        out[(b, *place)] = theta[b] @ np.array([*at[::-1], 1.0])
    return out


def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    """Every r-th pixel comes from one of r * r channels."""
    r = upscale_factor
    *lead, c, h, w = x.shape
    out = np.zeros((*lead, c // (r * r), h * r, w * r), x.dtype)
    for i, j in np.ndindex(r, r):
        out[..., i::r, j::r] = x[..., i * r + j :: r * r, :, :]
    return out


def pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    """The inverse."""
    r = downscale_factor
    *lead, c, h, w = x.shape
    out = np.zeros((*lead, c * r * r, h // r, w // r), x.dtype)
    for i, j in np.ndindex(r, r):
        out[..., i * r + j :: r * r, :, :] = x[..., i::r, j::r]
    return out


def channel_shuffle(x: Any, groups: int) -> Any:
    """Channel i of group j becomes channel i * groups + j."""
    out = np.empty_like(x)
    size = x.shape[1] // groups
    for j in range(groups):
        out[:, j::groups] = x[:, j * size : (j + 1) * size]
    return out


# --- normalization ------------------------------------------------------------------------------


def standardized(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """(x - mean) / sqrt(var + eps)."""
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def affine(x: Any, w: Any, b: Any) -> Any:
    """Scale and shift the channels."""
    line = (-1,) + (1,) * (x.ndim - 2)
    x = x if w is None else x * w.reshape(line)
    return x if b is None else x + b.reshape(line)


def group_norm(x: Any, w: Any = None, b: Any = None, *, num_groups: int, eps: float = 1e-5) -> Any:
    """Over each group of channels."""
    groups = x.reshape(x.shape[0], num_groups, -1)
    return affine(standardized(groups, (2,), eps).reshape(x.shape), w, b)


def local_response_norm(
    x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Each channel by the squares of its neighbours."""
    out = np.zeros_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(c - size // 2, 0) : c + (size - 1) // 2 + 1]
        out[:, c] = x[:, c] / (k + alpha * np.square(near).sum(1) / size) ** beta
    return out


def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """Divide by the norm."""
    return x / np.maximum(np.linalg.norm(x, p, dim, keepdims=True), eps)
