"""`apply`: the one place through which every op goes. It knows no op and no frontend.

A frontend is an object with ``run(op, tensors, static)``, which computes or appends a node,
``composite(op, tensors, static)``, which does so for an op made of others, ``record(op, tensors,
static, out)``, which puts the op on the tape, and ``literal(number, dtype)``.
The eager one is installed when `dualgraph.eager` is imported; the tracer takes its place while a
function is traced. Which one is active, and whether gradients are recorded, is state of the thread.
"""

import threading
from typing import Any

from .op import Op


class ThreadState(threading.local):
    """What is switched per thread: the active frontend and the grad mode."""

    frontend: Any = None
    grad_enabled: bool = True
    tracing: bool = False
    inference: bool = False  # nothing may switch the grad mode on
    anomaly: bool = False  # remember where ops were recorded
    check_nan: bool = True  # in anomaly mode: look for NaN in backward
    saved_hooks: Any = None  # what packs and unpacks what the tape keeps
    unpacked: Any = None  # (node, saved tensors that were unpacked in its visit)
    stream: Any = None  # the generator that stands for the default one (loading of data)
    visiting: Any = None  # the tape node whose rule runs in a backward walk


state = ThreadState()


def install(frontend: Any) -> None:
    """Make this the frontend that every thread starts with."""
    ThreadState.frontend = frontend


def apply(op: Op, *tensors: Any, **static: Any) -> Any:
    """Run or record one op on tensors; ``static`` must be hashable.

    Returns a tensor, or a tuple of them from an op with several results.
    """
    return state.frontend.run(op, tensors, static)


def compose(op: Op, *tensors: Any, **static: Any) -> Any:
    """Run an op whose kernel is made of other ops; the tape holds it as one node."""
    enabled = state.grad_enabled
    state.grad_enabled = False
    try:
        out = state.frontend.composite(op, tensors, static)
    finally:
        state.grad_enabled = enabled
    out = tuple(map(owned, out)) if op.several else owned(out)
    state.frontend.record(op, tensors, static, out)
    return out


def owned(x: Any) -> Any:
    """Return a view of a tensor that nobody else holds, the tape included, as one of its own."""
    return state.frontend.owned(x)


def literal(number: bool | int | float, dtype: Any) -> Any:
    """Return a 0-d tensor that holds a Python number; traced, it becomes a constant."""
    return state.frontend.literal(number, dtype)
