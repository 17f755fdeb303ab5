"""From the sources of a graph's inputs to arrays, quickly: this runs at every compiled call."""

from typing import Any

import numpy as np

from ..core.tensor import TensorBase
from ..eager.frontend import READ_ONLY
from ..errors import GradError
from ..ir.graph import Node
from ..trace.capture import Argument, Held, Source
from ..trace.guards import Guards


class Mismatch(Exception):
    """A captured tensor is not what it was when the function was traced."""


class Binding:
    """Fetches the input arrays of one trace; raises `Mismatch` when the trace no longer fits."""

    def __init__(
        self,
        nodes: tuple[Node, ...],
        sources: list[Source],
        written: frozenset[int],
        guards: Guards,
    ) -> None:
        self.guards = guards
        self.written = written
        self.nodes = nodes
        self.arrays: list[Any] = [None] * len(sources)  # of held tensors, as seen last
        kinds = list(enumerate(sources))
        self.arguments = [(i, s.position) for i, s in kinds if isinstance(s, Argument)]
        self.held = [(i, s.held, s.held.tracked) for i, s in kinds if isinstance(s, Held)]
        self.others = [(i, s) for i, s in kinds if not isinstance(s, Argument | Held)]
        self.captured = frozenset(tensor for _, tensor, _ in self.held)
        self.owners: set[int] | None = None  # ids of the arrays that own the captured memory
        given = [i for i, _ in self.arguments]
        held = [i for i, _, _ in self.held]
        changed, positions = sorted(written), set(given)
        self.apart = [(i, j) for i in changed for j in given if i != j]
        self.apart += [(i, j) for i in changed if i in positions for j in held]
        self.loose = False  # some captured tensor was not row-major
        self.varying = [i for i, s in kinds if not isinstance(s, Held)]

    def fetch(self, tensors: list[TensorBase]) -> list[np.ndarray]:
        """Return the arrays in input order, as they are now."""
        broken = self.guards.broken(tensors)
        if broken is not None:
            raise Mismatch(broken.describe())
        arrays = self.arrays
        for i, tensor, requires_grad in self.held:
            if tensor.tracked is not requires_grad:
                raise Mismatch(f"requires_grad of a captured tensor {tensor.shape} changed")
            if tensor.value is not arrays[i]:
                arrays[i] = self._checked(i, tensor.value, "a captured tensor")
                self.owners = None
                self.loose |= not tensor.value.flags.c_contiguous
        arrays = arrays.copy()
        for i, position in self.arguments:
            tensor = tensors[position]
            if tensor in self.captured:
                raise Mismatch(f"argument {position} is a captured tensor")
            arrays[i] = tensor.value
        if self.apart:
            self._check_apart(arrays)
        for i, source in self.others:
            arrays[i] = self._checked(i, source.fetch(tensors), source.describe())
        for i in self.written:
            if not arrays[i].flags.writeable:
                raise GradError(READ_ONLY)
        return arrays

    def _check_apart(self, arrays: list[np.ndarray]) -> None:
        """Raise when memory that is written is also another argument's or captured tensor's."""
        if self.owners is None:
            self.owners = {id(_owner(arrays[i])) for i, _, _ in self.held}
        owners = [id(_owner(arrays[i])) for i, _ in self.arguments]
        if len(set(owners)) == len(owners) and self.owners.isdisjoint(owners):
            return
        for i, j in self.apart:
            a, b = arrays[i], arrays[j]
            if _owner(a) is _owner(b) and np.may_share_memory(a, b):
                raise Mismatch("tensors share memory, one of which is changed")

    def _checked(self, index: int, array: np.ndarray, what: str) -> np.ndarray:
        node = self.nodes[index]
        if array.shape != node.shape or array.dtype != node.dtype:
            raise Mismatch(f"{what} changed from {node.aval!r} to {array.dtype}{array.shape}")
        return array

    def dense(
        self, arrays: list[np.ndarray]
    ) -> tuple[list[np.ndarray], list[tuple[np.ndarray, np.ndarray]]]:
        """Return row-major arrays, and (original, copy) of those that must be copied back."""
        loose = self.loose
        for i in self.varying:
            if not arrays[i].flags.c_contiguous:
                loose = True
        if not loose:
            return arrays, []
        copies = [np.ascontiguousarray(a).reshape(a.shape) for a in arrays]
        back = [(arrays[i], copies[i]) for i in self.written if arrays[i] is not copies[i]]
        return copies, back


def _owner(array: np.ndarray) -> Any:
    return array if array.base is None else array.base
