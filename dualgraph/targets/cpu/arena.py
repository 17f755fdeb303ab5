"""Memory planning: one arena for a program, places shared by buffers that never live together.

Liveness is over rows. Best fit among the gaps of what is alive, as in Pisarchyk and Lee, "Efficient
memory management for deep neural net inference" (2020), greedy by row. Buffers start on cache
lines, and large ones are moved off multiples of 4096 bytes, where loads falsely depend on stores.
"""

from bisect import bisect_left, insort
from heapq import heappop, heappush

from .rows import Buffer, Row

ALIGNMENT = 64
PAGE = 4096


class Gaps:
    """What is free below the end of all that is alive: by size, by start, by end."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []  # (bytes, start), sorted
        self.ends: dict[int, int] = {}
        self.starts: dict[int, int] = {}
        self.top = 0

    def take(self, need: int) -> int:
        """Return the start of the smallest gap that fits (the first of such), or the top."""
        at = bisect_left(self.sizes, (need, -1))
        if at == len(self.sizes):
            self.top += need
            return self.top - need
        size, start = self.sizes[at]
        self._remove(start, start + size)
        if size > need:
            self._add(start + need, start + size)
        return start

    def give(self, start: int, end: int) -> None:
        """Free a place, joining it with the gaps beside it."""
        if start in self.starts:
            left = self.starts[start]
            self._remove(left, start)
            start = left
        if end in self.ends:
            right = self.ends[end]
            self._remove(end, right)
            end = right
        if end == self.top:
            self.top = start
        else:
            self._add(start, end)

    def _add(self, start: int, end: int) -> None:
        insort(self.sizes, (end - start, start))
        self.ends[start], self.starts[end] = end, start

    def _remove(self, start: int, end: int) -> None:
        del self.sizes[bisect_left(self.sizes, (end - start, start))]
        del self.ends[start], self.starts[end]


def plan(rows: list[Row]) -> int:
    """Give every arena buffer an offset; return the bytes of the arena."""
    first, last = _lifetimes(rows)
    alive: list[tuple[int, int, int]] = []  # (last row, start, end), a heap
    gaps = Gaps()
    size = 0
    for buffer in sorted(first, key=lambda b: (first[b], -b.nbytes)):
        while alive and alive[0][0] < first[buffer]:
            gaps.give(*heappop(alive)[1:])
        need = _padded(buffer.nbytes)
        buffer.offset = gaps.take(need)
        heappush(alive, (last[buffer], buffer.offset, buffer.offset + need))
        size = max(size, gaps.top)
    return size


def _lifetimes(rows: list[Row]) -> tuple[dict[Buffer, int], dict[Buffer, int]]:
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for i, row in enumerate(rows):
        for buffer in (*row.reads, *row.writes):
            if buffer.kind == "arena":
                first.setdefault(buffer, i)
                last[buffer] = i
    return first, last


def _padded(nbytes: int) -> int:
    size = max(1, -(-nbytes // ALIGNMENT)) * ALIGNMENT
    return size + ALIGNMENT if size % PAGE == 0 else size
