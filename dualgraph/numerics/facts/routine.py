"""Ops whose computation has a name: a target says how it does it, or refuses the record.

What such a name stands for is said where a target writes it; its bits are part of the op all the
same. What works line by line is a `Line`, what iterates until it converges a `Library`, everything
else (sorting, pooling, scatters, factorizations) a `Routine`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...core.op import Facts
from ...errors import AxisError, DualgraphError


@dataclass(frozen=True, slots=True)
class Routine(Facts):
    """A routine over dense operands; what it refuses becomes ``error``."""

    name: str
    may_fail: bool = False
    updates: bool = False  # the result starts as a copy of the first input
    problem: str = "index {} is out of range"  # what is wrong with the number that it reports
    error: type[DualgraphError] = AxisError
    check: Callable[..., None] | None = None  # of values, where eager can name more than a number


@dataclass(frozen=True, slots=True)
class Line(Facts):
    """Something that goes along one axis, line by line, in one plain ascending chain."""

    name: str
    scalar_output: bool = False  # the axis is dropped
    output: np.dtype | None = None  # None: the input's dtype

    def output_type(self, dtype: np.dtype) -> np.dtype:
        """Return the dtype of the result."""
        return self.output or dtype


@dataclass(frozen=True, slots=True)
class Library(Facts):
    """A call of a library that a compiled program leaves native code for."""

    name: str
    may_fail = True


def qr_extents(m: int, n: int, mode: str) -> tuple[int, int]:
    """Return the columns of Q and the rows of R that this form of a factorization has."""
    return {"reduced": (min(m, n),) * 2, "complete": (m, m), "r": (0, min(m, n))}[mode]
