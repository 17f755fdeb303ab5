"""Where the inputs of a graph come from, and what a trace relied on about the tensors behind them.

A traced function touches more than its arguments: parameters, optimizer state, ``.grad``, learning
rates. Each becomes an input of the graph with a `Source` that is read at every call; facts of
tensors on which the function may have branched become a `TensorGuard`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..core.tensor import TensorBase
from ..eager.frontend import array_of
from ..numerics.view import strides_of


@dataclass(frozen=True, slots=True)
class Argument:
    """The tensor at one position of the flattened arguments."""

    position: int

    def tensor(self, arguments: list[TensorBase]) -> TensorBase:
        return arguments[self.position]

    def fetch(self, arguments: list[TensorBase]) -> np.ndarray:
        return array_of(arguments[self.position])

    def describe(self) -> str:
        return f"argument {self.position}"


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A tensor captured by identity, such as a parameter; read at call time."""

    held: TensorBase

    def tensor(self, arguments: list[TensorBase]) -> TensorBase:
        return self.held

    def fetch(self, arguments: list[TensorBase]) -> np.ndarray:
        return array_of(self.held)

    def describe(self) -> str:
        return f"captured tensor of shape {tuple(self.held.value.shape)}"


Origin = Argument | Held
"""Where a tensor that the trace did not make comes from."""


@dataclass(frozen=True, slots=True)
class GradOf:
    """The ``.grad`` that a tensor has when the call begins."""

    owner: Origin

    def fetch(self, arguments: list[TensorBase]) -> np.ndarray:
        grad = self.owner.tensor(arguments).held_grad
        assert grad is not None, "a guard saw to that"
        return array_of(grad)

    def describe(self) -> str:
        return f".grad of {self.owner.describe()}"


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A Python number in a container, such as a learning rate; read at call time as float64."""

    container: Any
    key: str

    def fetch(self, arguments: list[TensorBase]) -> np.ndarray:
        return np.array(self.container[self.key], np.float64)

    def describe(self) -> str:
        return f"number {self.key!r}"


@dataclass(frozen=True, slots=True)
class Cotangent:
    """An input of a backward graph: the cotangent of one output, or one that was there before."""

    position: int
    carried: bool = False

    def fetch(self, arguments: list[TensorBase]) -> np.ndarray:
        return array_of(arguments[self.position])

    def describe(self) -> str:
        kind = "cotangent that had arrived" if self.carried else "cotangent of output"
        return f"{kind} {self.position}"


Source = Argument | Held | GradOf | Number | Cotangent


class TensorGuard(Protocol):
    """A fact of a tensor that a trace relied on."""

    def holds(self, arguments: list[TensorBase]) -> bool:
        """Tell whether it is still so, for the tensors of this call."""
        ...

    def describe(self) -> str:
        """Return the reason for a new trace where it is not."""
        ...


@dataclass(frozen=True, slots=True)
class GradGuard:
    """The trace saw this ``.grad`` as absent (None) or present with a shape and dtype."""

    owner: Origin
    present: bool

    def holds(self, arguments: list[TensorBase]) -> bool:
        return (self.owner.tensor(arguments).held_grad is not None) == self.present

    def describe(self) -> str:
        state = "present" if self.present else "None"
        return f".grad of {self.owner.describe()} was {state} when traced"


@dataclass(frozen=True, slots=True)
class TrackedGuard:
    """The function asked whether a tensor from outside requires grad; maybe no op used it."""

    owner: Held
    tracked: bool

    def holds(self, arguments: list[TensorBase]) -> bool:
        return self.owner.held.tracked is self.tracked

    def describe(self) -> str:
        return f"requires_grad of {self.owner.describe()} was {self.tracked} when traced"


@dataclass(frozen=True, slots=True)
class HookGuard:
    """The trace ran these hooks of a leaf (their keys, each given out once)."""

    owner: Origin
    before: tuple[int, ...]
    after: tuple[int, ...]

    def holds(self, arguments: list[TensorBase]) -> bool:
        leaf = self.owner.tensor(arguments)
        return (tuple(leaf.hooks or ()), tuple(leaf.after_hooks or ())) == (self.before, self.after)

    def describe(self) -> str:
        return f"other hooks on {self.owner.describe()}"


@dataclass(frozen=True, slots=True)
class StridesGuard:
    """The function asked for these strides of a tensor (in elements)."""

    owner: Origin
    strides: tuple[int, ...]

    def holds(self, arguments: list[TensorBase]) -> bool:
        return strides_of(self.owner.fetch(arguments)) == self.strides

    def describe(self) -> str:
        return f"other strides of {self.owner.describe()}"
