"""What a program is made of: rows that call one kernel on one argument block."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...ir.graph import Node


@dataclass(slots=True, eq=False)
class Buffer:
    """Memory that kernels read and write: of an input, of an output, or in the arena."""

    nbytes: int
    kind: str  # "arena", "object" (an array passed at each call), "status", "step" (of a loop)
    index: int = -1  # which object, or which base of the loop
    offset: int = -1  # where in the arena
    label: str = ""
    loop: "Loop | None" = None  # whose steps each have a part of a base


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of a place in a buffer."""

    buffer: Buffer
    offset: int = 0  # bytes


Word = int | Ref  # of an argument block


class Cost(NamedTuple):
    """What one call has to do, and how threads may share it."""

    items: int  # independent of each other
    per_item: int  # the work of one, in a unit of the family: elements, or operations
    chunk: int  # the work of one chunk: below some 20 us a thread costs more than it brings

    @property
    def grain(self) -> int:
        """The items of one chunk."""
        return max(1, self.chunk // max(1, self.per_item))


class Base(NamedTuple):
    """Memory that a loop walks: every step has the part that many bytes after the one before."""

    start: Ref
    stride: int


@dataclass(slots=True, eq=False)
class Loop:
    """Rows that run once for each step, between a row that begins them and one that ends them."""

    length: int
    reverse: bool
    bases: list[Base]


@dataclass(slots=True, eq=False)
class Row:
    """One call: kernel source, its arguments, how many work items, and how to split them."""

    text: str
    prefix: str
    arguments: list[Word]
    items: int
    grain: int  # items of one chunk when threads share the row
    reads: list[Buffer]
    writes: list[Buffer]
    nodes: list[Node] = field(default_factory=list[Node])
    may_fail: bool = False
    name: str = ""
    address: int = 0
    library: Callable[..., tuple[np.ndarray, ...]] | None = None  # called between segments
    loop: Loop | None = None  # this row begins or ends it, and calls nothing

    @property
    def native(self) -> bool:
        """Whether the row calls a kernel."""
        return self.library is None and self.loop is None
