"""Native routines over dense operands: one text, one machine code, called by both frontends.

A `Routine` is for what is neither element-wise, nor a reduction, nor a product: sorting, pooling,
scatters. Its kernel reads every input and writes its output in row-major memory.

The argument block holds addresses, then numbers: the inputs in order, the output, scratch memory,
the status word, and then ``Work.numbers``. The kernel does the items from ``lo`` up to ``hi``; what
it does for one item must not depend on the others, for threads share them out.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import AxisError, DualgraphError, at_user_line
from .native import address_of, content_name
from .prelude import with_imports

_CALL = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


class Work(NamedTuple):
    """What one call has to do."""

    numbers: tuple[int, ...]
    items: int
    grain: int  # items of one chunk when threads share them: some 20 us of work
    scratch: int = 0  # bytes


@dataclass(frozen=True, slots=True)
class Routine:
    """How to write and to call a kernel; both rules get ``(*avals of inputs, out, **static)``.

    ``text`` gives ``def KERNEL(args, lo, hi): ...`` and should depend on dtypes and structure only,
    not on extents: those are numbers, so that one kernel serves all shapes.
    """

    text: Callable[..., str]
    work: Callable[..., Work]
    may_fail: bool = False  # for an index k out of range it sets the status word to 2 * k + 1
    problem: str = "index {} is out of range"  # what is wrong with k
    error: type[DualgraphError] = AxisError


def eager_kernel(name: str, spec: Routine, infer: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Return the eager kernel of an op: it calls the machine code that programs call.

    Raises ``spec.error`` for what the routine found wrong, such as an index out of range.
    """
    entries: dict[str, Any] = {}

    def kernel(*arrays: np.ndarray, **static: Any) -> np.ndarray:
        aval = infer(*arrays, **static)
        text = with_imports(spec.text(*arrays, aval, **static))
        if text not in entries:
            entries[text] = _CALL(address_of(text, content_name(name, text)))
        work = spec.work(*arrays, aval, **static)
        out = np.empty(aval.shape, aval.dtype)
        dense = [np.ascontiguousarray(a) for a in arrays]
        scratch, status = np.empty(work.scratch, np.uint8), np.zeros(2, np.int64)
        memory = (*dense, out, scratch, status)
        block = np.array([*(a.ctypes.data for a in memory), *work.numbers], np.int64)
        if out.size:
            entries[text](block.ctypes.data, 0, work.items)
        if status[0]:
            index = (int(status[0]) - 1) // 2
            raise spec.error(at_user_line(f"{name}: {spec.problem.format(index)}"))
        return out

    return kernel
