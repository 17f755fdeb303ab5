"""The native drivers: one call from Python runs every row of a program.

A program is a `HEADER` with the addresses and lengths of a table of `ROW` and one of `PATCH`, and
the address of the `STATUS` words. A row without a kernel begins or ends a `LOOP`: it counts the
steps, moves what they read and write, and says by how many rows to go on. At each call the slot of
a patch gets the data pointer of that array plus the offset. Arrays are passed as one tuple; the
driver reads the pointers out of the Python objects itself, at the offsets that CPython and NumPy
publish in their headers and that `vendor.object_layout` checks once.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numba

from ...vendor import object_layout, thread_limit
from .arguments import LOOP, MOVE, STATUS, Block
from .prelude import with_imports
from .toolchain.native import PROGRAM_KERNEL, address_of, content_name, python_function

HEADER = Block.of("rows row_count patches patch_count status")
ROW = Block.of("kernel block items grain may_fail")
PATCH = Block.of("slot object offset")

_TEXT = """def KERNEL(header, objects, unused):
    a = ptr_i8(header)
    patches = ptr_i8({patches})
    for i in range({patch_count}):
        item = ptr_i8(objects + {objects_at} + 8 * {object})[0]
        ptr_i8({slot})[0] = ptr_i8(item + {data})[0] + {offset}
    rows = ptr_i8({rows})
    status = ptr_i8({status})
    {failed} = 0
    r = 0
    while r < {row_count}:
        if {kernel} == 0:
            loop = ptr_i8({block})
            {step} = 0 if {items} > 0 else {step} + 1
            if {step} < {length}:
                at = {length} - 1 - {step} if {reverse} != 0 else {step}
                moves = ptr_i8({moves})
                for m in range({move_count}):
                    ptr_i8({m_slot})[0] = ptr_i8({m_base})[0] + {m_offset} + at * {m_stride}
                r += {items}
            else:
                r += {grain}
            continue
{call}
        if {may_fail} != 0 and {failed} != 0:
            {row} = r
            break
        r += 1
"""
_WHOLE = """        call_kernel({kernel}, {block}, 0, {items})"""
_IN_CHUNKS = """        kernel, block, items, grain = {kernel}, {block}, {items}, {grain}
        chunks = (items + grain - 1) // grain
        if chunks <= 1:
            call_kernel(kernel, block, 0, items)
        else:
            for c in numba.prange(chunks):
                call_kernel(kernel, block, c * grain, min(items, (c + 1) * grain))"""
"""Chunks have a fixed size, whatever the number of threads: the bits cannot depend on it, and
kernels stay serial."""

_CALL = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


def driver_text(call: str) -> str:
    """Return the source of a driver that runs the items of a row by ``call``."""
    items, data = object_layout()
    cells = {name: ROW.cell(name, "rows", "r") for name in ROW}
    words = {name: HEADER[name] for name in HEADER}
    words |= {name: PATCH.cell(name, "patches", "i") for name in PATCH}
    words |= {name: f"loop[{LOOP.at(name)}]" for name in LOOP}
    words |= {f"m_{name}": MOVE.cell(name, "moves", "m") for name in MOVE}
    words |= {name: f"status[{STATUS.at(name)}]" for name in ("failed", "row")}
    body = _TEXT.format(**words, **cells, objects_at=items, data=data, call=call.format(**cells))
    return with_imports(body)


@cache
def serial_driver() -> Callable[[int, int, int], None]:
    """Return the driver for one thread: ``run(header, id of the tuple, 0)``."""
    text = driver_text(_WHOLE)
    return _CALL(address_of(text, content_name("driver", text), PROGRAM_KERNEL))


@cache
def shared_driver() -> Callable[[int, int, int], None]:
    """Return the driver that shares rows between threads; compiled when first needed."""
    _let_waiting_threads_sleep()
    text = f"import numba\n{driver_text(_IN_CHUNKS)}"
    function = python_function(text, content_name("shared", text))
    options: dict[str, Any] = {"parallel": True, "error_model": "numpy"}
    try:
        return numba.njit(PROGRAM_KERNEL, cache=True, **options)(function)
    except (RuntimeError, OSError):  # no folder in which Numba could cache it
        return numba.njit(PROGRAM_KERNEL, **options)(function)


@cache
def _let_waiting_threads_sleep() -> None:
    """Choose OpenMP's passive waiting, unless the user has chosen.

    By default waiting threads spin, and on a machine that does other work too a row of 60 us was
    measured to take 8 ms. The variable is read when Numba loads its threading layer.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def use_threads(count: int) -> None:
    """Set how many threads the shared driver uses (no more than the machine was started with)."""
    _let_waiting_threads_sleep()
    numba.set_num_threads(min(count, thread_limit()))
