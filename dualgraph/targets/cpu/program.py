"""A compiled program: rows of kernels over one arena, run by one native call.

An op that is a call of a library cuts the program: the rows before it and after it are segments of
their own, each run by one native call.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...config import settings
from ...errors import LinAlgError
from ...ir.graph import Graph, Node
from .arena import ALIGNMENT, plan
from .driver import PATCH, ROW, STATUS, serial_driver, shared_driver, use_threads
from .families.base import Group
from .families.table import can_fail, family_of
from .lower import Destination, Lowered, Lowering
from .rows import Buffer, Ref, Row
from .segments import LibraryCall, Segment, cut
from .toolchain.native import address_of, content_name, prepare, stats

_ONE_AT_A_TIME = threading.Lock()  # not every threading layer of Numba may be entered twice


@dataclass(slots=True)
class Cost:
    """Seconds that building a program took, by phase, and how many kernels were new."""

    codegen: float = 0.0
    llvm: float = 0.0
    load: float = 0.0
    compiled: int = 0
    loaded: int = 0

    def phases(self) -> dict[str, float]:
        """Return the seconds by phase."""
        return {"codegen": self.codegen, "llvm": self.llvm, "load": self.load}


@dataclass(slots=True)
class Kernel:
    """One distinct native function of a program."""

    name: str
    source: str
    calls: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Program:
    """Native code for one graph. ``run(arrays)`` takes the inputs and then the fresh outputs."""

    graph: Graph
    groups: list[Group]
    rows: list[Row]
    fresh: list[Node]
    arena_bytes: int
    cost: Cost
    memory: list[np.ndarray]
    status: np.ndarray
    steps: list[Segment | LibraryCall]
    serial: Callable[[int, int, int], None]
    may_fail: bool
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __repr__(self) -> str:
        return f"<Program: {len(self.rows)} calls, {self.arena_bytes} bytes of scratch memory>"

    @property
    def kernels(self) -> list[Kernel]:
        """The distinct kernels in the order of their first call."""
        found: dict[str, Kernel] = {}
        for row in self.rows:
            if row.library is not None:
                continue
            found.setdefault(row.name, Kernel(row.name, row.text)).calls += 1
        return list(found.values())

    @property
    def shares(self) -> bool:
        """Whether some row is long enough for several threads."""
        return any(isinstance(s, Segment) and s.shares for s in self.steps)

    @property
    def library_calls(self) -> list[str]:
        """The ops that leave native code, in order; empty for nearly all programs."""
        return [s.row.prefix for s in self.steps if isinstance(s, LibraryCall)]

    @property
    def native_calls(self) -> int:
        """How many native calls one run makes: 1, and more where libraries are called."""
        return sum(isinstance(s, Segment) for s in self.steps)

    @property
    def fused_ops(self) -> int:
        """How many graph nodes share a kernel with another node."""
        return sum(len(g.nodes) for g in self.groups if len(g.nodes) > 1)

    @property
    def source(self) -> str:
        """The calls of the program in order, each with the nodes that it computes, and kernels."""
        lines = []
        for row in self.rows:
            lines += [
                f"# {n.op.name} -> {n.aval!r}  {n.source} {n.path}".rstrip() for n in row.nodes
            ]
            if row.library is None:
                lines.append(f"{row.name}(arguments, 0, {row.items})")
            else:
                lines.append(f"{row.text}  # leaves native code: a library call")
        kernels = [k.source.replace("KERNEL", k.name) for k in self.kernels]
        return "\n".join([*lines, "", "", *kernels])

    def run(self, arrays: tuple[np.ndarray, ...]) -> None:
        """Execute on C-contiguous arrays.

        Raises `AxisError` for an index out of range, `LinAlgError` for a matrix without a result.
        """
        with self.lock:
            for step in self.steps:
                if isinstance(step, Segment):
                    self._run_segment(step, arrays)
                else:
                    self._call(step, arrays)

    def _run_segment(self, segment: Segment, arrays: tuple[np.ndarray, ...]) -> None:
        if segment.shares and settings.num_threads > 1:
            with _ONE_AT_A_TIME:
                use_threads(settings.num_threads)
                shared_driver()(segment.address, id(arrays), 0)
        else:
            self.serial(segment.address, id(arrays), 0)
        if self.may_fail:
            failed, row, index = self.status.tolist()
            if failed:
                self._raise(index, self.rows[segment.first + row])

    def _call(self, call: LibraryCall, arrays: tuple[np.ndarray, ...]) -> None:
        try:
            call.run(arrays, self.memory[0])
        except np.linalg.LinAlgError as error:
            raise LinAlgError(f"{error} in a compiled function ({_where(call.row)})") from error

    def _raise(self, index: int, row: Row) -> None:
        node = next(n for n in row.nodes if can_fail(n))
        error, problem = family_of(node).refusal(node)
        raise error(f"{problem.format(index)} in a compiled function ({_where(row)})")


def _where(row: Row) -> str:
    blamed = [_described(n) for n in row.nodes if can_fail(n)]
    return "; ".join(dict.fromkeys(blamed))


def _described(node: Node) -> str:
    """Return the op, the shapes that it was given, the user's line and the module's path."""
    shapes = ", ".join(str(x.shape) for x in node.inputs)
    place = f", in module {node.path}" if node.path else ""
    return f"{node.static.get('of', node.op.name)} of shapes {shapes} at {node.source}{place}"


def build(graph: Graph, destinations: list[Destination]) -> Program:
    """Generate, compile or load the kernels of a graph, and lay out its memory."""
    start = time.perf_counter()
    before = (stats.llvm_seconds, stats.load_seconds, stats.compiled, stats.loaded)
    lowered = Lowering(graph, destinations).run()
    native = [row for row in lowered.rows if row.library is None]
    for row in lowered.rows:
        row.name = row.prefix if row.library else content_name(row.prefix, row.text)
    prepare({row.name: row.text for row in native})
    for row in native:
        row.address = address_of(row.text, row.name)
    serial_driver()
    program = _assemble(lowered)
    cost = program.cost
    cost.llvm = stats.llvm_seconds - before[0]
    cost.load = stats.load_seconds - before[1]
    cost.compiled = stats.compiled - before[2]
    cost.loaded = stats.loaded - before[3]
    cost.codegen = time.perf_counter() - start - cost.llvm - cost.load
    return program


def _assemble(lowered: Lowered) -> Program:
    rows = [r for r in lowered.rows if r.items > 0]
    size = plan(rows)
    memory = np.zeros(size + ALIGNMENT, np.uint8)
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
                patches.append(PATCH.pack(slot=address + 8 * j, object=place, offset=argument.offset))
            else:
                blocks[at + j] = _word(argument, starts)
        at += len(row.arguments)
    patch_table = np.array(patches or [[0] * PATCH.size], np.int64)
    starts |= {"rows": table.ctypes.data, "patches": patch_table.ctypes.data}
    return Program(
        graph=lowered.graph,
        groups=lowered.groups,
        rows=rows,
        fresh=lowered.fresh,
        arena_bytes=size,
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


def _word(argument: int | Ref, starts: dict[str, int]) -> int:
    if isinstance(argument, int):
        return argument
    buffer: Buffer = argument.buffer
    return starts[buffer.kind] + max(buffer.offset, 0) + argument.offset
