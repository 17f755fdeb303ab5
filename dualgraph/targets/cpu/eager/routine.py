"""Eager kernels of routines: they call the machine code that programs call."""

import ctypes
from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from ....core.op import Kernel, Op, static_key
from ....core.types import Aval
from ....numerics.facts.routine import Routine
from ....vendor import data_address
from ..arguments import STATUS
from ..prelude import with_imports
from ..routines.registry import Work, native
from ..toolchain.native import address_of, content_name
from .threads import run_shared

_MOST_PLANS = 1024  # of one op, by shapes, dtypes and static arguments
_FAILED, _INDEX = STATUS.at("failed"), STATUS.at("index")
_CALL = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int64, ctypes.c_int64)


class _Plan(NamedTuple):
    """What is worked out once for each kind of eager call; ``pack`` writes down addresses."""

    entry: Any
    pack: Callable[..., bytes]
    numbers: bytes
    work: Work
    results: tuple[Aval, ...]
    empty: bool


_NOTHING = np.zeros(STATUS.size, np.int64)  # scratch and status of routines that need none


def kernel_of(op: Op) -> Kernel:
    """Return the eager kernel of a routine.

    It raises ``spec.error`` for what the routine found wrong, such as an index out of range.
    """
    spec: Routine = op.lower
    name, infer, (write, measure) = op.name, op.infer, native(spec)
    updates, may_fail, check = spec.updates, spec.may_fail, spec.check
    plans: dict[Any, _Plan] = {}

    def make(key: Any, arrays: tuple[np.ndarray, ...], static: dict[str, Any]) -> _Plan:
        inferred = infer(*arrays, **static)
        avals = inferred if op.several else (inferred,)
        text = with_imports(write(*arrays, *avals, **static))
        entry = _CALL(address_of(text, content_name(name, text)))
        work = measure(*arrays, *avals, **static)
        pack = Struct(f"{len(arrays) - updates + len(avals) + 2}q").pack
        numbers = np.array(work.numbers, np.int64).tobytes()
        empty = not any(aval.size for aval in avals)
        if len(plans) >= _MOST_PLANS:
            plans.clear()
        plan = plans[key] = _Plan(entry, pack, numbers, work, avals, empty)
        return plan

    def kernel(*arrays: np.ndarray, **static: Any) -> Any:
        if check is not None:
            check(*arrays, **static)
        key = tuple([(a.dtype, a.shape) for a in arrays]), static_key(static)
        plan = plans.get(key) or make(key, arrays, static)
        outs = [np.empty(shape, dtype) for shape, dtype in plan.results]
        if updates:
            outs[0][...] = arrays[0]
        dense = [a if a.flags.c_contiguous else a.copy() for a in arrays[updates:]]
        work = plan.work
        scratch = np.empty(work.scratch, np.uint8) if work.scratch else _NOTHING
        status = np.zeros(STATUS.size, np.int64) if may_fail else _NOTHING
        block = plan.pack(*map(data_address, (*dense, *outs, scratch, status))) + plan.numbers
        if not plan.empty:
            run_shared(plan.entry, block, work.items, work.grain)
        if may_fail and status[_FAILED]:
            raise spec.error(f"{name}: {spec.problem.format(status[_INDEX])}")
        return tuple(outs) if op.several else outs[0]

    return kernel
