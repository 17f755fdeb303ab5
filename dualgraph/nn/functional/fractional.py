"""Fractional max pooling: windows of one size at pseudo-random places (Graham 2014)."""

from math import prod
from typing import Any

import numpy as np

from ...core.types import int64
from ...errors import ShapeError
from ...ops.build import Tensor, as_dtype, need, need_floating, need_tensors
from ...ops.create.creation import arange, rand
from ...ops.elementwise.pointwise import add, mul, sub
from ...ops.index.indexing import gather
from ...ops.reduce.extremes import argmax
from ...ops.reduce.reductions import expand
from ...ops.shape.views import cat, reshape, select, unsqueeze
from ...ops.windows.convolution import per_axis

Sizes = tuple[int, ...]


def _outputs(name: str, axes: int, extents: Sizes, windows: Sizes, size: Any, ratio: Any) -> Sizes:
    """Return how many windows there are along each axis."""
    need((size is None) != (ratio is None), f"{name}: give one of output_size and output_ratio")
    if size is None:
        ratios = tuple(ratio) if isinstance(ratio, tuple | list) else (ratio,) * axes
        need(all(0 < r < 1 for r in ratios), f"{name}: output_ratio must lie between 0 and 1")
        outs = tuple(int(n * r) for n, r in zip(extents, ratios, strict=True))
    else:
        outs = per_axis(name, "output_size", size, axes)
    for n, out, window in zip(extents, outs, windows, strict=True):
        if out < 1 or out + window - 1 > n:
            raise ShapeError(
                f"{name}: {outs} windows of {windows} do not fit into the extents {extents}"
            )
    return outs


def _starts(sample: Tensor, extent: int, window: int, count: int) -> Tensor:
    """Return where windows begin (N, C, count) for a number in [0, 1) of each plane (N, C)."""
    last = expand(
        as_dtype(arange(extent - window, extent - window + 1), int64), (*sample.value.shape, 1)
    )
    if count == 1:
        return last
    step = np.dtype(sample.value.dtype).type(extent - window) / (count - 1)
    at = unsqueeze(sample, -1)
    before = as_dtype(mul(at, float(step)), int64)
    steps = as_dtype(arange(count - 1), sample.value.dtype)
    found = sub(as_dtype(mul(add(at, steps), float(step)), int64), before)
    return cat([found, last], -1)


def _places(starts: list[Tensor], windows: Sizes, extents: Sizes) -> Tensor:
    """Return the flat place in its plane of every element of every window (N, C, P, K)."""
    axes = len(windows)
    total: Any = None
    for axis, (first, window) in enumerate(zip(starts, windows, strict=True)):
        lead = tuple(first.value.shape[:2])
        own = add(unsqueeze(first, -1), arange(window))  # (N, C, outputs, window)
        shape = [*lead, *(1,) * (2 * axes)]
        shape[2 + axis], shape[2 + axes + axis] = first.value.shape[2], window
        part = mul(reshape(own, shape), prod(extents[axis + 1 :]))
        total = part if total is None else add(total, part)
    return reshape(total, (*total.value.shape[:2], -1, prod(windows)))


def _pooled(
    axes: int,
    order: Sizes,
    input: Tensor,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    samples: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return maxima and their flat places; ``order`` says which sample belongs to which axis."""
    name = f"fractional_max_pool{axes}d"
    need_tensors(name, input)
    need_floating(name, input)
    shape = tuple(input.value.shape)
    if len(shape) not in (axes + 1, axes + 2):
        raise ShapeError(f"{name}: expected {axes + 1} or {axes + 2} dimensions, got shape {shape}")
    extents = shape[-axes:]
    windows = per_axis(name, "kernel_size", kernel_size, axes)
    outs = _outputs(name, axes, extents, windows, output_size, output_ratio)
    planes = (shape[0] if len(shape) == axes + 2 else 1, shape[-axes - 1])
    drawn = rand(*planes, axes, dtype=input.value.dtype) if samples is None else samples
    if tuple(drawn.shape) != (*planes, axes):
        raise ShapeError(
            f"{name}: _random_samples of shape {tuple(drawn.shape)}, expected {(*planes, axes)}"
        )
    facts = zip(order, extents, windows, outs, strict=True)
    starts = [_starts(select(drawn, -1, k), n, w, count) for k, n, w, count in facts]
    places = _places(starts, windows, extents)
    flat = reshape(input, (*planes, -1))
    every = reshape(gather(flat.detach(), 2, reshape(places, (*planes, -1))), places.value.shape)
    best = unsqueeze(argmax(every, -1), -1)
    where = reshape(gather(places, 3, best), (*planes, -1))
    result = (*shape[:-axes], *outs)
    return reshape(gather(flat, 2, where), result), reshape(where, result)


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the maxima of `fractional_max_pool2d` and their places in each plane."""
    given = kernel_size, output_size, output_ratio, _random_samples
    return _pooled(2, (1, 0), input, *given)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return maxima of windows at pseudo-random places of (N, C, H, W) or (C, H, W).

    The result has ``output_size``, or ``output_ratio`` (between 0 and 1) of the input's extents.
    With ``return_indices`` the flat places come too. ``_random_samples`` (N, C, 2), in [0, 1),
    stands for the numbers that are drawn.
    """
    given = kernel_size, output_size, output_ratio, return_indices, _random_samples
    found = fractional_max_pool2d_with_indices(input, *given)
    return found if return_indices else found[0]


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the maxima of `fractional_max_pool3d` and their places in each volume."""
    given = kernel_size, output_size, output_ratio, _random_samples
    return _pooled(3, (0, 1, 2), input, *given)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return maxima of windows at pseudo-random places of (N, C, D, H, W) or (C, D, H, W).

    Arguments as `fractional_max_pool2d`.
    """
    given = kernel_size, output_size, output_ratio, return_indices, _random_samples
    found = fractional_max_pool3d_with_indices(input, *given)
    return found if return_indices else found[0]
