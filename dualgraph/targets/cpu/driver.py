"""The native drivers: one call from Python runs every row of a program.

A program is a header of int64 words: address of the row table, number of rows, address of the patch
table, number of patches, address of the status words (failed, row, index). A row is
(kernel, argument block, items, grain, may fail). A patch is (slot, object, offset): at each call
the slot gets the data pointer of that array plus the offset. Arrays are passed as one tuple; the
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
from . import prelude
from .memory import POINTER
from .prelude import with_imports
from .toolchain.native import PROGRAM_KERNEL, address_of, content_name

_TEXT = """def KERNEL(header, objects, unused):
    h = ptr_i8(header)
    patches = ptr_i8(h[2])
    for i in range(h[3]):
        item = ptr_i8(objects + {items} + 8 * patches[3 * i + 1])[0]
        ptr_i8(patches[3 * i])[0] = ptr_i8(item + {data})[0] + patches[3 * i + 2]
    rows = ptr_i8(h[0])
    status = ptr_i8(h[4])
    status[0] = 0
    for r in range(h[1]):
        call_kernel(rows[5 * r], rows[5 * r + 1], 0, rows[5 * r + 2])
        if rows[5 * r + 4] != 0 and status[0] != 0:
            status[1] = r
            break
"""
_CALL = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


@cache
def serial_driver() -> Callable[[int, int, int], None]:
    """Return the driver for one thread: ``run(header, id of the tuple, 0)``."""
    items, data = object_layout()
    text = with_imports(_TEXT.format(items=items, data=data))
    return _CALL(address_of(text, content_name("driver", text), PROGRAM_KERNEL))


_i8: Any = POINTER["int64"]
_call_kernel: Any = prelude.call_kernel  # an intrinsic: its first parameter is the compiler's


def _run_shared(header, objects, items, data):
    """As the serial driver, with the chunks of a row shared between threads.

    Chunks have a fixed size, whatever the number of threads: the bits cannot depend on it, and
    kernels stay serial.
    """
    h = _i8(header)
    patches = _i8(h[2])
    for i in range(h[3]):
        item = _i8(objects + items + 8 * patches[3 * i + 1])[0]
        _i8(patches[3 * i])[0] = _i8(item + data)[0] + patches[3 * i + 2]
    rows = _i8(h[0])
    status = _i8(h[4])
    status[0] = 0
    for r in range(h[1]):
        count, grain = rows[5 * r + 2], rows[5 * r + 3]
        kernel, block = rows[5 * r], rows[5 * r + 1]
        chunks = (count + grain - 1) // grain
        if chunks <= 1:
            _call_kernel(kernel, block, 0, count)
        else:
            for c in numba.prange(chunks):
                _call_kernel(kernel, block, c * grain, min(count, (c + 1) * grain))
        if rows[5 * r + 4] != 0 and status[0] != 0:
            status[1] = r
            break


@cache
def shared_driver() -> Callable[[int, int, int], None]:
    """Return the driver that shares rows between threads; compiled when first needed."""
    _let_waiting_threads_sleep()
    signature = numba.types.void(*[numba.types.int64] * 4)
    options: dict[str, Any] = {"parallel": True, "error_model": "numpy"}
    try:
        run = numba.njit(signature, cache=True, **options)(_run_shared)
    except RuntimeError:  # no folder in which Numba could cache it
        run = numba.njit(signature, **options)(_run_shared)
    items, data = object_layout()
    return lambda header, objects, unused: run(header, objects, items, data)


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
