"""What a call leaves behind besides its results: each kind of change is one small class.

The tracer returns one list of effects. When the program is built, each asks for the outputs that it
needs (`Effect.bind`); after the program ran, each writes itself back (`Effect.commit`). What is
written into memory that was there before is guarded by the binding of inputs: that memory must be
writeable, and no other input's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..core.tensor import TensorBase
from ..eager.frontend import eager_frontend
from ..grad.saved import version_counter
from ..ir.graph import Node
from .capture import Held, Origin
from .slots import Slot


@dataclass(slots=True, eq=False)
class Outputs:
    """The outputs of a graph: each a value, and the input whose memory it is written into."""

    values: list[Node] = field(default_factory=list[Node])
    memory: list[Node | None] = field(default_factory=list[Node | None])  # None: memory of its own
    new: int = 0  # how many get memory of their own

    def fresh(self, value: Node) -> int:
        """Add an output in memory of its own; return its place among the arrays of a call."""
        self.values.append(value)
        self.memory.append(None)
        self.new += 1
        return self.new - 1

    def write(self, value: Node, memory: Node) -> None:
        """Add an output that is written into the memory of an input."""
        self.values.append(value)
        self.memory.append(memory)

    @property
    def written(self) -> set[Node]:
        """The inputs whose memory is written."""
        return {m for m in self.memory if m is not None}


class Effect(Protocol):
    """A change that outlives the call."""

    def bind(self, outputs: Outputs) -> None:
        """Ask for the values that the program must compute for this effect."""
        ...

    def commit(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> None:
        """Write back after the program ran; ``fresh`` are the outputs with memory of their own."""
        ...


@dataclass(slots=True, eq=False)
class WriteMemory:
    """The function changed a tensor in place: the program writes its memory."""

    target: Origin
    memory: Node
    value: Node
    counter: list[int] | None = None  # of versions, where the tensor is the same at every call

    def bind(self, outputs: Outputs) -> None:
        outputs.write(self.value, self.memory)
        if isinstance(self.target, Held):
            self.counter = version_counter(self.target.held)

    def commit(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> None:
        counter = self.counter
        if counter is None:
            counter = version_counter(self.target.tensor(arguments))
        counter[0] += 1


@dataclass(slots=True, eq=False)
class SetGrad:
    """The function set a ``.grad`` to a new tensor."""

    target: Origin
    value: Node
    position: int = -1

    def bind(self, outputs: Outputs) -> None:
        self.position = outputs.fresh(self.value)

    def commit(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> None:
        self.target.tensor(arguments).held_grad = eager_frontend.tensor(fresh[self.position])


@dataclass(slots=True, eq=False)
class ClearGrad:
    """The function set a ``.grad`` to None."""

    target: Origin

    def bind(self, outputs: Outputs) -> None:
        """There is nothing to compute."""

    def commit(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> None:
        self.target.tensor(arguments).held_grad = None


@dataclass(slots=True, eq=False)
class ChangeGrad:
    """The function changed the ``.grad`` tensor that was there in place."""

    target: Origin
    memory: Node
    value: Node

    def bind(self, outputs: Outputs) -> None:
        outputs.write(self.value, self.memory)

    def commit(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> None:
        grad = self.target.tensor(arguments).held_grad
        assert grad is not None, "a guard saw to that"
        version_counter(grad)[0] += 1


def memory_effects(slots: list[Slot]) -> Iterator[Effect]:
    """Yield a write for every tensor whose memory the function changed."""
    for slot in slots:
        value = slot.now
        if slot.input and value and value is not slot.input:
            yield WriteMemory(slot.origin, slot.input, value)


def grad_effects(slots: list[Slot], lift: Callable[[TensorBase], Node]) -> Iterator[Effect]:
    """Yield what became of every ``.grad`` that the function set, cleared or changed."""
    for slot in slots:
        grad, same = slot.grad, slot.grad_read and slot.grad is slot.first_grad
        if grad is None:
            if not same:
                yield ClearGrad(slot.origin)
        elif not same:
            yield SetGrad(slot.origin, lift(grad))
        elif slot.grad_input and grad.value is not slot.grad_input:
            yield ChangeGrad(slot.origin, slot.grad_input, lift(grad))
