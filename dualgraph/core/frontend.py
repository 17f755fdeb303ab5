"""What a frontend is: how ops run, and what tensors are made of.

Eager (`eager.frontend`) computes at once on arrays; the tracer (`trace.tracer`) appends nodes to a
graph. Everything else (ops, rules, the tape, the backward walk, methods of tensors) is written
once, over these methods. Which frontend is active is state of the thread: `core.dispatch.state`.
"""

from enum import Enum
from typing import Any, Protocol

import numpy as np

from .op import Op, Static
from .tensor import TensorBase, Value


class Event(Enum):
    """What happens to a leaf beyond computing with it: see `Frontend.note`."""

    ASKED_TRACKED = "the program depends on whether it requires grad"
    HOOKS_RUN = "its hooks are about to be run"
    HOOK_ADDED = "it is about to get a hook"


ASKED_TRACKED, HOOKS_RUN, HOOK_ADDED = Event  # faster to reach than through the class


class Frontend(Protocol):
    """How ops run, what tensors are made of, and what is known of them."""

    # --- ops ---

    def run(self, op: Op, tensors: tuple[TensorBase, ...], static: Static) -> Any:
        """Run or append one op, and put it on the tape when an input requires grad.

        Returns a tensor, or a tuple of them when the op has several results.
        """
        ...

    def composite(self, op: Op, tensors: tuple[TensorBase, ...], static: Static) -> Any:
        """Run an op that is made of other ops; grads are off, and it stays off the tape.

        Returns a tensor, or a tuple of them, as `run`.
        """
        ...

    def record(self, op: Op, tensors: tuple[TensorBase, ...], static: Static, out: Any) -> None:
        """Put an op that was run on the tape, when grads are on and an input requires grad."""
        ...

    # --- making tensors ---

    def tensor(self, value: Value) -> TensorBase:
        """Wrap a value that nobody else holds: an array, or what ``value`` of a tensor was."""
        ...

    def copied(self, x: TensorBase, *, donated: bool = False) -> TensorBase:
        """Return a leaf with the values that x has now, in memory of its own.

        With ``donated`` nobody uses x again: its memory may be taken.
        """
        ...

    def own(self, g: TensorBase) -> TensorBase:
        """Return a cotangent as a tensor that shares memory with no other, for ``.grad``."""
        ...

    def alias(self, x: TensorBase, *, uncounted: bool = False) -> TensorBase:
        """Return a tensor on the memory of x, outside of the tape.

        With ``uncounted`` the tape does not notice what is changed through it, where that is known.
        """
        ...

    def stand_in(self, out: TensorBase, x: TensorBase) -> TensorBase:
        """Return ``out``, a copy that stands for a view of x which only running would give."""
        ...

    # --- changing tensors ---

    def replace(self, x: TensorBase, out: TensorBase) -> None:
        """Finish an in-place op: x takes the values and the place on the tape of ``out``."""
        ...

    def renew(self, view: TensorBase) -> None:
        """Put a view where it belongs on the tape after its base was changed in place."""
        ...

    def set_data(self, x: TensorBase, source: TensorBase) -> None:
        """Let x show the memory of another tensor from here on."""
        ...

    def write_grad(self, x: TensorBase, grad: TensorBase | None) -> None:
        """Set ``x.grad``."""
        ...

    # --- what is known ---

    def read_grad(self, x: TensorBase) -> TensorBase | None:
        """Return ``x.grad``."""
        ...

    def note(self, x: TensorBase, event: Event) -> None:
        """Note what happens to a leaf: a trace guards it, or raises where it cannot repeat it."""
        ...

    def strides(self, x: TensorBase) -> tuple[int, ...]:
        """Return the strides of a tensor, in elements; those of axes of extent 1 are dense."""
        ...

    def offset(self, x: TensorBase) -> int:
        """Return how many elements a tensor starts after the memory that it views."""
        ...

    def number(self, container: dict[str, Any], key: str) -> Any:
        """Return a number that may change between steps: as it is now, or to be read each time."""
        ...

    def concrete(self, x: TensorBase, what: str) -> np.ndarray:
        """Return the array of a tensor, for ``what``; raise `TraceError` where it has none."""
        ...
