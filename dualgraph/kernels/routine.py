"""Native routines over dense operands: one text, one machine code, called by both frontends.

A `Routine` is for what is neither element-wise, nor a reduction, nor a product: sorting, pooling,
scatters. Its kernel reads every input and writes its output in row-major memory.

The argument block holds addresses, then numbers: the inputs in order, the output, scratch memory,
the status words, and then ``Work.numbers``. The kernel does the items from ``lo`` up to ``hi``;
what it does for one item must not depend on the others, for threads share them out.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import AxisError, DualgraphError, at_user_line
from .native import address_of, content_name
from .prelude import with_imports
from .threads import run_shared

_MOST_PLANS = 1024  # of one op, by shapes, dtypes and static arguments
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
    may_fail: bool = False  # for an index k out of range: status[2] = k, then status[0] = 1
    updates: bool = False  # the output starts as a copy of the first input, which the block omits
    problem: str = "index {} is out of range"  # what is wrong with k
    error: type[DualgraphError] = AxisError


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]  # half the time of .ctypes.data


def eager_kernel(name: str, spec: Routine, infer: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Return the eager kernel of an op: it calls the machine code that programs call.

    Raises ``spec.error`` for what the routine found wrong, such as an index out of range.
    """
    plans: dict[Any, tuple[Any, Work, Any]] = {}

    def plan(arrays: tuple[np.ndarray, ...], static: dict[str, Any]) -> tuple[Any, Work, Any]:
        """Return entry, work and the output's aval: worked out once for each kind of call."""
        key = tuple([(a.dtype, a.shape) for a in arrays]), repr(static)  # 1, 1.0 and True differ
        found = plans.get(key)
        if found is None:
            if len(plans) >= _MOST_PLANS:
                plans.clear()
            found = plans[key] = make(arrays, static)
        return found

    def make(arrays: tuple[np.ndarray, ...], static: dict[str, Any]) -> tuple[Any, Work, Any]:
        aval = infer(*arrays, **static)
        text = with_imports(spec.text(*arrays, aval, **static))
        entry = _CALL(address_of(text, content_name(name, text)))
        return entry, spec.work(*arrays, aval, **static), aval

    def kernel(*arrays: np.ndarray, **static: Any) -> np.ndarray:
        entry, work, aval = plan(arrays, static)
        out = np.empty(aval.shape, aval.dtype)
        if spec.updates:
            out[...] = arrays[0]
        dense = [np.ascontiguousarray(a) for a in arrays[spec.updates :]]
        scratch, status = np.empty(work.scratch, np.uint8), np.zeros(3, np.int64)
        memory = (*dense, out, scratch, status)
        block = np.array([*map(_address, memory), *work.numbers], np.int64)
        if out.size:
            run_shared(entry, _address(block), work.items, work.grain)
        if status[0]:
            raise spec.error(at_user_line(f"{name}: {spec.problem.format(status[2])}"))
        return out

    return kernel
