"""How single elements are computed inside of loops and reductions, by kind of op."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ....ir.graph import Node
from ....numerics.facts.elementwise import Elementwise
from ..bodies import Scope, Statement
from ..places import Places
from ..texts.elementwise import code


class Element(ABC):
    """One kind of ops that are computed element by element."""

    read_anywhere: ClassVar[tuple[int, ...]] = ()
    """The operands of which an element reads more than what lies at its own place."""

    @abstractmethod
    def statement(self, node: Node, scope: Scope) -> Statement:
        """Resolve what a node reads."""

    def takes(self, node: Node, index: int, places: Places) -> bool:
        """Tell whether an operand can be read as it lies."""
        return True


@dataclass(frozen=True, slots=True)
class _Value(Statement):
    @property
    def indexed(self) -> bool:
        return self.node.op.lower.indexed

    def lines(self, k: int, kinds: list[str]) -> list[str]:
        node = self.node
        terms = [term.text(kinds) for term in self.terms]
        value = code(node.op.lower, terms, _computing_dtype(node), node.dtype, "at")
        return [f"v{k} = {value}"]


def _computing_dtype(node: Node) -> np.dtype:
    """Return the dtype in which an element-wise node computes."""
    spec: Elementwise = node.op.lower
    return node.dtype if spec.indexed else node.inputs[-1].dtype


class Expressions(Element):
    """Element-wise ops: one expression of what they take."""

    def statement(self, node: Node, scope: Scope) -> Statement:
        return _Value(node, tuple([scope.term(i) for i in node.inputs]))
