"""Convolution, its transpose, and the gradient of its weight: windows as columns, then the gemm.

Columns are made block by block in scratch memory that stays in the cache, and multiplied at once.

- `FORWARD`: each output element is one chain of fma over (channel, window element), ascending.
- `TRANSPOSED`: each window gets a column of chains over the output channels, ascending; an input
  element then adds, from zero, what it got from the windows, in ascending order of the window's
  elements.
- `WEIGHT`: chains over (image, window) of `images_together` images, which are then added up in
  ascending order.

A call shares its tasks among at most `SLOTS` items, each with scratch memory of its own.
"""

from typing import Any, NamedTuple

import numpy as np

from .matmul import program_text
from .native import address_of, content_name
from .prelude import suffix
from .routine import Routine, Work
from .sliding import COUNT, Windows

SLOTS = 16
BLOCK_BYTES = 1 << 19  # of columns: they stay in the second cache
SCRATCH_BYTES = 1 << 26
LONG = 1024  # windows of one chain, where a single image has fewer
FLOPS_PER_CHUNK = 4_000_000

_HEAD = f"""def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    first, second, out, scratch, g = a[0], a[1], a[2], a[3], ptr_i8(args + 40)
    volume, taps, windows = g[0] * g[1] * g[2], g[3] * g[4] * g[5], g[6] * g[7] * g[8]
    n = ptr_i8(args + 40 + 8 * {COUNT})
    product, images, inner, outer, groups, block, blocks, slot, slots, trivial, together = (
        n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10]
    )
    wide = inner * taps
    p = stack_i8(16)
"""
"""``inner`` and ``outer`` are the channels of one group on the input's and the output's side."""

FORWARD_TEXT = (
    _HEAD
    + """
    tasks = images * groups * blocks
    x = ptr_{s}(first)
    for item in range(lo, hi):
        room = scratch + item * slot * {z}
        for task in range(tasks * item // slots, tasks * (item + 1) // slots):
            pair = task // blocks
            group = pair % groups
            start = (task - pair * blocks) * block
            count = min(block, windows - start)
            p[0] = second + group * outer * wide * {z}
            if trivial != 0:
                p[1], p[8] = first + (pair * inner * windows + start) * {z}, windows
            else:
                p[1], p[8] = room, count
                to = ptr_{s}(room)
                window_columns(g, x, pair * inner, inner, start, count, to, count, {s}(0))
            p[2] = out + (pair * outer * windows + start) * {z}
            p[3], p[4], p[5] = outer, count, wide
            p[6], p[7], p[9], p[10], p[11] = wide, 1, 1, windows, 1
            call_kernel(product, address(p), 0, gemm_items(outer, count, wide))
"""
)

TRANSPOSED_TEXT = (
    _HEAD
    + """
    tasks = images * groups * blocks
    y = ptr_{s}(out)
    for item in range(lo, hi):
        room = scratch + item * slot * {z}
        for task in range(tasks * item // slots, tasks * (item + 1) // slots):
            pair = task // blocks
            group = pair % groups
            start = (task - pair * blocks) * block
            count = min(block, inner - start)
            channel = pair * inner + start
            p[0] = second + (group * outer * wide + start * taps) * {z}
            p[1] = first + pair * outer * windows * {z}
            p[2] = out + channel * volume * {z} if trivial != 0 else room
            p[3], p[4], p[5] = count * taps, windows, outer
            p[6], p[7], p[8], p[9], p[10], p[11] = 1, wide, windows, 1, windows, 1
            call_kernel(product, address(p), 0, gemm_items(count * taps, windows, outer))
            if trivial == 0:
                for i in range(count * volume):
                    y[channel * volume + i] = {s}(0)
                add_window_columns(g, ptr_{s}(room), windows, channel, count, y)
"""
)

WEIGHT_TEXT = (
    _HEAD
    + """
    tasks = groups * blocks
    x, y, w = ptr_{s}(first), ptr_{s}(second), ptr_{s}(out)
    for item in range(lo, hi):
        room = scratch + item * slot * {z}
        for task in range(tasks * item // slots, tasks * (item + 1) // slots):
            group = task // blocks
            start = (task - group * blocks) * block
            count = min(block, inner - start)
            corner = group * outer * wide + start * taps
            image = 0
            while image < images:
                several = min(together, images - image)
                long = several * windows
                rows = room + block * taps * together * windows * {z}
                part = rows + outer * together * windows * {z}
                for i in range(several):
                    pair = (image + i) * groups + group
                    to = ptr_{s}(room + i * windows * {z})
                    channel = pair * inner + start
                    window_columns(g, x, channel, count, 0, windows, to, long, {s}(0))
                    to = ptr_{s}(rows)
                    for o in range(outer):
                        for j in range(windows):
                            to[o * long + i * windows + j] = y[(pair * outer + o) * windows + j]
                p[0], p[1] = rows, room
                p[2], p[10] = part, count * taps
                if image == 0:
                    p[2], p[10] = out + corner * {z}, wide
                p[3], p[4], p[5] = outer, count * taps, long
                p[6], p[7], p[8], p[9], p[11] = long, 1, 1, long, 1
                call_kernel(product, address(p), 0, gemm_items(outer, count * taps, long))
                if image > 0:
                    term = ptr_{s}(part)
                    for o in range(outer):
                        for j in range(count * taps):
                            w[corner + o * wide + j] += term[o * count * taps + j]
                image += several
            if images == 0:
                for o in range(outer):
                    for j in range(count * taps):
                        w[corner + o * wide + j] = {s}(0)
"""
)


class _Shape(NamedTuple):
    """What the three kernels are about, whatever is their input."""

    images: int
    inner: int
    outer: int
    groups: int
    dtype: np.dtype
    windows: Windows


def _shape(x: Any, y: Any, groups: int, windows: Windows) -> _Shape:
    """Return the facts; ``x`` is on the side of the convolution's input, ``y`` of its output."""
    inner, outer = x.shape[1] // groups, y.shape[1] // groups
    return _Shape(x.shape[0], inner, outer, groups, x.dtype, windows)


def _plan(f: _Shape, block: int, blocks: int, tasks: int, slot: int, together: int = 1) -> Work:
    """Return the work of a call whose tasks need ``slot`` elements of scratch memory each."""
    fit = max(1, SCRATCH_BYTES // max(1, slot * f.dtype.itemsize))
    slots = max(1, min(SLOTS, tasks, fit))
    flops = 2 * f.images * f.groups * f.inner * f.outer * f.windows.taps * f.windows.positions
    grain = max(1, FLOPS_PER_CHUNK * slots // max(1, flops))
    text = program_text(f.dtype)
    product = address_of(text, content_name("gemm", text))
    sizes = (f.images, f.inner, f.outer, f.groups, block, blocks, slot, slots)
    numbers = (*f.windows.numbers(0), product, *sizes, int(f.windows.trivial), together)
    return Work(numbers, slots, grain, slots * slot * f.dtype.itemsize)


def _even(length: int, most: int) -> tuple[int, int]:
    """Return the size and the number of blocks that cover a length evenly."""
    blocks = max(1, -(-length // max(1, most)))
    return max(1, -(-length // blocks)), blocks


def _forward_work(x: Any, w: Any, y: Any, *, groups: int, windows: Windows) -> Work:
    f = _shape(x, y, groups, windows)
    wide = max(1, f.inner * windows.taps)
    most = max(64, BLOCK_BYTES // (wide * f.dtype.itemsize) // 64 * 64)
    block, blocks = _even(windows.positions, most)
    slot = 0 if windows.trivial else wide * block
    return _plan(f, block, blocks, f.images * groups * blocks, slot)


def _transposed_work(y: Any, w: Any, x: Any, *, groups: int, windows: Windows) -> Work:
    f = _shape(x, y, groups, windows)
    column = max(1, windows.taps * windows.positions)
    block, blocks = _even(f.inner, BLOCK_BYTES // (column * f.dtype.itemsize))
    slot = 0 if windows.trivial else block * column
    return _plan(f, block, blocks, f.images * groups * blocks, slot)


def images_together(images: int, positions: int) -> int:
    """Return how many images one chain of the weight's gradient runs over."""
    return max(1, min(images, LONG // max(1, positions)))


def _weight_work(x: Any, y: Any, w: Any, *, groups: int, windows: Windows) -> Work:
    f = _shape(x, y, groups, windows)
    together = images_together(f.images, windows.positions)
    long = together * windows.positions
    column = max(1, windows.taps * long)
    most = min(BLOCK_BYTES // (column * f.dtype.itemsize), -(-f.inner * groups // 8))
    block, blocks = _even(f.inner, most)
    slot = block * column + f.outer * long + f.outer * block * windows.taps
    return _plan(f, block, blocks, groups * blocks, slot, together)


def _text(template: str) -> Any:
    def text(*avals: Any, **static: Any) -> str:
        dtype = avals[0].dtype
        return template.format(s=suffix(dtype), z=dtype.itemsize)

    return text


FORWARD = Routine(_text(FORWARD_TEXT), _forward_work)
TRANSPOSED = Routine(_text(TRANSPOSED_TEXT), _transposed_work)
WEIGHT = Routine(_text(WEIGHT_TEXT), _weight_work)
