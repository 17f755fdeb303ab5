"""Loops: element-wise ops over one iteration space, with gathers and the positions they use.

The text of a kernel depends on the ops, the dtypes, the rank after merging axes, and on which
operands have an innermost stride of 1 or 0; extents, other strides, pointers and constants are
arguments. Equal text is one kernel, whatever graph and batch size it serves (a mean divides by the
batch size).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from ....core.op import REGISTRY, Facts, Kernel, Op
from ....core.types import Aval
from ....ir.graph import Node
from ....numerics.facts.data import Gather, Position
from ....numerics.facts.elementwise import Elementwise
from ....numerics.view import Layout, Shape
from ..arguments import Block
from ..bodies import (
    Access,
    Body,
    Scope,
    Statement,
    kernel_text,
    position,
    shift,
    stride_kind,
)
from ..eager import elementwise
from ..places import Places, contiguous_layout, merge_axes
from ..placing import Placing
from ..prelude import stored, with_imports
from ..rows import Buffer, Cost, Ref
from ..texts.elementwise import load, store
from .base import MOST_NODES, Family, Group
from .elements import Element, Expressions
from .gathers import Gathers, Positions

CHUNK = 65_536  # elements that one thread takes at a time
MOST_OPERANDS = 14  # LLVM checks every pair of pointers for overlap before a vector loop
ELEMENTS: dict[type[Facts], Element] = {
    Elementwise: Expressions(),
    Gather: Gathers(),
    Position: Positions(),
}


def element_of(node: Node) -> Element:
    """Return how the elements of a node of a loop are computed."""
    return ELEMENTS[type(node.op.lower)]


def collect(nodes: Sequence[Node], scope: Scope) -> list[Statement]:
    """Resolve what every node of a group reads over the iteration space."""
    statements: list[Statement] = []
    for node in nodes:
        statements.append(element_of(node).statement(node, scope))
        scope.inside[node] = len(statements) - 1
    return statements


class Loops(Family):
    """Element by element, whatever the strides; groups over one space are joined."""

    name = "loop"
    begins = (*ELEMENTS,)

    def joins(self, a: Group, b: Group, places: Places) -> bool:
        if b.family is not self or a.shape != b.shape:
            return False
        if len(a.nodes) + len(b.nodes) > MOST_NODES:
            return False
        nodes = [*b.nodes, *a.nodes]
        if _operand_count(nodes, places) > MOST_OPERANDS:
            return False
        return not _reads_own_memory(nodes, places)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        return element_of(node).takes(node, index, places)

    def overwrites(self, group: Group, state: Node, places: Places) -> bool:
        """Each element of the state must be read where it is written, and nowhere else."""
        if group.shape != state.shape:
            return False
        dense = contiguous_layout(state.shape)
        for node in group.nodes:
            for i, value in enumerate(node.inputs):
                place = places[value]
                whole = i in element_of(node).read_anywhere
                if place.root is state and (whole or place.layout != dense):
                    return False
        return True

    def eager(self, op: Op) -> Kernel:
        return elementwise.kernel_of(op) if isinstance(op.lower, Elementwise) else super().eager(op)

    def emit(self, group: Group, placing: Placing) -> None:
        outputs = [
            Output(n, contiguous_layout(n.shape), placing.buffer(n))
            for n in group.nodes
            if n in placing.leaving
        ]
        emit_loop(group.nodes, group.shape, outputs, placing)


def _reads_own_memory(nodes: list[Node], places: Places) -> bool:
    """Tell whether a node needs a whole value of the group: through a view, or as a table."""
    inside = set(nodes)
    for node in nodes:
        tables = element_of(node).read_anywhere
        for i, value in enumerate(node.inputs):
            if (i in tables or value.op.is_view) and places[value].root in inside:
                return True
    return False


def _operand_count(nodes: list[Node], places: Places) -> int:
    inside = set(nodes)
    return len({places[i] for n in nodes for i in n.inputs if i not in inside}) + len(nodes) // 8


# --- rows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Output:
    """A result of a loop: in which layout it is written into which buffer."""

    node: Node
    layout: Layout
    buffer: Buffer


def emit_loop(nodes: list[Node], shape: Shape, outputs: list[Output], placing: Placing) -> None:
    """Add the row that computes nodes over an iteration space and stores the outputs."""
    loop = LoopText(nodes, shape, outputs, placing)
    pointers = [
        Ref(placing.buffer(access.node), access.offset * access.dtype.itemsize)
        for access in loop.operands
    ]
    targets = [
        Ref(output.buffer, output.layout.offset * output.node.dtype.itemsize) for output in outputs
    ]
    block = loop.block.pack(
        pointer=[*pointers, *targets],
        extent=loop.extents,
        stride=[s for steps in loop.strides for s in steps],
        extra=loop.body.extras,
        status=[Ref(placing.status)] * loop.body.may_fail,
    )
    placing.add(
        loop.text(), "loop", block, loop.cost(), nodes,
        reads=pointers, writes=targets, may_fail=loop.body.may_fail,
    )  # fmt: skip


def emit_copy(value: Node, shape: Shape, layout: Layout, target: Buffer, placing: Placing) -> None:
    """Add the row that writes a value (broadcast to ``shape``) into a region of a buffer."""
    clone = Node(REGISTRY["clone"], (value,), {}, (Aval(shape, value.dtype),), value.source)
    if prod(shape):
        emit_loop([clone], shape, [Output(clone, layout, target)], placing)


# --- text ----------------------------------------------------------------------------------------


class LoopText:
    """The kernel of one loop: its pointers, its argument block, its text."""

    def __init__(
        self, nodes: list[Node], shape: Shape, outputs: list[Output], placing: Placing
    ) -> None:
        scope = Scope(shape, placing.places)
        self.statements = collect(nodes, scope)
        self.body: Body = scope.body
        self.operands: list[Access] = [*self.body.accesses]
        self.results = [
            Access(o.node, o.node.dtype, o.layout.strides, o.layout.offset, self._alias(o, placing))
            for o in outputs
        ]
        self.accesses = [*self.operands, *self.results]
        self.extents, self.strides = merge_axes(shape, [a.strides for a in self.accesses])
        self.kinds = [stride_kind(s[-1]) for s in self.strides]
        self.block = Block(
            pointer=len(self.accesses),
            extent=len(self.extents),
            stride=len(self.accesses) * len(self.extents),
            extra=len(self.body.extras),
            status=int(self.body.may_fail),
        )

    def _alias(self, output: Output, placing: Placing) -> int:
        """Return the number of the operand that an output overwrites, or -1."""
        state = placing.in_place.get(output.node)
        return next((p for p, a in enumerate(self.operands) if a.node is state), -1)

    def cost(self) -> Cost:
        """Return the cost: an item is an element or, where axes remain, a line of elements."""
        *outer, inner = self.extents
        items = prod(outer) if outer else inner
        return Cost(items if inner else 0, inner if outer else 1, CHUNK)

    def text(self) -> str:
        """Return the source of the kernel."""
        rank, block = len(self.extents), self.block
        lines = ["a = ptr_i8(args)"]
        for p, kind in enumerate(self.kinds):
            lines += [f"s{p}_{d} = {block['stride', p * rank + d]}" for d in range(rank - 1)]
            if kind == "s":
                lines.append(f"t{p} = {block['stride', p * rank + rank - 1]}")
        lines += self.body.unpacked(block)
        if self.body.may_fail:
            lines.append(f"status = ptr_i8({block['status']})")
        return with_imports(kernel_text(lines + (self._flat() if rank == 1 else self._nested())))

    def _flat(self) -> list[str]:
        steps = {"0": "", "1": " + lo * {size}", "s": " + lo * t{p} * {size}"}
        at = [
            steps[kind].format(p=p, size=access.dtype.itemsize)
            for p, (kind, access) in enumerate(zip(self.kinds, self.accesses, strict=True))
        ]
        lines = [*self._pointers(at), *self._hoisted()]
        return [*lines, "for i in range(hi - lo):", *shift(self._element("lo + i"), 1)]

    def _nested(self) -> list[str]:
        rank, block = len(self.extents), self.block
        lines = [f"n = {block['extent', rank - 1]}"]
        lines += [f"e{d} = {block['extent', d]}" for d in range(1, rank - 1)]
        row = ["i0 = row"]
        for d in range(rank - 2, 0, -1):
            row += [f"i{d} = i0 % e{d}", f"i0 = i0 // e{d}"]
        at: list[str] = []
        for p, access in enumerate(self.accesses):
            away = " + ".join(f"i{d} * s{p}_{d}" for d in range(rank - 1))
            at.append(f" + ({away}) * {access.dtype.itemsize}")
        row += [*self._pointers(at), *self._hoisted()]
        row += ["for i in range(n):", *shift(self._element("row * n + i"), 1)]
        return [*lines, "for row in range(lo, hi):", *shift(row, 1)]

    def _pointers(self, at: list[str]) -> list[str]:
        """Return the lines that make typed pointers, each some bytes away from its word."""
        lines: list[str] = []
        for p, access in enumerate(self.accesses):
            if access.alias >= 0:
                lines.append(f"p{p} = p{access.alias}  # in place")
            else:
                address = f"{self.block['pointer', p]}{at[p]}"
                lines.append(f"p{p} = ptr_{stored(access.dtype)}({address})")
        return lines

    @cached_property
    def _loaded(self) -> list[int]:
        """The operands that are read element by element (a gather's table may be one as well)."""
        terms = [term for s in self.statements for term in s.terms]
        return sorted({term.number for term in terms if term.kind == "operand"})

    def _hoisted(self) -> list[str]:
        """Load what does not change along the inner loop once."""
        return [
            f"c{p} = {load(f'p{p}', '0', self.accesses[p].dtype)}"
            for p in self._loaded
            if self.kinds[p] == "0"
        ]

    def _element(self, index: str) -> list[str]:
        """The statements that compute one element, and the stores."""
        kinds = self.kinds
        lines = [f"at = {index}"] if any(s.indexed for s in self.statements) else []
        for p in self._loaded:
            if kinds[p] != "0":
                lines.append(f"x{p} = {load(f'p{p}', position(kinds, p), self.accesses[p].dtype)}")
        for k, statement in enumerate(self.statements):
            lines += statement.lines(k, kinds)
        numbers = {s.node: k for k, s in enumerate(self.statements)}
        for p, access in enumerate(self.results, len(self.operands)):
            value = f"v{numbers[access.node]}"
            lines.append(store(f"p{p}", position(kinds, p), value, access.dtype))
        return lines


LOOPS = Loops()
