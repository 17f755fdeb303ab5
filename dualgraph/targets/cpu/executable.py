"""A compiled program: rows of kernels over one arena, run by one native call.

An op that is a call of a library cuts the program: the rows before it and after it are segments of
their own, each run by one native call.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...config import settings
from ...errors import LinAlgError
from ...ir.graph import Graph, Node
from ..protocol import Cost, Summary, described
from .driver import shared_driver, use_threads
from .families.base import Group
from .families.table import family_of
from .rows import Row
from .segments import LibraryCall, Segment

_ONE_AT_A_TIME = threading.Lock()  # not every threading layer of Numba may be entered twice


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
            if not row.native:
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
        lines: list[str] = []
        depth = 0
        for row in self.rows:
            ends = row.loop is not None and not row.nodes
            depth -= ends
            lines += [f"{'    ' * depth}{line}" for line in _shown(row) if not ends]
            depth += row.loop is not None and not ends
        kernels = [k.source.replace("KERNEL", k.name) for k in self.kernels]
        return "\n".join([*lines, "", "", *kernels])

    def inspect(self) -> Summary:
        """Return what reports say of it."""
        return Summary(
            calls=sum(row.loop is None for row in self.rows),
            kernels=len(self.kernels),
            fused_ops=self.fused_ops,
            arena_bytes=self.arena_bytes,
            native_calls=self.native_calls,
            library_calls=tuple(self.library_calls),
            source=self.source,
        )

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
            words: list[int] = self.status.tolist()
            failed, row, index = words
            if failed:
                self._raise(index, self.rows[segment.first + row])

    def _call(self, call: LibraryCall, arrays: tuple[np.ndarray, ...]) -> None:
        try:
            call.run(arrays, self.memory[0])
        except np.linalg.LinAlgError as error:
            raise LinAlgError(f"{error} in a compiled function ({_where(call.row)})") from error

    def _raise(self, index: int, row: Row) -> None:
        node = next(n for n in row.nodes if n.op.lower.may_fail)
        error, problem = family_of(node).refusal(node)
        raise error(f"{problem.format(index)} in a compiled function ({_where(row)})")


def _where(row: Row) -> str:
    blamed = [described(n) for n in row.nodes if n.op.lower.may_fail]
    return "; ".join(dict.fromkeys(blamed))


def _shown(row: Row) -> list[str]:
    """Return the lines of a row: the nodes that it computes, and its call."""
    lines = [f"# {n.op.name} -> {_types(n)}  {n.source} {n.path}".rstrip() for n in row.nodes]
    if row.loop is not None:
        steps = f"range({row.loop.length})"
        return [*lines, f"for step in {f'reversed({steps})' if row.loop.reverse else steps}:"]
    if row.library is None:
        return [*lines, f"{row.name}(arguments, 0, {row.items})"]
    return [*lines, f"{row.text}  # leaves native code: a library call"]


def _types(node: Node) -> str:
    return ", ".join(map(repr, node.results))
