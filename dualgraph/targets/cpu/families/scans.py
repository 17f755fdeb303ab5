"""Ops that work along one axis, line by line: argmax, and the running forms of reductions."""

from ....core.op import Kernel, Op
from ....ir.graph import Node
from ....numerics.facts.reduction import extents
from ....numerics.facts.routine import Line
from ..eager import lines
from ..places import Places, three_strides, walkable
from ..placing import Placing
from ..rows import Cost
from ..texts.lines import BLOCK, program_text
from .base import Family, Group

CHUNK = 8192  # elements that one thread takes at a time


class Scans(Family):
    """One line of the axis after the other."""

    name = "line"
    begins = (Line,)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        operand, axis = node.inputs[index], node.static["axis"]
        place = places[operand]
        return not place.constant and walkable(place, operand.shape, (axis,))

    def eager(self, op: Op) -> Kernel:
        return lines.kernel_of(op)

    def emit(self, group: Group, placing: Placing) -> None:
        (node,) = group.nodes
        (x,), axis = node.inputs, node.static["axis"]
        spec: Line = node.op.lower
        p, n, q = extents(x.shape, (axis,))
        strides = placing.places[x].strides_over(x.shape)
        source, target = placing.ref(x), placing.ref(node)
        words = BLOCK.pack(
            x=source,
            y=target,
            n=n,
            Q=q,
            x_stride=three_strides(x.shape, strides, axis, axis + 1),
            y_stride=(q, 0, 1) if spec.scalar_output else (n * q, q, 1),
        )
        text = program_text(spec, x.dtype)
        cost = Cost(p * q, n, CHUNK)
        placing.add(text, node.op.name, words, cost, [node], reads=[source], writes=[target])


SCANS = Scans()
