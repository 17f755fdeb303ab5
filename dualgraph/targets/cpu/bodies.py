"""What the body of a generated kernel is made of: pointers, statements, and their text.

A body depends on the ops, the dtypes, and the kind of each innermost stride (1, 0, or any); what
varies from call to call, constants included, is an argument.
"""

import sys
from dataclasses import dataclass, field

import numpy as np

from ...ir.graph import Node, const_array
from ...numerics.facts.data import Position
from ...numerics.facts.elementwise import Elementwise
from ...numerics.view import Layout, Shape, row_major
from .places import Place, Places
from .prelude import stored
from .texts.elementwise import code, load


@dataclass(slots=True, eq=False)
class Access:
    """One pointer of a kernel: what it points into and the strides over the iteration space."""

    node: Node
    dtype: np.dtype
    strides: tuple[int, ...]
    offset: int  # elements
    alias: int = -1  # an output that takes the place of this operand


@dataclass(slots=True)
class Body:
    """The operands of a group and how its nodes are computed from them."""

    accesses: list[Access] = field(default_factory=list)
    extras: list[int] = field(default_factory=list)
    keys: dict[tuple, int] = field(default_factory=dict)
    constants: dict[tuple[np.dtype, bytes], int] = field(default_factory=dict)  # -> place in extras
    may_fail: bool = False

    def operand(self, place: Place, strides: tuple[int, ...]) -> int:
        """Return the number of the pointer that reads this place."""
        key = (place.root, strides, place.layout.offset)
        if key not in self.keys:
            self.keys[key] = len(self.accesses)
            access = Access(place.root, place.root.dtype, strides, place.layout.offset)
            self.accesses.append(access)
        return self.keys[key]

    def extra(self, number: int) -> int:
        self.extras.append(number)
        return len(self.extras) - 1

    def constant(self, node: Node) -> int:
        """Return the number of the extra word that holds the bits of a constant."""
        bits = const_array(node).tobytes()
        key = node.dtype, bits
        if key not in self.constants:
            word = int.from_bytes(bits.ljust(8, b"\0"), sys.byteorder, signed=True)
            self.constants[key] = self.extra(word)
        return self.constants[key]

    def unpacked(self, first: int) -> list[str]:
        """Return the lines that read the extra words, which start at word ``first``."""
        kinds = {i: dtype for (dtype, _), i in self.constants.items()}
        lines = []
        for i in range(len(self.extras)):
            if i not in kinds:
                lines.append(f"g{i} = a[{first + i}]")
                continue
            pointer = f"ptr_{stored(kinds[i])}(args + {8 * (first + i)})"
            lines.append(f"k{i} = {load(pointer, '0', kinds[i])}")
        return lines


@dataclass(frozen=True, slots=True)
class Statement:
    """One node of a group: its inputs are statements, operands, or constants."""

    node: Node
    terms: tuple[tuple[str, int], ...]
    table: tuple[int, int, int] | None = None  # a gather: operand, extent and stride extras
    extent: int = -1  # a position: the extra word that bounds it


def collect(nodes: list[Node], shape: Shape, places: Places) -> tuple[Body, list[Statement]]:
    """Resolve what every node of a group reads over the iteration space ``shape``."""
    body = Body()
    inside: dict[Node, int] = {}
    statements = []
    for node in nodes:
        if isinstance(node.op.lower, Elementwise):
            terms = tuple(term(i, shape, places, body, inside) for i in node.inputs)
            statements.append(Statement(node, terms))
        elif isinstance(node.op.lower, Position):
            index = term(node.inputs[0], shape, places, body, inside)
            bound = body.extra(node.static["extent"])
            body.may_fail = True
            statements.append(Statement(node, (index,), extent=bound))
        else:
            statements.append(_gather(node, shape, places, body, inside))
        inside[node] = len(statements) - 1
    return body, statements


def term(
    value: Node, shape: Shape, places: Places, body: Body, inside: dict[Node, int]
) -> tuple[str, int]:
    if value in inside:
        return "statement", inside[value]
    place = places[value]
    if place.constant:
        return "constant", body.constant(place.root)
    return "operand", body.operand(place, place.strides_over(shape))


def _gather(
    node: Node, shape: Shape, places: Places, body: Body, inside: dict[Node, int]
) -> Statement:
    axis = node.static["axis"]
    table = places[node.inputs[0]]
    strides = table.layout.strides
    walked = tuple(0 if d == axis else s for d, s in enumerate(strides))
    if table.constant:
        return Statement(node, (("constant", body.constant(table.root)),))
    operand = body.operand(table, walked)
    extent = body.extra(node.inputs[0].shape[axis])
    body.extra(strides[axis])
    body.may_fail = True
    index = term(node.inputs[1], shape, places, body, inside)
    return Statement(node, (index,), (operand, extent, extent + 1))


def merge_axes(
    shape: Shape, strides: list[tuple[int, ...]]
) -> tuple[list[int], list[tuple[int, ...]]]:
    """Merge neighbouring axes that every pointer walks as one; drop axes of extent 1."""
    axes = [(e, tuple(s[d] for s in strides)) for d, e in enumerate(shape) if e != 1]
    merged: list[tuple[int, tuple[int, ...]]] = []
    for extent, steps in axes:
        outer = merged[-1] if merged else None
        if outer and all(o == s * extent for o, s in zip(outer[1], steps, strict=True)):
            merged[-1] = (outer[0] * extent, steps)
        else:
            merged.append((extent, steps))
    merged = merged or [(1, tuple(0 for _ in strides))]
    extents = [e for e, _ in merged]
    return extents, [tuple(m[1][p] for m in merged) for p in range(len(strides))]


def stride_kind(stride: int) -> str:
    return str(stride) if stride in (0, 1) else "s"


def position(kinds: list[str], p: int) -> str:
    return {"0": "0", "1": "i", "s": f"i * t{p}"}[kinds[p]]


def compute(body: Body, statement: Statement, k: int, kinds: list[str]) -> list[str]:
    terms = [term_text(t, kinds) for t in statement.terms]
    node = statement.node
    if statement.table is None and isinstance(node.op.lower, Elementwise):
        dtype = computing_dtype(node)
        value = code(node.op.lower, terms, dtype, node.dtype, "at")
        return [f"v{k} = {value}"]
    if statement.extent >= 0:
        bound = f"g{statement.extent}"
        front = f"select({terms[0]} < 0, {terms[0]} + {bound}, {terms[0]})"
        return [
            *_checked(terms[0], f"-{bound}", bound, k),
            f"v{k} = select(out{k}, i8(0), {front})",
        ]
    if statement.table is None:  # a gather from a constant
        return [f"v{k} = {terms[0]}"]
    table, extent, step = statement.table
    where = f"{position(kinds, table)} + j{k} * g{step}"
    return [
        *_checked(terms[0], "0", f"g{extent}", k),
        f"j{k} = select(out{k}, i8(0), {terms[0]})",
        f"v{k} = {load(f'p{table}', where, node.dtype)}",
    ]


def _checked(index: str, low: str, high: str, k: int) -> list[str]:
    """The lines that report an index outside of a range."""
    return [
        f"out{k} = ({index} < {low}) | ({index} >= {high})",
        f"if out{k}:",
        f"    status[2] = {index}",
        "    status[0] = 1",
    ]


def computing_dtype(node: Node) -> np.dtype:
    """Return the dtype in which an element-wise node computes."""
    spec: Elementwise = node.op.lower
    return node.dtype if spec.indexed else node.inputs[-1].dtype


def term_text(term: tuple[str, int], kinds: list[str]) -> str:
    kind, what = term
    if kind != "operand":
        return f"{'v' if kind == 'statement' else 'k'}{what}"
    return f"c{what}" if kinds[what] == "0" else f"x{what}"


def shift(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def indented(lines: list[str], depth: int) -> str:
    return "\n".join(shift(lines, depth)) + "\n"


def contiguous_layout(shape: Shape) -> Layout:
    """Return the row-major layout of a fresh buffer."""
    return Layout(shape, row_major(shape), 0)
