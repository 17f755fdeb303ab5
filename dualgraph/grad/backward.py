"""The one backward walk: used by eager, and by the tracer on symbolic tensors.

Nodes are visited in descending order of creation, cotangents are added in the order in which they
arrive. This is the definition of the accumulation order; no other module adds cotangents.
"""

from typing import Any

from ..core.dispatch import in_grad_mode, literal, state
from ..core.hooks import Hooks
from ..core.tensor import TensorBase
from ..errors import DTypeError, GradError, ShapeError
from ..ops.create.creation import fresh, zeros
from ..ops.elementwise.pointwise import add, cast
from ..ops.reduce.reductions import expand, sum_to
from ..ops.shape.views import InSlice
from .hooks import NodeHooks, replaced
from .slices import Slices, sliced_axis
from .tape import NAN, TapeNode, has_nan


def backward(
    roots: list[Any],
    cotangents: list[Any],
    wanted: dict[Any, Any] | None,
    *,
    retain_graph: bool,
    create_graph: bool,
    arrived: dict[Any, Any] | None = None,
) -> dict[Any, Any]:
    """Walk from the roots and return the cotangents by where they arrived.

    Keys are nodes or leaf tensors. With ``wanted`` (a dict whose keys are such), only those are
    returned and only paths to them are walked; without, every leaf. ``arrived`` holds cotangents
    that were there before: what the walk brings is added to them.
    """
    try:
        pending = dict(arrived or {})
        return in_grad_mode(
            _walk, roots, cotangents, wanted, retain_graph, pending, enabled=create_graph
        )
    finally:
        state.visiting, state.unpacked = None, None


class Bundle(dict[int, Any]):
    """The cotangents of a node with several outputs, by output."""

    def merged(self, other: "Bundle") -> "Bundle":
        result = Bundle(self)
        for k, g in other.items():
            result[k] = add(result[k], g) if k in result else g
        return result


class AbsorbingNode(TapeNode):
    """A node that runs its whole backward at once, seeing what has arrived at its inputs."""

    __slots__ = ()

    def absorb(self, g: Any, pending: dict[Any, Any]) -> list[tuple[Any, Any]]:
        """Return (edge, total) for every edge; a total includes what was pending there."""
        raise NotImplementedError


def _walk(
    roots: list, cotangents: list, wanted: dict | None, retain_graph: bool, pending: dict
) -> dict:
    for root, g in zip(roots, cotangents, strict=True):
        _accumulate(pending, gradient_edge(root), g)
    order = reachable([gradient_edge(root) for root in roots])
    if state.anomaly and state.check_nan:
        _refuse_nan_roots(roots, order)
    useful = None if wanted is None else _leading_to(order, wanted)
    arrived: dict[Any, Any] = {}
    for node in order:
        if node not in pending:
            continue
        state.visiting = node
        g = _whole(pending.pop(node))
        if node.hooks:
            g = replaced(node.hooks, g)
        if wanted is not None and node in wanted:
            arrived[node] = g
        if isinstance(node, AbsorbingNode):
            if useful is None or any(edge in useful for edge in node.edges):
                if node.watch and not isinstance(g, Bundle):
                    g = replaced(node.watch.before, g)
                if pending:
                    pending.update({e: _whole(pending[e]) for e in node.edges if e in pending})
                pending.update(node.absorb(g, pending))
            if not retain_graph:
                node.release()
            continue
        if node.watch or state.anomaly:
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


def _walk_watched(node: TapeNode, g: Any, pending: dict, useful: set | None) -> None:
    """Visit a node whose hooks want to see the cotangents of all its inputs together."""
    hooks = node.watch or NodeHooks(Hooks(), Hooks())
    g = replaced(hooks.before, g)
    wanted = [e is not None and (useful is None or e in useful) for e in node.edges]
    inputs = tuple(_whole(_fitted(node, i, g)) if w else None for i, w in enumerate(wanted))
    for hook in tuple(hooks.after.values()):
        result = hook((inputs, (g,)))
        inputs = inputs if result is None else _as_many(result, inputs, node)
    if state.anomaly and state.check_nan:
        _refuse_nan(node, inputs)
    for edge, cotangent in zip(node.edges, inputs, strict=True):
        if edge is not None and cotangent is not None:
            _accumulate(pending, edge, cotangent)


def _as_many(result: Any, inputs: tuple, node: TapeNode) -> tuple:
    found = result if isinstance(result, tuple) else (result,)
    if len(found) != len(inputs):
        raise GradError(
            f"a hook of {node.name()} returned {len(found)} gradients for {len(inputs)} inputs"
        )
    return found


def _refuse_nan(node: TapeNode, cotangents: tuple) -> None:
    for i, cotangent in enumerate(cotangents):
        if cotangent is not None and has_nan(cotangent):
            raise GradError(f"{node.name()} returned nan values in its {i}th output{_where(node)}")


def _refuse_nan_roots(roots: list, order: list[TapeNode]) -> None:
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


def gradient_edge(tensor: Any) -> Any:
    """Return where the cotangent of a tensor goes: its node, or itself when it is a leaf."""
    return tensor if tensor.grad_fn is None else tensor.grad_fn


def _accumulate(pending: dict, edge: Any, g: Any) -> None:
    before = pending.get(edge)
    if isinstance(g, InSlice):
        if isinstance(before, Slices) and before.take(g):
            return
        axis = sliced_axis(g) if before is None else None
        g = g.whole() if axis is None else Slices(g, axis)
    if before is not None:
        before = _whole(before)
        g = before.merged(g) if isinstance(g, Bundle) else add(before, g)
    pending[edge] = g


def _whole(g: Any) -> Any:
    """Return a cotangent as a tensor (or a bundle of them), however the walk keeps it."""
    return g.whole() if isinstance(g, InSlice | Slices) else g


def _fitted(node: TapeNode, index: int, g: Any) -> Any:
    """Return the cotangent of one input in the shape that the input had; None: it gets none."""
    shape = node.shapes[index]
    result = node.cotangent(index, g)
    if isinstance(result, Bundle | InSlice) or (result is None and node.may_stop):
        return result
    if result is None:  # the derivative is zero
        return zeros(shape, dtype=g.value.dtype)
    return result if result.value.shape == shape else sum_to(result, shape)


def reachable(starts: list[Any]) -> list[TapeNode]:
    """Return every node reachable from the starts, latest first."""
    stack = [s for s in starts if isinstance(s, TapeNode)]
    seen = set(stack)
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, TapeNode) and edge not in seen:
                seen.add(edge)
                stack.append(edge)
    return sorted(seen, key=_creation, reverse=True)


def _creation(node: TapeNode) -> int:
    return node.seq


def _leading_to(order: list[TapeNode], wanted: dict) -> set[Any]:
    """Return the wanted keys and every node from which one of them is reachable."""
    useful = set(wanted)
    for node in reversed(order):
        if any(edge is not None and edge in useful for edge in node.edges):
            useful.add(node)
    return useful


def seed(root: Any, gradient: Any) -> Any:
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
