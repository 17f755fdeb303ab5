"""Source text of fused loops and fused reductions.

The text depends on the ops, the dtypes, the rank after merging axes, and on which operands have an
innermost stride of 1 or 0; extents, other strides, pointers and constants are arguments. Equal text
is one kernel, whatever graph and batch size it serves (a mean divides by the batch size).

Argument block of a loop: pointers of operands, then of outputs; the extents of the iteration space;
for every operand and output its strides (in elements) along each axis; extra words (numbers of
gathers, bits of constants); last the status word.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ...ir.graph import Node
from ...numerics.view import Layout, Shape
from .bodies import (
    Access,
    Body,
    Statement,
    collect,
    compute,
    indented,
    merge_axes,
    position,
    shift,
    stride_kind,
)
from .places import Places
from .prelude import stored, with_imports
from .texts.elementwise import load, store


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
    text = with_imports("def KERNEL(args, lo, hi):\n" + indented(lines, 1))
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
    kinds = [stride_kind(s[-1]) for s in strides]
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
        lines.append(f"p{p} = ptr_{stored(access.dtype)}(a[{p}]{step})")
    lines += _hoisted(body, statements, kinds)
    return [*lines, "for i in range(hi - lo):", *shift(inside("lo + i"), 1)]


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
        row.append(f"p{p} = ptr_{stored(access.dtype)}(a[{p}] + ({away}) * {size})")
    row += _hoisted(body, statements, kinds)
    row += ["for i in range(n):", *shift(inside("row * n + i"), 1)]
    return lines + shift(row, 1)


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
            lines.append(f"x{p} = {load(f'p{p}', position(kinds, p), access.dtype)}")
    for k, statement in enumerate(statements):
        lines += compute(body, statement, k, kinds)
    first = count - len(outputs)
    places = {s.node: k for k, s in enumerate(statements)}
    for j, node in enumerate(outputs):
        lines.append(
            store(f"p{first + j}", position(kinds, first + j), f"v{places[node]}", node.dtype)
        )
    return lines
