"""What a kernel family is: one class that answers everything about its kernels.

Fusion asks which producers a family takes in and which groups it joins; lowering asks which
operands it can walk, what it costs, and to write its rows; errors ask what it can refuse. Nothing
else knows one family from another.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from ....core.op import Facts, Kernel, Op
from ....errors import AxisError, CompileError, DualgraphError
from ....ir.graph import Node
from ....numerics.view import Shape
from ..places import Places
from ..placing import Placing

MOST_NODES = 48  # a longer kernel compiles slowly and spills registers


@dataclass(slots=True, eq=False)
class Group:
    """The nodes of one kernel, in order; ``shape`` is the iteration space."""

    family: "Family"
    shape: Shape
    nodes: list[Node]
    rank: int = 0  # an order in which the groups can run, kept while they are joined
    predecessors: set["Group"] = field(default_factory=set["Group"])
    successors: set["Group"] = field(default_factory=set["Group"])


class Refusal(NamedTuple):
    """What a kernel says of an input that it refuses; the problem's ``{}`` is what it noted."""

    error: type[DualgraphError] = AxisError
    problem: str = "index {} is out of range"


class Family(ABC):
    """One kind of kernels. A method that a family leaves out says no."""

    name: ClassVar[str]
    begins: ClassVar[tuple[type[Facts], ...]]  # the facts of the ops that begin a group

    def __str__(self) -> str:
        return self.name

    def space(self, node: Node) -> Shape:
        """Return the iteration space of a group that begins with this node."""
        return node.results[0].shape

    # --- what it takes in ---

    def producers(self, node: Node) -> tuple[Node, ...]:
        """Return the operands that it may compute itself; of those, `absorbs` is asked."""
        return ()

    def absorbs(self, value: Node, taken: Sequence[Node], places: Places) -> bool:
        """Tell whether a producer that nobody else needs may be computed within the kernel.

        ``taken`` are the nodes of the group: the one that began it, then what it took in.
        """
        return False

    def joins(self, a: Group, b: Group, places: Places) -> bool:
        """Tell whether group ``a`` of this family and group ``b`` may be one kernel."""
        return False

    # --- what it reads and writes ---

    def takes(self, node: Node, index: int, places: Places) -> bool:
        """Tell whether it can walk an operand as it lies; otherwise it gets a copy."""
        return not places[node.inputs[index]].constant

    def copied_shape(self, node: Node, operand: Node) -> Shape:
        """Return the shape to which an operand is broadcast when it is copied."""
        return operand.shape

    def overwrites(self, group: Group, state: Node, places: Places) -> bool:
        """Tell whether the result may be written over ``state`` while that is read."""
        return False

    # --- what it may refuse ---

    def refusal(self, node: Node) -> Refusal:
        """Return what to raise for an op that may fail."""
        return Refusal()

    # --- what it does ---

    def has_work(self, group: Group) -> bool:
        """Tell whether there is something to compute or to refuse."""
        return any(aval.size for aval in group.nodes[-1].results)

    def eager(self, op: Op) -> Kernel:
        """Return the kernel of eager, which runs the same code; raise `CompileError` for none."""
        facts = type(op.lower).__name__
        raise CompileError(f"the CPU has no kernel for {facts}; give one to defop")

    @abstractmethod
    def emit(self, group: Group, placing: Placing) -> None:
        """Add the rows that compute a group."""
