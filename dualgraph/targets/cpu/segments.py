"""The steps of a program: runs of native rows, and calls of libraries between them."""

from dataclasses import dataclass

import numpy as np

from ...core.types import Aval
from .driver import HEADER, ROW
from .rows import Ref, Row


@dataclass(slots=True, eq=False)
class Segment:
    """Rows that one native call runs; ``first`` is the position of the first one."""

    first: int
    header: np.ndarray
    address: int
    shares: bool  # some row is long enough for several threads


@dataclass(slots=True, eq=False)
class LibraryCall:
    """One row that is a call of Python: the operands are read in place, the result is copied."""

    row: Row

    def run(self, arrays: tuple[np.ndarray, ...], arena: np.ndarray) -> None:
        """Call the library on the operands, which lie in the arena or in the given arrays."""
        assert self.row.library is not None
        node = self.row.nodes[0]
        refs = [a for a in self.row.arguments if isinstance(a, Ref)]
        avals = [*(value.aval for value in node.inputs), *node.results]
        found = [_array(r, aval, arrays, arena) for r, aval in zip(refs, avals, strict=True)]
        count = len(node.inputs)
        for target, array in zip(found[count:], self.row.library(*found[:count]), strict=True):
            np.copyto(target, array)


def _array(ref: Ref, aval: Aval, arrays: tuple[np.ndarray, ...], arena: np.ndarray) -> np.ndarray:
    """Return the memory of a value as an array of its shape."""
    buffer = ref.buffer
    if buffer.kind == "object":
        raw, start = arrays[buffer.index].reshape(-1).view(np.uint8), ref.offset
    else:
        raw, start = arena, buffer.offset + ref.offset
    stop = start + aval.size * aval.dtype.itemsize
    return raw[start:stop].view(aval.dtype).reshape(aval.shape)


def cut(
    rows: list[Row], starts: dict[str, int], patches: int, shares: list[bool]
) -> list[Segment | LibraryCall]:
    """Return the steps that run the rows in order; without library calls there is one."""
    steps: list[Segment | LibraryCall] = []
    first = 0
    for i in [*(i for i, r in enumerate(rows) if r.library is not None), len(rows)]:
        if i > first or not rows:
            steps.append(_segment(first, i, starts, patches, any(shares[first:i])))
        if i < len(rows):
            steps.append(LibraryCall(rows[i]))
        first = i + 1
    return steps


def _segment(first: int, stop: int, starts: dict[str, int], patches: int, shares: bool) -> Segment:
    words = HEADER.pack(
        rows=starts["rows"] + 8 * ROW.size * first,
        row_count=stop - first,
        patches=starts["patches"],
        patch_count=patches,
        status=starts["status"],
    )
    header = np.array(words, np.int64)
    return Segment(first, header, header.ctypes.data, shares)
