"""Routines over windows: pools, and windows as columns; a plane (image, channel) is an item."""

from math import prod
from typing import Any

from ....numerics.facts.windows import Windows
from ..prelude import suffix
from .registry import Work, register

COUNT = 22  # numbers of windows


def numbers(windows: Windows, channels: int) -> tuple[int, ...]:
    """Return the block of numbers that kernels read: ``g``, explained in `sliding`."""
    w = windows
    kind = (1, 0) if w.divisor < 0 else (2 if w.divisor else 0, w.divisor)
    shape = (*w.extent, *w.kernel, *w.output)
    steps = (*w.stride, *w.padding, *w.dilation)
    return (*shape, *steps, int(w.adaptive), *kind, channels)


COLUMNS = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, y, g = ptr_{s}(a[0]), ptr_{s}(a[1]), ptr_i8(args + 32)
    rows, columns = g[3] * g[4] * g[5], g[6] * g[7] * g[8]
    for c in range(lo, hi):
        to = ptr_{s}(a[1] + c * rows * columns * {z})
        window_columns(g, x, c, 1, 0, columns, to, columns, {s}(0))
"""
ADD_COLUMNS = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, g = ptr_{s}(a[1]), ptr_i8(args + 32)
    rows, columns, volume = g[3] * g[4] * g[5], g[6] * g[7] * g[8], g[0] * g[1] * g[2]
    for c in range(lo, hi):
        for i in range(volume):
            x[c * volume + i] = {s}(0)
        add_window_columns(g, ptr_{s}(a[0] + c * rows * columns * {z}), columns, c, 1, x)
"""
POOL = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, y, g = ptr_{s}(a[0]), ptr_{t}(a[1]), ptr_i8(args + 32)
    for plane in range(lo, hi):
        {function}(g, x, y, plane{more})
"""
PEAKS = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, y, g = ptr_{s}(a[0]), ptr_{t}(a[1]), ptr_i8(args + 32)
    for plane in range(lo, hi):
        {function}(g, x, y, y, plane)
"""
ADD_AT_PEAKS = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, y, r, g = ptr_{s}(a[0]), ptr_{s}(a[1]), ptr_{s}(a[2]), ptr_i8(args + 40)
    volume = g[0] * g[1] * g[2]
    for plane in range(lo, hi):
        for i in range(volume):
            r[plane * volume + i] = {s}(0)
        add_at_peaks(g, x, y, r, plane)
"""
UNPOOL = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, at, y, status = ptr_{s}(a[0]), ptr_i8(a[1]), ptr_{s}(a[2]), ptr_i8(a[4])
    windows, volume = a[5], a[6]
    for plane in range(lo, hi):
        for i in range(volume):
            y[plane * volume + i] = {s}(0)
        for i in range(windows):
            k = at[plane * windows + i]
            if k < 0 or k >= volume:
                status[2] = k
                status[0] = 1
            else:
                y[plane * volume + k] = x[plane * windows + i]
"""


def _work(x: Any, y: Any, *, windows: Windows, **static: Any) -> Work:
    planes = min(prod(x.shape[:2]), prod(y.shape[:2]))  # the side of columns has more
    per_plane = windows.positions * max(windows.taps, 1) + windows.volume
    return Work(numbers(windows, planes), planes, max(1, 20_000 // max(1, per_plane)))


def _text(template: str, **more: str) -> Any:
    def text(x: Any, y: Any, **static: Any) -> str:
        s = suffix(x.dtype)
        extra = {k: v.format(s=s) for k, v in more.items()}
        return template.format(s=s, t=suffix(y.dtype), z=x.dtype.itemsize, **extra)

    return text


def _unpool_work(x: Any, at: Any, y: Any, **static: Any) -> Work:
    planes, windows, volume = prod(y.shape[:2]), prod(x.shape[2:]), prod(y.shape[2:])
    return Work((windows, volume), planes, max(1, 20_000 // max(1, windows + volume)))


register("window_columns", _text(COLUMNS), _work)
register("add_window_columns", _text(ADD_COLUMNS), _work)
register("max_pool", _text(PEAKS, function="max_windows"), _work)
register("max_pool_indices", _text(PEAKS, function="peak_windows"), _work)
register(
    "max_pool_input",
    lambda x, y, r, **static: ADD_AT_PEAKS.format(s=suffix(x.dtype)),
    lambda x, y, r, **static: _work(x, y, **static),
)
register("mean_pool", _text(POOL, function="mean_windows", more=", {s}"), _work)
register("mean_pool_input", _text(POOL, function="spread_windows", more=", {s}"), _work)
register("max_unpool", lambda x, at, y, **static: UNPOOL.format(s=suffix(x.dtype)), _unpool_work)
