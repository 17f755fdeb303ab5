"""Routines over dense operands: sorting, pooling, scatters, convolution and the like.

What they do is written in `targets.cpu.routines`; the machine code is that which eager calls.
"""

from ....core.op import Kernel, Op
from ....ir.graph import Node
from ....numerics.facts.routine import Routine
from ..eager import routine
from ..places import Places, contiguous_layout
from ..placing import Placing
from ..prelude import with_imports
from ..routines import (  # imported for what they register
    convolution as convolution,
    ctc as ctc,
    factor as factor,
    pooling as pooling,
    products as products,
    recurrence as recurrence,
    resampling as resampling,
    rowwise as rowwise,
    sampling as sampling,
    scatter as scatter,
    sorting as sorting,
    substitution as substitution,
    windows as windows,
)
from ..routines.registry import native
from ..rows import Buffer, Cost, Ref
from .base import Family, Group, Refusal
from .loops import emit_copy


class Routines(Family):
    """One call of the op's own kernel; it may need scratch memory, and may refuse its input."""

    name = "routine"
    begins = (Routine,)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        if index == 0 and node.op.lower.updates:  # is copied into the result
            return True
        place = places[node.inputs[index]]
        return not place.constant and place.layout.contiguous

    def refusal(self, node: Node) -> Refusal:
        return Refusal(node.op.lower.error, node.op.lower.problem)

    def has_work(self, group: Group) -> bool:
        """Also one that has nothing to write may have something to refuse."""
        (node,) = group.nodes
        return super().has_work(group) or node.op.lower.may_fail

    def eager(self, op: Op) -> Kernel:
        return routine.kernel_of(op)

    def emit(self, group: Group, placing: Placing) -> None:
        (node,) = group.nodes
        spec: Routine = node.op.lower
        avals = (*node.inputs, *node.results)
        write, measure = native(spec)
        work = measure(*avals, **node.static)
        scratch = Ref(Buffer(work.scratch, "arena", label=f"{node.op.name} scratch"))
        targets = [Ref(buffer) for buffer in placing.results(node)]
        if spec.updates:
            layout = contiguous_layout(node.shape)
            emit_copy(node.inputs[0], node.shape, layout, targets[0].buffer, placing)
        operands = [placing.ref(i) for i in node.inputs[spec.updates :]]
        placing.add(
            with_imports(write(*avals, **node.static)),
            node.op.name,
            [*operands, *targets, scratch, Ref(placing.status), *work.numbers],
            Cost(work.items, 1, work.grain),
            [node],
            reads=[*operands, *targets] if spec.updates else operands,
            writes=[*targets, scratch],
            may_fail=spec.may_fail,
        )


ROUTINES = Routines()
