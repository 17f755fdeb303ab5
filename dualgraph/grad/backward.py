"""The one backward walk: used by eager, and by the tracer on symbolic tensors.

Nodes are visited in descending order of creation, cotangents are added in the order in which they
arrive. This is the definition of the accumulation order; no other module adds cotangents.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TypeAlias

from ..core.dispatch import in_grad_mode, literal, state
from ..core.hooks import Hooks
from ..core.tensor import TensorBase
from ..errors import DTypeError, GradError, ShapeError
from ..ops.create.creation import fresh, zeros
from ..ops.elementwise.pointwise import add, cast
from ..ops.reduce.reductions import expand, sum_to
from ..ops.shape.views import InSlice
from .hooks import NodeHooks, checked, replaced
from .slices import Slices, sliced_axis
from .tape import (
    NAN,
    Arrived,
    Cotangents,
    Edge,
    GradientEdge,
    TapeNode,
    WideNode,
    gradient_edge,
    has_nan,
    origin,
)

Cotangent: TypeAlias = TensorBase | InSlice | Slices
"""What waits at an edge: slices are not joined before somebody needs the whole."""
Pending: TypeAlias = dict[Edge, Cotangent]
Wanted: TypeAlias = Collection[Edge] | None  # one in which looking up is quick


def backward(
    roots: list[TensorBase],
    cotangents: list[TensorBase],
    wanted: Wanted,
    *,
    retain_graph: bool,
    create_graph: bool,
    arrived: Mapping[Edge, TensorBase] | None = None,
    since: int = 0,
) -> dict[Edge, TensorBase]:
    """Walk from the roots and return the cotangents by where they arrived.

    Keys are those of `gradient_edge`: nodes, outputs of nodes, leaf tensors. With ``wanted`` (a
    dict whose keys are such), only those are returned and only paths to them are walked; without,
    every leaf. ``arrived`` holds cotangents that were there before: what the walk brings is added
    to them. Nodes that were made before the one numbered ``since`` are not visited.
    """
    outside = state.visiting, state.unpacked
    try:
        pending: Pending = {**(arrived or {})}
        return in_grad_mode(
            _walk, roots, cotangents, wanted, retain_graph, pending, since, enabled=create_graph
        )
    finally:
        state.visiting, state.unpacked = outside


class AbsorbingNode(WideNode):
    """A node that runs its whole backward at once, seeing what has arrived at its inputs."""

    __slots__ = ()

    def absorb(self, g: Arrived, pending: dict[Edge, TensorBase]) -> list[tuple[Edge, TensorBase]]:
        """Return (edge, total) for every edge; a total includes what was pending there."""
        raise NotImplementedError


def _walk(
    roots: list[TensorBase],
    cotangents: list[TensorBase],
    wanted: Wanted,
    retain_graph: bool,
    pending: Pending,
    since: int,
) -> dict[Edge, TensorBase]:
    edges = [gradient_edge(root) for root in roots]
    for edge, g in zip(edges, cotangents, strict=True):
        _accumulate(pending, edge, g)
    order = reachable(edges, since)
    if state.anomaly and state.check_nan:
        _refuse_nan_roots(roots, order)
    useful = None if wanted is None else _leading_to(order, wanted)
    arrived: dict[Edge, TensorBase] = {}
    for node in order:
        if node in pending:
            state.visiting = node
            g = _whole(pending.pop(node))
            if node.hooks:
                g = replaced(node.hooks, g)
            if wanted is not None and node in wanted:
                arrived[node] = g
        else:
            g = _gathered(node, pending, wanted, arrived) if node.wide else None
            if g is None:
                continue
        if isinstance(node, AbsorbingNode):
            _absorb(node, g, pending, useful)
        elif node.watch or state.anomaly:
            _walk_watched(node, g, pending, useful)
        else:
            for i, edge in enumerate(node.edges):
                if edge is None or (useful is not None and edge not in useful):
                    continue
                cotangent = _fitted(node, i, g)
                if cotangent is not None:
                    _accumulate(pending, edge, cotangent)
        if not retain_graph:
            node.release()
    leaves = {k: _whole(g) for k, g in pending.items() if wanted is None or k in wanted}
    return {**arrived, **leaves}


def _gathered(
    node: TapeNode, pending: Pending, wanted: Wanted, arrived: dict[Edge, TensorBase]
) -> list[TensorBase | None] | None:
    """Take what has arrived at the outputs of a node with several; None: nothing."""
    assert isinstance(node, WideNode), "others have one output"
    edges = _edges_to(node)
    if pending.keys().isdisjoint(edges):
        return None
    state.visiting = node
    found = [_whole_if_any(pending.pop(edge, None)) for edge in edges]
    for k, hooks in node.output_hooks.items():
        one = found[k]
        if one is not None:
            found[k] = replaced(hooks, one)
    if wanted is not None:
        pairs = zip(edges, found, strict=True)
        arrived.update({e: g for e, g in pairs if e in wanted and g is not None})
    return found


def _absorb(node: AbsorbingNode, g: Arrived, pending: Pending, useful: set[Edge] | None) -> None:
    if useful is not None and not any(edge in useful for edge in node.edges):
        return
    if node.watch:
        g = _prehooked(node, g, node.watch)
    sums: dict[Edge, TensorBase] = {}
    if pending:
        sums = {e: _whole(pending[e]) for e in node.edges if e in pending}
        pending.update(sums)
    pending.update(node.absorb(g, sums))


def _walk_watched(node: TapeNode, g: Arrived, pending: Pending, useful: set[Edge] | None) -> None:
    """Visit a node whose hooks want to see the cotangents of all its inputs together."""
    hooks = node.watch or NodeHooks(Hooks(), Hooks())
    g = _prehooked(node, g, hooks)
    wanted = [e is not None and (useful is None or e in useful) for e in node.edges]
    inputs: Cotangents = tuple(
        _whole_if_any(_fitted(node, i, g)) if w else None for i, w in enumerate(wanted)
    )
    for hook in tuple(hooks.after.values()):
        result = hook((inputs, _outputs(g)))
        inputs = inputs if result is None else _as_many(result, inputs, node)
    if state.anomaly and state.check_nan:
        _refuse_nan(node, inputs)
    for edge, cotangent in zip(node.edges, inputs, strict=True):
        if edge is not None and cotangent is not None:
            _accumulate(pending, edge, cotangent)


def _outputs(g: Arrived) -> Cotangents:
    """Return the cotangents of all outputs of a node."""
    return tuple(g) if isinstance(g, list) else (g,)


def _prehooked(node: TapeNode, g: Arrived, hooks: NodeHooks) -> Arrived:
    """Return the cotangents after the hooks that come before the rules of a node."""
    for key in sorted(hooks.before):
        hook = hooks.before.get(key)  # one hook may remove another
        result = None if hook is None else hook(_outputs(g))
        if hook is None or result is None:
            continue
        for old, new in zip(_outputs(g), result, strict=False):
            if old is not None and new is not None:
                checked(hook, old, new)
        g = _as_list(result, g, node) if isinstance(g, list) else result[0]
    return g


def _as_list(
    result: Sequence[TensorBase | None], g: list[TensorBase | None], node: TapeNode
) -> list[TensorBase | None]:
    if len(result) != len(g):
        raise GradError(
            f"a hook of {node.name()} returned {len(result)} gradients for {len(g)} outputs"
        )
    return list(result)


def _as_many(result: TensorBase | Cotangents, inputs: Cotangents, node: TapeNode) -> Cotangents:
    found = result if isinstance(result, tuple) else (result,)
    if len(found) != len(inputs):
        raise GradError(
            f"a hook of {node.name()} returned {len(found)} gradients for {len(inputs)} inputs"
        )
    return found


def _refuse_nan(node: TapeNode, cotangents: Cotangents) -> None:
    for i, cotangent in enumerate(cotangents):
        if cotangent is not None and has_nan(cotangent):
            raise GradError(f"{node.name()} returned nan values in its {i}th output{_where(node)}")


def _refuse_nan_roots(roots: list[TensorBase], order: list[TapeNode]) -> None:
    """Name the first op of the forward that made the NaN from which backward would start."""
    if not any(has_nan(root) for root in roots):
        return
    first = next((n for n in reversed(order) if n.metadata.get(NAN)), None)
    if first is not None:
        raise GradError(
            f"backward would start from nan: the forward of {first.name()} was the first "
            f"recorded op with nan values in its result{_where(first)}"
        )


def _where(node: TapeNode) -> str:
    return f"; the op was recorded at {node.location}" if node.location else ""


def _accumulate(pending: Pending, edge: Edge, g: Cotangent) -> None:
    before = pending.get(edge)
    if isinstance(g, InSlice):
        if isinstance(before, Slices) and before.take(g):
            return
        axis = sliced_axis(g) if before is None else None
        g = g.whole() if axis is None else Slices(g, axis)
    if before is not None:
        before = _whole(before)
        g = add(before, g)
    pending[edge] = g


def _whole(g: Cotangent) -> TensorBase:
    """Return a cotangent as a tensor, however the walk keeps it."""
    return g.whole() if isinstance(g, InSlice | Slices) else g


def _whole_if_any(g: Cotangent | None) -> TensorBase | None:
    return None if g is None else _whole(g)


def _fitted(node: TapeNode, index: int, g: Arrived) -> TensorBase | InSlice | None:
    """Return the cotangent of one input in the shape that the input had; None: it gets none."""
    shape = node.shapes[index]
    result = node.cotangent(index, g)
    if isinstance(result, InSlice) or (result is None and node.may_stop):
        return result
    if result is None:  # the derivative is zero
        one = g if isinstance(g, TensorBase) else next(c for c in g if c is not None)
        return zeros(shape, dtype=one.value.dtype)
    return result if result.value.shape == shape else sum_to(result, shape)


def reachable(starts: Iterable[Edge | None], since: int = 0) -> list[TapeNode]:
    """Return every node reachable from the starts (edges or nodes), latest first.

    Nodes made before the one numbered ``since`` are left out, and what is behind them.
    """
    stack = [s for s in map(origin, starts) if isinstance(s, TapeNode) and s.seq >= since]
    seen = set(stack)
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, TapeNode):  # the most frequent kind first: this runs once an op
                node = edge
            elif isinstance(edge, GradientEdge) and isinstance(edge.node, TapeNode):
                node = edge.node
            else:
                continue
            if node not in seen and node.seq >= since:
                seen.add(node)
                stack.append(node)
    return sorted(seen, key=attrgetter("seq"), reverse=True)


def _leading_to(order: list[TapeNode], wanted: Collection[Edge]) -> set[Edge]:
    """Return the wanted keys and every edge from which one of them is reachable."""
    useful = set(wanted)
    for node in reversed(order):
        if any(edge is not None and edge in useful for edge in node.edges):
            useful.update(_edges_to(node))
    return useful


def _edges_to(node: TapeNode) -> list[Edge]:
    """Return what other nodes hold to lead to a node."""
    if not isinstance(node, WideNode) or not node.wide:
        return [node]
    return [GradientEdge(node, k) for k in range(len(node.outputs))]


def seed(root: TensorBase, gradient: object) -> TensorBase:
    """Return the cotangent that a backward starts with, checked against the root."""
    if not root.tracked:
        raise GradError(
            "backward needs a tensor that requires grad: none of the inputs of this result "
            "does, or it was computed under no_grad or detached"
        )
    if gradient is None:
        if root.value.size != 1:
            raise GradError(
                "a gradient is created by itself only for scalars, and this tensor has shape "
                f"{tuple(root.value.shape)}: reduce it (for example .sum()) or pass gradient="
            )
        one, shape = literal(1.0, root.value.dtype), root.value.shape
        return fresh(expand(one, shape) if shape else one)
    if not isinstance(gradient, TensorBase):
        raise DTypeError(
            f"gradient must be a tensor or None, not {type(gradient).__name__}: convert "
            "arrays and lists with dualgraph.tensor(...)"
        )
    if gradient.value.shape != root.value.shape:
        raise ShapeError(
            f"gradient has shape {tuple(gradient.value.shape)}, the tensor has shape "
            f"{tuple(root.value.shape)}: they must be equal"
        )
    return cast(gradient, root.value.dtype)
