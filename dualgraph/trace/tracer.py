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
from ..core.op import Op
from ..core.scope import recording_modules
from ..eager import Tensor
from ..eager.frontend import (
    eager_frontend,
    note_new_history,
    written_through,
)
from ..eager.gradients import moved
from ..errors import DTypeError, TraceError
from ..grad.hooks import LeafHooks
from ..grad.tape import Node as TapeNode, record, version_counter
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
from .guards import Identity
from .slots import Slot
from .symbols import Symbols
from .views import UNKNOWN_PART, Shown, refuse_doubtful


class Tracer(Symbols):
    """The symbolic frontend; one per trace."""

    def __init__(self, arguments: list[Tensor] | None = None) -> None:
        super().__init__(arguments)
        self.graded: list[Slot] = []  # those whose .grad was read or written, in this order
        self.guards: list[TensorGuard] = []
        self.numbers: dict[tuple[Identity, str], Tensor] = {}
        self.modules: list[Any] = []  # called while tracing; compiled functions guard on them

    # --- the frontend protocol ---

    def run(self, op: Op, tensors: tuple[Tensor, ...], static: dict[str, Any]) -> Tensor:
        """Append a node and record it on the tape as eager would."""
        for t in tensors:
            if not hasattr(t, "value"):
                raise DTypeError(f"{op.name}: expected a Tensor, got {type(t).__name__}")
        node = self.append(op, tuple([self.lift(t) for t in tensors]), static)
        out = self.symbol(node)
        if op.is_view:
            self._note_view(out, tensors[0], op, static)
        if state.grad_enabled:
            for t in tensors:
                if t.base is not None and t.taped != t.base.taped:
                    self.renew(t)
        self.record(op, tensors, static, out)
        return out

    def composite(self, op: Op, tensors: tuple[Tensor, ...], static: dict[str, Any]) -> Tensor:
        """Append the ops of which a composite is made."""
        return op.kernel(*tensors, **static)

    def record(
        self, op: Op, tensors: tuple[Tensor, ...], static: dict[str, Any], out: Tensor
    ) -> None:
        """Put an op on the tape."""
        if not (state.grad_enabled and any(t.tracked for t in tensors)):
            return
        record(op, tensors, static, out)
        if out.grad_fn is not None:
            self.locate(out.grad_fn)

    def literal(self, number: bool | int | float, dtype: np.dtype) -> Tensor:
        """Return the shared literal; `lift` makes it a constant."""
        return eager_frontend.literal(number, dtype)

    def tensor(self, array: np.ndarray) -> Tensor:
        """Return a concrete tensor; it is captured when an op uses it."""
        return eager_frontend.tensor(array)

    def fresh(self, x: Tensor, requires_grad: bool) -> Tensor:
        """Return a new leaf on the same value: nodes are never overwritten."""
        out = self.symbol(self.lift(x))
        return out.requires_grad_() if requires_grad else out

    def own(self, g: Tensor) -> Tensor:
        """Return a gradient as a tensor of its own."""
        if g.tracked:
            return g
        return self.symbol(self.lift(g))

    def owned(self, x: Tensor) -> Tensor:
        """Forget that x is a view: nobody holds the tensor whose memory it shows."""
        x.base, x.taped, x.via = None, 0, None
        return x

    def wrap(self, value: Node, node: TapeNode | None, counter: list[int]) -> Tensor:
        """Return a saved output as a tensor again, at its place on the tape."""
        out = self.symbol(value)
        out.grad_fn, out.tracked, out.counter = node, True, counter
        return out

    def snapshot(self, x: Tensor) -> Tensor:
        """Return the value that x has now, at its place on the tape."""
        out = self.symbol(self.lift(x))
        out.grad_fn, out.tracked = x.grad_fn, x.tracked
        return out

    # --- views and changes in place ---

    def alias(self, x: Tensor) -> Tensor:
        """Return a tensor that follows the memory of x, outside of the tape."""
        out = self.symbol(self.lift(x))
        self._note_view(out, x, None, {})
        return out

    def stand_in(self, out: Tensor, x: Tensor) -> Tensor:
        """Let a copy stand for a view of x: it must not be changed, nor outlive a change of x."""
        self._note_view(out, x, UNKNOWN_PART, {})
        return out

    def renew(self, view: Tensor) -> None:
        """Put a view where it belongs on the tape after its base was changed in place."""
        refuse_doubtful(view)
        view.value = eager_frontend.renew(view).value
        view.via.version = version_counter(view)[0]

    def replace(self, x: Tensor, out: Tensor) -> None:
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
        x.grad_fn, x.tracked = out.grad_fn, True
        moved(x)
        note_new_history(x)

    def _replace_through(self, view: Tensor, out: Tensor) -> None:
        """Finish an in-place op on a view: the tensor that it shows changes."""
        x = view
        while x.base is not None and x.via is not None:
            refuse_doubtful(x)
            x = x.via.source
        base, value, call = written_through(view, out)
        new = value if call is None else self.run(*call)
        self.replace(base, new)
        if new.tracked:
            self.renew(view)

    def data(self, x: Tensor) -> Tensor:
        """Return a tensor that follows the memory of x; its changes count as those of x."""
        return self.alias(x)

    def set_data(self, x: Tensor, source: Tensor) -> None:
        """Accept only what x shows anyway, as in ``x.data -= y``."""
        via = source.via if source.base is not None else None
        if via is None or via.op is not None or via.source is not x:
            raise TraceError(
                "a traced function cannot give a tensor other memory (x.data = y): write "
                "x.data.copy_(y), or x.copy_(y) under no_grad()"
            )

    def assign(self, x: Tensor, source: np.ndarray) -> None:
        """Overwrite with an array that is fixed at trace time."""
        self._set(x, self.lift(eager_frontend.tensor(source)))

    # --- what is asked of a tensor, or of what stands beside it ---

    def generator(self) -> Any:
        """Return the default random stream; its state is captured like a parameter."""
        return eager_frontend.default_generator

    def strides(self, x: Tensor) -> tuple[int, ...]:
        """Return the strides of a tensor: an input has those of eager (guarded), views follow.

        Other values count as row-major, whatever order eager gives them.
        """
        return place_of(self.lift(x), self._layout)[1].strides

    def offset(self, x: Tensor) -> int:
        """Return how many elements a tensor starts after the memory that it views."""
        return place_of(self.lift(x), self._layout)[1].offset

    def _layout(self, node: Node) -> Layout:
        slot = self.read.get(node)
        if slot is None:
            return dense_layout(node)
        guard = StridesGuard(slot.origin, strides_of(slot.origin.fetch(self.arguments)))
        self.guards.append(guard)
        return Layout(node.shape, guard.strides, 0)

    def number(self, container: Any, key: str) -> Tensor:
        """Return a 0-d float64 tensor that is read from the container at every call."""
        where = (Identity(container), key)
        if where not in self.numbers:
            source = Number(container, key)
            self.numbers[where] = self.symbol(self.add_input(source, source.fetch([])))
        return self.numbers[where]

    def leaf_hooks(self, x: Tensor) -> LeafHooks:
        """Return the hooks of a leaf; those of a leaf from outside are guarded."""
        slot = self._outside(x)
        if slot is not None:
            keys = tuple(x.hooks or ()), tuple(x.after_hooks or ())
            self.guards.append(HookGuard(slot.origin, *keys))
        return LeafHooks(x.hooks, x.after_hooks)

    def allow_hook(self, x: Tensor) -> None:
        """Refuse a hook on a leaf from outside: at the next call nobody would register it."""
        if self._outside(x) is not None:
            raise TraceError(
                "a traced function cannot register a hook on an argument or a captured tensor: "
                "register it outside of the function"
            )

    def has_nan(self, x: Tensor) -> bool:
        """Nothing is known of values; in anomaly mode compiled functions run eagerly."""
        return False

    def is_tracked(self, x: Tensor) -> bool:
        """Return whether x requires grad; guarded where x comes from outside and is no argument."""
        slot = self.slots.get(x)
        by_closure = slot is not None and slot.tensor is not x  # an argument, seen otherwise
        slot = None if by_closure else self._outside(x)
        if by_closure or (slot is not None and isinstance(slot.origin, Held)):
            self.guards.append(TrackedGuard(Held(x), x.tracked))
        return x.tracked

    def read_grad(self, x: Tensor) -> Tensor | None:
        """Return ``.grad`` as the traced function sees it."""
        slot = self._outside(x)
        if slot is None:
            return x.held_grad
        if not slot.grad_known:
            held = x.held_grad
            self.guards.append(GradGuard(slot.origin, held is not None))
            grad = None
            if held is not None:
                grad = self.symbol(self.add_input(GradOf(slot.origin), held.value))
            slot.read_grad(grad)
            self.graded.append(slot)
        return slot.grad

    def write_grad(self, x: Tensor, grad: Tensor | None) -> None:
        """Set ``.grad``; written back after the call when x outlives the trace."""
        slot = self._outside(x)
        if slot is None:
            x.held_grad = grad
            return
        if not slot.grad_known:
            self.graded.append(slot)
        slot.write_grad(grad)

    def concrete(self, x: Tensor, what: str) -> np.ndarray:
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

    @contextmanager
    def active(self) -> Generator[None, None, None]:
        """Let ops inside the block append to this trace."""
        previous = state.frontend, state.tracing, state.saved_hooks
        state.frontend, state.tracing, state.saved_hooks = self, True, None
        try:
            yield
        finally:
            state.frontend, state.tracing, state.saved_hooks = previous

    def effects(self) -> list[Effect]:
        """Return what the function changed: memory in the order of the inputs, then ``.grad``."""
        return [*memory_effects([*self.read.values()]), *grad_effects(self.graded, self.lift)]


def traced(
    function: Callable[..., Any],
    arguments: list[Tensor],
    rebuild: Callable[[list[Tensor]], tuple[Any, Any]],
) -> tuple[Tracer, Any]:
    """Run ``function`` under a new tracer; ``rebuild(symbols)`` gives (args, kwargs).

    Returns the tracer and the function's result. The thread's state is restored whatever happens.
    """
    tracer = Tracer(arguments)
    symbols: dict[Tensor, Tensor] = {}
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
