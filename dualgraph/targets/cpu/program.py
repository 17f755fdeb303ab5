"""The CPU as a target: from a graph to a program of native code."""

import time

import numpy as np

from ...ir.graph import Graph
from ..protocol import Cost, Destination, StagedTarget
from .arena import ALIGNMENT, plan
from .arguments import STATUS
from .driver import PATCH, ROW, serial_driver
from .executable import Program
from .families.base import Group
from .families.table import family_of
from .lower import Lowering
from .rows import Buffer, Ref, Row, Word
from .segments import cut
from .toolchain.native import address_of, content_name, prepare, stats


class Arena:
    """Values between kernels share one block of memory."""

    def plan(self, unit: Lowering) -> None:
        """Add the copies into outputs and state; give every value a place in the arena."""
        unit.finish_copies()
        unit.rows = [row for row in unit.rows if row.items > 0]
        unit.arena_bytes = plan(unit.rows)


class NativeDriver:
    """Compiles or loads the kernels of the rows; one native call runs them all."""

    def link(self, unit: Lowering) -> Program:
        """Return the program of the rows."""
        before = (stats.llvm_seconds, stats.load_seconds, stats.compiled, stats.loaded)
        native = [row for row in unit.rows if row.library is None]
        for row in unit.rows:
            row.name = row.prefix if row.library else content_name(row.prefix, row.text)
        prepare({row.name: row.text for row in native})
        for row in native:
            row.address = address_of(row.text, row.name)
        serial_driver()
        program = _assemble(unit)
        cost = program.cost
        cost.llvm = stats.llvm_seconds - before[0]
        cost.load = stats.load_seconds - before[1]
        cost.compiled = stats.compiled - before[2]
        cost.loaded = stats.loaded - before[3]
        cost.codegen = time.perf_counter() - unit.started - cost.llvm - cost.load
        return program


def _assemble(unit: Lowering) -> Program:
    rows = unit.rows
    memory = np.zeros(unit.arena_bytes + ALIGNMENT, np.uint8)
    status = np.zeros(STATUS.size, np.int64)
    base = -(-memory.ctypes.data // ALIGNMENT) * ALIGNMENT
    arena = memory[base - memory.ctypes.data :]
    starts = {"arena": base, "status": status.ctypes.data}
    blocks = np.zeros(max(1, sum(len(r.arguments) for r in rows)), np.int64)
    table = np.zeros((max(1, len(rows)), ROW.size), np.int64)
    patches: list[list[int]] = []
    at = 0
    for i, row in enumerate(rows):
        address = blocks.ctypes.data + 8 * at
        table[i] = ROW.pack(
            kernel=row.address, block=address, items=row.items, grain=_grain(row),
            may_fail=row.may_fail,
        )  # fmt: skip
        for j, argument in enumerate(row.arguments):
            if isinstance(argument, Ref) and argument.buffer.kind == "object":
                place = argument.buffer.index
                patches.append(
                    PATCH.pack(slot=address + 8 * j, object=place, offset=argument.offset)
                )
            else:
                blocks[at + j] = _word(argument, starts)
        at += len(row.arguments)
    patch_table = np.array(patches or [[0] * PATCH.size], np.int64)
    starts |= {"rows": table.ctypes.data, "patches": patch_table.ctypes.data}
    return Program(
        graph=unit.graph,
        groups=unit.groups,
        rows=rows,
        fresh=unit.fresh,
        arena_bytes=unit.arena_bytes,
        cost=Cost(),
        memory=[arena, blocks, table, patch_table],
        status=status,
        steps=cut(rows, starts, len(patches), [r.items > _grain(r) for r in rows]),
        serial=serial_driver(),
        may_fail=any(r.may_fail for r in rows),
    )


FEWEST_CHUNKS = 4  # waking a thread costs some 10 us: a smaller row is quicker alone


def _grain(row: Row) -> int:
    """Return the items of one chunk; all of them when the row is not worth sharing."""
    return row.grain if row.items >= FEWEST_CHUNKS * row.grain else max(1, row.items)


def _word(argument: Word, starts: dict[str, int]) -> int:
    if isinstance(argument, int):
        return argument
    buffer: Buffer = argument.buffer
    return starts[buffer.kind] + max(buffer.offset, 0) + argument.offset


def begin(graph: Graph, destinations: list[Destination]) -> tuple[list[Group], Lowering]:
    """Return the groups that have something to do, and the unit that collects their rows."""
    unit = Lowering(graph, destinations)
    return [group for group in unit.groups if group.family.has_work(group)], unit


CPU = StagedTarget("cpu", begin, family_of, Arena(), NativeDriver())
