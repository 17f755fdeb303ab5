"""The tape: one node per recorded op, the same whether values are arrays or graph nodes.

A node holds edges to where cotangents go on (the node of an input, or the input itself when it is a
leaf), and just the values that its vjp rules name. It never holds its own output tensor, so that a
graph is freed as soon as nobody looks at it. An op with several results has one node, too; which
output a tensor is says its ``output_nr``.
"""

import weakref
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..core.dispatch import SavedHooks, state
from ..core.hooks import Hooks, RemovableHandle
from ..core.op import COTANGENT, DTYPE, OPTIONAL, SHAPE, Op, Rule, raise_refusal
from ..core.tensor import TensorBase, Value
from ..errors import DTypeError, GradError, user_location
from ..ops.create.creation import zeros
from .hooks import NodeHooks

_numbers = count()


def tape_length() -> int:
    """Return a number that no node has yet: those made from here on have this one or a later."""
    return next(_numbers)


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

    wide = False  # a `WideNode`
    may_stop = False  # None as a cotangent says: no gradient at all, instead of zero

    def __init__(
        self,
        op: Op,
        edges: list[Any],
        shapes: tuple[Any, ...],
        static: dict[str, Any],
        saved: dict[int, Any],
    ) -> None:
        self.op = op
        self.edges = edges
        self.shapes = shapes
        self.static = static
        self.saved: dict[int, Any] | None = saved
        self.seq = next(_numbers)
        self.hooks: Hooks | None = None  # of the output: see and may replace its cotangent
        self.watch: NodeHooks | None = None
        self.location = user_location() if state.anomaly else ""

    def name(self) -> str:
        """Return the name in PyTorch's form, such as ``MulBackward0``."""
        return self.op.grad_name

    def register_prehook(self, hook: Callable[[tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``hook(grad_outputs)`` before this node's rules; a tuple returned replaces them."""
        return _hooks_of(self).before.add(hook)

    def register_hook(self, hook: Callable[[tuple, tuple], Any]) -> RemovableHandle:
        """Call ``hook(grad_inputs, grad_outputs)`` after this node's rules.

        A tuple that it returns replaces the cotangents of the inputs.
        """
        return _hooks_of(self).after.add(lambda both: hook(*both))

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

    def cotangent(self, index: int, g: Any) -> Any:
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

    def _static_of(self, rule: Rule, index: int) -> dict[str, Any]:
        static = {**self.static, "index": index} if self.op.variadic else self.static
        return {n: static[n] for n in rule.static}

    def _need(self, key: int) -> Any:
        if SHAPE <= key < DTYPE:
            return self.shapes[key - SHAPE]
        if self.saved is None:
            raise GradError(TWICE)
        if key >= DTYPE:
            return self.saved[key]
        kept, counter, version = self.saved[key]
        if type(kept) is Packed:  # what the hooks made of it is theirs: changes do not matter
            kept = kept.unpacked().value if key < 0 else kept.unpacked()
        elif counter[0] != version:
            raise GradError(self._modified(kept, counter[0], version))
        return self.output(~key, kept, counter) if key < 0 else kept

    def output(self, output_nr: int, value: Value, counter: list[int]) -> TensorBase:
        """Return a saved result as a tensor again, at its place on the tape."""
        out = state.frontend.tensor(value)
        out.grad_fn, out.tracked, out.counter = self, True, counter
        return out

    def _modified(self, kept: Any, now: int, version: int) -> str:
        shape = tuple(getattr(kept, "value", kept).shape)
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


class GradientEdge(NamedTuple):
    """One output of a node with several: where its cotangent goes."""

    node: "WideNode"
    output_nr: int


class WideNode(TapeNode):
    """A recorded op with several outputs.

    Its cotangents are a list, None for an output at which nothing arrived. ``outputs`` are their
    avals, or None for what is no tensor.
    """

    __slots__ = ("output_hooks", "outputs")
    wide = True

    def __init__(
        self,
        op: Op,
        edges: list[Any],
        shapes: tuple[Any, ...],
        static: dict[str, Any],
        saved: dict[int, Any],
        outputs: list[Any],
    ) -> None:
        super().__init__(op, edges, shapes, static, saved)
        self.outputs = outputs
        self.output_hooks: dict[int, Hooks] = {}

    def hooks_of(self, output_nr: int) -> Hooks:
        return self.output_hooks.setdefault(output_nr, Hooks())

    def cotangent(self, index: int, g: list[Any]) -> Any:
        """Return the cotangent of one input from those of the outputs; None means zero."""
        rule = self.op.rules[0] if self.op.variadic else self.op.rules[index]
        if not isinstance(rule, Rule):
            return super().cotangent(index, g)
        needed = [self._arrived(k, g) if k >= COTANGENT else self._need(k) for k in rule.needs]
        return rule.fn(*needed, **self._static_of(rule, index))

    def _arrived(self, key: int, g: list[Any]) -> Any:
        if key >= OPTIONAL:
            return g[key - OPTIONAL]
        k = key - COTANGENT
        return self.zeros(k) if g[k] is None else g[k]

    def zeros(self, k: int) -> Any:
        """Return what stands for the cotangent of an output at which nothing arrived."""
        shape, dtype = self.outputs[k]
        return zeros(shape, dtype=dtype)

    def output(self, output_nr: int, value: Value, counter: list[int]) -> TensorBase:
        out = state.frontend.tensor(value)
        out.counter = counter
        if value.dtype.kind == "f":
            out.grad_fn, out.output_nr, out.tracked = self, output_nr, True
        return out


NAN = "nan in forward"  # key of what anomaly mode notes in `TapeNode.metadata`
TWICE = (
    "backward was called a second time through a graph whose saved values were freed by the first "
    "call. Pass retain_graph=True to the first backward, or run the forward again"
)


class Packed:
    """What the user's hook made of a saved tensor, and the function that makes it one again.

    Rules of one node that need the same tensor get the same: it is unpacked once in a visit.
    """

    __slots__ = ("held", "unpack")

    def __init__(self, tensor: TensorBase, hooks: SavedHooks) -> None:
        self.unpack = hooks.unpack
        self.held = hooks.pack(tensor)

    def unpacked(self) -> TensorBase:
        """Return the tensor."""
        found = state.unpacked
        if found is None or found[0] is not state.visiting:
            found = state.unpacked = (state.visiting, {})
        if self not in found[1]:
            found[1][self] = self._unpack()
        return found[1][self]

    def _unpack(self) -> TensorBase:
        tensor = self.unpack(self.held)
        if not isinstance(tensor, TensorBase):
            raise DTypeError(
                f"the unpack hook of a saved tensor returned {type(tensor).__name__}: it must "
                "give a tensor"
            )
        return tensor


class AccumulateGrad:
    """What `TapeNode.next_functions` shows for a leaf: the same object while somebody holds it."""

    def __init__(self, variable: Any) -> None:
        self.variable = variable
        self.next_functions = ()
        self.metadata: dict[Any, Any] = {}

    def name(self) -> str:
        return "AccumulateGrad"

    def register_hook(self, hook: Any) -> NoReturn:
        """Refuse: the tensor has hooks for this."""
        raise GradError(
            "AccumulateGrad takes no hooks: use register_hook of the tensor (before .grad is "
            "accumulated) or register_post_accumulate_grad_hook (after)"
        )

    register_prehook = register_hook

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {hex(id(self))}>"


def _as_function(edge: Any) -> Any:
    if not isinstance(edge, TensorBase):
        return edge
    found = None if edge.accumulator is None else edge.accumulator()
    if found is None:
        found = AccumulateGrad(edge)
        edge.accumulator = weakref.ref(found)
    return found


def gradient_edge(tensor: TensorBase) -> Any:
    """Return where the cotangent of a tensor goes: a node, one of its outputs, or a leaf itself."""
    node = tensor.grad_fn
    if node is None:
        return tensor
    return GradientEdge(node, tensor.output_nr) if isinstance(node, WideNode) else node


def origin(edge: Any) -> Any:
    """Return the node to which an edge leads; a leaf, or None, is returned as it is."""
    return edge.node if isinstance(edge, GradientEdge) else edge


def put_where(x: TensorBase, source: TensorBase) -> None:
    """Give x the place on the tape that another tensor has."""
    x.grad_fn, x.output_nr, x.tracked = source.grad_fn, source.output_nr, source.tracked


def version_counter(tensor: Any) -> list[int]:
    """Return the one-element list that counts in-place changes of a tensor's memory."""
    owner = tensor if tensor.base is None else tensor.base
    if owner.counter is None:
        owner.counter = [0]
    return owner.counter


def snapshot(x: TensorBase) -> TensorBase:
    """Return the values that x has now, at its place on the tape."""
    out = state.frontend.copied(x)
    put_where(out, x)
    return out


def has_nan(x: TensorBase) -> bool:
    """Tell whether a tensor holds a NaN; of a value that is traced nothing is known."""
    array = x.value
    return isinstance(array, np.ndarray) and array.dtype.kind == "f" and bool(np.isnan(array).any())


def mark() -> int:
    """Return a number below that of every node made from now on."""
    return next(_numbers)


def keep_old_values(out: Any, x: Any, start: int) -> None:
    """Let the nodes made since ``start`` hold copies of what they saved of x's memory.

    It is about to be overwritten by ``out``, which was computed from it.
    """
    counter = version_counter(x)
    for node in _made_since(out, start):
        for key, (kept, own, _) in _saved_tensors(node):
            if own is counter and key >= 0:
                node.saved[key] = (snapshot(kept), [0], 0)  # type: ignore[index]


def pack_saved(out: Any, start: int, hooks: SavedHooks) -> None:
    """Give what the nodes made since ``start`` saved to the user's hook."""
    for node in _made_since(out, start):
        for key, (kept, counter, version) in _saved_tensors(node):
            if key < 0:
                kept = state.frontend.tensor(kept)
                kept.counter = counter
            elif kept.constant is not None:
                continue
            node.saved[key] = (Packed(kept, hooks), counter, version)  # type: ignore[index]


def _made_since(out: Any, start: int) -> Iterator[TapeNode]:
    stack, seen = [out.grad_fn], set()
    while stack:
        node = stack.pop()
        if isinstance(node, TapeNode) and node.seq >= start and node not in seen:
            seen.add(node)
            stack.extend(map(origin, node.edges))
            yield node


def _saved_tensors(node: TapeNode) -> list[tuple[int, Any]]:
    return [(k, v) for k, v in (node.saved or {}).items() if k < DTYPE]


def record(op: Op, tensors: tuple[Any, ...], static: dict[str, Any], out: Any) -> None:
    """Put a node behind ``out``; the caller saw that grads are on and that an input needs one.

    Of an op with several results ``out`` is a tuple: those that are floating get the node.
    """
    if op.several:
        if not any(o.value.dtype.kind == "f" for o in out):
            return
    elif out.value.dtype.kind != "f":
        return
    edges: list[Any] = []
    saved: dict[int, Any] = {}
    needs = op.needs
    for i, tensor in enumerate(tensors):
        if not tensor.tracked:
            edges.append(None)
            continue
        node = tensor.grad_fn
        if node is None:
            edges.append(tensor)
        else:
            edges.append(GradientEdge(node, tensor.output_nr) if node.wide else node)
        for key in needs[0 if op.variadic else i]:
            if key in saved:
                continue
            if key >= DTYPE:
                saved[key] = tensors[key - DTYPE].value.dtype
            elif key >= 0:
                saved[key] = _held(tensors[key], tensors[key])
            else:
                kept = out[~key] if op.several else out
                saved[key] = _held(kept, kept.value)
    shapes = tuple([t.value.shape for t in tensors])
    if op.several:
        outputs = [(o.value.shape, o.value.dtype) for o in out]
        _attach(WideNode(op, edges, shapes, static, saved, outputs), out)
        return
    out.grad_fn = TapeNode(op, edges, shapes, static, saved)
    out.tracked = True
    if state.anomaly and state.check_nan:
        out.grad_fn.metadata[NAN] = has_nan(out)


def _held(kept: Any, held: Any) -> tuple[Any, list[int], int]:
    """Return what the tape keeps of a tensor: itself, or the value of a result."""
    counter = version_counter(kept)
    hooks = state.saved_hooks
    if hooks is not None and kept.constant is None:
        held = Packed(kept if held is kept else state.frontend.alias(kept), hooks)
    return held, counter, counter[0]


def _attach(node: WideNode, outs: tuple) -> None:
    """Put a node behind its results; those that are not floating have no gradient."""
    for k, out in enumerate(outs):
        if out.value.dtype.kind == "f":
            out.grad_fn, out.output_nr, out.tracked = node, k, True
    if state.anomaly and state.check_nan:
        node.metadata[NAN] = any(has_nan(out) for out in outs)
