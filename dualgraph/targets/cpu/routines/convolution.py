"""Convolution, its transpose, and the gradient of its weight: windows as matrices, then the gemm.

The matrices are made block by block in scratch memory that stays in the cache, and multiplied at
once.

- Forward: each output element is one chain of fma over (channel, window element), ascending.
- Transposed: each window gets a column of chains over the output channels, ascending; an input
  element then adds, from zero, what it got from the windows, in ascending order of the window's
  elements.
- Weight: chains over (image, window) of `images_together` images, which are then added up in
  ascending order. A chain goes on from block to block.

A call shares its tasks among at most `SLOTS` items, each with scratch memory of its own.
"""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ....numerics.facts.windows import Windows, images_together
from ..prelude import suffix
from ..texts.matmul import program_text
from ..toolchain.native import address_of, content_name
from .pooling import COUNT, numbers
from .registry import Work, register

SLOTS = 16
BLOCK_BYTES = 1 << 19  # of columns: they stay in the second cache
SCRATCH_BYTES = 1 << 26
BROAD = 128  # columns that a product should have, where a single image has fewer
NARROW = 12  # where the lines of the output are shorter, the place of each element is noted
FLOPS_PER_CHUNK = 4_000_000

_HEAD = f"""def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    first, second, out, scratch, g = a[0], a[1], a[2], a[3], ptr_i8(args + 40)
    volume, taps, windows = g[0] * g[1] * g[2], g[3] * g[4] * g[5], g[6] * g[7] * g[8]
    n = ptr_i8(args + 40 + 8 * {COUNT})
    product, images, inner, outer, groups, slot, slots, trivial = (
        n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]
    )
    wide = inner * taps
    p = stack_i8(16)
    p[15] = 0
"""
"""``inner`` and ``outer`` are the channels of one group on the input's and the output's side."""

FORWARD_TEXT = (
    _HEAD
    + """
    side, span, parts = n[8], n[9], n[10]
    spans = (windows + span - 1) // span
    x = ptr_{s}(first)
    piece = (span + parts - 1) // parts
    blocks = spans * parts
    tasks = (images + side - 1) // side * groups * blocks
    for item in range(lo, hi):
        room = scratch + item * slot * {z}
        for task in range(tasks * item // slots, tasks * (item + 1) // slots):
            pair = task // blocks
            image, group = pair // groups * side, pair % groups
            several = min(side, images - image)
            block = task - pair * blocks
            start = block // parts * span + block % parts * piece
            stop = min(start + piece, block // parts * span + span)
            count = max(min(stop, windows) - start, 0)
            plane = image * groups + group
            p[0] = second + group * outer * wide * {z}
            p[3], p[4], p[5] = outer, several * count, wide
            p[6], p[7], p[8], p[9], p[11] = wide, 1, several * count, 1, 1
            if trivial != 0 and several == 1:
                p[1], p[8] = first + (plane * inner * windows + start) * {z}, windows
            else:
                p[1] = room
                for i in range(several):
                    to = ptr_{s}(room + i * count * {z})
                    channel = (plane + i * groups) * inner
                    if count > 0:
                        window_columns(g, x, channel, inner, start, count, to, p[4], {s}(0))
            if several == 1:
                p[2], p[10] = out + (plane * outer * windows + start) * {z}, windows
            else:
                p[2], p[10] = room + wide * p[4] * {z}, p[4]
            call_kernel(product, address(p), 0, gemm_items(outer, p[4], wide))
            for i in range(several if several > 1 else 0):
                y, at = ptr_{s}(out), (plane + i * groups) * outer * windows
                copy_block(y, at, windows, ptr_{s}(p[2]), i * count, p[4], outer, count)
"""
)
"""A task is a part of a line or some lines of one image, or some whole small images."""

TRANSPOSED_TEXT = (
    _HEAD
    + """
    block, blocks, table = n[8], n[9], n[10]
    tasks = images * groups * blocks
    y = ptr_{s}(out)
    for item in range(lo, hi):
        room = scratch + (item * slot + table) * {z}
        places = ptr_i8(room - table * {z})
        if table > 0:
            note_places(g, places, ptr_i8(room - table * {z} + 8 * taps * windows))
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
                column, size = ptr_{s}(room), taps * windows
                if table > 0:
                    for c in range(count):
                        add_at_places(places, column, c * size, size, y, (channel + c) * volume)
                else:
                    add_window_columns(g, column, windows, channel, count, y)
"""
)

WEIGHT_TEXT = (
    _HEAD
    + """
    block, blocks, together, lines, deep, high, long = n[8], n[9], n[10], n[11], n[12], n[13], n[14]
    tasks = groups * blocks
    x, y, w = ptr_{s}(first), ptr_{s}(second), ptr_{s}(out)
    for item in range(lo, hi):
        planes = ptr_{s}(scratch + item * slot * {z})
        rows_at = scratch + (item * slot + deep * high * long * block) * {z}
        for task in range(tasks * item // slots, tasks * (item + 1) // slots):
            group = task // blocks
            start = (task - group * blocks) * block
            count = min(block, inner - start)
            most = lines * g[8]
            part_at = rows_at + most * count * taps * {z}
            left_at = part_at + outer * count * taps * {z}
            rows, part, left = ptr_{s}(rows_at), ptr_{s}(part_at), ptr_{s}(left_at)
            gathered = most >= 2 * windows
            p[1], p[2], p[3], p[4] = rows_at, part_at, outer, count * taps
            p[6], p[7], p[8], p[9], p[10], p[11] = windows, 1, p[4], 1, p[4], 1
            if gathered:
                p[0], p[6] = left_at, most
            for i in range(deep * high * long * count):
                planes[i] = {s}(0)
            p[5] = p[15] = 0
            for image in range(images):
                pair = image * groups + group
                transpose_planes(g, x, pair * inner + start, count, planes, high, long)
                ends = image == images - 1 or (image + 1) % together == 0
                line = 0
                while line < g[6] * g[7]:
                    some = min(lines, g[6] * g[7] - line)
                    at = pair * outer * windows + line * g[8]
                    window_rows(g, planes, high, long, count, line, some, rows, p[5] * p[4])
                    if gathered:
                        copy_block(left, p[5], most, y, at, windows, outer, windows)
                    else:
                        p[0] = second + at * {z}
                    p[5] += some * g[8]
                    line += some
                    if not gathered or ends or p[5] + windows > most:
                        call_kernel(product, address(p), 0, gemm_items(outer, p[4], p[5]))
                        p[5], p[15] = 0, 1
                if ends:
                    p[15] = 0
                    for o in range(outer):
                        for c in range(count):
                            to = (group * outer + o) * wide + (start + c) * taps
                            for t in range(taps):
                                term = part[(o * taps + t) * count + c]
                                w[to + t] = term if image < together else w[to + t] + term
            if images * windows == 0:
                for o in range(outer):
                    for j in range(count * taps):
                        w[(group * outer + o) * wide + start * taps + j] = {s}(0)
"""
)
"""The rows of `window_rows` are a block of k; ``part`` is the product, by (tap, channel).

Small images are ``gathered``: several make one block, for which their cotangents lie side by side.
"""


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


def _plan(f: _Shape, tasks: int, slot: int, *more: int) -> Work:
    """Return the work of a call whose tasks need ``slot`` elements of scratch memory each."""
    fit = max(1, SCRATCH_BYTES // max(1, slot * f.dtype.itemsize))
    slots = max(1, min(SLOTS, tasks, fit))
    flops = 2 * f.images * f.groups * f.inner * f.outer * f.windows.taps * f.windows.positions
    grain = max(1, FLOPS_PER_CHUNK * slots // max(1, flops))
    text = program_text(f.dtype)
    product = address_of(text, content_name("gemm", text))
    sizes = (f.images, f.inner, f.outer, f.groups, slot, slots)
    words = (*numbers(f.windows, 0), product, *sizes, int(f.windows.trivial), *more)
    return Work(words, slots, grain, slots * slot * f.dtype.itemsize)


def _even(length: int, most: int) -> int:
    """Return the size of blocks of at most so many that cover a length evenly."""
    return _parts(length, _parts(length, most))


def _parts(length: int, size: int) -> int:
    """Return how many blocks of a size cover a length; at least 1, as is every size."""
    return max(1, -(-length // max(1, size)))


def _forward_work(x: Any, w: Any, y: Any, *, groups: int, windows: Windows) -> Work:
    f = _shape(x, y, groups, windows)
    wide, line = max(1, f.inner * windows.taps), max(1, windows.output[2])
    most = max(64, BLOCK_BYTES // (wide * f.dtype.itemsize) // 64 * 64)
    side = min(most, BROAD) // max(1, windows.positions)
    side = max(1, min(side, f.images // 4))
    parts = _parts(line, most)
    span = line if parts > 1 else line * _even(windows.positions // line, most // line)
    tasks = _parts(f.images, side) * groups * _parts(windows.positions, span) * parts
    count = side * -(-span // parts)
    slot = count * wide + (count * f.outer if side > 1 else 0)
    return _plan(f, tasks, 0 if windows.trivial and side == 1 else slot, side, span, parts)


def _transposed_work(y: Any, w: Any, x: Any, *, groups: int, windows: Windows) -> Work:
    f = _shape(x, y, groups, windows)
    column = max(1, windows.taps * windows.positions)
    block = _even(f.inner, BLOCK_BYTES // (column * f.dtype.itemsize))
    blocks = _parts(f.inner, block)
    slot = 0 if windows.trivial else block * column
    table = 0
    if slot and windows.output[2] < NARROW and f.images * groups * f.inner >= 4 * SLOTS:
        table = (column + windows.volume) * 8 // f.dtype.itemsize
        slot += table + slot % 2  # each starts at a multiple of eight bytes
    return _plan(f, f.images * groups * blocks, slot, block, blocks, table)


def _padded(windows: Windows) -> tuple[int, ...]:
    """Return the extents of planes with their padding, and with all that windows reach."""
    w = windows
    axes = zip(w.extent, w.padding, w.output, w.stride, w.kernel, w.dilation, strict=True)
    return tuple(max(p + e, (o - 1) * s + (k - 1) * d + 1) for e, p, o, s, k, d in axes)


def _weight_work(x: Any, y: Any, w: Any, *, groups: int, windows: Windows) -> Work:
    f = _shape(x, y, groups, windows)
    together = images_together(f.images, windows.positions)
    # Enough columns for the product, and enough tasks for threads.
    block = _even(f.inner, max(_parts(BROAD, windows.taps), _parts(f.inner * groups, 8)))
    blocks = _parts(f.inner, block)
    column = max(1, block * windows.taps)
    fit = BLOCK_BYTES // (column * f.dtype.itemsize)
    lines, line = windows.output[0] * windows.output[1], max(1, windows.output[2])
    several = max(1, min(together, fit // max(1, windows.positions)))
    lines = several * lines if several > 1 else _even(lines, fit // line)
    extents = _padded(windows)
    most = lines * line
    slot = block * prod(extents) + (most + f.outer) * column
    slot += most * f.outer if several > 1 else 0
    return _plan(f, groups * blocks, slot, block, blocks, together, lines, *extents)


def _text(template: str) -> Any:
    def text(*avals: Any, **static: Any) -> str:
        dtype = avals[0].dtype
        return template.format(s=suffix(dtype), z=dtype.itemsize)

    return text


register("convolution", _text(FORWARD_TEXT), _forward_work)
register("convolution_input", _text(TRANSPOSED_TEXT), _transposed_work)
register("convolution_weight", _text(WEIGHT_TEXT), _weight_work)
