"""The last passes before code generation: operands that a kernel family cannot walk are copied.

Loops walk any strides; a matrix product wants one stride over its batch, a reduction one stride
before, along and after the reduced axes, a line op likewise, a routine or a library dense memory.
Constants are literals in loops and reductions; for everything else they are written to memory
first.
"""

from ...core.op import REGISTRY
from ...ir.graph import CONST, Graph, Node
from ...numerics.facts.data import Gather
from ...passes.passes import rebuild
from .fusion import family, walkable
from .places import Places, single_stride


def materialize_operands(graph: Graph) -> Graph:
    """Insert copies so that every operand can be walked by the kernel that takes it."""
    places = Places()

    def fix(node: Node) -> Node:
        if node.op is CONST or node.op.is_view:
            return node
        if family(node) == "loop" and not isinstance(node.op.lower, Gather):
            return node
        inputs = tuple(
            i if _fits(node, k, places) else _copy(_whole(node, i))
            for k, i in enumerate(node.inputs)
        )
        return node.with_inputs(inputs)

    fixed = rebuild(graph, fix)
    return _copy_constant_outputs(fixed, places)


def _whole(node: Node, operand: Node) -> Node:
    """Return a matmul operand repeated over the whole batch: copied, it has one batch stride."""
    shape = (*node.shape[:-2], *operand.shape[-2:])
    if family(node) != "gemm" or shape == operand.shape:
        return operand
    return Node(
        REGISTRY["expand"], (operand,), {"shape": shape}, shape, operand.dtype, operand.source,
        operand.path, operand.derived,
    )  # fmt: skip


def _copy(node: Node) -> Node:
    copy = REGISTRY["clone"]
    return Node(copy, (node,), {}, node.shape, node.dtype, node.source, node.path, node.derived)


def _copy_constant_outputs(graph: Graph, places: Places) -> Graph:
    copies = {n: _copy(n) for n in graph.outputs if places[n].constant}
    outputs = tuple(copies.get(n, n) for n in graph.outputs)
    return Graph(graph.inputs, (*graph.nodes, *copies.values()), outputs)


def _fits(node: Node, index: int, places: Places) -> bool:
    operand = node.inputs[index]
    place = places[operand]
    kind = family(node)
    if kind == "loop":  # a gather: its table must be memory, its index may be a literal
        return index != 0 or not place.constant
    if kind == "reduce":
        return walkable(places, operand, operand.shape, node.static["axes"])
    if kind == "overwrite" or (kind == "routine" and index == 0 and node.op.lower.updates):
        return True
    if place.constant:
        return False
    if kind in ("routine", "library"):
        return place.layout.contiguous
    if kind == "line":
        axis = node.static["axis"]
        return walkable(places, operand, operand.shape, (axis,))
    if kind == "gemm":
        batch = node.shape[:-2]
        strides = place.strides_over((*batch, *operand.shape[-2:]))[: len(batch)]
        return single_stride(batch, strides) is not None
    return True
