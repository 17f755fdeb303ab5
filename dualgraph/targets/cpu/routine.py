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
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from ...errors import AxisError, DualgraphError
from ...vendor import data_address
from .prelude import with_imports
from .threads import run_shared
from .toolchain.native import address_of, content_name

_MOST_PLANS = 1024  # of one op, by shapes, dtypes and static arguments
_CALL = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int64, ctypes.c_int64)


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


class _Plan(NamedTuple):
    """What is worked out once for each kind of eager call; ``pack`` writes down addresses."""

    entry: Any
    pack: Callable[..., bytes]
    numbers: bytes
    work: Work
    shape: tuple[int, ...]
    dtype: np.dtype
    empty: bool


_NOTHING = np.zeros(3, np.int64)  # scratch memory and status words of routines that need none


def eager_kernel(name: str, spec: Routine, infer: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Return the eager kernel of an op: it calls the machine code that programs call.

    Raises ``spec.error`` for what the routine found wrong, such as an index out of range.
    """
    plans: dict[Any, _Plan] = {}

    def make(key: Any, arrays: tuple[np.ndarray, ...], static: dict[str, Any]) -> _Plan:
        aval = infer(*arrays, **static)
        text = with_imports(spec.text(*arrays, aval, **static))
        entry = _CALL(address_of(text, content_name(name, text)))
        work = spec.work(*arrays, aval, **static)
        pack = Struct(f"{len(arrays) - spec.updates + 3}q").pack
        numbers = np.array(work.numbers, np.int64).tobytes()
        empty = 0 in aval.shape
        if len(plans) >= _MOST_PLANS:
            plans.clear()
        plan = plans[key] = _Plan(entry, pack, numbers, work, aval.shape, aval.dtype, empty)
        return plan

    def kernel(*arrays: np.ndarray, **static: Any) -> np.ndarray:
        key = tuple([(a.dtype, a.shape) for a in arrays]), repr(static)  # 1, 1.0 and True differ
        plan = plans.get(key) or make(key, arrays, static)
        out = np.empty(plan.shape, plan.dtype)
        if spec.updates:
            out[...] = arrays[0]
        dense = [a if a.flags.c_contiguous else a.copy() for a in arrays[spec.updates :]]
        work = plan.work
        scratch = np.empty(work.scratch, np.uint8) if work.scratch else _NOTHING
        status = np.zeros(3, np.int64) if spec.may_fail else _NOTHING
        block = plan.pack(*map(data_address, (*dense, out, scratch, status))) + plan.numbers
        if not plan.empty:
            run_shared(plan.entry, block, work.items, work.grain)
        if spec.may_fail and status[0]:
            raise spec.error(f"{name}: {spec.problem.format(status[2])}")
        return out

    return kernel
