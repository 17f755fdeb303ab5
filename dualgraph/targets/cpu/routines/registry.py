"""How this target does the routines that records name: one machine code for both frontends.

A routine is for what is neither element-wise, nor a reduction, nor a product: sorting, pooling,
scatters. Its kernel reads every input and writes its output in row-major memory.

The argument block holds addresses, then numbers: the inputs in order, the output, scratch memory,
the status words, and then ``Work.numbers``. The kernel does the items from ``lo`` up to ``hi``;
what it does for one item must not depend on the others, for threads share them out. One that
finds an index k out of range writes status[2] = k, then status[0] = 1.
"""

from collections.abc import Callable
from typing import NamedTuple

from ....errors import CompileError
from ....numerics.facts.routine import Routine


class Work(NamedTuple):
    """What one call has to do."""

    numbers: tuple[int, ...]
    items: int
    grain: int  # items of one chunk when threads share them: some 20 us of work
    scratch: int = 0  # bytes


class Native(NamedTuple):
    """How to write and to call a kernel; both rules get ``(*avals of inputs, out, **static)``.

    ``text`` gives ``def KERNEL(args, lo, hi): ...`` and should depend on dtypes and structure only,
    not on extents: those are numbers, so that one kernel serves all shapes.
    """

    text: Callable[..., str]
    work: Callable[..., Work]


_ROUTINES: dict[str, Native] = {}


def register(name: str, text: Callable[..., str], work: Callable[..., Work]) -> None:
    """Say how a routine is done; each has one text."""
    if name in _ROUTINES:
        raise CompileError(f"the routine {name!r} is written twice")
    _ROUTINES[name] = Native(text, work)


def native(spec: Routine) -> Native:
    """Return how a routine is done; raise `CompileError` for one that nobody wrote."""
    try:
        return _ROUTINES[spec.name]
    except KeyError:
        raise CompileError(f"the CPU has no routine {spec.name!r}") from None
