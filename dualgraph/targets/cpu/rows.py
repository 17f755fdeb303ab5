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
    kind: str  # "arena", "object" (an array passed at each call), "status"
    index: int = -1  # which object
    offset: int = -1  # where in the arena
    label: str = ""


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
