"""The tape: one node per recorded op, the same whether values are arrays or graph nodes.

A node holds edges to where cotangents go on (the node of an input, or the input itself when it is a
leaf), and just the values that its vjp rules name. It never holds its own output tensor, so that a
graph is freed as soon as nobody looks at it. An op with several results has one node, too; which
output a tensor is says its ``output_nr``.
"""

import weakref
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple, NoReturn, TypeAlias, cast

import numpy as np

from ..core.dispatch import state
from ..core.hooks import Hooks, RemovableHandle
from ..core.op import COTANGENT, DTYPE, OPTIONAL, SHAPE, Op, Rule, Static, raise_refusal
from ..core.tensor import GradFn, TensorBase, Value
from ..core.types import Shape
from ..errors import GradError, user_location
from ..ops.create.creation import zeros
from ..ops.shape.views import InSlice
from .hooks import NodeHooks
from .saved import TWICE, Held, Packed, held_input, held_result

_numbers = count()


class GradientEdge(NamedTuple):
    """One output of a node with several: where its cotangent goes."""

    node: GradFn
    output_nr: int


Edge: TypeAlias = GradFn | GradientEdge | TensorBase
"""Where a cotangent goes: a `TapeNode`, one of its outputs, or a leaf itself."""
Arrived: TypeAlias = TensorBase | list[TensorBase | None]
"""The cotangent of a node's only output; of several, a list, None where nothing arrived."""
Saved: TypeAlias = dict[int, Any]
"""What a node keeps by the keys of `Rule.needs`: each a `Held`, or a dtype."""
Cotangents: TypeAlias = tuple[TensorBase | None, ...]
"""What hooks of nodes see."""
Needed: TypeAlias = TensorBase | Value | Shape | np.dtype
"""What a rule asks for besides cotangents and static arguments."""
Form: TypeAlias = tuple[Shape, np.dtype]


def _hooks_of(node: "TapeNode") -> NodeHooks:
    if node.watch is None:
        node.watch = NodeHooks(Hooks(), Hooks())
    return node.watch


class TapeNode:
    """One recorded op; ``seq`` counts creation, so that sorting by it is a topological order."""

    __slots__ = (
        "__weakref__",
        "edges",
        "hooks",
        "location",
        "notes",
        "op",
        "saved",
        "seq",
        "shapes",
        "static",
        "watch",
    )

    wide = False  # has several outputs: an edge to it says which
    may_stop = False  # None as a cotangent says: no gradient at all, instead of zero

    def __init__(
        self,
        op: Op,
        edges: list[Edge | None],
        shapes: tuple[Shape, ...],
        static: Static,
        saved: Saved,
    ) -> None:
        self.op = op
        self.edges = edges
        self.shapes = shapes
        self.static = static
        self.saved: Saved | None = saved
        self.seq = next(_numbers)
        self.hooks: Hooks | None = None  # of the output: see and may replace its cotangent
        self.watch: NodeHooks | None = None
        self.location = user_location() if state.anomaly else ""

    def name(self) -> str:
        """Return the name in PyTorch's form, such as ``MulBackward0``."""
        return self.op.grad_name

    def register_prehook(self, hook: Callable[[Cotangents], object]) -> RemovableHandle:
        """Call ``hook(grad_outputs)`` before this node's rules; a tuple returned replaces them."""
        return _hooks_of(self).before.add(hook)

    def register_hook(self, hook: Callable[[Cotangents, Cotangents], object]) -> RemovableHandle:
        """Call ``hook(grad_inputs, grad_outputs)`` after this node's rules.

        A tuple that it returns replaces the cotangents of the inputs.
        """

        def both(cotangents: tuple[Cotangents, Cotangents]) -> object:
            return hook(*cotangents)

        return _hooks_of(self).after.add(both)

    def hooks_of(self, output_nr: int) -> Hooks:
        """Return the hooks that see, and may replace, the cotangent of an output."""
        self.hooks = self.hooks or Hooks()
        return self.hooks

    @property
    def metadata(self) -> dict[Any, Any]:
        """Anything that the user wants to keep with the node."""
        if not hasattr(self, "notes"):
            self.notes: dict[Any, Any] = {}
        return self.notes

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Return (node, output index) of each input; a leaf shows as ``AccumulateGrad``."""
        return tuple(
            (e.node, e.output_nr) if isinstance(e, GradientEdge) else (_as_function(e), 0)
            for e in self.edges
        )

    def cotangent(self, index: int, g: Arrived) -> TensorBase | InSlice | None:
        """Return the cotangent of one input from that of the output; None means zero."""
        op = self.op
        rule = op.rules[0] if op.variadic else op.rules[index]
        if rule is None:
            return None
        if not isinstance(rule, Rule):
            raise_refusal(op, rule)
        needed = [self._need(k) for k in rule.needs] if rule.needs else ()
        if not rule.static:
            return rule.fn(g, *needed)
        return rule.fn(g, *needed, **self._static_of(rule, index))

    def _static_of(self, rule: Rule, index: int) -> Static:
        static = {**self.static, "index": index} if self.op.variadic else self.static
        return {n: static[n] for n in rule.static}

    def _need(self, key: int) -> Needed:
        if SHAPE <= key < DTYPE:
            return self.shapes[key - SHAPE]
        if self.saved is None:
            raise GradError(TWICE)
        if key >= DTYPE:
            return self.saved[key]
        held: Held = self.saved[key]
        kept, counter, version = held
        if type(kept) is Packed:  # what the hooks made of it is theirs: changes do not matter
            kept = kept.unpacked().value if key < 0 else kept.unpacked()
        elif counter[0] != version:
            raise GradError(self.modified(kept, counter[0], version))
        return self.output(~key, kept, counter) if key < 0 else kept

    def output(self, output_nr: int, value: Value, counter: list[int]) -> TensorBase:
        """Return a saved result as a tensor again, at its place on the tape."""
        out = state.frontend.tensor(value)
        out.grad_fn, out.tracked, out.counter = self, True, counter
        return out

    def modified(self, kept: TensorBase | Value, now: int, version: int) -> str:
        """Return what is wrong where a saved tensor, or its value, is at another version now."""
        shape = tuple(kept.value.shape if isinstance(kept, TensorBase) else kept.shape)
        return (
            f"a tensor of shape {shape} that {self.name()} needs for backward was modified in "
            f"place: it is at version {now}, version {version} was saved. Use the out-of-place "
            "op, or clone the tensor before changing it"
        )

    def release(self) -> None:
        """Free what was saved; a second backward that needs it then raises."""
        if self.saved:
            self.saved = None

    def __repr__(self) -> str:
        return f"<{self.name()} object at {hex(id(self))}>"


class WideNode(TapeNode):
    """A recorded op whose rules ask for the cotangents of its outputs one by one.

    ``outputs`` are their shapes and dtypes, or None for what is no tensor. A node that happens to
    have one output is reached and visited as others are, where its class does not make it ``wide``:
    an edge is the node itself.
    """

    __slots__ = ("output_hooks", "outputs", "wide")

    def __init__(
        self,
        op: Op,
        edges: list[Edge | None],
        shapes: tuple[Shape, ...],
        static: Static,
        saved: Saved,
        outputs: Sequence[Form | None],
    ) -> None:
        super().__init__(op, edges, shapes, static, saved)
        self.outputs = outputs
        self.wide = len(outputs) > 1
        self.output_hooks: dict[int, Hooks] = {}

    def hooks_of(self, output_nr: int) -> Hooks:
        if not self.wide:
            return super().hooks_of(output_nr)
        return self.output_hooks.setdefault(output_nr, Hooks())

    def cotangent(self, index: int, g: Arrived) -> TensorBase | InSlice | None:
        """Return the cotangent of one input from those of the outputs; None means zero."""
        rule = self.op.rules[0] if self.op.variadic else self.op.rules[index]
        if not isinstance(rule, Rule):
            return super().cotangent(index, g)
        each = g if isinstance(g, list) else [g]
        needed = [self._arrived(k, each) if k >= COTANGENT else self._need(k) for k in rule.needs]
        return rule.fn(*needed, **self._static_of(rule, index))

    def _arrived(self, key: int, g: list[TensorBase | None]) -> TensorBase | None:
        if key >= OPTIONAL:
            return g[key - OPTIONAL]
        k = key - COTANGENT
        return self.zeros(k) if g[k] is None else g[k]

    def zeros(self, k: int) -> TensorBase:
        """Return what stands for the cotangent of an output at which nothing arrived."""
        form = self.outputs[k]
        assert form is not None, "no cotangent is asked of what is no tensor"
        shape, dtype = form
        return zeros(shape, dtype=dtype)

    def output(self, output_nr: int, value: Value, counter: list[int]) -> TensorBase:
        out = state.frontend.tensor(value)
        out.counter = counter
        if value.dtype.kind == "f":
            out.grad_fn, out.output_nr, out.tracked = self, output_nr, True
        return out


NAN = "nan in forward"  # key of what anomaly mode notes in `TapeNode.metadata`


class AccumulateGrad:
    """What `TapeNode.next_functions` shows for a leaf: the same object while somebody holds it."""

    def __init__(self, variable: TensorBase) -> None:
        self.variable = variable
        self.next_functions = ()
        self.metadata: dict[Any, Any] = {}

    def name(self) -> str:
        return "AccumulateGrad"

    def register_hook(self, hook: object) -> NoReturn:
        """Refuse: the tensor has hooks for this."""
        raise GradError(
            "AccumulateGrad takes no hooks: use register_hook of the tensor (before .grad is "
            "accumulated) or register_post_accumulate_grad_hook (after)"
        )

    register_prehook = register_hook

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {hex(id(self))}>"


def _as_function(edge: GradFn | TensorBase | None) -> object:
    if not isinstance(edge, TensorBase):
        return edge
    found = None if edge.accumulator is None else edge.accumulator()
    if found is None:
        found = AccumulateGrad(edge)
        edge.accumulator = weakref.ref(found)
    return found


def gradient_edge(tensor: TensorBase) -> Edge:
    """Return where the cotangent of a tensor goes: a node, one of its outputs, or a leaf itself."""
    node = tensor.grad_fn
    if node is None:
        return tensor
    return GradientEdge(node, tensor.output_nr) if node.wide else node


def origin(edge: Edge | None) -> GradFn | TensorBase | None:
    """Return the node to which an edge leads; a leaf, or None, is returned as it is."""
    return edge.node if isinstance(edge, GradientEdge) else edge


def put_where(x: TensorBase, source: TensorBase) -> None:
    """Give x the place on the tape that another tensor has."""
    x.grad_fn, x.output_nr, x.tracked = source.grad_fn, source.output_nr, source.tracked


def has_nan(x: TensorBase) -> bool:
    """Tell whether a tensor holds a NaN; of a value that is traced nothing is known."""
    value = x.value
    if value.dtype.kind != "f" or not isinstance(value, np.ndarray):
        return False
    return bool(np.isnan(cast("np.ndarray", value)).any())


def mark() -> int:
    """Return a number below that of every node made from now on."""
    return next(_numbers)


def record(
    op: Op,
    tensors: tuple[TensorBase, ...],
    static: Static,
    out: Any,
) -> TapeNode | None:
    """Put a node behind ``out``; the caller saw that grads are on and that an input needs one.

    ``out`` is a tensor; of an op with several results a tuple, and those that are floating get the
    node. Where none is, there is no node.
    """
    if not op.several:
        if out.value.dtype.kind != "f":
            return None
    elif not any(o.value.dtype.kind == "f" for o in out):
        return None
    edges: list[Edge | None] = []
    saved: Saved = {}
    needs = op.needs
    for i, tensor in enumerate(tensors):
        if not tensor.tracked:
            edges.append(None)
            continue
        node = tensor.grad_fn
        if node is None:
            edges.append(tensor)
        elif node.wide:
            edges.append(GradientEdge(node, tensor.output_nr))
        else:
            edges.append(node)
        for key in needs[0 if op.variadic else i]:
            if key in saved:
                continue
            if key >= DTYPE:
                saved[key] = tensors[key - DTYPE].value.dtype
            elif key >= 0:
                saved[key] = held_input(tensors[key])
            else:
                saved[key] = held_result(out[~key] if op.several else out)
    shapes = tuple([t.value.shape for t in tensors])
    if op.several:
        return _attach(WideNode(op, edges, shapes, static, saved, list(map(form_of, out))), out)
    made = TapeNode(op, edges, shapes, static, saved)
    out.grad_fn = made
    out.tracked = True
    if state.anomaly and state.check_nan:
        made.metadata[NAN] = has_nan(out)
    return made


def _attach(node: WideNode, outs: tuple[TensorBase, ...]) -> WideNode:
    """Put a node behind its results; those that are not floating have no gradient."""
    for k, out in enumerate(outs):
        if out.value.dtype.kind == "f":
            out.grad_fn, out.output_nr, out.tracked = node, k, True
    if state.anomaly and state.check_nan:
        node.metadata[NAN] = any(has_nan(out) for out in outs)
    return node


def form_of(x: TensorBase) -> Form:
    """Return shape and dtype of a tensor, which is all that stays of a result on the tape."""
    return x.value.shape, x.value.dtype
