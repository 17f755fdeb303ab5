"""Matrix products: the exact gemm, over batches with one stride each."""

from math import prod

from ....core.op import Kernel, Op
from ....ir.graph import Node
from ....numerics.facts.contraction import Contraction
from ....numerics.view import Shape
from ..eager import matmul
from ..places import Places, merged_stride, single_stride
from ..placing import Placing
from ..rows import Cost
from ..texts.matmul import BLOCK, gemm_items, program_text
from .base import Family, Group

CHUNK = 4_000_000  # floating-point operations: about 40 us


class Contractions(Family):
    """Products of matrices; nothing is fused into them yet."""

    name = "gemm"
    begins = (Contraction,)

    def takes(self, node: Node, index: int, places: Places) -> bool:
        place, batch = places[node.inputs[index]], node.shape[:-2]
        if place.constant:
            return False
        strides = place.strides_over((*batch, *node.inputs[index].shape[-2:]))[: len(batch)]
        return single_stride(batch, strides) is not None

    def copied_shape(self, node: Node, operand: Node) -> Shape:
        """An operand is copied once for each matrix of the batch, so that it has one stride."""
        return (*node.shape[:-2], *operand.shape[-2:])

    def eager(self, op: Op) -> Kernel:
        return matmul.kernel_of(op)

    def emit(self, group: Group, placing: Placing) -> None:
        (node,) = group.nodes
        x, y = node.inputs
        batch, (m, n), k = node.shape[:-2], node.shape[-2:], x.shape[-1]
        steps: list[int] = []
        batches: list[int] = []
        for value in (x, y, node):
            strides = placing.places[value].strides_over((*batch, *value.shape[-2:]))
            steps += strides[-2:]
            batches.append(merged_stride(batch, strides[:-2]))
        count = prod(batch)
        if batches == [m * steps[0], 0, m * steps[4]]:  # many rows times one matrix: one product
            m, count = count * m, 1
        a, b, c = (placing.ref(value) for value in (x, y, node))
        ras, cas, rbs, cbs, rcs, ccs = steps
        a_batch, b_batch, c_batch = batches
        words = BLOCK.pack(
            A=a, B=b, C=c, m=m, n=n, k=k, ras=ras, cas=cas, rbs=rbs, cbs=cbs, rcs=rcs, ccs=ccs,
            A_batch=a_batch, B_batch=b_batch, C_batch=c_batch, resumed=0,
        )  # fmt: skip
        of_one = gemm_items(m, n, k)
        cost = Cost(count * of_one, 2 * m * n * k // max(1, of_one), CHUNK)
        text = program_text(node.dtype)
        placing.add(text, "gemm", words, cost, [node], reads=[a, b], writes=[c])


CONTRACTIONS = Contractions()
