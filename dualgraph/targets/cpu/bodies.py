"""What the body of a generated kernel is made of: pointers, statements, and their text.

A body depends on the ops, the dtypes, and the kind of each innermost stride (1, 0, or any); what
varies from call to call, constants included, is an argument.
"""

import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...ir.graph import Node, const_array
from ...numerics.view import Shape
from .arguments import Block
from .places import Place, Places
from .prelude import stored
from .texts.elementwise import load

EXTRA = "extra"
"""The field of an argument block that holds the extra words of a body."""


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

    accesses: list[Access] = field(default_factory=list[Access])
    extras: list[int] = field(default_factory=list[int])
    keys: dict[tuple[Node, tuple[int, ...], int], int] = field(
        default_factory=dict[tuple[Node, tuple[int, ...], int], int]
    )
    constants: dict[tuple[np.dtype, bytes], int] = field(  # -> place in extras
        default_factory=dict[tuple[np.dtype, bytes], int]
    )
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
        """Add an extra word; return its number."""
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

    def unpacked(self, block: Block) -> list[str]:
        """Return the lines that read the extra words."""
        kinds = {i: dtype for (dtype, _), i in self.constants.items()}
        lines: list[str] = []
        for i in range(len(self.extras)):
            if i not in kinds:
                lines.append(f"g{i} = {block[EXTRA, i]}")
                continue
            pointer = f"ptr_{stored(kinds[i])}(args + {8 * block.at(EXTRA, i)})"
            lines.append(f"k{i} = {load(pointer, '0', kinds[i])}")
        return lines


class Term(NamedTuple):
    """What a statement takes: another statement, an operand, or a constant, by its number."""

    kind: str  # "statement", "operand", "constant"
    number: int

    def text(self, kinds: list[str]) -> str:
        """Return its name in the kernel."""
        if self.kind != "operand":
            return f"{'v' if self.kind == 'statement' else 'k'}{self.number}"
        return f"c{self.number}" if kinds[self.number] == "0" else f"x{self.number}"


@dataclass(frozen=True, slots=True)
class Statement(ABC):
    """One node of a group, and what it takes."""

    node: Node
    terms: tuple[Term, ...]

    @property
    def indexed(self) -> bool:
        """True when the value depends on the linear index ``at`` of the element."""
        return False

    @abstractmethod
    def lines(self, k: int, kinds: list[str]) -> list[str]:
        """Return the lines that compute ``v{k}``."""


@dataclass(slots=True)
class Scope:
    """What the nodes of a group see while they are resolved over an iteration space."""

    shape: Shape
    places: Places
    body: Body = field(default_factory=Body)
    inside: dict[Node, int] = field(default_factory=dict[Node, int])  # -> number of the statement

    def term(self, value: Node) -> Term:
        """Return what stands for a value."""
        if value in self.inside:
            return Term("statement", self.inside[value])
        place = self.places[value]
        if place.constant:
            return Term("constant", self.body.constant(place.root))
        return Term("operand", self.body.operand(place, place.strides_over(self.shape)))


def stride_kind(stride: int) -> str:
    """Return the kind of an innermost stride: "0", "1", or "s" for any."""
    return str(stride) if stride in (0, 1) else "s"


def position(kinds: list[str], p: int) -> str:
    """Return where element ``i`` of pointer p lies."""
    return {"0": "0", "1": "i", "s": f"i * t{p}"}[kinds[p]]


def shift(lines: list[str], depth: int) -> list[str]:
    """Indent lines."""
    return ["    " * depth + line for line in lines]


def kernel_text(lines: list[str]) -> str:
    """Return the definition of a kernel with these lines."""
    return "\n".join(["def KERNEL(args, lo, hi):", *shift(lines, 1), ""])
