"""How this target does the routines that records name: one machine code for both frontends.

A routine is for what is neither element-wise, nor a reduction, nor a product: sorting, pooling,
scatters. Its kernel reads every input and writes its results in row-major memory.

The argument block holds addresses, then numbers: the inputs in order, the results, scratch memory,
the status words, and then ``Work.numbers``. The kernel does the items from ``lo`` up to ``hi``;
what it does for one item must not depend on the others, for threads share them out. One that
finds an index k out of range writes it to the status words, then that it failed.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ....errors import CompileError
from ....numerics.facts.routine import Routine
from ..arguments import STATUS, Block
from ..prelude import suffix


class Work(NamedTuple):
    """What one call has to do."""

    numbers: tuple[int, ...]
    items: int
    grain: int  # items of one chunk when threads share them: some 20 us of work
    scratch: int = 0  # bytes


class Arguments:
    """The argument block of a routine: its inputs, results, scratch, status, then numbers."""

    def __init__(
        self, inputs: str, numbers: str = "", *, results: str = "out", **counts: int
    ) -> None:
        """Name the inputs and the numbers of one word; ``counts`` are numbers of several."""
        own = {**dict.fromkeys(numbers.split(), 1), **counts}
        self.numbers = Block(**own)
        self.block = Block(**dict.fromkeys(f"{inputs} {results} scratch status".split(), 1), **own)
        self.words = self.block.words()

    def fill(self, template: str, dtype: np.dtype, **more: object) -> str:
        """Return the text of a template for one dtype.

        In it ``{a.n}`` reads the word named n, ``{status.index}`` notes what is wrong if the
        kernel has a pointer of that name, ``{s}`` is the dtype's suffix and ``{z}`` its size.
        """
        return template.format(
            a=self.words, status=_STATUS, s=suffix(dtype), z=dtype.itemsize, **more
        )

    def pack(self, **words: int | Sequence[int]) -> tuple[int, ...]:
        """Return the numbers of a call, for `Work`."""
        return tuple(self.numbers.pack(**words))


_STATUS = STATUS.words("status")


class Native(NamedTuple):
    """How to write and to call a kernel; both rules get ``(*avals, **static)``.

    The avals are those of the inputs, then of the results.

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
