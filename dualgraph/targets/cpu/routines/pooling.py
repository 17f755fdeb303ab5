"""Routines over windows: pools, and windows as columns; a plane (image, channel) is an item."""

from math import prod
from typing import Any

import numpy as np

from ....numerics.facts.windows import Windows
from ..geometry import GEOMETRY, POSITIONS, TAPS, VOLUME, numbers
from ..prelude import suffix
from .registry import Arguments, Work, register

_ONE = Arguments("x", geometry=GEOMETRY.size)
_TWO = Arguments("x y", geometry=GEOMETRY.size)
_UNPOOL = Arguments("x at", "windows volume")

COLUMNS = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, y, g = ptr_{s}({a.x}), ptr_{s}({a.out}), ptr_i8(args + {g})
    rows, columns = {taps}, {positions}
    for c in range(lo, hi):
        to = ptr_{s}({a.out} + c * rows * columns * {z})
        window_columns(g, x, c, 1, 0, columns, to, columns, {s}(0))
"""
ADD_COLUMNS = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, g = ptr_{s}({a.out}), ptr_i8(args + {g})
    rows, columns, volume = {taps}, {positions}, {volume}
    for c in range(lo, hi):
        for i in range(volume):
            x[c * volume + i] = {s}(0)
        add_window_columns(g, ptr_{s}({a.x} + c * rows * columns * {z}), columns, c, 1, x)
"""
POOL = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, y, g = ptr_{s}({a.x}), ptr_{t}({a.out}), ptr_i8(args + {g})
    for plane in range(lo, hi):
        {function}(g, x, y, plane{more})
"""
PEAKS = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, y, g = ptr_{s}({a.x}), ptr_{t}({a.out}), ptr_i8(args + {g})
    for plane in range(lo, hi):
        {function}(g, x, y, y, plane)
"""
ADD_AT_PEAKS = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, y, r, g = ptr_{s}({a.x}), ptr_{s}({a.y}), ptr_{s}({a.out}), ptr_i8(args + {g})
    volume = {volume}
    for plane in range(lo, hi):
        for i in range(volume):
            r[plane * volume + i] = {s}(0)
        add_at_peaks(g, x, y, r, plane)
"""
UNPOOL = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    x, at, y, status = ptr_{s}({a.x}), ptr_i8({a.at}), ptr_{s}({a.out}), ptr_i8({a.status})
    windows, volume = {a.windows}, {a.volume}
    for plane in range(lo, hi):
        for i in range(volume):
            y[plane * volume + i] = {s}(0)
        for i in range(windows):
            k = at[plane * windows + i]
            if k < 0 or k >= volume:
                {status.index} = k
                {status.failed} = 1
            else:
                y[plane * volume + k] = x[plane * windows + i]
"""


def _work(x: Any, y: Any, *, windows: Windows, **static: Any) -> Work:
    planes = min(prod(x.shape[:2]), prod(y.shape[:2]))  # the side of columns has more
    per_plane = windows.positions * max(windows.taps, 1) + windows.volume
    return Work(tuple(numbers(windows, planes)), planes, max(1, 20_000 // max(1, per_plane)))


def _fill(arguments: Arguments, template: str, dtype: np.dtype, **more: str) -> str:
    g = 8 * arguments.block.at("geometry")
    extents = {"volume": VOLUME, "taps": TAPS, "positions": POSITIONS}
    return arguments.fill(template, dtype, g=g, **extents, **more)


def _text(template: str, **more: str) -> Any:
    def text(x: Any, y: Any, **static: Any) -> str:
        extra = {k: v.format(s=suffix(x.dtype)) for k, v in more.items()}
        return _fill(_ONE, template, x.dtype, t=suffix(y.dtype), **extra)

    return text


def _unpool_work(x: Any, at: Any, y: Any, **static: Any) -> Work:
    planes, windows, volume = prod(y.shape[:2]), prod(x.shape[2:]), prod(y.shape[2:])
    numbers = _UNPOOL.pack(windows=windows, volume=volume)
    return Work(numbers, planes, max(1, 20_000 // max(1, windows + volume)))


def _unpool_text(x: Any, at: Any, y: Any, **static: Any) -> str:
    return _UNPOOL.fill(UNPOOL, x.dtype)


def _max_input_text(x: Any, y: Any, r: Any, **static: Any) -> str:
    return _fill(_TWO, ADD_AT_PEAKS, x.dtype)


def _max_input_work(x: Any, y: Any, r: Any, **static: Any) -> Work:
    return _work(x, y, **static)


register("window_columns", _text(COLUMNS), _work)
register("add_window_columns", _text(ADD_COLUMNS), _work)
register("max_pool", _text(PEAKS, function="max_windows"), _work)
register("max_pool_indices", _text(PEAKS, function="peak_windows"), _work)
register("max_pool_input", _max_input_text, _max_input_work)
register("mean_pool", _text(POOL, function="mean_windows", more=", {s}"), _work)
register("mean_pool_input", _text(POOL, function="spread_windows", more=", {s}"), _work)
register("max_unpool", _unpool_text, _unpool_work)
