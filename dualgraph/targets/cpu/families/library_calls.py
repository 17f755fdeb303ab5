"""Calls of a library, which leave native code: eigenvalues and singular values of LAPACK."""

from typing import Any

import numpy as np

from ....core.op import Kernel, Op
from ....ir.graph import Node
from ....numerics.facts.routine import Library
from .. import library
from ..eager import library as eager_library
from ..places import Places
from ..placing import Placing
from ..rows import Cost, Ref
from .base import Family, Group


class LibraryCalls(Family):
    """One call of Python between native segments; the arguments are operands and results."""

    name = "library"
    begins = (Library,)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        place = places[node.inputs[index]]
        return not place.constant and place.layout.contiguous

    def eager(self, op: Op) -> Kernel:
        return eager_library.kernel_of(op)

    def emit(self, group: Group, placing: Placing) -> None:
        (node,) = group.nodes
        spec: Library = node.op.lower
        static: dict[str, Any] = node.static

        def call(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
            found = library.run(spec, arrays, static)
            return found if isinstance(found, tuple) else (found,)

        shown = "".join(f", {k}={v!r}" for k, v in static.items())
        text = f"{node.op.name}({', '.join(map(repr, node.inputs))}{shown})"
        operands = [placing.ref(i) for i in node.inputs]
        targets = [Ref(buffer) for buffer in placing.results(node)]
        row = placing.add(
            text, node.op.name, [*operands, *targets], Cost(1, 1, 1), [node],
            reads=operands, writes=targets, may_fail=True,
        )  # fmt: skip
        row.library = call


LIBRARY_CALLS = LibraryCalls()
