"""Frontend 2, first half: run the user's function once on symbolic tensors and record every op.

The tracer stands in for the eager frontend. Tensors made while it is active hold graph nodes; the
tape is recorded in the same way, so ``loss.backward()`` inside the function runs the same walk and
appends gradient nodes in the same order.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core.dispatch import state
from ..core.frontend import HOOK_ADDED, HOOKS_RUN, Event
from ..core.op import DTYPE, Op, Static
from ..core.scope import recording_modules
from ..core.tensor import TensorBase, Value
from ..eager.frontend import array_of, eager_frontend, note_new_history, renewed, written_through
from ..eager.gradients import moved
from ..errors import DTypeError, TraceError
from ..grad.saved import count_in
from ..grad.tape import TapeNode, put_where, record
from ..ir.graph import Node
from ..ir.layout import dense_layout, place_of
from ..numerics.view import Layout, strides_of
from .capture import (
    GradGuard,
    GradOf,
    Held,
    HookGuard,
    Number,
    StridesGuard,
    TensorGuard,
    TrackedGuard,
)
from .effects import Effect, grad_effects, memory_effects
from .guards.freeze import Identity
from .slots import Slot
from .symbols import Symbols
from .views import UNKNOWN_PART, Shown, refuse_doubtful


class Tracer(Symbols):
    """The symbolic frontend; one per trace."""

    def __init__(self, arguments: list[TensorBase] | None = None) -> None:
        super().__init__(arguments)
        self.graded: list[Slot] = []  # those whose .grad was read or written, in this order
        self.guards: list[TensorGuard] = []
        self.numbers: dict[tuple[Identity, str], TensorBase] = {}
        self.modules: list[Any] = []  # called while tracing; compiled functions guard on them

    # --- the frontend protocol ---

    def run(self, op: Op, tensors: tuple[TensorBase, ...], static: Static) -> Any:
        """Append a node and record it on the tape as eager would."""
        for t in tensors:
            if not isinstance(t, TensorBase):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise DTypeError(f"{op.name}: expected a Tensor, got {type(t).__name__}")
        values = tuple([self.lift(t) for t in tensors])
        if op.several:
            out = tuple(map(self.symbol, self.append_several(op, values, static)))
        else:
            out = self.symbol(self.append(op, values, static))
            if op.is_view:
                self._note_view(out, tensors[0], op, static)
        if state.grad_enabled:
            for t in tensors:
                if t.base is not None and t.taped != t.base.taped:
                    self.renew(t)
        self.record(op, tensors, static, out)
        return out

    def composite(self, op: Op, tensors: tuple[TensorBase, ...], static: Static) -> Any:
        """Append the ops of which a composite is made."""
        return op.kernel(*tensors, **static)

    def record(self, op: Op, tensors: tuple[TensorBase, ...], static: Static, out: Any) -> None:
        """Put an op on the tape."""
        if not (state.grad_enabled and any(t.tracked for t in tensors)):
            return
        node = record(op, tensors, static, out)
        if node is not None:
            self.locate(node)
            self._count_here(node, tensors)

    def _count_here(self, node: TapeNode, tensors: tuple[TensorBase, ...]) -> None:
        """Let a node notice what this trace does to what it saved, and nothing that comes later."""
        saved = node.saved or {}
        for key, held in saved.items():
            if 0 <= key < DTYPE:
                counter = count_in(self.counts, tensors[key])
                saved[key] = (held[0], counter, counter[0])

    def tensor(self, value: Value) -> TensorBase:
        """Return a tensor of a node, or a concrete one, which is captured when an op uses it."""
        return self.symbol(value) if isinstance(value, Node) else eager_frontend.tensor(value)

    def copied(self, x: TensorBase, *, donated: bool = False) -> TensorBase:
        """Return a new leaf on the same value: nodes are never overwritten."""
        return self.symbol(self.lift(x))

    def own(self, g: TensorBase) -> TensorBase:
        """Return a gradient as a tensor of its own."""
        if g.tracked:
            return g
        return self.symbol(self.lift(g))

    # --- views and changes in place ---

    def alias(self, x: TensorBase, *, uncounted: bool = False) -> TensorBase:
        """Return a tensor that follows the memory of x; its changes count as those of x."""
        out = self.symbol(self.lift(x))
        self._note_view(out, x, None, {})
        return out

    def stand_in(self, out: TensorBase, x: TensorBase) -> TensorBase:
        """Let a copy stand for a view of x: it must not be changed, nor outlive a change of x."""
        self._note_view(out, x, UNKNOWN_PART, {})
        return out

    def renew(self, view: TensorBase) -> None:
        """Put a view where it belongs on the tape after its base was changed in place."""
        if view.via is not None:
            refuse_doubtful(view.via)
        view.value = renewed(view).value
        if isinstance(view.via, Shown):
            view.via.version = view.via.counter[0]

    def replace(self, x: TensorBase, out: TensorBase) -> None:
        """Finish an in-place op: from here on x is ``out``."""
        if x.base is not None and type(x.via) is Shown:
            self._replace_through(x, out)
            return
        self._set(x, self.lift(out))
        if not out.tracked:
            return
        given = self.position_of(x) is not None
        if given or not isinstance(x.value, Node):
            kind = "an argument" if given else "a captured tensor"
            raise TraceError(
                f"an in-place op would put {kind} on the tape of the traced function: wrap it "
                "in no_grad(), or use the out-of-place op"
            )
        put_where(x, out)
        moved(x)
        note_new_history(x)

    def _replace_through(self, view: TensorBase, out: TensorBase) -> None:
        """Finish an in-place op on a view: the tensor that it shows changes."""
        x = view
        while x.base is not None and x.via is not None:
            refuse_doubtful(x.via)
            x = x.via.source
        base, value, call = written_through(view, out)
        new = value if call is None else self.run(*call)
        self.replace(base, new)
        if new.tracked:
            self.renew(view)

    def set_data(self, x: TensorBase, source: TensorBase) -> None:
        """Accept only what x shows anyway, as in ``x.data -= y``."""
        via = source.via if source.base is not None else None
        if via is None or via.op is not None or via.source is not x:
            raise TraceError(
                "a traced function cannot give a tensor other memory (x.data = y): write "
                "x.data.copy_(y), or x.copy_(y) under no_grad()"
            )

    # --- what is asked of a tensor, or of what stands beside it ---

    def strides(self, x: TensorBase) -> tuple[int, ...]:
        """Return the strides of a tensor: an input has those of eager (guarded), views follow.

        Other values count as row-major, whatever order eager gives them.
        """
        return place_of(self.lift(x), self._layout)[1].strides

    def offset(self, x: TensorBase) -> int:
        """Return how many elements a tensor starts after the memory that it views."""
        return place_of(self.lift(x), self._layout)[1].offset

    def _layout(self, node: Node) -> Layout:
        slot = self.read.get(node)
        if slot is None:
            return dense_layout(node)
        guard = StridesGuard(slot.origin, strides_of(slot.origin.fetch(self.arguments)))
        self.guards.append(guard)
        return Layout(node.shape, guard.strides, 0)

    def number(self, container: Any, key: str) -> TensorBase:
        """Return a 0-d float64 tensor that is read from the container at every call."""
        where = (Identity(container), key)
        if where not in self.numbers:
            source = Number(container, key)
            self.numbers[where] = self.symbol(self.add_input(source, source.fetch([])))
        return self.numbers[where]

    def note(self, x: TensorBase, event: Event) -> None:
        """Guard what the program asks of a leaf from outside; refuse a hook on it.

        Whether an argument requires grad is part of the kind of the call: it needs no guard.
        """
        slot = self.slots.get(x)
        by_closure = slot is not None and slot.tensor is not x  # an argument, seen otherwise
        slot = None if by_closure else self._outside(x)
        origin = Held(x) if by_closure else slot and slot.origin
        if origin is None:
            return
        if event is HOOK_ADDED:  # at the next call nobody would register it
            raise TraceError(
                "a traced function cannot register a hook on an argument or a captured tensor: "
                "register it outside of the function"
            )
        if event is HOOKS_RUN:
            self.guards.append(HookGuard(origin, tuple(x.hooks or ()), tuple(x.after_hooks or ())))
        elif isinstance(origin, Held):
            self.guards.append(TrackedGuard(origin, x.tracked))

    def read_grad(self, x: TensorBase) -> TensorBase | None:
        """Return ``.grad`` as the traced function sees it."""
        slot = self._outside(x)
        if slot is None:
            return x.held_grad
        if not slot.grad_known:
            held = x.held_grad
            self.guards.append(GradGuard(slot.origin, held is not None))
            node = None if held is None else self.add_input(GradOf(slot.origin), held.value)
            slot.read_grad(node and self.symbol(node), node)
            self.graded.append(slot)
        return slot.grad

    def write_grad(self, x: TensorBase, grad: TensorBase | None) -> None:
        """Set ``.grad``; written back after the call when x outlives the trace."""
        slot = self._outside(x)
        if slot is None:
            x.held_grad = grad
            return
        if not slot.grad_known:
            self.graded.append(slot)
        slot.write_grad(grad)

    def concrete(self, x: TensorBase, what: str) -> np.ndarray:
        """Refuse to read numbers: they are not known while tracing."""
        if x.constant is not None:
            return array_of(x)
        raise TraceError(
            f"{what} needs the numbers of a tensor of shape {tuple(x.value.shape)}, which are "
            "not known while the function is traced (the result would be frozen into the "
            "graph). Use where() instead of if, keep values as tensors, return the tensor and "
            "read it outside, or run this function eagerly"
        )

    # --- the end ---

    @contextmanager
    def active(self) -> Generator[None, None, None]:
        """Let ops inside the block append to this trace."""
        previous = state.frontend, state.tracing, state.saved_hooks, state.counts
        state.frontend, state.tracing = self, True
        state.saved_hooks, state.counts = None, self.counts
        try:
            yield
        finally:
            state.frontend, state.tracing, state.saved_hooks, state.counts = previous

    def effects(self) -> list[Effect]:
        """Return what the function changed: memory in the order of the inputs, then ``.grad``."""
        return [*memory_effects([*self.read.values()]), *grad_effects(self.graded, self.lift)]


def traced(
    function: Callable[..., Any],
    arguments: list[TensorBase],
    rebuild: Callable[[list[TensorBase]], tuple[Any, Any]],
) -> tuple[Tracer, Any]:
    """Run ``function`` under a new tracer; ``rebuild(symbols)`` gives (args, kwargs).

    Returns the tracer and the function's result. The thread's state is restored whatever happens.
    """
    tracer = Tracer(arguments)
    symbols: dict[TensorBase, TensorBase] = {}
    for i, tensor in enumerate(arguments):
        if tensor not in symbols:
            symbols[tensor] = tracer.argument(i, tensor)
            if tensor.held_grad is not None:
                symbols[tensor].held_grad = tensor.held_grad
    with tracer.active(), _same_modes(), recording_modules() as modules:
        args, kwargs = rebuild([symbols[t] for t in arguments])
        result = function(*args, **kwargs)
        tracer.modules = modules
        return tracer, result


@contextmanager
def _same_modes() -> Generator[None, None, None]:
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
