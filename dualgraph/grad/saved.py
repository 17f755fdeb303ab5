"""What the tape keeps of tensors until their rules need them, and how it notices that one changed.

Each is kept with the version that its memory had. With hooks of the user it is what they made of
the tensor (`Packed`).
"""

from typing import TypeAlias, final

import numpy as np

from ..core.dispatch import SavedHooks, state
from ..core.tensor import TensorBase, Value
from ..errors import DTypeError

TWICE = (
    "backward was called a second time through a graph whose saved values were freed by the first "
    "call. Pass retain_graph=True to the first backward, or run the forward again"
)


@final
class Packed:
    """What the user's hook made of a saved tensor, and the function that makes it one again.

    Rules of one node that need the same tensor get the same: it is unpacked once in a visit.
    """

    __slots__ = ("held", "unpack")

    def __init__(self, tensor: TensorBase, hooks: SavedHooks) -> None:
        self.unpack = hooks.unpack
        self.held = hooks.pack(tensor)

    def unpacked(self) -> TensorBase:
        """Return the tensor."""
        found = state.unpacked
        if found is None or found[0] is not state.visiting:
            found = state.unpacked = (state.visiting, {})
        if self not in found[1]:
            found[1][self] = self._unpack()
        return found[1][self]

    def _unpack(self) -> TensorBase:
        tensor = self.unpack(self.held)
        if not isinstance(tensor, TensorBase):
            raise DTypeError(
                f"the unpack hook of a saved tensor returned {type(tensor).__name__}: it must "
                "give a tensor"
            )
        return tensor


Held: TypeAlias = tuple[TensorBase | Value | Packed, list[int], int]
"""An input, or the value of a result; the version counter of its memory; the version it had."""


def version_counter(tensor: TensorBase) -> list[int]:
    """Return the one-element list that counts in-place changes of a tensor's memory."""
    owner = tensor if tensor.base is None else tensor.base
    if owner.counter is None:
        owner.counter = [0]
    return owner.counter


def count_here(tensor: TensorBase) -> list[int]:
    """Return the counter of changes as the running function sees it.

    A trace counts for itself what it does to memory from outside: nothing was changed there yet.
    """
    return version_counter(tensor) if state.counts is None else count_in(state.counts, tensor)


def count_in(counts: dict[TensorBase, list[int]], tensor: TensorBase) -> list[int]:
    """Return the counter of a trace with these ``counts`` of memory from outside."""
    owner = tensor if tensor.base is None else tensor.base
    if not isinstance(owner.value, np.ndarray):
        return version_counter(owner)
    if owner not in counts:
        counts[owner] = [version_counter(owner)[0]]
    return counts[owner]


def held_input(tensor: TensorBase) -> Held:
    """Return what the tape keeps of an input."""
    counter = version_counter(tensor)
    hooks = state.saved_hooks
    if hooks is not None and tensor.constant is None:
        return Packed(tensor, hooks), counter, counter[0]
    return tensor, counter, counter[0]


def held_result(tensor: TensorBase) -> Held:
    """Return what the tape keeps of a result: its value, since the tensor itself knows the tape."""
    counter = version_counter(tensor)
    hooks = state.saved_hooks
    if hooks is not None and tensor.constant is None:
        return Packed(state.frontend.alias(tensor), hooks), counter, counter[0]
    return tensor.value, counter, counter[0]
