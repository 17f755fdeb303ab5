"""The table of all public ops, by family; every op suite is driven by it."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from tests.ops.op_row import DTYPES, Row, Sample
from tests.ops.rows import (
    activations,
    arithmetic,
    attention,
    axes,
    bitwise,
    contract,
    convolution,
    creation,
    diagonals,
    elementary,
    elementwise,
    functional,
    indexing,
    joining,
    linalg,
    losses,
    normalization,
    pooling,
    random,
    reductions,
    resizing,
    scans,
    scattering,
    shape,
    sorting,
    special,
    statistics,
    windows,
)

FAMILIES: tuple[ModuleType, ...] = (
    elementwise,
    elementary,
    arithmetic,
    bitwise,
    activations,
    reductions,
    scans,
    sorting,
    statistics,
    shape,
    indexing,
    scattering,
    contract,
    linalg,
    creation,
    functional,
    special,
    windows,
    axes,
    joining,
    diagonals,
    random,
    convolution,
    pooling,
    normalization,
    resizing,
    losses,
    attention,
)
ROWS: tuple[Row, ...] = tuple(row for family in FAMILIES for row in family.ROWS)


@dataclass(frozen=True)
class Case:
    """One call that a suite makes: a row, one of its samples, a dtype."""

    row: Row
    sample: Sample
    dtype: str

    def __str__(self) -> str:
        return f"{self.row.name}[{self.sample.label}]{self.dtype}"

    def arrays(self) -> list[np.ndarray]:
        """Return the input arrays."""
        return self.row.arrays(self.sample, self.dtype)


def cases(dtypes: tuple[str, ...] = DTYPES, differentiable: bool = False) -> list[Case]:
    """Return every call of the table in some dtypes."""
    return [
        Case(row, sample, dtype)
        for row in ROWS
        if row.differentiable or not differentiable
        for sample in row.samples
        for dtype in sample.only or row.dtypes
        if dtype in dtypes
    ]
