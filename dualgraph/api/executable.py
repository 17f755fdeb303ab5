"""A program with all that a call does around it: quick, since it runs at every compiled call."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.dispatch import state
from ..core.tensor import TensorBase
from ..eager.frontend import eager_frontend
from ..grad.saved import Packed, version_counter
from ..targets.protocol import Executable as Program
from ..trace.tree import flatten, unflatten
from .backward import CallRecord, Kept, Returned, attach
from .binding import Binding
from .results import Computed
from .stages import Split, Traced

_empty = np.empty
Call = tuple[tuple[Any, ...], dict[str, Any]]
"""The arguments as the user gave them."""


class Executable:
    """Runs on bound arrays: memory for outputs, the program, effects, results, the tape."""

    __slots__ = (
        "binding", "effects", "fresh", "function", "joint", "leaves", "program", "results",
        "returns", "roots", "saved", "tree",
    )  # fmt: skip

    def __init__(
        self,
        function: Callable[..., Any],
        traced: Traced,
        split: Split,
        program: Program,
        binding: Binding,
    ) -> None:
        self.function = function
        self.binding = binding
        self.program = program
        self.fresh = [(node.shape, node.dtype) for node in program.fresh]
        self.effects = traced.effects
        self.results = traced.results.distinct
        self.leaves = traced.results.all
        self.tree = traced.results.tree
        self.joint = split.joint
        self.saved = split.saved
        self.returns = any(s.result >= 0 for s in split.saved)  # the user gets some as well
        found = [(r.root, k) for k, r in enumerate(self.results) if isinstance(r, Computed)]
        self.roots = [k for root, k in sorted(found) if root >= 0]

    def run(self, tensors: list[TensorBase], arrays: list[np.ndarray], call: Call) -> Any:
        """Execute and return the result tree."""
        arrays, back = self.binding.dense(arrays)
        fresh = [_empty(shape, dtype) for shape, dtype in self.fresh]
        joint = self.joint
        versions = joint.versions(tensors) if joint else []
        self.program.run((*arrays, *fresh))
        for original, copy in back:
            np.copyto(original, copy)
        for effect in self.effects:
            effect.commit(tensors, fresh)
        results = [result.tensor(tensors, fresh) for result in self.results]
        if joint:
            saved = self._saved(fresh, results)
            record = CallRecord(saved, tensors, versions, lambda: self._replay(call))
            attach([results[k] for k in self.roots], joint, record)
        return unflatten(self.tree, results)

    def _saved(self, fresh: list[np.ndarray], results: list[TensorBase]) -> Sequence[Kept]:
        """Return what backward needs, as the user's hooks want it to be held."""
        if not self.returns and state.saved_hooks is None:
            return fresh[len(fresh) - len(self.saved) :] if self.saved else []
        found: list[Kept] = []
        for position, result in self.saved:
            if result >= 0:
                counter = version_counter(results[result])
                found.append(Returned(fresh[position], counter, counter[0]))
            elif state.saved_hooks is None:
                found.append(fresh[position])
            else:
                found.append(Packed(eager_frontend.tensor(fresh[position]), state.saved_hooks))
        return found

    def _replay(self, call: Call) -> list[TensorBase]:
        """Run the call eagerly and return the differentiable outputs."""
        args, kwargs = call
        leaves: list[TensorBase] = []
        flatten(self.function(*args, **kwargs), leaves)
        pairs = zip(self.leaves, leaves, strict=True)
        chosen = {r.root: t for r, t in pairs if isinstance(r, Computed)}
        return [chosen[k] for k in range(len(self.roots))]
