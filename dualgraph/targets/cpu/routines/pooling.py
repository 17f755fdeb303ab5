"""Routines over windows: pools, and windows as columns; a plane (image, channel) is an item."""

from math import prod
from typing import Any

from ..prelude import suffix
from ..routine import Routine, Work
from .sliding import Windows

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
    return Work(windows.numbers(planes), planes, max(1, 20_000 // max(1, per_plane)))


def _text(template: str, **more: str) -> Any:
    def text(x: Any, y: Any, **static: Any) -> str:
        s = suffix(x.dtype)
        extra = {k: v.format(s=s) for k, v in more.items()}
        return template.format(s=s, t=suffix(y.dtype), z=x.dtype.itemsize, **extra)

    return text


def _pool(function: str, more: str = "") -> Routine:
    return Routine(_text(POOL, function=function, more=more), _work)


def _unpool_work(x: Any, at: Any, y: Any, **static: Any) -> Work:
    planes, windows, volume = prod(y.shape[:2]), prod(x.shape[2:]), prod(y.shape[2:])
    return Work((windows, volume), planes, max(1, 20_000 // max(1, windows + volume)))


UNFOLD = Routine(_text(COLUMNS), _work)
FOLD = Routine(_text(ADD_COLUMNS), _work)
MAX = Routine(_text(PEAKS, function="max_windows"), _work)
PEAK = Routine(_text(PEAKS, function="peak_windows"), _work)
ADD_AT_PEAK = Routine(
    lambda x, y, r, **static: ADD_AT_PEAKS.format(s=suffix(x.dtype)),
    lambda x, y, r, **static: _work(x, y, **static),
)
MEAN = _pool("mean_windows", ", {s}")
SPREAD = _pool("spread_windows", ", {s}")
UNPOOL_ROUTINE = Routine(
    lambda x, at, y, **static: UNPOOL.format(s=suffix(x.dtype)), _unpool_work, may_fail=True
)
