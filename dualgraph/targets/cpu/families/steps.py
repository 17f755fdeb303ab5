"""Scans: the rows of a region, run once for each step by the driver itself.

Nothing is copied between steps: a carry has one memory, which the region overwrites as a training
step overwrites its parameters; elements of sequences are read, and results stacked, where they lie.
"""

from typing import Any

import numpy as np

from ....ir.graph import Graph, Node, may_fail
from ....ir.scan import Scan, Stepwise
from ....numerics.facts.routine import Library
from ...protocol import Destination, Fresh, Write
from ..places import Places, contiguous_layout
from ..placing import Placing
from ..rows import Base, Buffer, Cost, Loop, Ref
from .base import Family, Group
from .loops import emit_copy


class Steps(Family):
    """A loop over rows; with a library call among them, a call of the interpreter."""

    name = "steps"
    begins = (Stepwise,)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        place = places[node.inputs[index]]
        return not place.constant and place.layout.contiguous

    def has_work(self, group: Group) -> bool:
        """Also one that has nothing to write may have something to refuse."""
        return super().has_work(group) or may_fail(group.nodes[0])

    def emit(self, group: Group, placing: Placing) -> None:
        (node,) = group.nodes
        if _leaves_native_code(node.regions[0]):
            _emit_call(node, placing)
        else:
            _emit_loop(node, placing)


def _emit_loop(node: Node, placing: Placing) -> None:
    scan, targets = Scan.of(node), placing.results(node)
    for first, target in zip(node.inputs, targets[: scan.carries], strict=False):
        emit_copy(first, first.shape, contiguous_layout(first.shape), target, placing)
    loop = Loop(scan.length, scan.reverse, _bases(node, scan, targets, placing))
    writes: list[Destination] = [Write(k) for k in range(scan.carries)]
    stacks: list[Destination] = [Fresh() for _ in targets[scan.carries :]]
    inner = placing.nested(scan.body, writes + stacks)
    for buffer in inner.objects:
        buffer.kind, buffer.loop = "step", loop
    placing.add_loop(loop, node, [row for row in inner.rows if row.items > 0], targets)


def _bases(node: Node, scan: Scan, targets: list[Buffer], placing: Placing) -> list[Base]:
    """Return the memory of the region's inputs, then of its stacked outputs."""
    carries, first = scan.carries, scan.carries + scan.sequences
    refs = [placing.ref(i) for i in node.inputs[carries:]]
    elements, outputs = scan.body.inputs[carries:first], scan.body.outputs[carries:]
    stacks = [Ref(target) for target in targets[carries:]]
    return [
        *(Base(Ref(target), 0) for target in targets[:carries]),
        *(Base(ref, n.nbytes) for ref, n in zip(refs, elements, strict=False)),
        *(Base(ref, 0) for ref in refs[scan.sequences :]),
        *(Base(ref, n.nbytes) for ref, n in zip(stacks, outputs, strict=True)),
    ]


def _leaves_native_code(region: Graph) -> bool:
    """Tell whether an op of a region, or of one inside of it, is a call of a library."""
    return any(
        isinstance(node.op.lower, Library) or any(map(_leaves_native_code, node.regions))
        for node in region.nodes
    )


def _emit_call(node: Node, placing: Placing) -> None:
    """Add a row that runs the region step by step with the eager kernels."""
    facts: dict[str, Any] = node.facts

    def call(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        return node.op.kernel(*arrays, **facts)

    operands = [placing.ref(i) for i in node.inputs]
    targets = [Ref(buffer) for buffer in placing.results(node)]
    row = placing.add(
        f"scan of {node.static['length']} steps", node.op.name, [*operands, *targets],
        Cost(1, 1, 1), [node], reads=operands, writes=targets, may_fail=True,
    )  # fmt: skip
    row.library = call


STEPS = Steps()
