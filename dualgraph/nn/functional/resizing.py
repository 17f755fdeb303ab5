"""Resizing of images: interpolation, sampling on a grid, shuffles."""

from functools import lru_cache
from typing import Any

import numpy as np

from ...core.types import FLOATING, Shape, category
from ...eager.construct import from_numpy
from ...errors import ArgumentError, ShapeError
from ...ops.build import Tensor, in_float32, need
from ...ops.elementwise.pointwise import clone
from ...ops.index.indexing import index_select
from ...ops.shape.views import reshape
from ...ops.windows.convolution import per_axis
from ...ops.windows.pooling import adaptive_avg_pool
from ...ops.windows.resizing import (
    channel_shuffle as channel_shuffle,
    pixel_shuffle as pixel_shuffle,
    pixel_unshuffle as pixel_unshuffle,
    resample,
)

MODES = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}  # dimensions of the input
_A = -0.75  # of the cubic kernel (Keys 1981), as PyTorch


@in_float32
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Return the input (N, C, ...) with other extents, interpolated along 1 to 3 axes.

    Modes: nearest, nearest-exact, linear (3-D input), bilinear and bicubic (4-D), trilinear (5-D),
    area. Either ``size`` or ``scale_factor`` is given, for all axes or each. ``align_corners`` maps
    the first and the last element onto each other, otherwise the edges of both.
    Axes are interpolated one after another, the last one first. Raises `ShapeError`,
    `ArgumentError` (also for ``antialias``, which is not there).
    """
    shape = tuple(input.value.shape)
    _check_mode(mode, shape, align_corners, antialias)
    extent = shape[2:]
    output, scales = _output(extent, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return adaptive_avg_pool(len(extent), input, output)
    out = input
    for d in reversed(range(len(extent))):
        facts = (mode, extent[d], output[d], scales[d], bool(align_corners))
        out = _along(out, 2 + d, *facts)
    return clone(out) if out is input else out


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Return `interpolate` of the same arguments: its name before PyTorch 0.4.1."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def _check_mode(mode: str, shape: Shape, align_corners: bool | None, antialias: bool) -> None:
    plain = ("nearest", "nearest-exact", "area")
    names = ", ".join((*plain, *MODES))
    need(mode in MODES or mode in plain, f"interpolate: mode is one of {names}, not {mode!r}")
    need(not antialias, "interpolate: antialias is not supported")
    need(
        align_corners is None or mode in MODES,
        f"interpolate: align_corners has no meaning for mode {mode!r}",
    )
    wanted = (MODES[mode],) if mode in MODES else (3, 4, 5)
    if len(shape) not in wanted or 0 in shape[1:]:
        raise ShapeError(
            f"interpolate: mode {mode!r} needs {' or '.join(map(str, wanted))} dimensions "
            f"with elements (images, channels, ...), got shape {shape}"
        )


def _output(
    extent: Shape, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[Shape, tuple[float | None, ...]]:
    """Return the extents of the output, and the scale of each axis where it counts."""
    count = len(extent)
    if (size is None) == (scale_factor is None):
        raise ArgumentError("interpolate: give one of size and scale_factor, and not both")
    if size is not None:
        need(not recompute, "interpolate: recompute_scale_factor needs a scale_factor")
        return per_axis("interpolate", "size", size, count, 1), (None,) * count
    scales = tuple(scale_factor) if isinstance(scale_factor, tuple | list) else (scale_factor,)
    scales = tuple(float(s) for s in (scales * count if len(scales) == 1 else scales))
    need(len(scales) == count, f"interpolate: scale_factor needs {count} numbers, got {scales}")
    output = tuple(int(np.floor(float(e) * s)) for e, s in zip(extent, scales, strict=True))
    need(min(output) > 0, f"interpolate: scale_factor {scales} leaves the extents {output}")
    return output, (None,) * count if recompute else scales


def _along(
    x: Tensor, axis: int, mode: str, extent: int, output: int, scale: float | None, align: bool
) -> Tensor:
    """Return the input resampled along one axis."""
    dtype = x.value.dtype
    if category(dtype) != FLOATING:
        need(mode.startswith("nearest"), f"interpolate: mode {mode!r} needs a floating tensor")
    elif extent == output and (scale is None or mode not in ("bicubic", "nearest-exact")):
        return x  # every element falls on its own place
    index, weight = _taps(mode, extent, output, scale, align, dtype.name)
    if category(dtype) != FLOATING:
        return index_select(x, axis, reshape(index, (-1,)))
    return resample(x, axis, index, weight)


@lru_cache(maxsize=256)
def _taps(
    mode: str, extent: int, output: int, scale: float | None, align: bool, dtype: str
) -> tuple[Tensor, Tensor]:
    """Return which elements each place takes, and their weights: (output, taps) both."""
    kind = np.dtype(dtype).type if dtype == "float64" else np.float32
    if mode.startswith("nearest"):
        index = _nearest(mode, extent, output, scale)[:, None]
        weight = np.ones(index.shape, kind)
    else:
        at = _sources(extent, output, scale, align, mode == "bicubic", kind)
        first = np.minimum(np.floor(at).astype(np.int64), extent - 1)
        away = np.clip(at - first.astype(kind), kind(0), kind(1))
        if mode == "bicubic":
            index = np.clip(first[:, None] + np.arange(-1, 3), 0, extent - 1)
            weight = np.stack(_cubic(away, kind), 1)
        else:
            index = np.stack([first, np.minimum(first + 1, extent - 1)], 1)
            weight = np.stack([kind(1) - away, away], 1)
    return from_numpy(np.ascontiguousarray(index)), from_numpy(np.ascontiguousarray(weight))


def _nearest(mode: str, extent: int, output: int, scale: float | None) -> np.ndarray:
    """Return the nearest elements; PyTorch computes them in float32 for all dtypes."""
    ratio = np.float32(extent) / np.float32(output) if scale is None else np.float32(1.0 / scale)
    place = np.arange(output, dtype=np.float32)
    place = place + np.float32(0.5) if mode == "nearest-exact" else place
    return np.minimum(np.floor(place * ratio).astype(np.int64), extent - 1)


def _sources(
    extent: int, output: int, scale: float | None, align: bool, cubic: bool, kind: Any
) -> np.ndarray:
    """Return the place in the input of each output element."""
    place = np.arange(output).astype(kind)
    if align:
        return place * (kind(extent - 1) / kind(output - 1) if output > 1 else kind(0))
    ratio = kind(extent) / kind(output) if scale is None else kind(1.0 / scale)
    at = ratio * (place + kind(0.5)) - kind(0.5)
    return at if cubic else np.maximum(at, kind(0))


def _cubic(t: Any, kind: Any) -> list[Any]:
    """Return the weights of four neighbours at a distance t behind the second (Keys 1981)."""

    def near(x: Any) -> Any:
        return ((_A + 2) * x - (_A + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((_A * x - 5 * _A) * x + 8 * _A) * x - 4 * _A

    t = np.asarray(t, np.float64)
    return [v.astype(kind) for v in (far(t + 1), near(t), near(1 - t), far(2 - t))]
