"""`apply`: the one place through which every op goes. It knows no op and no frontend.

The eager frontend is installed when `dualgraph.eager` is imported; the tracer takes its place while
a function is traced. Which one is active, and whether gradients are recorded, is state of the
thread.
"""

import threading
from collections.abc import Callable
from functools import lru_cache
from math import copysign
from typing import Any, NamedTuple, TypeVar, TypeVarTuple, Unpack

import numpy as np

from ..errors import ArgumentError
from .frontend import Frontend
from .op import Op
from .tensor import GradFn, TensorBase, owned
from .types import numpy_dtype

Args = TypeVarTuple("Args")
Out = TypeVar("Out")


class SavedHooks(NamedTuple):
    """What a thread does with tensors that the tape keeps."""

    pack: Callable[[Any], object]  # gives what is kept in place of a tensor
    unpack: Callable[[Any], object]  # gives the tensor again
    faithful: bool  # what comes back has the bits of what was given


class ThreadState(threading.local):
    """What is switched per thread: the active frontend and the grad mode."""

    frontend: Frontend
    grad_enabled: bool = True
    tracing: bool = False
    inference: bool = False  # nothing may switch the grad mode on
    anomaly: bool = False  # remember where ops were recorded
    check_nan: bool = True  # in anomaly mode: look for NaN in backward
    saved_hooks: SavedHooks | None = None  # what packs and unpacks what the tape keeps
    counts: dict[TensorBase, list[int]] | None = None  # in a trace: see `grad.saved.count_here`
    visiting: GradFn | None = None  # the tape node whose rule runs in a backward walk
    unpacked: tuple[GradFn | None, dict[object, TensorBase]] | None = None  # in whose visit, what


state = ThreadState()


def install(frontend: Frontend) -> None:
    """Make this the frontend that every thread starts with."""
    ThreadState.frontend = frontend


def in_grad_mode(function: Callable[[Unpack[Args]], Out], *args: *Args, enabled: bool) -> Out:
    """Call a function with ops put on the tape, or not, whatever the mode was before.

    A function, not a context: entering and leaving one takes as long as a small op.
    """
    before = state.grad_enabled
    state.grad_enabled = enabled
    try:
        return function(*args)
    finally:
        state.grad_enabled = before


def apply(op: Op, *tensors: TensorBase, **static: Any) -> TensorBase:
    """Run or record one op on tensors; ``static`` must be hashable."""
    return state.frontend.run(op, tensors, static)


def apply_several(op: Op, *tensors: TensorBase, **static: Any) -> tuple[TensorBase, ...]:
    """Run or record an op with several results."""
    return state.frontend.run(op, tensors, static)


def compose(op: Op, *tensors: TensorBase, **static: Any) -> TensorBase:
    """Run an op whose kernel is made of other ops; the tape holds it as one node."""
    out = owned(in_grad_mode(state.frontend.composite, op, tensors, static, enabled=False))
    state.frontend.record(op, tensors, static, out)
    return out


def compose_several(op: Op, *tensors: TensorBase, **static: Any) -> tuple[TensorBase, ...]:
    """Run an op with several results whose kernel is made of other ops."""
    run = state.frontend.composite
    outs = tuple(map(owned, in_grad_mode(run, op, tensors, static, enabled=False)))
    state.frontend.record(op, tensors, static, outs)
    return outs


def assign(x: TensorBase, array: np.ndarray) -> None:
    """Overwrite the elements of a tensor with those of an array, which a trace takes as fixed."""
    state.frontend.replace(x, state.frontend.tensor(array))


def literal(number: bool | int | float, dtype: np.dtype) -> TensorBase:
    """Return a shared 0-d tensor that holds a Python number; traced, it becomes a constant."""
    return _literal(number, copysign(1.0, number), dtype)


@lru_cache(maxsize=4096)
def _literal(number: bool | int | float, sign: float, dtype: np.dtype) -> TensorBase:
    """``sign`` keeps 0.0 and -0.0 apart in the cache; 1 and 1.0 differ by dtype already."""
    if isinstance(number, float) and dtype.kind in "iu":
        ends = np.iinfo(dtype)
        if not ends.min <= number <= ends.max:  # also for NaN
            raise ArgumentError(f"{number} does not fit into {dtype.name}")
    value = np.array(number).astype(numpy_dtype(dtype))
    value.flags.writeable = False
    out = ThreadState.frontend.tensor(value)  # whatever frontend is active: literals are shared
    out.shared = True
    out.constant = number
    return out
