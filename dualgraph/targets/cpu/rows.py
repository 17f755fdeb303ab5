"""What a program is made of: rows that call one kernel on one argument block."""

from collections.abc import Callable
from dataclasses import dataclass, field

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


@dataclass(slots=True, eq=False)
class Row:
    """One call: kernel source, its arguments, how many work items, and how to split them."""

    text: str
    prefix: str
    arguments: list[int | Ref]
    items: int
    grain: int  # items of one chunk when threads share the row
    reads: list[Buffer]
    writes: list[Buffer]
    nodes: list[Node] = field(default_factory=list)
    may_fail: bool = False
    name: str = ""
    address: int = 0
    library: Callable[..., np.ndarray] | None = None  # called from Python, between native segments
