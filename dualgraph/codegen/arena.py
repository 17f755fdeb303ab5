"""Memory planning: one arena for a program, places shared by buffers that never live together.

Liveness is over rows. Best fit among the gaps of what is alive, as in Pisarchyk and Lee, "Efficient
memory management for deep neural net inference" (2020), greedy by row. Buffers start on cache
lines, and large ones are moved off multiples of 4096 bytes, where loads falsely depend on stores.
"""

from .rows import Buffer, Row

ALIGNMENT = 64
PAGE = 4096


def plan(rows: list[Row]) -> int:
    """Give every arena buffer an offset; return the bytes of the arena."""
    first, last = _lifetimes(rows)
    alive: list[Buffer] = []
    size = 0
    for buffer in sorted(first, key=lambda b: (first[b], -b.nbytes)):
        alive = [b for b in alive if last[b] >= first[buffer]]
        buffer.offset = _best_gap(alive, buffer.nbytes)
        size = max(size, buffer.offset + _padded(buffer.nbytes))
        alive.append(buffer)
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


def _best_gap(alive: list[Buffer], nbytes: int) -> int:
    """Return the start of the smallest gap that fits, or the end of all that is alive."""
    need = _padded(nbytes)
    start, best, best_size = 0, -1, -1
    for buffer in sorted(alive, key=lambda b: b.offset):
        gap = buffer.offset - start
        if gap >= need and (best < 0 or gap < best_size):
            best, best_size = start, gap
        start = max(start, buffer.offset + _padded(buffer.nbytes))
    return start if best < 0 else best
