"""Tracing a function that becomes the region of a node.

A region is closed: tensors that the function finds outside of its arguments are *captured*, and
become further inputs of the region, whichever frontend they belong to. A region computes values
from values: what reaches beyond that (a change of a tensor in place, ``.grad``, a hook) is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar, TypeVarTuple, Unpack

import numpy as np

from ..core.dispatch import state
from ..core.frontend import ASKED_TRACKED, HOOK_ADDED, Event, Frontend
from ..core.op import refuse, tape_op
from ..core.tensor import TensorBase
from ..core.types import Aval
from ..errors import TraceError
from ..grad.tape import TapeNode, gradient_edge, mark
from ..ir.graph import Graph, Node
from ..ir.split import ancestors
from .tracer import Tracer

_ARGUMENT = tape_op("Argument", refuse("it is where the walk ends"))

_WALKED = (
    "calls backward() to a captured tensor, or sets its .grad: differentiate with autograd.grad(), "
    "or outside"
)

Args = TypeVarTuple("Args")
Out = TypeVar("Out")


class Region(NamedTuple):
    """A closed graph, and the captured tensors that its last inputs stand for."""

    graph: Graph
    captured: list[TensorBase]


class RegionTracer(Tracer):
    """The tracer of one region of the op named ``what``; ``outer`` is the frontend around it."""

    def __init__(self, outer: Frontend, what: str) -> None:
        super().__init__()
        self.outer = outer
        self.what = what
        self.given: set[TensorBase] = set()  # the arguments of the function
        self.captured: dict[TensorBase, Node] = {}
        self.edges: dict[TensorBase, Any] = {}  # of captured tensors that require grad
        self.began = mark()

    def argument_of(self, aval: Aval, path: str, *, tracked: bool) -> TensorBase:
        """Return an argument of the function; it is no leaf of the tape, since it has a source."""
        out = self.symbol(self.leaf(aval, path))
        if tracked:
            out.grad_fn, out.tracked = TapeNode(_ARGUMENT, [], (), {}, {}), True
        self.given.add(out)
        return out

    def region(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> Region:
        """Return what computes the outputs; captured values come after these inputs."""
        needed = ancestors(tuple(outputs))
        captured = {t: node for t, node in self.captured.items() if node in needed}
        nodes = tuple(node for node in self.nodes if node in needed)
        return Region(Graph((*inputs, *captured.values()), nodes, tuple(outputs)), [*captured])

    def differentiable(self) -> dict[Any, TensorBase]:
        """Return the captured tensors that require grad, by where their cotangents go.

        That is remembered from the first call: what happens to the tensors later does not matter.
        """
        for tensor in self.captured:
            if tensor.tracked and tensor not in self.edges:
                self.edges[tensor] = gradient_edge(tensor)
        return {edge: tensor for tensor, edge in self.edges.items()}

    # --- what comes from outside ---

    def _is_own(self, x: TensorBase) -> bool:
        value = x.value
        return x.constant is not None or (isinstance(value, Node) and value in self.known)

    def lift(self, tensor: TensorBase) -> Node:
        if self._is_own(tensor):
            return super().lift(tensor)
        if tensor not in self.captured:
            aval = Aval(tuple(tensor.value.shape), tensor.value.dtype)
            self.captured[tensor] = self.leaf(aval, "captured")
        return self.captured[tensor]

    def renew(self, view: TensorBase) -> None:
        if self._is_own(view):
            super().renew(view)
        else:
            self._outside_of_it(self.outer.renew, view)

    def strides(self, x: TensorBase) -> tuple[int, ...]:
        own = self._is_own(x)
        return super().strides(x) if own else self._outside_of_it(self.outer.strides, x)

    def offset(self, x: TensorBase) -> int:
        own = self._is_own(x)
        return super().offset(x) if own else self._outside_of_it(self.outer.offset, x)

    def number(self, container: Any, key: str) -> Any:
        return self._outside_of_it(self.outer.number, container, key)

    def concrete(self, x: TensorBase, what: str) -> np.ndarray:
        if self._is_own(x):
            return super().concrete(x, what)
        return self._outside_of_it(self.outer.concrete, x, what)

    def _outside_of_it(self, method: Callable[[Unpack[Args]], Out], *args: *Args) -> Out:
        """Call a method of the frontend around the region."""
        state.frontend = self.outer
        try:
            return method(*args)
        finally:
            state.frontend = self

    # --- what is refused ---

    def _refuse(self, problem: str) -> NoReturn:
        raise TraceError(f"the function that {self.what} runs at every step {problem}")

    def replace(self, x: TensorBase, out: TensorBase) -> None:
        whole = x if x.base is None else x.base
        if whole in self.given or not self._is_own(whole):
            self._refuse(
                "changes an argument or a captured tensor in place (as random functions change "
                "their generator): it is given values, not memory. Return a new tensor as a "
                "carry; draw random numbers outside, and give them to it as xs"
            )
        super().replace(x, out)

    def set_data(self, x: TensorBase, source: TensorBase) -> None:
        if not self._is_own(x):
            self._refuse("gives a captured tensor other memory (x.data = y)")
        super().set_data(x, source)

    def note(self, x: TensorBase, event: Event) -> None:
        if event is ASKED_TRACKED and x in self.given:
            self._refuse(
                "asks whether an argument requires grad: that depends on the step. Ask outside"
            )
        if self._is_own(x):
            super().note(x, event)
        elif event is ASKED_TRACKED:
            self._outside_of_it(self.outer.note, x, event)
        elif event is HOOK_ADDED:
            self._refuse("registers a hook on a captured tensor: register it outside")
        else:
            self._refuse(_WALKED)

    def read_grad(self, x: TensorBase) -> TensorBase | None:
        if not self._is_own(x):
            self._refuse("reads .grad of a captured tensor: read it outside")
        return super().read_grad(x)

    def write_grad(self, x: TensorBase, grad: TensorBase | None) -> None:
        if not self._is_own(x):
            self._refuse(_WALKED)
        super().write_grad(x, grad)
