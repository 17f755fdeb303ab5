"""Passes: functions Graph -> Graph that keep every bit; each reads only facts on the op records."""

from collections.abc import Callable
from typing import Any

from ..core.op import REGISTRY
from ..ir.graph import CONST, Graph, Node, const_array, constant
from ..ir.interpreter import evaluate
from ..ir.layout import place_of
from .rewrites import REWRITES, Rewrite

Pass = Callable[[Graph], Graph]

_BY_OP: dict[str, list[Rewrite]] = {}
for _row in REWRITES:
    _BY_OP.setdefault(_row.op, []).append(_row)


def rebuild(graph: Graph, replace: Callable[[Node], Node]) -> Graph:
    """Apply ``replace`` to every node (on already replaced inputs), keeping order and constants.

    A replacement may be an earlier node or a new one; new constants that it takes come before it.
    """
    new: dict[Node, Node] = {n: n for n in graph.inputs}
    known = set(graph.inputs)
    order: list[Node] = []

    def place(node: Node) -> None:
        if node in known:
            return
        for value in node.inputs:
            place(value)
        known.add(node)
        order.append(node)

    for node in graph.nodes:
        result = replace(node.with_inputs(tuple(new[i] for i in node.inputs)))
        new[node] = result
        place(result)
    return Graph(graph.inputs, tuple(order), tuple(new[n] for n in graph.outputs))


def fold_constants(graph: Graph) -> Graph:
    """Run ops whose inputs are all constants, when the result is a scalar."""

    def fold(node: Node) -> Node:
        scalar = node.op is not CONST and node.inputs and node.shape == ()
        if not scalar or any(i.op is not CONST for i in node.inputs):
            return node
        value = evaluate(node, [const_array(i) for i in node.inputs])
        return constant(value.item(), node.dtype, node.source)

    return rebuild(graph, fold)


def simplify(graph: Graph) -> Graph:
    """Apply the rows of `rewrites.REWRITES` until none fits."""

    def rewrite(node: Node) -> Node:
        for row in _BY_OP.get(node.op.name, ()):
            if row.when(node):
                return rewrite(row.then(node))
        return node

    return rebuild(graph, rewrite)


def common_subexpressions(graph: Graph) -> Graph:
    """Compute equal nodes once (operands of a commutative op in either order)."""
    seen: dict[Any, Node] = {}

    def merge(node: Node) -> Node:
        return seen.setdefault(_key(node), node)

    return rebuild(graph, merge)


def _key(node: Node) -> Any:
    if node.op is CONST:
        return (CONST, node.dtype, const_array(node).tobytes())
    inputs = [id(i) for i in node.inputs]
    if node.op.commutative:
        inputs.sort()
    return (node.op, tuple(inputs), tuple(node.static.items()))


def dead_code(graph: Graph) -> Graph:
    """Drop nodes that no output needs; inputs stay.

    That an index is out of range is found where it is used: an op whose result nobody needs is not
    run, and raises nothing.
    """
    live = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node in live:
            live.update(node.inputs)
    return Graph(graph.inputs, tuple(n for n in graph.nodes if n in live), graph.outputs)


def materialize_views(graph: Graph) -> Graph:
    """Copy before a reshape that strides cannot express, so that every view moves no data."""
    copy = REGISTRY["clone"]

    def place(node: Node) -> Node:
        if not node.op.is_view or place_of(node)[0] is not node:
            return node
        source = node.inputs[0]
        dense = Node(
            copy, (source,), {}, source.shape, source.dtype, node.source, node.path, node.derived
        )
        return node.with_inputs((dense,))

    return rebuild(graph, place)
