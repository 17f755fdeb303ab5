"""Where the outputs of a graph go."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fresh:
    """An output that gets memory of its own at every call."""


@dataclass(frozen=True, slots=True)
class Write:
    """An output that is written into the memory of input ``target``."""

    target: int


Destination = Fresh | Write
