"""Views: ops that move no data. Each says how offset and strides follow (strides in elements).

``apply(layout, shape, **static)`` returns the new layout, or None when only a copy can do it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from ..core.op import Facts

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """Where the elements of a tensor lie in its buffer."""

    shape: Shape
    strides: tuple[int, ...]
    offset: int

    @property
    def contiguous(self) -> bool:
        return all(
            s == c or e == 1
            for e, s, c in zip(self.shape, self.strides, row_major(self.shape), strict=True)
        )


class View(Facts):
    """Facts of a view op."""

    __slots__ = ()
    is_view = True
    apply: Callable[..., Layout | None]


def row_major(shape: Shape) -> tuple[int, ...]:
    """Return the strides of a contiguous array of this shape."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def strides_of(array: np.ndarray) -> tuple[int, ...]:
    """Return the strides of an array in elements; those of dense arrays are row-major."""
    if array.flags.c_contiguous:
        return row_major(array.shape)
    return tuple(s // array.itemsize for s in array.strides)


@dataclass(frozen=True, slots=True)
class ExpandView(View):
    """Repeat axes of extent 1, add axes in front: stride 0."""

    def apply(self, layout: Layout, out: Shape, shape: Shape) -> Layout | None:
        lead = len(shape) - len(layout.shape)
        strides = tuple(
            0 if i < lead or layout.shape[i - lead] != e else layout.strides[i - lead]
            for i, e in enumerate(shape)
        )
        return Layout(shape, strides, layout.offset)


@dataclass(frozen=True, slots=True)
class PermuteView(View):
    """Reorder axes."""

    def apply(self, layout: Layout, out: Shape, dims: tuple[int, ...]) -> Layout | None:
        strides = tuple(layout.strides[d] for d in dims)
        return Layout(out, strides, layout.offset)


@dataclass(frozen=True, slots=True)
class SliceView(View):
    """Take ``starts[i] + k * steps[i]`` for k < out[i]; a step may be negative."""

    def apply(
        self, layout: Layout, out: Shape, starts: Shape, lengths: Shape, steps: Shape
    ) -> Layout | None:
        offset = layout.offset + sum(s * t for s, t in zip(starts, layout.strides, strict=True))
        strides = tuple(s * t for s, t in zip(steps, layout.strides, strict=True))
        return Layout(out, strides, offset)


@dataclass(frozen=True, slots=True)
class DiagonalView(View):
    """Walk two axes at once, from ``offset`` columns to the right; the new axis is the last."""

    def apply(self, layout: Layout, out: Shape, offset: int, dim1: int, dim2: int) -> Layout | None:
        down, right = layout.strides[dim1], layout.strides[dim2]
        kept = tuple(s for d, s in enumerate(layout.strides) if d not in (dim1, dim2))
        start = offset * right if offset > 0 else -offset * down
        return Layout(out, (*kept, down + right), layout.offset + start * (prod(out) > 0))


@dataclass(frozen=True, slots=True)
class StridedView(View):
    """Any strides over dense memory, from its first element."""

    def apply(
        self, layout: Layout, out: Shape, size: Shape, stride: Shape, offset: int
    ) -> Layout | None:
        return Layout(out, stride, layout.offset + offset) if layout.contiguous else None


@dataclass(frozen=True, slots=True)
class UnfoldView(View):
    """Windows of ``size`` elements, ``step`` apart along ``axis``; a new last axis walks one."""

    def apply(self, layout: Layout, out: Shape, axis: int, size: int, step: int) -> Layout | None:
        own = layout.strides
        strides = (*own[:axis], own[axis] * step, *own[axis + 1 :], own[axis])
        return Layout(out, strides, layout.offset)


@dataclass(frozen=True, slots=True)
class ReshapeView(View):
    """Cut the same row-major order into other axes, when the strides allow it."""

    may_copy = True  # eager copies when they do not

    def apply(self, layout: Layout, out: Shape, shape: Shape) -> Layout | None:
        strides = reshaped_strides(layout.shape, layout.strides, shape)
        return None if strides is None else Layout(shape, strides, layout.offset)


def reshaped_strides(old: Shape, strides: tuple[int, ...], new: Shape) -> tuple[int, ...] | None:
    """Return the strides of the reshaped view, or None when a copy is needed.

    Old axes that step like one axis are merged; each new axis must then divide the run it is in.
    """
    if prod(new) == 0:
        return row_major(new)
    runs = merged_runs(old, strides)
    result = [0] * len(new)
    for j in reversed(range(len(new))):
        if new[j] == 1:
            continue
        if not runs or runs[-1][0] % new[j]:
            return None
        extent, step = runs.pop()
        result[j] = step
        if extent != new[j]:
            runs.append((extent // new[j], step * new[j]))
    return tuple(result)


def merged_runs(shape: Shape, strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (extent, stride) of the axes after merging neighbours that step like one."""
    runs: list[tuple[int, int]] = []
    for extent, stride in zip(shape, strides, strict=True):
        if extent == 1:
            continue
        if runs and runs[-1][1] == extent * stride:
            runs[-1] = (runs[-1][0] * extent, stride)
        else:
            runs.append((extent, stride))
    return runs
