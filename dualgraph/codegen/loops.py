"""Source text of fused loops and fused reductions.

The text depends on the ops, the dtypes, the rank after merging axes, and on which operands have an
innermost stride of 1 or 0; extents, other strides, pointers and constants are arguments. Equal text
is one kernel, whatever graph and batch size it serves (a mean divides by the batch size).

Argument block of a loop: pointers of operands, then of outputs; the extents of the iteration space;
for every operand and output its strides (in elements) along each axis; extra words (numbers of
gathers, bits of constants); last the status word.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..graph.ir import Node, const_array
from ..kernels.elementwise import Elementwise, load, store
from ..kernels.prelude import suffix, with_imports
from ..kernels.reduce import Reduce, inner_body, outer_body
from ..kernels.view import Layout, Shape, row_major
from .places import Place, Places


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
            pointer = f"ptr_{suffix(kinds[i])}(args + {8 * (first + i)})"
            lines.append(f"k{i} = {load(pointer, '0', kinds[i])}")
        return lines


@dataclass(frozen=True, slots=True)
class Statement:
    """One node of a group: its inputs are statements, operands, or constants."""

    node: Node
    terms: tuple[tuple[str, int], ...]
    table: tuple[int, int, int] | None = None  # a gather: operand, extent and stride extras


def collect(nodes: list[Node], shape: Shape, places: Places) -> tuple[Body, list[Statement]]:
    """Resolve what every node of a group reads over the iteration space ``shape``."""
    body = Body()
    inside: dict[Node, int] = {}
    statements = []
    for node in nodes:
        if isinstance(node.op.lower, Elementwise):
            terms = tuple(_term(i, shape, places, body, inside) for i in node.inputs)
            statements.append(Statement(node, terms))
        else:
            statements.append(_gather(node, shape, places, body, inside))
        inside[node] = len(statements) - 1
    return body, statements


def _term(
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
    index = _term(node.inputs[1], shape, places, body, inside)
    return Statement(node, (index,), (operand, extent, extent + 1))


# --- merging axes -------------------------------------------------------------------------------


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


# --- loops --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Kernel:
    """A generated kernel: text, the order of its pointers, and the numbers after them."""

    text: str
    accesses: list[Access]
    numbers: list[int]
    items: int
    grain: int
    may_fail: bool


CHUNK = 65_536  # elements that one thread takes at a time


def loop_kernel(
    nodes: list[Node],
    shape: Shape,
    outputs: list[tuple[Node, Layout]],
    places: Places,
    in_place: dict[Node, Node] | None = None,
) -> Kernel:
    """Write the loop that computes a group and stores ``outputs`` at their layouts.

    ``in_place`` names the outputs that overwrite an operand element by element.
    """
    body, statements = collect(nodes, shape, places)
    accesses = body.accesses
    for node, layout in outputs:
        alias = _operand_of(accesses, (in_place or {}).get(node))
        accesses.append(Access(node, node.dtype, layout.strides, layout.offset, alias))
    extents, strides = merge_axes(shape, [a.strides for a in accesses])
    count = len(accesses)
    numbers = [*extents, *(s for steps in strides for s in steps), *body.extras]
    lines = _loop_lines(body, statements, [n for n, _ in outputs], extents, strides)
    text = with_imports("def KERNEL(args, lo, hi):\n" + _indented(lines, 1))
    inner = extents[-1]
    rows = 1
    for e in extents[:-1]:
        rows *= e
    items = inner if len(extents) == 1 else rows
    grain = CHUNK if len(extents) == 1 else max(1, CHUNK // max(inner, 1))
    if not inner or not rows:
        items = 0
    assert count == len(strides)
    return Kernel(text, accesses, numbers, items, grain, body.may_fail)


def _operand_of(accesses: list[Access], node: Node | None) -> int:
    """Return the number of the pointer that reads a node, or -1."""
    return next((p for p, a in enumerate(accesses) if a.node is node), -1)


def _loop_lines(
    body: Body,
    statements: list[Statement],
    outputs: list[Node],
    extents: list[int],
    strides: list[tuple[int, ...]],
) -> list[str]:
    count, rank = len(body.accesses), len(extents)
    kinds = [_kind(s[-1]) for s in strides]
    lines = ["a = ptr_i8(args)"]
    for p in range(count):
        base = count + rank + p * rank
        lines += [f"s{p}_{d} = a[{base + d}]" for d in range(rank - 1)]
        if kinds[p] == "s":
            lines.append(f"t{p} = a[{base + rank - 1}]")
    first = count + rank + count * rank
    lines += body.unpacked(first)
    if body.may_fail:
        lines.append(f"status = ptr_i8(a[{first + len(body.extras)}])")

    def inside(index: str) -> list[str]:
        indexed = any(getattr(s.node.op.lower, "indexed", False) for s in statements)
        element = _element(body, statements, outputs, kinds, count)
        return [f"at = {index}", *element] if indexed else element

    if rank == 1:
        return lines + _flat(body, statements, kinds, inside)
    return lines + _nested(body, statements, kinds, inside, count, rank)


def _flat(
    body: Body,
    statements: list[Statement],
    kinds: list[str],
    inside: Callable[[str], list[str]],
) -> list[str]:
    lines = []
    for p, access in enumerate(body.accesses):
        if access.alias >= 0:
            lines.append(f"p{p} = p{access.alias}  # in place")
            continue
        size = access.dtype.itemsize
        step = {"0": "", "1": f" + lo * {size}", "s": f" + lo * t{p} * {size}"}[kinds[p]]
        lines.append(f"p{p} = ptr_{suffix(access.dtype)}(a[{p}]{step})")
    lines += _hoisted(body, statements, kinds)
    return [*lines, "for i in range(hi - lo):", *_shift(inside("lo + i"), 1)]


def _nested(
    body: Body,
    statements: list[Statement],
    kinds: list[str],
    inside: Callable[[str], list[str]],
    count: int,
    rank: int,
) -> list[str]:
    lines = [f"n = a[{count + rank - 1}]"]
    lines += [f"e{d} = a[{count + d}]" for d in range(1, rank - 1)]
    lines.append("for row in range(lo, hi):")
    row = ["i0 = row"]
    for d in range(rank - 2, 0, -1):
        row += [f"i{d} = i0 % e{d}", f"i0 = i0 // e{d}"]
    for p, access in enumerate(body.accesses):
        if access.alias >= 0:
            row.append(f"p{p} = p{access.alias}  # in place")
            continue
        away = " + ".join(f"i{d} * s{p}_{d}" for d in range(rank - 1))
        size = access.dtype.itemsize
        row.append(f"p{p} = ptr_{suffix(access.dtype)}(a[{p}] + ({away}) * {size})")
    row += _hoisted(body, statements, kinds)
    row += ["for i in range(n):", *_shift(inside("row * n + i"), 1)]
    return lines + _shift(row, 1)


def _kind(stride: int) -> str:
    return str(stride) if stride in (0, 1) else "s"


def _loaded(body: Body, statements: list[Statement]) -> list[int]:
    """Return the operands that are read element by element (a gather table may be one as well)."""
    terms = [term for s in statements for term in s.terms]
    return sorted({p for p in body.keys.values() if ("operand", p) in terms})


def _hoisted(body: Body, statements: list[Statement], kinds: list[str]) -> list[str]:
    """Load what does not change along the inner loop once."""
    return [
        f"c{p} = {load(f'p{p}', '0', body.accesses[p].dtype)}"
        for p in _loaded(body, statements)
        if kinds[p] == "0"
    ]


def _element(
    body: Body, statements: list[Statement], outputs: list[Node], kinds: list[str], count: int
) -> list[str]:
    """The statements that compute one element, and the stores."""
    lines = []
    for p in _loaded(body, statements):
        if kinds[p] != "0":
            access = body.accesses[p]
            lines.append(f"x{p} = {load(f'p{p}', _at(kinds, p), access.dtype)}")
    for k, statement in enumerate(statements):
        lines += _compute(body, statement, k, kinds)
    first = count - len(outputs)
    places = {s.node: k for k, s in enumerate(statements)}
    for j, node in enumerate(outputs):
        lines.append(store(f"p{first + j}", _at(kinds, first + j), f"v{places[node]}", node.dtype))
    return lines


def _at(kinds: list[str], p: int) -> str:
    return {"0": "0", "1": "i", "s": f"i * t{p}"}[kinds[p]]


def _compute(body: Body, statement: Statement, k: int, kinds: list[str]) -> list[str]:
    terms = [_text(t, kinds) for t in statement.terms]
    node = statement.node
    if statement.table is None and isinstance(node.op.lower, Elementwise):
        dtype = computing_dtype(node)
        value = node.op.lower.code(terms, dtype, node.dtype, "at")
        return [f"v{k} = {value}"]
    if statement.table is None:  # a gather from a constant
        return [f"v{k} = {terms[0]}"]
    table, extent, step = statement.table
    position = f"{_at(kinds, table)} + j{k} * g{step}"
    return [
        f"j{k} = select(({terms[0]} < 0) | ({terms[0]} >= g{extent}), i8(0), {terms[0]})",
        f"if j{k} != {terms[0]}:",
        f"    status[0] = {terms[0]} * 2 + 1",
        f"v{k} = {load(f'p{table}', position, node.dtype)}",
    ]


def computing_dtype(node: Node) -> np.dtype:
    """Return the dtype in which an element-wise node computes."""
    spec: Elementwise = node.op.lower
    return node.dtype if spec.indexed else node.inputs[-1].dtype


def _text(term: tuple[str, int], kinds: list[str]) -> str:
    kind, what = term
    if kind != "operand":
        return f"{'v' if kind == 'statement' else 'k'}{what}"
    return f"c{what}" if kinds[what] == "0" else f"x{what}"


def _shift(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def _indented(lines: list[str], depth: int) -> str:
    return "\n".join(_shift(lines, depth)) + "\n"


# --- reductions ---------------------------------------------------------------------------------


def reduce_kernel(
    nodes: list[Node], axes: tuple[int, ...], places: Places
) -> tuple[str, list[Access], list[int]]:
    """Write a reduction with its fused producers; ``nodes`` end with the reduction itself.

    Returns the text, the operands, and the last numbers: the strides (P, N, Q) of one operand
    after the other, then the bits of constants. Arguments: operand pointers, the output, P, N, Q,
    number of blocks, then these.
    """
    *producers, reduction = nodes
    shape = reduction.inputs[0].shape
    body, statements = collect(producers, shape, places)
    inside = {s.node: k for k, s in enumerate(statements)}
    result = _term(reduction.inputs[0], shape, places, body, inside)
    steps = [_three(a.strides, shape, axes) for a in body.accesses]
    text = reduction_text(
        reduction.op.lower,
        reduction.dtype,
        body,
        statements,
        result,
        steps,
        inner=_inner(shape, axes),
    )
    return text, body.accesses, [*(s for three in steps for s in three), *body.extras]


def _inner(shape: Shape, axes: tuple[int, ...]) -> bool:
    return all(e == 1 for e in shape[axes[-1] + 1 :])


def _three(strides: tuple[int, ...], shape: Shape, axes: tuple[int, ...]) -> tuple[int, int, int]:
    first, last = axes[0], axes[-1] + 1
    return (
        _run(shape[:first], strides[:first]),
        _run(shape[first:last], strides[first:last]),
        _run(shape[last:], strides[last:]),
    )


def _run(shape: Shape, strides: tuple[int, ...]) -> int:
    """Return the one stride of merged axes (they were checked to have one)."""
    _, merged = merge_axes(shape, [strides])
    return merged[0][-1]


def reduction_text(
    spec: Reduce,
    dtype: np.dtype,
    body: Body,
    statements: list[Statement],
    result: tuple[str, int],
    steps: list[tuple[int, int, int]],
    *,
    inner: bool,
) -> str:
    """Return the source of a reduction kernel."""
    count = len(body.accesses)
    setup, kinds = [], []
    for p, access in enumerate(body.accesses):
        size, s = access.dtype.itemsize, suffix(access.dtype)
        columns = "" if inner else f" + j0 * q{p}"
        setup.append(f"p{p} = ptr_{s}(a[{p}] + (p * b{p} + r0 * n{p}{columns}) * {size})")
        kinds.append(_kind(steps[p][1 if inner else 2]))

    def value(n: str, q: str) -> tuple[list[str], str]:
        lines = []
        for p, access in enumerate(body.accesses):
            at = _reduced_position(kinds[p], p, n, q, inner)
            lines.append(f"x{p} = {load(f'p{p}', at, access.dtype)}")
        for k, statement in enumerate(statements):
            lines += _compute(body, statement, k, ["1"] * count)
        return lines, _text(result, ["1"] * count)

    head = ["a = ptr_i8(args)", f"out = ptr_{suffix(dtype)}(a[{count}])"]
    first = count + 1
    head += [f"P, N, Q, blocks = a[{first}], a[{first + 1}], a[{first + 2}], a[{first + 3}]"]
    for p in range(count):
        base = first + 4 + 3 * p
        head.append(f"b{p}, n{p}, q{p} = a[{base}], a[{base + 1}], a[{base + 2}]")
    head += body.unpacked(first + 4 + 3 * count)
    write = inner_body if inner else outer_body
    lines = head + write(spec, dtype, setup, value)
    return with_imports("def KERNEL(args, lo, hi):\n" + _indented(lines, 1))


def _reduced_position(kind: str, p: int, n: str, q: str, inner: bool) -> str:
    if inner:
        return {"0": "0", "1": n, "s": f"({n}) * n{p}"}[kind]
    column = {"0": "", "1": f" + {q}", "s": f" + {q} * q{p}"}[kind]
    return f"({n}) * n{p}{column}"


def contiguous_layout(shape: Shape) -> Layout:
    """Return the row-major layout of a fresh buffer."""
    return Layout(shape, row_major(shape), 0)
