"""From an optimized graph to rows: buffers for values, one kernel for each group."""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from ...core.op import REGISTRY
from ...ir.graph import Graph, Node, constant
from ...numerics.facts import reduction
from ...numerics.facts.data import Gather
from ...numerics.facts.routine import Library, Routine
from ...numerics.view import Layout, Shape, row_major
from . import library
from .bodies import Access, Body, contiguous_layout, merge_axes
from .fusion import Group, fuse, may_fail
from .loops import loop_kernel
from .operands import materialize_operands
from .places import Places, is_input
from .prelude import with_imports
from .reductions import reduce_kernel, reduction_text
from .routines.registry import native
from .rows import Buffer, Ref, Row
from .texts import lines, matmul, reduce

FLOPS_PER_CHUNK = 4_000_000  # about 40 us: below this a thread costs more than it brings


@dataclass(frozen=True, slots=True)
class Fresh:
    """An output that gets memory of its own at every call."""


@dataclass(frozen=True, slots=True)
class Write:
    """An output that is written into the memory of input ``target``."""

    target: int


Destination = Fresh | Write


@dataclass(slots=True)
class Lowered:
    """The rows of a program and what it needs to run."""

    graph: Graph
    groups: list[Group]
    rows: list[Row]
    fresh: list[Node]  # outputs that get new memory, in order
    status: Buffer


class Order(NamedTuple):
    """What is read and computed when, as numbers of groups."""

    group: dict[Node, int]  # of every computed node
    last_read: dict[Node, int]  # of every root: the last group that reads it
    last_failing: int  # the last group that can refuse its input, or -1
    returned: set[Node]  # roots of the outputs


def order_of(graph: Graph, groups: list[Group], places: Places) -> Order:
    """Find out in one walk what `Lowering` asks for every state that is written."""
    group_of, last_read, last_failing = {}, {}, -1
    for i, group in enumerate(groups):
        for node in group.nodes:
            group_of[node] = i
            last_read.update((places[value].root, i) for value in node.inputs)
        if may_fail(group):
            last_failing = i
    return Order(group_of, last_read, last_failing, {places[o].root for o in graph.outputs})


class Lowering:
    """Builds the rows of one graph."""

    def __init__(self, graph: Graph, destinations: list[Destination]) -> None:
        self.graph = materialize_operands(graph)
        self.destinations = destinations
        self.places = Places()
        self.groups = fuse(self.graph, self.places)
        self.readers = self._find_readers()
        self.order = order_of(self.graph, self.groups, self.places)
        self.rows: list[Row] = []
        self.status = Buffer(8, "status")
        self.buffers: dict[Node, Buffer] = {
            node: Buffer(node.nbytes, "object", i, label=f"input {i}")
            for i, node in enumerate(self.graph.inputs)
        }
        self.fresh: list[Node] = []
        self.in_place: dict[Node, Node] = {}
        self.late: list[tuple[Node, Buffer]] = []  # copies after everything else

    def run(self) -> Lowered:
        """Return the rows for all groups, then the copies into outputs and state."""
        self._assign_homes()
        writers = {
            "loop": self._loop,
            "reduce": self._reduce,
            "gemm": self._gemm,
            "line": self._line,
            "cat": self._cat,
            "embed": self._embed,
            "overwrite": self._overwrite,
            "routine": self._routine,
            "library": self._library,
        }
        for group in self.groups:
            fails = group.family == "routine" and may_fail(group)  # also with nothing to write
            if all(n.size for n in group.nodes[-1:]) or fails:
                writers[group.family](group)
        self._finish_copies()
        return Lowered(self.graph, self.groups, self.rows, self.fresh, self.status)

    # --- where values go ---

    def _assign_homes(self) -> None:
        count = len(self.graph.inputs)
        for node, destination in zip(self.graph.outputs, self.destinations, strict=True):
            match destination:
                case Fresh():
                    buffer = Buffer(node.nbytes, "object", count + len(self.fresh))
                    buffer.label = f"output {len(self.fresh)}"
                    self.fresh.append(node)
                    self._home(node, buffer)
                case Write(target):
                    self._home_in_state(node, self.graph.inputs[target])

    def _home(self, node: Node, buffer: Buffer) -> None:
        if node.op.is_view or is_input(node) or node in self.buffers:
            self.late.append((node, buffer))
        else:
            self.buffers[node] = buffer

    def _home_in_state(self, node: Node, state: Node) -> None:
        taken = node.op.is_view or is_input(node) or node in self.buffers
        if taken or not self._may_overwrite(node, state):
            self.late.append((node, self.buffers[state]))
            return
        self.buffers[node] = self.buffers[state]
        self.in_place[node] = state

    def _may_overwrite(self, node: Node, state: Node) -> bool:
        """Tell whether nobody needs the old state after the group that computes the new one."""
        order = self.order
        if state in order.returned:
            return False
        at = order.group[node]
        group = self.groups[at]
        if group.family != "loop" or group.shape != state.shape:
            return False
        if order.last_read.get(state, -1) > at:
            return False
        if order.last_failing >= at:
            return False  # a call that fails must not have changed state
        dense = contiguous_layout(state.shape)
        return all(layout == dense for layout in self._layouts_read(group, state))

    def _layouts_read(self, group: Group, root: Node) -> list[Layout]:
        values = [(n, i) for n in group.nodes for i in n.inputs]
        found = []
        for node, value in values:
            place = self.places[value]
            if place.root is root:
                table = isinstance(node.op.lower, Gather) and value is node.inputs[0]
                found.append(place.layout if not table else Layout((), (), -1))
        return found

    def _buffer(self, node: Node) -> Buffer:
        if node not in self.buffers:
            self.buffers[node] = Buffer(node.nbytes, "arena", label=node.op.name)
        return self.buffers[node]

    def _ref(self, value: Node) -> Ref:
        place = self.places[value]
        return Ref(self._buffer(place.root), place.layout.offset * value.dtype.itemsize)

    def _add(
        self,
        text: str,
        prefix: str,
        arguments: list[int | Ref],
        items: int,
        grain: int,
        outputs: int,
        nodes: list[Node],
        *,
        may_fail: bool = False,
    ) -> None:
        """Append a row whose pointers are operands first, then ``outputs`` results."""
        refs = [a.buffer for a in arguments if isinstance(a, Ref) and a.buffer is not self.status]
        reads, writes = refs[: len(refs) - outputs], refs[len(refs) - outputs :]
        row = Row(text, prefix, arguments, items, grain, reads, writes, nodes, may_fail)
        self.rows.append(row)

    # --- kernels ---

    def _loop(self, group: Group) -> None:
        outputs = [(n, contiguous_layout(n.shape)) for n in self._leaving(group)]
        for n, _ in outputs:
            self._buffer(n)
        self._emit_loop(group.nodes, group.shape, outputs, [self.buffers[n] for n, _ in outputs])

    def _find_readers(self) -> dict[Node, set[Group | None]]:
        """Return which groups read each value; None stands for the outputs of the graph."""
        readers: dict[Node, set[Group | None]] = {}
        for node in self.graph.outputs:
            readers.setdefault(self.places[node].root, set()).add(None)
        for group in self.groups:
            for value in {i for node in group.nodes for i in node.inputs}:
                readers.setdefault(self.places[value].root, set()).add(group)
        return readers

    def _leaving(self, group: Group) -> list[Node]:
        """Return the nodes of a group that somebody outside needs."""
        return [n for n in group.nodes if self.readers.get(n, set()) - {group}]

    def _emit_loop(
        self,
        nodes: list[Node],
        shape: tuple[int, ...],
        outputs: list[tuple[Node, Layout]],
        targets: list[Buffer],
    ) -> None:
        kernel = loop_kernel(nodes, shape, outputs, self.places, self.in_place)
        reads = kernel.accesses[: len(kernel.accesses) - len(outputs)]
        pointers = [self._pointer(a) for a in reads]
        for access, buffer in zip(kernel.accesses[len(reads) :], targets, strict=True):
            pointers.append(Ref(buffer, access.offset * access.dtype.itemsize))
        arguments: list[int | Ref] = [*pointers, *kernel.numbers]
        if kernel.may_fail:
            arguments.append(Ref(self.status))
        self._add(
            kernel.text,
            "loop",
            arguments,
            kernel.items,
            kernel.grain,
            len(outputs),
            nodes,
            may_fail=kernel.may_fail,
        )

    def _pointer(self, access: Access) -> Ref:
        return Ref(self._buffer(access.node), access.offset * access.dtype.itemsize)

    def _reduce(self, group: Group) -> None:
        node = group.nodes[-1]
        axes = node.static["axes"]
        text, accesses, strides = reduce_kernel(group.nodes, axes, self.places)
        p, n, q = reduction.extents(node.inputs[0].shape, axes)
        pointers: list[int | Ref] = [self._pointer(a) for a in accesses]
        m = reduction.blocks(n, q)
        target = self._level(node, p, m, q)
        arguments = [*pointers, Ref(target), p, n, q, m, *strides]
        grain = max(1, (1 << 16) // max(1, min(n, reduction.BLOCK)))
        items = reduce.items(p, n, q)
        self._add(text, node.op.name, arguments, items, grain, 1, group.nodes)
        while m > 1:
            m, target = self._next_level(node, p, m, q, target)

    def _level(self, node: Node, p: int, m: int, q: int) -> Buffer:
        if m == 1:
            return self._buffer(node)
        return Buffer(p * m * q * node.dtype.itemsize, "arena", label=f"{node.op.name} partials")

    def _next_level(self, node: Node, p: int, n: int, q: int, source: Buffer) -> tuple[int, Buffer]:
        """Reduce the partial results of the blocks in the same way."""
        m = reduction.blocks(n, q)
        target = self._level(node, p, m, q)
        strides = (n * q, q, 1)
        body = Body([Access(node, node.dtype, strides, 0)])
        text = reduction_text(
            node.op.lower, node.dtype, body, [], ("operand", 0), [strides], inner=q == 1
        )
        arguments: list[int | Ref] = [Ref(source), Ref(target), p, n, q, m, *strides]
        self._add(text, node.op.name, arguments, reduce.items(p, n, q), 1, 1, [node])
        return m, target

    def _gemm(self, group: Group) -> None:
        node = group.nodes[0]
        x, y = node.inputs
        batch, (m, n), k = node.shape[:-2], node.shape[-2:], x.shape[-1]
        refs: list[int | Ref] = [self._ref(x), self._ref(y), self._ref(node)]
        steps, batches = [], []
        for value in (x, y, node):
            own = value.shape[-2:]
            *outer, rows, columns = self.places[value].strides_over((*batch, *own))
            steps += [rows, columns]
            batches.append(merge_axes(batch, [tuple(outer)])[1][0][-1])
        count = prod(batch)
        if batches == [m * steps[0], 0, m * steps[4]]:  # many rows times one matrix: one product
            m, count = count * m, 1
        items = count * matmul_items(m, n, k)
        per_item = max(1, 2 * m * n * k // max(1, matmul_items(m, n, k)))
        grain = max(1, FLOPS_PER_CHUNK // per_item)
        text = matmul.program_text(node.dtype)
        self._add(text, "gemm", [*refs, m, n, k, *steps, *batches, 0], items, grain, 1, [node])

    def _line(self, group: Group) -> None:
        node = group.nodes[0]
        x, axis = node.inputs[0], node.static["axis"]
        spec = node.op.lower
        p, n, q = reduction.extents(x.shape, (axis,))
        own = self.places[x].strides_over(x.shape)
        sx = [
            merge_axes(x.shape[s], [own[s]])[1][0][-1]
            for s in (slice(0, axis), slice(axis, axis + 1), slice(axis + 1, None))
        ]
        sy = [q, 0, 1] if spec.scalar_output else [n * q, q, 1]
        arguments = [self._ref(x), self._ref(node), n, q, *sx, *sy]
        text = lines.program_text(spec, x.dtype)
        grain = max(1, 8192 // max(1, n))
        self._add(text, node.op.name, arguments, p * q, grain, 1, [node])

    def _copy(self, value: Node, shape: tuple[int, ...], layout: Layout, target: Buffer) -> None:
        """Write a value (broadcast to ``shape``) into a region of a buffer."""
        clone = Node(REGISTRY["clone"], (value,), {}, shape, value.dtype, value.source)
        if prod(shape):
            self._emit_loop([clone], shape, [(clone, layout)], [target])

    def _cat(self, group: Group) -> None:
        node = group.nodes[0]
        axis, strides = node.static["axis"], row_major(node.shape)
        start = 0
        for value in node.inputs:
            layout = Layout(value.shape, strides, start * strides[axis])
            self._copy(value, value.shape, layout, self._buffer(node))
            start += value.shape[axis]

    def _embed(self, group: Group) -> None:
        node = group.nodes[0]
        self._copy_into_slice(node, constant(0, node.dtype), node.inputs[0], node.inputs[0].shape)

    def _overwrite(self, group: Group) -> None:
        node = group.nodes[0]
        around, value = node.inputs
        self._copy_into_slice(node, around, value, node.static["lengths"])

    def _copy_into_slice(self, node: Node, around: Node, value: Node, lengths: Shape) -> None:
        target = self._buffer(node)
        self._copy(around, node.shape, contiguous_layout(node.shape), target)
        own = row_major(node.shape)
        starts, steps = node.static["starts"], node.static["steps"]
        offset = sum(s * t for s, t in zip(starts, own, strict=True))
        strides = tuple(s * t for s, t in zip(steps, own, strict=True))
        self._copy(value, lengths, Layout(lengths, strides, offset), target)

    def _routine(self, group: Group) -> None:
        node = group.nodes[0]
        spec: Routine = node.op.lower
        avals = (*node.inputs, node)
        write, measure = native(spec)
        work = measure(*avals, **node.static)
        scratch = Buffer(work.scratch, "arena", label=f"{node.op.name} scratch")
        target = self._buffer(node)
        if spec.updates:
            self._copy(node.inputs[0], node.shape, contiguous_layout(node.shape), target)
        operands = [self._ref(i) for i in node.inputs[spec.updates :]]
        refs = [*operands, Ref(target), Ref(scratch)]
        row = Row(
            with_imports(write(*avals, **node.static)),
            node.op.name,
            [*refs, Ref(self.status), *work.numbers],
            work.items,
            work.grain,
            [*(r.buffer for r in operands), *([target] if spec.updates else [])],
            [target, scratch],
            [node],
            may_fail=spec.may_fail,
        )
        self.rows.append(row)

    def _library(self, group: Group) -> None:
        """Append a call of Python: the arguments are the operands and the result."""
        node = group.nodes[0]
        spec: Library = node.op.lower
        refs = [*(self._ref(i) for i in node.inputs), self._ref(node)]
        reads, writes = [r.buffer for r in refs[:-1]], [refs[-1].buffer]
        static = "".join(f", {k}={v!r}" for k, v in node.static.items())
        text = f"{node.op.name}({', '.join(map(repr, node.inputs))}{static})"
        row = Row(text, node.op.name, [*refs], 1, 1, reads, writes, [node], may_fail=True)
        row.library = lambda *arrays: library.run(spec, arrays, node.static)
        self.rows.append(row)

    # --- the end ---

    def _finish_copies(self) -> None:
        """Copy into outputs; then, with snapshots of old state where needed, into state."""
        outputs = [(n, b) for n, b in self.late if b.index >= len(self.graph.inputs)]
        states = [(n, b) for n, b in self.late if b.index < len(self.graph.inputs)]
        for node, buffer in outputs:
            self._copy(node, node.shape, contiguous_layout(node.shape), buffer)
        ready = []
        for node, buffer in states:
            if is_input(self.places[node].root):
                snapshot = Node(REGISTRY["clone"], (node,), {}, node.shape, node.dtype)
                dense = contiguous_layout(node.shape)
                self._copy(node, node.shape, dense, self._buffer(snapshot))
                node = snapshot
            ready.append((node, buffer))
        for node, buffer in ready:
            self._copy(node, node.shape, contiguous_layout(node.shape), buffer)


def matmul_items(m: int, n: int, k: int) -> int:
    """Return the work items of one product, as the kernel counts them."""
    return matmul.gemm_items(m, n, k)
