"""Reductions, with the element-wise producers that only they need.

The canonical order is that of `numerics.facts.reduction`; `texts.reduce` writes the loops, and this
module fills in how one element is computed. Where there are several blocks, their results are
reduced again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ....core.op import Kernel, Op
from ....ir.graph import Node
from ....numerics.facts.elementwise import Elementwise
from ....numerics.facts.reduction import BLOCK, Reduce, blocks, extents
from ....numerics.view import Shape
from ..arguments import Block
from ..bodies import Access, Body, Scope, Statement, Term, kernel_text, stride_kind
from ..eager import reduce
from ..places import Places, three_strides, walkable
from ..placing import Placing
from ..prelude import stored, suffix, with_imports
from ..rows import Buffer, Cost, Ref
from ..texts.elementwise import load
from ..texts.reduce import inner_body, items, outer_body
from .base import MOST_NODES, Family, Group
from .loops import collect

CHUNK = 1 << 16  # elements that one thread takes at a time


class Reductions(Family):
    """Sums, products and extremes over a contiguous group of axes."""

    name = "reduce"
    begins = (Reduce,)

    def space(self, node: Node) -> Shape:
        return node.inputs[0].shape

    def producers(self, node: Node) -> tuple[Node, ...]:
        return node.inputs

    def absorbs(self, value: Node, taken: Sequence[Node], places: Places) -> bool:
        reduction, spec = taken[0], value.op.lower
        if not isinstance(spec, Elementwise) or spec.indexed:
            return False
        shape = self.space(reduction)
        if value.shape != shape or len(taken) >= MOST_NODES:
            return False
        axes = reduction.static["axes"]
        return all(walkable(places[i], shape, axes) for i in value.inputs)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        operand = node.inputs[index]
        return walkable(places[operand], operand.shape, node.static["axes"])

    def eager(self, op: Op) -> Kernel:
        return reduce.kernel_of(op)

    def emit(self, group: Group, placing: Placing) -> None:
        *producers, node = group.nodes
        axes, shape = node.static["axes"], group.shape
        scope = Scope(shape, placing.places)
        statements = collect(producers, scope)
        result = scope.term(node.inputs[0])
        body = scope.body
        strides = [three_strides(shape, a.strides, axes[0], axes[-1] + 1) for a in body.accesses]
        level = Level(node, *extents(shape, axes), body, strides, statements, result)
        sources = [Ref(placing.buffer(a.node), a.offset * a.dtype.itemsize) for a in body.accesses]
        target = _emit_level(level, sources, group.nodes, placing, CHUNK)
        while level.blocks > 1:
            level = _next_level(level)
            target = _emit_level(level, [Ref(target)], [node], placing, chunk=1)


@dataclass(slots=True)
class Level:
    """One kernel of a reduction: from (P, N, Q) elements to (P, blocks, Q)."""

    node: Node
    p: int
    n: int
    q: int
    body: Body
    strides: list[tuple[int, int, int]]  # of every operand over (P, N, Q)
    statements: list[Statement]
    result: Term  # what is reduced

    @property
    def blocks(self) -> int:
        """Into how many blocks N is cut; each gives one result."""
        return blocks(self.n, self.q)

    @property
    def inner(self) -> bool:
        """Whether the innermost axis is reduced."""
        return self.q == 1

    @property
    def block(self) -> Block:
        """The argument block."""
        count = len(self.strides)
        return Block(
            pointer=count, out=1, P=1, N=1, Q=1, blocks=1, stride=3 * count,
            extra=len(self.body.extras),
        )  # fmt: skip

    def text(self) -> str:
        """Return the source of the kernel."""
        block, count, dtype = self.block, len(self.strides), self.node.dtype
        lines = ["a = ptr_i8(args)", f"out = ptr_{suffix(dtype)}({block['out']})"]
        lines.append(block.unpack("P", "N", "Q", "blocks"))
        for p in range(count):
            words = [block["stride", 3 * p + i] for i in range(3)]
            lines.append(f"b{p}, n{p}, q{p} = {', '.join(words)}")
        lines += self.body.unpacked(block)
        write = inner_body if self.inner else outer_body
        lines += write(self.node.op.lower, dtype, self._setup(block), self._element)
        return with_imports(kernel_text(lines))

    def _setup(self, block: Block) -> list[str]:
        """Return the lines that point at the operands of an item."""
        columns = "" if self.inner else " + j0 * q{p}"
        return [
            f"p{p} = ptr_{stored(access.dtype)}({block['pointer', p]}"
            f" + (p * b{p} + r0 * n{p}{columns.format(p=p)}) * {access.dtype.itemsize})"
            for p, access in enumerate(self.body.accesses)
        ]

    def _element(self, n: str, q: str) -> tuple[list[str], str]:
        """Return the lines that compute the element at (n, q) of an item, and its name."""
        lines: list[str] = []
        for p, access in enumerate(self.body.accesses):
            lines.append(f"x{p} = {load(f'p{p}', self._position(p, n, q), access.dtype)}")
        kinds = ["1"] * len(self.strides)
        for k, statement in enumerate(self.statements):
            lines += statement.lines(k, kinds)
        return lines, self.result.text(kinds)

    def _position(self, p: int, n: str, q: str) -> str:
        kind = stride_kind(self.strides[p][1 if self.inner else 2])
        if self.inner:
            return {"0": "0", "1": n, "s": f"({n}) * n{p}"}[kind]
        column = {"0": "", "1": f" + {q}", "s": f" + {q} * q{p}"}[kind]
        return f"({n}) * n{p}{column}"


def _next_level(level: Level) -> Level:
    """Return the kernel that reduces the results of the blocks in the same way."""
    strides = (level.blocks * level.q, level.q, 1)
    body = Body([Access(level.node, level.node.dtype, strides, 0)])
    term = Term("operand", 0)
    return Level(level.node, level.p, level.blocks, level.q, body, [strides], [], term)


def _emit_level(
    level: Level, sources: list[Ref], nodes: list[Node], placing: Placing, chunk: int
) -> Buffer:
    """Add the row of one kernel; return where its results are."""
    node, p, n, q, m = level.node, level.p, level.n, level.q, level.blocks
    if m == 1:
        target = placing.buffer(node)
    else:
        label = f"{node.op.name} partials"
        target = Buffer(p * m * q * node.dtype.itemsize, "arena", label=label)
    words = level.block.pack(
        pointer=sources, out=Ref(target), P=p, N=n, Q=q, blocks=m,
        stride=[s for three in level.strides for s in three], extra=level.body.extras,
    )  # fmt: skip
    cost = Cost(items(p, n, q), min(n, BLOCK), chunk)
    text = level.text()
    placing.add(text, node.op.name, words, cost, nodes, reads=sources, writes=[Ref(target)])
    return target


REDUCTIONS = Reductions()
