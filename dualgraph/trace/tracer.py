"""Frontend 2, first half: run the user's function once on symbolic tensors and record every op.

The tracer stands in for the eager frontend. Tensors made while it is active hold graph nodes; the
tape is recorded in the same way, so ``loss.backward()`` inside the function runs the same walk and
appends gradient nodes in the same order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core.dispatch import state
from ..core.frontend import Event
from ..core.op import Op
from ..core.scope import current_path, recording_modules
from ..core.tensor import Always, GradFn, TensorBase, Value, Via
from ..eager.frontend import (
    EagerFrontend,
    eager_frontend,
    note_new_history,
    renewed,
    written_through,
)
from ..eager.gradients import moved
from ..errors import DTypeError, TraceError, user_location
from ..grad.tape import record, version_counter
from ..ir.graph import INPUT, Graph, Node, constant
from ..numerics.view import Layout, row_major, strides_of
from .capture import (
    Argument,
    GradGuard,
    GradOf,
    GradUpdate,
    Held,
    HookGuard,
    Number,
    Source,
    StridesGuard,
    TrackedGuard,
    Update,
)


class Tracer:
    """The symbolic frontend; one per trace."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[Node] = []
        self.sources: list[Source] = []
        self.environment: dict[int, Node] = {}  # id of a concrete tensor -> its value now
        self.owners: dict[int, Argument | Held] = {}  # id of a leaf -> where it comes from
        self.given_in_order: list[Any] = []  # the flattened arguments
        self.given: list[Any] = []  # the concrete arguments, kept alive while the trace runs
        self.arguments: set[int] = set()  # ids of the concrete tensors behind the arguments
        self.symbols: dict[int, Any] = {}  # id of an argument's symbol -> the symbol
        self.grads: dict[int, Any] = {}
        self.first_grads: dict[int, Any] = {}
        self.guards: list[GradGuard | HookGuard | StridesGuard | TrackedGuard] = []
        self.numbers: dict[tuple[int, str], Any] = {}
        self.constants: dict[Any, Node] = {}
        self.views: dict[int, int] = {}  # id of a view -> the version of memory that it shows
        self.kept: list[Any] = []  # ids must not be reused while the trace runs
        self.locations: dict[GradFn, tuple[str, str]] = {}
        self.leaf_flags: dict[int, bool] = {}  # id of an input -> did it require grad at first
        self.modules: list[Any] = []  # called while tracing; compiled functions guard on them

    # --- values ---

    def symbol(self, node: Node) -> Any:
        """Wrap a node in a tensor."""
        out = object.__new__(EagerFrontend.tensor_class)
        out.value = node
        self.kept.append(out)
        return out

    def add_input(self, source: Source, value: np.ndarray | Node) -> Node:
        """Append a graph input of a value's shape and dtype, read from ``source`` at every call."""
        node = Node(
            INPUT, (), {}, tuple(value.shape), value.dtype, user_location(), source.describe()
        )
        self.inputs.append(node)
        self.sources.append(source)
        return node

    def argument(self, position: int, tensor: Any) -> Any:
        """Return the symbol that stands for a tensor argument."""
        source = Argument(position)
        out = self.symbol(self.add_input(source, tensor.value))
        out.tracked = tensor.tracked
        out.hooks, out.after_hooks = tensor.hooks, tensor.after_hooks
        self.owners[id(out)] = source
        self.symbols[id(out)] = out
        self.leaf_flags[id(out)] = tensor.tracked
        self.given.append(tensor)
        self.arguments.add(id(tensor))
        return out

    def lift(self, tensor: Any) -> Node:
        """Return the node of a tensor: its own, a constant, or a captured input."""
        if tensor.base is not None and id(tensor) in self.views:
            self._refresh(tensor)
        value = tensor.value
        if isinstance(value, Node):
            return value
        if tensor.constant is not None:
            return self._constant(tensor)
        found = self.environment.get(id(tensor))
        return self._capture(tensor) if found is None else found

    def _constant(self, tensor: Any) -> Node:
        key = (tensor.value.dtype, tensor.value.tobytes())
        if key not in self.constants:
            self.constants[key] = constant(tensor.constant, tensor.value.dtype)
            self.nodes.append(self.constants[key])
        return self.constants[key]

    def _capture(self, tensor: Any) -> Node:
        if tensor.grad_fn is not None:
            raise TraceError(
                f"the traced function uses a tensor of shape {tuple(tensor.value.shape)} that "
                f"was computed outside of it with gradients ({tensor.grad_fn.name()}): pass it "
                "as an argument, or detach() it"
            )
        if id(tensor) in self.arguments:
            raise TraceError(
                f"a tensor of shape {tuple(tensor.value.shape)} is an argument of the traced "
                "function and is also used through a closure or attribute: use one of the two"
            )
        source = self.owners.setdefault(id(tensor), Held(tensor))  # its .grad may have come first
        node = self.add_input(source, tensor.value)
        self.leaf_flags[id(tensor)] = tensor.tracked
        self.environment[id(tensor)] = node
        self.kept.append(tensor)
        return node

    # --- the frontend protocol ---

    def run(self, op: Op, tensors: tuple, static: dict) -> Any:
        """Append a node and record it on the tape as eager would."""
        for t in tensors:
            if not isinstance(t, TensorBase):
                raise DTypeError(f"{op.name}: expected a Tensor, got {type(t).__name__}")
        values = tuple([self.lift(t) for t in tensors])
        aval = op.infer(*values, **static)
        source, path, derived = self._location()
        node = Node(op, values, static, tuple(aval.shape), aval.dtype, source, path, derived)
        self.nodes.append(node)
        out = self.symbol(node)
        if op.is_view:
            self._note_view(out, tensors[0], op, static)
        if state.grad_enabled:
            for t in tensors:
                if t.base is not None and t.taped != t.base.taped:
                    self.renew(t)
        self.record(op, tensors, static, out)
        return out

    def _location(self) -> tuple[str, str, bool]:
        """Backward nodes carry the line and module of the forward op that they belong to."""
        visiting = state.visiting
        if visiting is not None and visiting in self.locations:
            return *self.locations[visiting], True
        return user_location(), current_path(), visiting is not None

    def composite(self, op: Op, tensors: tuple, static: dict) -> Any:
        """Append the ops of which a composite is made."""
        return op.kernel(*tensors, **static)

    def record(self, op: Op, tensors: tuple, static: dict, out: Any) -> None:
        """Put an op on the tape."""
        if not (state.grad_enabled and any(t.tracked for t in tensors)):
            return
        record(op, tensors, static, out)
        if out.grad_fn is not None:
            source, path, _ = self._location()
            self.locations[out.grad_fn] = (source, path)

    def tensor(self, value: Value) -> TensorBase:
        """Return a tensor of a node, or a concrete one, which is captured when an op uses it."""
        return self.symbol(value) if isinstance(value, Node) else eager_frontend.tensor(value)

    def copied(self, x: Any, *, donated: bool = False) -> Any:
        """Return a new leaf on the same value: nodes are never overwritten."""
        return self.symbol(self.lift(x))

    def own(self, g: Any) -> Any:
        """Return a gradient as a tensor of its own."""
        if g.tracked:
            return g
        return self.symbol(self.lift(g))

    def alias(self, x: Any, *, uncounted: bool = False) -> Any:
        """Return a tensor that follows the memory of x; its changes count as those of x."""
        out = self.symbol(self.lift(x))
        self._note_view(out, x, None, {})
        return out

    def _note_view(self, out: Any, source: Any, op: Op | None, static: dict) -> None:
        out.base = source if source.base is None else source.base
        out.taped = Always() if op is None else out.base.taped
        out.via = Via(source, op, static)
        self.views[id(out)] = version_counter(out)[0]

    def stand_in(self, out: Any, x: Any) -> Any:
        """Let a copy stand for a view of x: it must not be changed, nor outlive a change of x."""
        self._note_view(out, x, _UNKNOWN_PART, {})
        return out

    def renew(self, view: Any) -> None:
        """Put a view where it belongs on the tape after its base was changed in place."""
        _refuse_doubtful(*_made(view))
        view.value = renewed(view).value
        self.views[id(view)] = version_counter(view)[0]

    def _refresh(self, view: Any) -> None:
        """Make a view again when the memory behind it has changed since."""
        now = version_counter(view)[0]
        if now == self.views[id(view)]:
            return
        source, op, static = view.via
        _refuse_doubtful(*_made(view))
        self.views[id(view)] = now
        value = self.lift(source)
        if op is not None:
            aval = op.infer(value, **static)
            value = Node(op, (value,), static, aval.shape, aval.dtype, *self._location())
            self.nodes.append(value)
        view.value = value

    def replace(self, x: Any, out: Any) -> None:
        """Finish an in-place op: from here on x is ``out``."""
        if x.base is not None and id(x) in self.views:
            self._replace_through(x, out)
            return
        self._set(x, self.lift(out))
        if not out.tracked:
            return
        if not isinstance(x.value, Node) or id(x) in self.symbols:
            kind = "an argument" if id(x) in self.symbols else "a captured tensor"
            raise TraceError(
                f"an in-place op would put {kind} on the tape of the traced function: wrap it "
                "in no_grad(), or use the out-of-place op"
            )
        x.grad_fn, x.tracked = out.grad_fn, True
        moved(x)
        note_new_history(x)

    def _replace_through(self, view: Any, out: Any) -> None:
        """Finish an in-place op on a view: the tensor that it shows changes."""
        x = view
        while x.base is not None and x.via is not None:
            _refuse_doubtful(*_made(x))
            x = x.via.source
        base, value, call = written_through(view, out)
        new = value if call is None else self.run(*call)
        self.replace(base, new)
        if new.tracked:
            self.renew(view)

    def _set(self, x: Any, node: Node) -> None:
        if isinstance(x.value, Node):
            x.value = node
        else:
            self.lift(x)
            self.environment[id(x)] = node
        version_counter(x)[0] += 1

    def set_data(self, x: Any, source: Any) -> None:
        """Accept only what x shows anyway, as in ``x.data -= y``."""
        via = source.via if source.base is not None else None
        if via is None or via.op is not None or via.source is not x:
            raise TraceError(
                "a traced function cannot give a tensor other memory (x.data = y): write "
                "x.data.copy_(y), or x.copy_(y) under no_grad()"
            )

    def strides(self, x: Any) -> tuple[int, ...]:
        """Return the strides of a tensor: an input has those of eager (guarded), views follow.

        Other values count as row-major, whatever order eager gives them.
        """
        return self._layout(self.lift(x)).strides

    def offset(self, x: Any) -> int:
        """Return how many elements a tensor starts after the memory that it views."""
        return self._layout(self.lift(x)).offset

    def _layout(self, node: Node) -> Layout:
        chain = []
        while node.op.is_view:
            chain.append(node)
            node = node.inputs[0]
        layout = Layout(node.shape, self._root_strides(node), 0)
        for view in reversed(chain):
            dense = Layout(view.shape, row_major(view.shape), 0)
            layout = view.op.lower.apply(layout, view.shape, **view.static) or dense
        return layout

    def _root_strides(self, node: Node) -> tuple[int, ...]:
        source = self.sources[self.inputs.index(node)] if node.op is INPUT else None
        if not isinstance(source, Argument | Held):
            return row_major(node.shape)
        guard = StridesGuard(source, strides_of(source.fetch(self.given_in_order)))
        self.guards.append(guard)
        return guard.strides

    def number(self, container: Any, key: str) -> Any:
        """Return a 0-d float64 tensor that is read from the container at every call."""
        where = (id(container), key)
        if where not in self.numbers:
            source = Number(container, key)
            node = self.add_input(source, source.fetch([]))
            self.numbers[where] = self.symbol(node)
        return self.numbers[where]

    def note(self, x: Any, event: Event) -> None:
        """Guard what the program asks of a leaf from outside; refuse a hook on it.

        Whether an argument requires grad is part of the kind of the call: it needs no guard.
        """
        owner = self._owner(x)
        if owner is None:
            return
        if event is Event.HOOK_ADDED:  # at the next call nobody would register it
            raise TraceError(
                "a traced function cannot register a hook on an argument or a captured tensor: "
                "register it outside of the function"
            )
        if event is Event.HOOKS_RUN:
            self.guards.append(HookGuard(owner, tuple(x.hooks or ()), tuple(x.after_hooks or ())))
        elif isinstance(owner, Held):
            self.guards.append(TrackedGuard(owner, x.tracked))

    def read_grad(self, x: Any) -> Any:
        """Return ``.grad`` as the traced function sees it."""
        if id(x) in self.grads:
            return self.grads[id(x)]
        owner = self._owner(x)
        if owner is None:
            return x.held_grad
        held = self._held_grad(x)
        self.guards.append(GradGuard(owner, held is not None))
        grad = None
        if held is not None:
            grad = self.symbol(self.add_input(GradOf(owner), held.value))
        self.kept.append(x)
        self.grads[id(x)] = self.first_grads[id(x)] = grad
        return grad

    def write_grad(self, x: Any, grad: Any) -> None:
        """Set ``.grad``; written back after the call when x outlives the trace."""
        if self._owner(x) is None:
            x.held_grad = grad
            return
        self.kept.append(x)
        self.grads[id(x)] = grad

    def _owner(self, x: Any) -> Argument | Held | None:
        """Return where a leaf comes from; None when it was made inside of the trace."""
        if id(x) in self.owners:
            return self.owners[id(x)]
        if isinstance(x.value, Node):
            return None
        self.owners[id(x)] = Held(x)
        self.kept.append(x)
        return self.owners[id(x)]

    def _held_grad(self, x: Any) -> Any:
        owner = self.owners[id(x)]
        return owner.held.held_grad if isinstance(owner, Held) else x.held_grad

    def concrete(self, x: Any, what: str) -> np.ndarray:
        """Refuse to read numbers: they are not known while tracing."""
        if x.constant is not None:
            return x.value
        raise TraceError(
            f"{what} needs the numbers of a tensor of shape {tuple(x.value.shape)}, which are "
            "not known while the function is traced (the result would be frozen into the "
            "graph). Use where() instead of if, keep values as tensors, return the tensor and "
            "read it outside, or run this function eagerly"
        )

    # --- the end ---

    def graph(self, outputs: list[Node]) -> Graph:
        """Return everything recorded so far as a graph with these outputs."""
        return Graph(tuple(self.inputs), tuple(self.nodes), tuple(outputs))

    @contextmanager
    def active(self) -> Iterator[None]:
        """Let ops inside the block append to this trace."""
        previous = state.frontend, state.tracing, state.saved_hooks
        state.frontend, state.tracing, state.saved_hooks = self, True, None
        try:
            yield
        finally:
            state.frontend, state.tracing, state.saved_hooks = previous

    def updates(self) -> list[Update]:
        """Return the inputs whose memory the function changed."""
        found = []
        for node, source in zip(self.inputs, self.sources, strict=True):
            if isinstance(source, Held):
                now = self.environment[id(source.held)]
            elif isinstance(source, Argument):
                now = self.argument_symbol(source).value
            else:
                continue
            if now is not node:
                found.append(Update(source, now))
        return found

    def argument_symbol(self, source: Argument) -> Any:
        """Return the tensor that stood for an argument while tracing."""
        return next(s for i, s in self.symbols.items() if self.owners[i] == source)

    def forget_arguments(self) -> None:
        """Let go of the tensors of the first call: the trace outlives them."""
        self.given.clear()
        self.given_in_order = []
        self.arguments.clear()

    def leaf_of(self, source: Argument | Held) -> Any:
        """Return the tensor that carries an input's place on the tape while tracing."""
        return source.held if isinstance(source, Held) else self.argument_symbol(source)

    def position_of(self, tensor: Any) -> int | None:
        """Return the argument position of a symbol, or None for any other tensor."""
        if id(tensor) not in self.symbols:
            return None
        owner = self.owners[id(tensor)]
        return owner.position if isinstance(owner, Argument) else None

    def asked_grad(self, leaf: Any) -> bool:
        """Tell whether an input was a leaf that requires grad when the trace began."""
        return self.leaf_flags.get(id(leaf), False)

    def grad_updates(self) -> list[GradUpdate]:
        """Return the ``.grad`` that the function set, cleared or changed."""
        found = []
        for key, grad in self.grads.items():
            first = self.first_grads.get(key, _UNREAD)
            same = grad is first
            if same and (grad is None or grad.value.op is INPUT):
                continue
            node = None if grad is None else self.lift(grad)
            found.append(GradUpdate(self.owners[key], node, same))
        return found


def _made(view: Any) -> tuple[Any, Op | None, dict]:
    return view.via.source, view.via.op, view.via.static


_UNKNOWN_PART = Op(name="x[i]")


def _refuse_doubtful(source: Any, op: Op | None, static: dict) -> None:
    """Raise where eager has a view, and a trace a copy or something that depends on strides."""
    if op is _UNKNOWN_PART:
        raise TraceError(
            "x[i] with a 0-d tensor i is a copy inside a traced function: it cannot be changed "
            "in place, nor be used after x was. Write x[i] = value, and read x[i] again"
        )
    if op is None or not op.may_copy:
        return
    shape = source.value.shape
    unmerged = Layout(shape, tuple(range(1, len(shape) + 1)), 0)  # no two axes step like one
    if op.lower.apply(unmerged, (), **static) is None:
        raise TraceError(
            f"{op.name} to {static} merges axes of a tensor that is changed in place: whether "
            "the two share memory depends on strides that a trace does not know. Take it after "
            "the change, or clone() it before"
        )


_UNREAD = object()


def traced(function: Any, arguments: list[Any], rebuild: Any) -> tuple[Tracer, Any]:
    """Run ``function`` under a new tracer; ``rebuild(symbols)`` gives (args, kwargs).

    Returns the tracer and the function's result. The thread's state is restored whatever happens.
    """
    tracer = Tracer()
    tracer.given_in_order = arguments
    symbols: dict[int, Any] = {}
    for i, tensor in enumerate(arguments):
        if id(tensor) not in symbols:
            symbols[id(tensor)] = tracer.argument(i, tensor)
            if tensor.held_grad is not None:
                symbols[id(tensor)].held_grad = tensor.held_grad
    with tracer.active(), _same_modes(), recording_modules() as modules:
        args, kwargs = rebuild([symbols[id(t)] for t in arguments])
        result = function(*args, **kwargs)
        tracer.modules = modules
        return tracer, result


@contextmanager
def _same_modes() -> Iterator[None]:
    """Refuse a function that leaves a mode switched: it would do so at its first call only."""
    before = {name: getattr(state, name) for name in _MODES}
    try:
        yield
        changed = [name for name in _MODES if getattr(state, name) != before[name]]
    finally:
        vars(state).update(before)
    if changed:
        raise TraceError(
            f"the traced function returns with {changed[0].replace('_', ' ')} switched: use "
            "the mode as a context (with ...), or switch it outside of the function"
        )


_MODES = ("grad_enabled", "inference", "anomaly", "check_nan")
