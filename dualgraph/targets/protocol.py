"""What a target is: how a graph becomes something that runs.

A target has an *emitter* for each kernel family, which writes the steps of one group of nodes; a
*memory*, which says where values live between the steps; and a *driver*, which makes them run.
`StagedTarget` puts the three together. Whatever a target is made of, `Target` and `Executable` are
all that the rest of the package knows of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from ..ir.graph import Graph, Node

# --- what the rest of the package sees -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fresh:
    """An output that gets memory of its own at every call."""


@dataclass(frozen=True, slots=True)
class Write:
    """An output that is written into the memory of input ``target``."""

    target: int


Destination = Fresh | Write


@dataclass(slots=True)
class Cost:
    """Seconds that building took, by phase, and how many kernels were new."""

    codegen: float = 0.0
    llvm: float = 0.0
    load: float = 0.0
    compiled: int = 0
    loaded: int = 0

    def phases(self) -> dict[str, float]:
        """Return the seconds by phase."""
        return {"codegen": self.codegen, "llvm": self.llvm, "load": self.load}


@dataclass(frozen=True, slots=True)
class Summary:
    """What reports say of an executable."""

    calls: int  # of kernels, in one run
    kernels: int  # that are distinct
    fused_ops: int  # that share a kernel with another op
    arena_bytes: int  # memory for values between kernels
    native_calls: int  # into native code, in one run
    library_calls: tuple[str, ...]  # ops that leave native code
    source: str  # the calls in order, then the kernels


class Executable(Protocol):
    """A graph that can be run, any number of times."""

    @property
    def cost(self) -> Cost:
        """What building it took."""
        ...

    @property
    def fresh(self) -> Sequence[Node]:
        """The outputs that get memory of their own, in order."""
        ...

    def run(self, arrays: tuple[np.ndarray, ...]) -> None:
        """Execute on C-contiguous arrays: the inputs, then one for each fresh output.

        Raises a `DualgraphError` where an op refuses its input; no state is changed then.
        """
        ...

    def inspect(self) -> Summary:
        """Return what reports say of it."""
        ...


class Target(Protocol):
    """Something that graphs can be compiled for."""

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    def compile(self, graph: Graph, destinations: list[Destination]) -> Executable:
        """Return a graph ready to run, with a destination for each of its outputs."""
        ...


# --- what a target is made of --------------------------------------------------------------------


class Group(Protocol):
    """Nodes that become one kernel; the last one says of which family."""

    @property
    def nodes(self) -> Sequence[Node]:
        """The nodes in order."""
        ...


G = TypeVar("G", bound=Group)
U = TypeVar("U")
G_in = TypeVar("G_in", bound=Group, contravariant=True)
U_in = TypeVar("U_in", contravariant=True)


class Emitter(Protocol[G_in, U_in]):
    """Writes the steps of the groups of one family into a unit: one graph on its way."""

    def emit(self, group: G_in, unit: U_in, /) -> None:
        """Add the steps that compute a group."""
        ...


class Memory(Protocol[U_in]):
    """Decides where values live."""

    def plan(self, unit: U_in, /) -> None:
        """Give every value of the steps a place, and bring the outputs to where they go."""
        ...


class Driver(Protocol[U_in]):
    """Makes steps run."""

    def link(self, unit: U_in, /) -> Executable:
        """Return what runs the steps."""
        ...


@dataclass(frozen=True, slots=True)
class StagedTarget(Generic[G, U]):
    """A target made of emitters by family, a memory, and a driver.

    ``cut`` returns the groups of a graph, in an order in which they can run, and the unit that
    collects their steps; ``emitter`` finds that of the family which a node begins.
    """

    name: str
    cut: Callable[[Graph, list[Destination]], tuple[Sequence[G], U]]
    emitter: Callable[[Node], Emitter[G, U]]
    memory: Memory[U]
    driver: Driver[U]

    def compile(self, graph: Graph, destinations: list[Destination]) -> Executable:
        """Return a graph ready to run, with a destination for each of its outputs."""
        groups, unit = self.cut(graph, destinations)
        for group in groups:
            self.emitter(group.nodes[-1]).emit(group, unit)
        self.memory.plan(unit)
        return self.driver.link(unit)


def described(node: Node) -> str:
    """Return the op, the shapes that it was given, the user's line and the module's path."""
    shapes = ", ".join(str(x.shape) for x in node.inputs)
    place = f", in module {node.path}" if node.path else ""
    return f"{node.static.get('of', node.op.name)} of shapes {shapes} at {node.source}{place}"
