"""Elements that are looked up: gathers, and the positions that they use."""

from dataclasses import dataclass

from ....ir.graph import Node
from ..arguments import STATUS
from ..bodies import Scope, Statement, Term, position
from ..places import Places
from ..texts.elementwise import load
from .elements import Element

_STATUS = STATUS.words("status")


def _checked(index: str, low: str, high: str, k: int) -> list[str]:
    """Return the lines that report an index outside of a range."""
    return [
        f"out{k} = ({index} < {low}) | ({index} >= {high})",
        f"if out{k}:",
        f"    {_STATUS.index} = {index}",
        f"    {_STATUS.failed} = 1",
    ]


@dataclass(frozen=True, slots=True)
class _Lookup(Statement):
    table: int  # operand
    extent: int  # extra words
    step: int

    def lines(self, k: int, kinds: list[str]) -> list[str]:
        index = self.terms[0].text(kinds)
        where = f"{position(kinds, self.table)} + j{k} * g{self.step}"
        return [
            *_checked(index, "0", f"g{self.extent}", k),
            f"j{k} = select(out{k}, i8(0), {index})",
            f"v{k} = {load(f'p{self.table}', where, self.node.dtype)}",
        ]


@dataclass(frozen=True, slots=True)
class _Same(Statement):
    """A gather from a constant."""

    def lines(self, k: int, kinds: list[str]) -> list[str]:
        return [f"v{k} = {self.terms[0].text(kinds)}"]


class Gathers(Element):
    """Elements of a table at checked indices along one axis."""

    read_anywhere = (0,)

    def statement(self, node: Node, scope: Scope) -> Statement:
        axis: int = node.static["axis"]
        table, body = scope.places[node.inputs[0]], scope.body
        strides = table.layout.strides
        walked = tuple(0 if d == axis else s for d, s in enumerate(strides))
        if table.constant:
            return _Same(node, (Term("constant", body.constant(table.root)),))
        operand = body.operand(table, walked)
        extent = body.extra(node.inputs[0].shape[axis])
        step = body.extra(strides[axis])
        body.may_fail = True
        return _Lookup(node, (scope.term(node.inputs[1]),), operand, extent, step)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        """The table must be memory, an index may be a literal."""
        return index != 0 or not places[node.inputs[0]].constant


@dataclass(frozen=True, slots=True)
class _FromFront(Statement):
    extent: int  # an extra word

    def lines(self, k: int, kinds: list[str]) -> list[str]:
        index, bound = self.terms[0].text(kinds), f"g{self.extent}"
        front = f"select({index} < 0, {index} + {bound}, {index})"
        return [
            *_checked(index, f"-{bound}", bound, k),
            f"v{k} = select(out{k}, i8(0), {front})",
        ]


class Positions(Element):
    """Indices counted from the front, checked."""

    def statement(self, node: Node, scope: Scope) -> Statement:
        index = scope.term(node.inputs[0])
        extent = scope.body.extra(node.static["extent"])
        scope.body.may_fail = True
        return _FromFront(node, (index,), extent)
