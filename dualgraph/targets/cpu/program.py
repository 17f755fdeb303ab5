"""The CPU as a target: from a graph to a program of native code."""

import time

import numpy as np

from ...ir.graph import Graph
from ..protocol import Cost, Destination, StagedTarget
from .arena import ALIGNMENT, plan
from .arguments import STATUS
from .driver import serial_driver
from .executable import Program
from .families.base import Group
from .families.table import family_of
from .lower import Lowering
from .segments import cut
from .tables import Tables, is_shared
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
        native = [row for row in unit.rows if row.native]
        for row in unit.rows:
            row.name = content_name(row.prefix, row.text) if row.native else row.prefix
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
    tables = Tables(rows, starts)
    starts |= {"rows": tables.rows.ctypes.data, "patches": tables.patches.ctypes.data}
    return Program(
        graph=unit.graph,
        groups=unit.groups,
        rows=rows,
        fresh=unit.fresh,
        arena_bytes=unit.arena_bytes,
        cost=Cost(),
        memory=[arena, tables.blocks, tables.rows, tables.patches, *tables.moves],
        status=status,
        steps=cut(rows, starts, tables.patch_count, [is_shared(r) for r in rows]),
        serial=serial_driver(),
        may_fail=any(r.may_fail for r in rows),
    )


def begin(graph: Graph, destinations: list[Destination]) -> tuple[list[Group], Lowering]:
    """Return the groups that have something to do, and the unit that collects their rows."""
    unit = Lowering(graph, destinations)
    return [group for group in unit.groups if group.family.has_work(group)], unit


CPU = StagedTarget("cpu", begin, family_of, Arena(), NativeDriver())
