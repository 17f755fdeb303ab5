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

from typing import Any, NamedTuple

import numpy as np

from ....numerics.facts.windows import Windows, images_together
from ..arguments import Block
from ..geometry import GEOMETRY, POSITIONS, TAPS, VOLUME, G, numbers
from ..texts.matmul import BLOCK as PRODUCT, program_text
from ..toolchain.native import address_of, content_name
from .registry import Arguments, Work, register

SLOTS = 16
BLOCK_BYTES = 1 << 19  # of columns: they stay in the second cache
SCRATCH_BYTES = 1 << 26
BROAD = 128  # columns that a product should have, where a single image has fewer
NARROW = 12  # where the lines of the output are shorter, the place of each element is noted
FLOPS_PER_CHUNK = 4_000_000

_ARGUMENTS = Arguments("first second", geometry=GEOMETRY.size)
_COMMON = "product images inner outer groups slot slots trivial"
_FORWARD = Block.of(f"{_COMMON} side span parts")
_TRANSPOSED = Block.of(f"{_COMMON} block blocks table")
_WEIGHT = Block.of(f"{_COMMON} block blocks together lines deep high long")
"""The numbers that follow those of the windows, and ``n`` points to."""

_HEAD = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    first, second, out, scratch, g = {a.first}, {a.second}, {a.out}, {a.scratch}, ptr_i8(args + {g})
    volume, taps, windows = {volume}, {taps}, {positions}
    n = ptr_i8(args + {g} + 8 * {count})
    product, images, inner, outer, groups, slot, slots, trivial = (
        {n.product}, {n.images}, {n.inner}, {n.outer}, {n.groups}, {n.slot}, {n.slots}, {n.trivial}
    )
    wide = inner * taps
    p = stack_i8({size})
    {p.resumed} = 0
"""
"""``inner`` and ``outer`` are the channels of one group on the input's and the output's side."""

FORWARD_TEXT = (
    _HEAD
    + """
    {unpack}
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
            {p.A} = second + group * outer * wide * {z}
            {p.m}, {p.n}, {p.k} = outer, several * count, wide
            {p.ras}, {p.cas}, {p.rbs}, {p.cbs}, {p.ccs} = wide, 1, several * count, 1, 1
            if trivial != 0 and several == 1:
                {p.B}, {p.rbs} = first + (plane * inner * windows + start) * {z}, windows
            else:
                {p.B} = room
                for i in range(several):
                    to = ptr_{s}(room + i * count * {z})
                    channel = (plane + i * groups) * inner
                    if count > 0:
                        window_columns(g, x, channel, inner, start, count, to, {p.n}, {s}(0))
            if several == 1:
                {p.C}, {p.rcs} = out + (plane * outer * windows + start) * {z}, windows
            else:
                {p.C}, {p.rcs} = room + wide * {p.n} * {z}, {p.n}
            call_kernel(product, address(p), 0, gemm_items(outer, {p.n}, wide))
            for i in range(several if several > 1 else 0):
                y, at = ptr_{s}(out), (plane + i * groups) * outer * windows
                copy_block(y, at, windows, ptr_{s}({p.C}), i * count, {p.n}, outer, count)
"""
)
"""A task is a part of a line or some lines of one image, or some whole small images."""

TRANSPOSED_TEXT = (
    _HEAD
    + """
    {unpack}
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
            {p.A} = second + (group * outer * wide + start * taps) * {z}
            {p.B} = first + pair * outer * windows * {z}
            {p.C} = out + channel * volume * {z} if trivial != 0 else room
            {p.m}, {p.n}, {p.k} = count * taps, windows, outer
            {p.ras}, {p.cas}, {p.rbs}, {p.cbs}, {p.rcs}, {p.ccs} = 1, wide, windows, 1, windows, 1
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
    {unpack}
    tasks = groups * blocks
    x, y, w = ptr_{s}(first), ptr_{s}(second), ptr_{s}(out)
    for item in range(lo, hi):
        planes = ptr_{s}(scratch + item * slot * {z})
        rows_at = scratch + (item * slot + deep * high * long * block) * {z}
        for task in range(tasks * item // slots, tasks * (item + 1) // slots):
            group = task // blocks
            start = (task - group * blocks) * block
            count = min(block, inner - start)
            most = lines * {output[2]}
            part_at = rows_at + most * count * taps * {z}
            left_at = part_at + outer * count * taps * {z}
            rows, part, left = ptr_{s}(rows_at), ptr_{s}(part_at), ptr_{s}(left_at)
            gathered = most >= 2 * windows
            {p.B}, {p.C}, {p.m}, {p.n} = rows_at, part_at, outer, count * taps
            {p.ras}, {p.cas}, {p.rbs}, {p.cbs}, {p.rcs}, {p.ccs} = windows, 1, {p.n}, 1, {p.n}, 1
            if gathered:
                {p.A}, {p.ras} = left_at, most
            for i in range(deep * high * long * count):
                planes[i] = {s}(0)
            {p.k} = {p.resumed} = 0
            for image in range(images):
                pair = image * groups + group
                transpose_planes(g, x, pair * inner + start, count, planes, high, long)
                ends = image == images - 1 or (image + 1) % together == 0
                line = 0
                while line < {output[0]} * {output[1]}:
                    some = min(lines, {output[0]} * {output[1]} - line)
                    at = pair * outer * windows + line * {output[2]}
                    window_rows(g, planes, high, long, count, line, some, rows, {p.k} * {p.n})
                    if gathered:
                        copy_block(left, {p.k}, most, y, at, windows, outer, windows)
                    else:
                        {p.A} = second + at * {z}
                    {p.k} += some * {output[2]}
                    line += some
                    if not gathered or ends or {p.k} + windows > most:
                        call_kernel(product, address(p), 0, gemm_items(outer, {p.n}, {p.k}))
                        {p.k}, {p.resumed} = 0, 1
                if ends:
                    {p.resumed} = 0
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


def _plan(f: _Shape, tasks: int, slot: int, numbers_of: Block, /, **more: int) -> Work:
    """Return the work of a call whose tasks need ``slot`` elements of scratch memory each."""
    fit = max(1, SCRATCH_BYTES // max(1, slot * f.dtype.itemsize))
    slots = max(1, min(SLOTS, tasks, fit))
    flops = 2 * f.images * f.groups * f.inner * f.outer * f.windows.taps * f.windows.positions
    grain = max(1, FLOPS_PER_CHUNK * slots // max(1, flops))
    text = program_text(f.dtype)
    product = address_of(text, content_name("gemm", text))
    words = numbers_of.pack(
        product=product,
        images=f.images,
        inner=f.inner,
        outer=f.outer,
        groups=f.groups,
        slot=slot,
        slots=slots,
        trivial=int(f.windows.trivial),
        **more,
    )
    return Work((*numbers(f.windows, 0), *words), slots, grain, slots * slot * f.dtype.itemsize)


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
    slot = 0 if windows.trivial and side == 1 else slot
    return _plan(f, tasks, slot, _FORWARD, side=side, span=span, parts=parts)


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
    tasks = f.images * groups * blocks
    return _plan(f, tasks, slot, _TRANSPOSED, block=block, blocks=blocks, table=table)


def _padded(windows: Windows) -> list[int]:
    """Return the extents of planes with their padding, and with all that windows reach."""
    w = windows
    axes = zip(w.extent, w.padding, w.output, w.stride, w.kernel, w.dilation, strict=True)
    return [max(p + e, (o - 1) * s + (k - 1) * d + 1) for e, p, o, s, k, d in axes]


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
    deep, high, long = _padded(windows)
    most = lines * line
    slot = block * deep * high * long + (most + f.outer) * column
    slot += most * f.outer if several > 1 else 0
    return _plan(
        f, groups * blocks, slot, _WEIGHT, block=block, blocks=blocks, together=together,
        lines=lines, deep=deep, high=high, long=long,
    )  # fmt: skip


def _text(template: str, numbers: Block) -> Any:
    words: dict[str, Any] = {
        "g": 8 * _ARGUMENTS.block.at("geometry"),
        "volume": VOLUME,
        "taps": TAPS,
        "positions": POSITIONS,
        "output": G.output,
        "count": GEOMETRY.size,
        "n": numbers.words("n"),
        "unpack": numbers.unpack(*[*numbers][len(_COMMON.split()) :], base="n"),
        "p": PRODUCT.words("p"),
        "size": PRODUCT.size,
    }

    def text(*avals: Any, **static: Any) -> str:
        return _ARGUMENTS.fill(template, avals[0].dtype, **words)

    return text


register("convolution", _text(FORWARD_TEXT, _FORWARD), _forward_work)
register("convolution_input", _text(TRANSPOSED_TEXT, _TRANSPOSED), _transposed_work)
register("convolution_weight", _text(WEIGHT_TEXT, _WEIGHT), _weight_work)
