"""What a compiled function returns: where each tensor of the result tree comes from.

A result that is an argument, a captured tensor or a view of one is that very tensor or view at
every call, as in eager; all others are computed into memory of their own.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..core.dispatch import apply
from ..core.tensor import TensorBase
from ..eager.frontend import eager_frontend
from ..errors import TraceError
from ..grad.backward import reachable
from ..ir.graph import Node
from ..ir.layout import view_chain
from ..trace.capture import Origin
from ..trace.effects import Outputs
from ..trace.tracer import Tracer
from ..trace.tree import Leaf, flatten, refuse_hidden, unflatten
from .backward import attach_freed


class Result(Protocol):
    """One tensor that is returned."""

    def tensor(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> TensorBase:
        """Return the tensor of this call."""
        ...


@dataclass(slots=True, eq=False)
class Computed:
    """A value in memory of its own."""

    value: Node
    position: int  # among the arrays with memory of their own
    root: int = -1  # position among the differentiable outputs
    freed: str = ""  # the grad_fn name of an output whose tape was already walked
    leaf: bool = False  # made inside as a leaf that requires grad

    def tensor(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> TensorBase:
        out = eager_frontend.tensor(fresh[self.position])
        if self.leaf:
            out.tracked = True
        elif self.freed:
            attach_freed(out, self.freed)
        return out


@dataclass(slots=True, eq=False)
class Given:
    """An argument."""

    position: int

    def tensor(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> TensorBase:
        return arguments[self.position]


@dataclass(slots=True, eq=False)
class Captured:
    """A tensor that the function reached by a closure or an attribute."""

    held: TensorBase

    def tensor(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> TensorBase:
        return self.held


@dataclass(slots=True, eq=False)
class ViewOf:
    """A view of an argument or a captured tensor: memory is shared, as in eager."""

    origin: Origin
    chain: list[Node]

    def tensor(self, arguments: list[TensorBase], fresh: list[np.ndarray]) -> TensorBase:
        tensor = self.origin.tensor(arguments)
        for node in self.chain:
            tensor = apply(node.op, tensor, **node.static)
        return tensor


class Results:
    """The tree that a call returns; a tensor that is returned twice is one object."""

    def __init__(self, tracer: Tracer, result: Any, outputs: Outputs) -> None:
        leaves: list[TensorBase] = []
        tree = flatten(result, leaves)
        refuse_hidden(tree)
        self.roots: list[TensorBase] = []  # the differentiable ones, on the tape of the trace
        self.distinct: list[Result] = []
        places: dict[TensorBase, int] = {}
        for leaf in leaves:
            if leaf not in places:
                places[leaf] = len(self.distinct)
                self.distinct.append(self._classified(tracer, leaf, outputs))
        found = [places[leaf] for leaf in leaves]
        self.tree = unflatten(tree, [Leaf(k) for k in found])
        self.all: list[Result] = [self.distinct[k] for k in found]

    def _classified(self, tracer: Tracer, leaf: TensorBase, outputs: Outputs) -> Result:
        position = tracer.position_of(leaf)
        if position is not None:
            return Given(position)
        if not isinstance(leaf.value, Node):
            return Captured(leaf)
        value = tracer.lift(leaf)
        view = None if leaf.tracked else _view_of_input(tracer, value)
        return view or self._computed(leaf, value, outputs)

    def _computed(self, leaf: TensorBase, value: Node, outputs: Outputs) -> Computed:
        out = Computed(value, outputs.fresh(value))
        if not leaf.tracked:
            return out
        if leaf.grad_fn is None:
            out.leaf = True
            _refuse_gradient(leaf)
        elif any(node.saved is None for node in reachable([leaf.grad_fn])):
            out.freed = leaf.grad_fn.name()
        else:
            self.roots.append(leaf)
            out.root = len(self.roots) - 1
        return out


def _view_of_input(tracer: Tracer, value: Node) -> ViewOf | None:
    """Return the view of an input that the function left unchanged.

    A view on the tape is part of the compiled node instead: beside it, the order in which
    cotangents arrive at the input would not be that of eager.
    """
    root, chain = view_chain(value)
    slot = tracer.read.get(root)
    if not chain or slot is None or slot.now is not slot.input or slot.tracked:
        return None
    return ViewOf(slot.origin, chain)


def _refuse_gradient(leaf: TensorBase) -> None:
    if leaf.held_grad is not None:
        raise TraceError(
            "the traced function returns a leaf tensor that it made itself and gave a .grad, which "
            "would be lost: return the .grad as well and detach the leaf, or run it eagerly"
        )
