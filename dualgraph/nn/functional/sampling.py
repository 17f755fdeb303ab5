"""Sampling of images and volumes at places given by a grid (Jaderberg et al. 2015)."""

from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ...core.types import Shape, int64
from ...eager.construct import from_numpy
from ...errors import DTypeError, ShapeError
from ...ops.build import Tensor, in_float32, need, need_floating, need_tensor
from ...ops.contract.matmul import matmul
from ...ops.elementwise.arithmetic import round
from ...ops.elementwise.elementary import floor
from ...ops.elementwise.pointwise import (
    abs,
    add,
    cast,
    clamp,
    div,
    eq,
    ge,
    gt,
    le,
    logical_and,
    mul,
    sub,
    where,
)
from ...ops.index.indexing import gather
from ...ops.reduce.reductions import expand
from ...ops.shape.views import reshape, select, transpose

_A = -0.75  # of the cubic kernel (Keys 1981), as PyTorch


@in_float32
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Return the grid for `grid_sample` that affine maps make.

    Shapes: theta (N, 2, 3) and size (N, C, H, W) give (N, H, W, 2); theta (N, 3, 4) and size
    (N, C, D, H, W) give (N, D, H, W, 3). Raises `ShapeError`.
    """
    need_floating("affine_grid", theta)
    shape, axes = tuple(size), len(size) - 2
    if axes not in (2, 3) or tuple(theta.value.shape) != (shape[0], axes, axes + 1):
        raise ShapeError(
            f"affine_grid: theta of shape {tuple(theta.value.shape)} does not fit size {shape}:"
            " expected (N, 2, 3) and (N, C, H, W), or (N, 3, 4) and (N, C, D, H, W)"
        )
    base = _base_grid(shape[2:], bool(align_corners), theta.value.dtype.name)
    grid = matmul(base, transpose(theta, 1, 2))
    return reshape(grid, (shape[0], *shape[2:], axes))


@lru_cache(maxsize=64)
def _base_grid(extent: Shape, align: bool, dtype: str) -> Tensor:
    """Return (1, places, axes + 1): x, y (, z) and 1 at each place."""
    lines = []
    for e in extent:
        line = np.linspace(-1.0, 1.0, e) if e > 1 else np.zeros(1)
        lines.append(line if align else line * ((e - 1) / e))
    mesh = [m.ravel() for m in np.meshgrid(*lines, indexing="ij")]
    columns = np.stack([*mesh[::-1], np.ones(prod(extent))], 1)
    return from_numpy(np.ascontiguousarray(columns[None].astype(dtype)))


@in_float32
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return the input at the places of a grid, between its elements as the mode says.

    Shapes: input (N, C, H, W) and grid (N, h, w, 2) give (N, C, h, w); input (N, C, D, H, W) and
    grid (N, d, h, w, 3) give (N, C, d, h, w). The last axis of the grid is (x, y) or (x, y, z) from
    -1 to 1. Modes are bilinear, nearest and (4-D only) bicubic; outside lie zeros, the border, or
    reflections, where NaN reads the first element. Raises `ShapeError`, `DTypeError`,
    `ArgumentError`.
    """
    _check(input, grid, mode, padding_mode)
    align = bool(align_corners)
    shape, places = tuple(input.value.shape), tuple(grid.value.shape[1:-1])
    axes = len(places)
    lines = [reshape(select(grid, -1, axes - 1 - d), (shape[0], -1)) for d in range(axes)]
    at = [_unnormalized(c, e, align) for c, e in zip(lines, shape[2:], strict=True)]
    table = reshape(input, (*shape[:2], prod(shape[2:])))
    source = _Source(table, shape[2:], padding_mode, align)
    if mode == "bicubic":
        out = _cubic_sample(source, at)
    else:
        inside = [source.moved(c, d) for d, c in enumerate(at)]
        sample = _nearest_sample if mode == "nearest" else _linear_sample
        out = sample(source, inside)
    return reshape(out, (*shape[:2], *places))


def _check(input: Any, grid: Any, mode: str, padding_mode: str) -> None:
    for x in (input, grid):
        need_floating("grid_sample", need_tensor("grid_sample", x))
    shape, places = tuple(input.value.shape), tuple(grid.value.shape)
    axes = len(shape) - 2
    fits = axes in (2, 3) and len(places) == axes + 2 and places[-1] == axes
    if not fits or places[0] != shape[0] or 0 in shape[2:]:
        raise ShapeError(
            f"grid_sample: input of shape {shape} and grid of shape {places} do not fit: "
            "expected (N, C, H, W) and (N, h, w, 2), or (N, C, D, H, W) and (N, d, h, w, 3)"
        )
    if input.value.dtype != grid.value.dtype:
        raise DTypeError(
            f"grid_sample: input is {input.value.dtype.name}, grid {grid.value.dtype.name}"
        )
    modes, outside = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    need(mode in modes, f"grid_sample: mode is one of {', '.join(modes)}, not {mode!r}")
    need(mode != "bicubic" or axes == 2, "grid_sample: bicubic needs a 4-D input")
    need(
        padding_mode in outside,
        f"grid_sample: padding_mode is one of {', '.join(outside)}, not {padding_mode!r}",
    )


def _unnormalized(c: Tensor, extent: int, align: bool) -> Tensor:
    """Return places from 0 to extent - 1 for coordinates from -1 to 1."""
    if align:
        return mul(div(add(c, 1.0), 2.0), float(extent - 1))
    return div(sub(mul(add(c, 1.0), float(extent)), 1.0), 2.0)


class _Source:
    """The flattened input, and what lies outside of it."""

    def __init__(self, table: Tensor, extent: Shape, outside: str, align: bool) -> None:
        self.table, self.extent, self.outside, self.align = table, extent, outside, align

    def moved(self, c: Tensor, axis: int) -> Tensor:
        """Return places moved inside, where nothing lies outside."""
        if self.outside == "zeros":
            return c
        last = float(self.extent[axis] - 1)
        if self.outside == "reflection":
            low, high = (0.0, 2 * last) if self.align else (-1.0, 2 * last + 1)
            c = _reflected(c, low / 2, (high - low) / 2)
        return where(gt(c, 0.0), where(ge(c, last), last, c), 0.0)  # NaN: 0

    def read(self, at: list[Tensor]) -> Tensor:
        """Return the elements (N, C, places) at whole places, zeros outside."""
        pairs = list(zip(at, self.extent, strict=True))
        flat, known = _within(*pairs[0])
        for c, e in pairs[1:]:
            k, inside = _within(c, e)
            flat, known = add(mul(flat, e), k), logical_and(known, inside)
        n, places = at[0].value.shape
        every = (n, self.table.value.shape[1], places)
        index = expand(reshape(flat, (n, 1, places)), every)
        return where(reshape(known, (n, 1, places)), gather(self.table, 2, index), 0.0)


def _within(c: Tensor, extent: int) -> tuple[Tensor, Tensor]:
    """Return places along one axis, moved inside, and which of them were there."""
    inside = logical_and(ge(c, 0.0), le(c, float(extent - 1)))
    return cast(clamp(c, 0.0, float(extent - 1)), int64), inside


def _reflected(c: Tensor, low: float, span: float) -> Tensor:
    """Return places reflected at ``low`` and ``low + span`` until they lie between."""
    if span == 0:
        return mul(c, 0.0)
    away = abs(sub(c, low))
    flips = floor(div(away, span))
    rest = sub(away, mul(flips, span))
    odd = eq(sub(flips, mul(floor(div(flips, 2.0)), 2.0)), 1.0)
    return add(where(odd, sub(span, rest), rest), low)


def _weighted(source: _Source, at: list[Tensor], weights: list[Tensor]) -> Tensor:
    weight = weights[0]
    for w in weights[1:]:
        weight = mul(weight, w)
    n, places = weight.value.shape
    return mul(source.read(at), reshape(weight, (n, 1, places)))


def _nearest_sample(source: _Source, at: list[Tensor]) -> Tensor:
    places = [round(c) for c in at]
    return _weighted(source, places, [_one(c) for c in places])


def _one(c: Tensor) -> Tensor:
    """Return ones that depend on c, so that the grid's gradient is zero and not absent."""
    return add(mul(where(eq(c, c), clamp(c, 0.0, 1.0), 0.0), 0.0), 1.0)


def _linear_sample(source: _Source, at: list[Tensor]) -> Tensor:
    """Return the sum over the corners around each place."""
    first = [floor(c) for c in at]
    away = [sub(c, f) for c, f in zip(at, first, strict=True)]
    total = None
    for corner in product((0, 1), repeat=len(at)):
        places = [add(f, 1.0) if k else f for f, k in zip(first, corner, strict=True)]
        weights = [t if k else sub(1.0, t) for t, k in zip(away, corner, strict=True)]
        part = _weighted(source, places, weights)
        total = part if total is None else add(total, part)
    assert total is not None
    return total


def _cubic_sample(source: _Source, at: list[Tensor]) -> Tensor:
    """Return the sum over the 4 x 4 elements around each place."""
    first = [floor(c) for c in at]
    weights = [_cubic(sub(c, f)) for c, f in zip(at, first, strict=True)]
    total = None
    for corner in product(range(4), repeat=len(at)):
        places = [
            source.moved(add(f, float(k - 1)), d)
            for d, (f, k) in enumerate(zip(first, corner, strict=True))
        ]
        chosen = [w[k] for w, k in zip(weights, corner, strict=True)]
        if source.outside == "reflection":
            places = [round(p) for p in places]
        part = _weighted(source, places, chosen)
        total = part if total is None else add(total, part)
    assert total is not None
    return total


def _cubic(t: Tensor) -> list[Tensor]:
    """Return the weights of four neighbours at a distance t behind the second."""

    def near(x: Tensor) -> Tensor:
        return add(mul(mul(sub(mul(x, _A + 2), _A + 3), x), x), 1.0)

    def far(x: Tensor) -> Tensor:
        return sub(mul(add(mul(sub(mul(x, _A), 5 * _A), x), 8 * _A), x), 4 * _A)

    return [far(add(t, 1.0)), near(t), near(sub(1.0, t)), far(sub(2.0, t))]
