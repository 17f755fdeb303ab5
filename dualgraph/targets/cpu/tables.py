"""The tables that the driver reads: rows, their argument blocks, patches, moves of loops."""

from collections.abc import Iterable

import numpy as np

from .arguments import LOOP, MOVE
from .driver import PATCH, ROW
from .rows import Buffer, Loop, Ref, Row, Word

FEWEST_CHUNKS = 4  # waking a thread costs some 10 us: a smaller row is quicker alone


class Tables:
    """The rows of a program laid out in memory; ``starts`` are the addresses of its buffers."""

    def __init__(self, rows: list[Row], starts: dict[str, int]) -> None:
        self.starts = starts
        self.blocks = np.zeros(max(1, sum(len(r.arguments) for r in rows)), np.int64)
        self.rows = np.zeros((max(1, len(rows)), ROW.size), np.int64)
        self._patches: list[list[int]] = []
        self._loops: dict[Loop, int] = {}  # where the block of each begins
        self._moves: dict[Loop, list[list[int]]] = {}
        self.spans = _spans(rows)
        at = 0
        for i, row in enumerate(rows):
            self._place(i, row, at)
            at += len(row.arguments)
        self.patches = _table(self._patches, PATCH.size)
        self.moves = [self._link(loop) for loop in self._loops]

    @property
    def patch_count(self) -> int:
        """How many words get their address at every call."""
        return len(self._patches)

    def _place(self, i: int, row: Row, at: int) -> None:
        if row.loop is None:
            self.rows[i] = ROW.pack(
                kernel=row.address, block=self._address(at), items=row.items,
                grain=grain_of(row), may_fail=row.may_fail,
            )  # fmt: skip
        else:
            begin = self._loops.setdefault(row.loop, at)
            self.rows[i] = self._jump(i, row.loop, self._address(begin))
        for j, argument in enumerate(row.arguments):
            self.blocks[at + j] = self._word(argument, self._address(at + j))

    def _jump(self, i: int, loop: Loop, block: int) -> list[int]:
        """Return the row that begins or ends a loop: how far to go on, inside and behind it."""
        first, last = self.spans[loop]
        inside, behind = (1, last - first + 1) if i == first else (first + 1 - last, 1)
        return ROW.pack(kernel=0, block=block, items=inside, grain=behind, may_fail=0)

    def _word(self, argument: Word, slot: int) -> int:
        """Return a word of a block; one that is known at the call or in a step gets it there."""
        if isinstance(argument, int):
            return argument
        buffer: Buffer = argument.buffer
        if buffer.kind == "object":
            words = PATCH.pack(slot=slot, object=buffer.index, offset=argument.offset)
            self._patches.append(words)
            return 0
        if buffer.loop is not None:
            self._move(buffer.loop, buffer, argument, slot)
            return 0
        return self.starts[buffer.kind] + max(buffer.offset, 0) + argument.offset

    def _move(self, loop: Loop, buffer: Buffer, argument: Ref, slot: int) -> None:
        base = self._address(self._loops[loop] + LOOP.size + buffer.index)
        stride = loop.bases[buffer.index].stride
        words = MOVE.pack(slot=slot, base=base, offset=argument.offset, stride=stride)
        self._moves.setdefault(loop, []).append(words)

    def _link(self, loop: Loop) -> np.ndarray:
        """Tell a loop where its moves are."""
        moves, at = self._moves.get(loop, []), self._loops[loop]
        table = _table(moves, MOVE.size)
        self.blocks[at + LOOP.at("moves")] = table.ctypes.data
        self.blocks[at + LOOP.at("move_count")] = len(moves)
        return table

    def _address(self, at: int) -> int:
        return self.blocks.ctypes.data + 8 * at


def _spans(rows: Iterable[Row]) -> dict[Loop, tuple[int, int]]:
    """Return the positions of the rows that begin and end each loop."""
    spans: dict[Loop, tuple[int, int]] = {}
    for i, row in enumerate(rows):
        if row.loop is not None:
            first, _ = spans.get(row.loop, (i, i))
            spans[row.loop] = first, i
    return spans


def _table(rows: list[list[int]], width: int) -> np.ndarray:
    return np.array(rows or [[0] * width], np.int64)


def grain_of(row: Row) -> int:
    """Return the items of one chunk; all of them when the row is not worth sharing."""
    return row.grain if row.items >= FEWEST_CHUNKS * row.grain else max(1, row.items)


def is_shared(row: Row) -> bool:
    """Tell whether a row is long enough for several threads."""
    return row.items > grain_of(row)
