"""The last passes before code generation: operands that a kernel family cannot walk are copied.

Loops walk any strides; a matrix product wants one stride over its batch, a reduction one stride
before, along and after the reduced axes, a line op likewise, a routine or a library dense memory.
Constants are literals in loops and reductions; for everything else they are written to memory
first.
"""

from ...core.op import REGISTRY
from ...core.types import Aval
from ...ir.graph import Graph, Node
from ...numerics.view import Shape
from ...passes.rebuild import rebuild
from .families.base import Family
from .families.table import family_of
from .places import Places, is_computed


def materialize_operands(graph: Graph) -> Graph:
    """Insert copies so that every operand can be walked by the kernel that takes it."""
    places = Places()

    def fix(node: Node) -> Node:
        return _with_copies(node, family_of(node), places) if is_computed(node) else node

    fixed = rebuild(graph, fix)
    return _copy_constant_outputs(fixed, places)


def _with_copies(node: Node, family: Family, places: Places) -> Node:
    inputs = tuple([
        i if family.takes(node, k, places) else _copy(_expand(i, family.copied_shape(node, i)))
        for k, i in enumerate(node.inputs)
    ])  # fmt: skip
    return node.with_inputs(inputs)


def _expand(node: Node, shape: Shape) -> Node:
    if shape == node.shape:
        return node
    return node.beside(REGISTRY["expand"], (node,), {"shape": shape}, Aval(shape, node.dtype))


def _copy(node: Node) -> Node:
    return node.beside(REGISTRY["clone"], (node,), {}, node.aval)


def _copy_constant_outputs(graph: Graph, places: Places) -> Graph:
    copies = {n: _copy(n) for n in graph.outputs if places[n].constant}
    outputs = tuple(copies.get(n, n) for n in graph.outputs)
    return Graph(graph.inputs, (*graph.nodes, *copies.values()), outputs)
