"""Frontend 1: every op runs at once, on NumPy arrays, and is put on the tape."""

import sys
from typing import Any, Self, cast

import numpy as np

from ..core.dispatch import in_grad_mode, state
from ..core.frontend import Event, Frontend
from ..core.op import Op, Static
from ..core.replay import Replays
from ..core.tensor import Always, Call, TensorBase, Value, Via, is_stale
from ..errors import DTypeError, DualgraphError, GradError, TraceError
from ..grad.saved import version_counter
from ..grad.tape import put_where, record
from ..numerics.view import strides_of
from ..vendor import fewest_references
from .gradients import moved

KERNEL_ERRORS = (ValueError, TypeError, IndexError, AttributeError)  # for operands they don't take

Tensors = tuple[TensorBase, ...]


class EagerFrontend:
    """Runs kernels; ``Tensor`` is given by `dualgraph.eager.tensor`, which defines it."""

    tensor_class: type[TensorBase]
    replays: Replays | None = None  # given by `dualgraph.trace`, which is imported later

    def run(self, op: Op, tensors: Tensors, static: Static) -> Any:
        """Run one op and record it when an input requires grad."""
        out = _new(self.tensor_class)
        try:
            out.value = op.kernel(*[t.value for t in tensors], **static)
        except KERNEL_ERRORS as error:
            _explain(op, tensors, static, error)
        if not op.plain:
            if op.several:
                out = tuple(map(self.tensor, cast(tuple[Value, ...], out.value)))
            else:
                self._note_view(op, out, tensors[0], static)
        if state.grad_enabled:
            needed = False
            for t in tensors:
                if t.base is not None and t.taped != t.base.taped:
                    self.renew(t)
                if t.tracked:
                    needed = True
            if needed:
                record(op, tensors, static, out)
        return out

    def composite(self, op: Op, tensors: Tensors, static: Static) -> Any:
        """Run an op that is made of other ops; a frontend that watches ops sees each of them."""
        replays = self.replays
        if replays is not None and state.frontend is self:
            values = replays.values(op, tensors, static)
            if values is not None:
                return tuple(map(self.tensor, values)) if op.several else self.tensor(values[0])
        return op.kernel(*tensors, **static)

    def _note_view(self, op: Op, out: TensorBase, source: TensorBase, static: Static) -> None:
        if op.may_copy and out.value.size and not np.may_share_memory(out.value, source.value):
            return  # a copy
        base = source if source.base is None else source.base
        out.base, out.taped, out.via = base, base.taped, Via(source, op, static)

    def renew(self, view: TensorBase) -> None:
        """Put a view where it belongs on the tape after its base was changed in place."""
        renewed(view)

    def record(self, op: Op, tensors: Tensors, static: Static, out: Any) -> None:
        """Put a composite on the tape as one node."""
        if state.grad_enabled and any(t.tracked for t in tensors):
            record(op, tensors, static, out)

    def tensor(self, value: Value) -> TensorBase:
        """Wrap an array that nobody else holds."""
        out = _new(self.tensor_class)
        out.value = value
        return out

    def copied(self, x: TensorBase, *, donated: bool = False) -> TensorBase:
        """Return a leaf with the values of x in memory of its own, or in that of a donated x."""
        value = array_of(x)
        taken = donated and value.flags.owndata and value.flags.writeable and not x.shared
        return self.tensor(value if taken else value.copy())

    def own(self, g: TensorBase) -> TensorBase:
        """Return a cotangent as a tensor that shares memory with no other, for ``.grad``."""
        alone = sys.getrefcount(g) <= _ALONE and sys.getrefcount(g.value) <= _ALONE_VALUE
        if alone and array_of(g).flags.owndata and not g.shared:
            return g
        return g.clone() if g.tracked else self.copied(g)

    def alias(self, x: TensorBase, *, uncounted: bool = False) -> TensorBase:
        """Return a tensor on the same memory, outside of the tape."""
        out = self.tensor(x.value)
        if uncounted:
            return out
        out.base = x if x.base is None else x.base
        out.via = Via(x, None, {})
        out.taped = Always()  # outside of the tape, a new history does not concern it
        return out

    def set_data(self, x: TensorBase, source: TensorBase) -> None:
        """Let x show the memory of another tensor from here on."""
        x.value = array_of(source).copy() if source.shared else source.value
        x.base, x.taped, x.via = None, 0, None

    def assign(self, x: TensorBase, source: np.ndarray) -> None:
        """Overwrite the memory of a tensor and count it as a change."""
        np.copyto(array_of(x), source)
        version_counter(x)[0] += 1

    def replace(self, x: TensorBase, out: TensorBase) -> None:
        """Finish an in-place op: x takes the values and the place on the tape of ``out``."""
        if not array_of(x).flags.writeable:
            raise GradError(READ_ONLY)
        if not out.tracked:
            self.assign(x, array_of(out))
            return
        base, _, call = written_through(x, out)
        self.assign(x, array_of(out))
        if call is None:
            put_where(x, out)
        else:
            self.record(*call, base)
        moved(base)
        note_new_history(base)
        if base is not x:
            self.renew(x)

    def note(self, x: TensorBase, event: Event) -> None:
        """Nothing is guarded: the program is run as it is."""

    def stand_in(self, out: TensorBase, x: TensorBase) -> TensorBase:
        """Positions are always known: no copy stands for a view."""
        return out

    def read_grad(self, x: TensorBase) -> TensorBase | None:
        """Return ``x.grad``."""
        return x.held_grad

    def write_grad(self, x: TensorBase, grad: TensorBase | None) -> None:
        """Set ``x.grad``."""
        x.held_grad = grad

    def strides(self, x: TensorBase) -> tuple[int, ...]:
        """Return the strides of a tensor, in elements; those of axes of extent 1 are dense."""
        return strides_of(array_of(x))

    def offset(self, x: TensorBase) -> int:
        """Return how many elements a tensor starts after the memory that it views."""
        if x.base is None:
            return 0
        array, whole = array_of(x), array_of(x.base)
        return (array.ctypes.data - whole.ctypes.data) // array.itemsize

    def number(self, container: dict[str, Any], key: str) -> Any:
        """Return a number that may change between steps, as it is now."""
        return container[key]

    def concrete(self, x: TensorBase, what: str) -> np.ndarray:
        """Return the array of a tensor."""
        if not isinstance(x.value, np.ndarray):
            raise TraceError(f"{what}: {LEAKED}")
        return array_of(x)


def array_of(x: TensorBase) -> np.ndarray:
    """Return the array of a tensor that is known to hold one: none is traced here."""
    return cast("np.ndarray", x.value)


def renewed(view: TensorBase) -> TensorBase:
    """Run the op behind a view again and give the view the place of the result on the tape."""
    base, via = view.base, view.via
    if base is None or via is None or via.op is None:  # what is no view, or detached, stays
        return view
    run = state.frontend.run
    again = in_grad_mode(run, via.op, (via.source,), via.static, enabled=True)
    put_where(view, again)
    view.taped = base.taped
    moved(view)
    return again


class WatchingFrontend(EagerFrontend):
    """Eager, and shows every op that ran to `seen`; active inside of its ``with`` block.

    A composite runs as the ops of which it is made, so that each is seen.
    """

    previous: Frontend

    def seen(self, op: Op, out: TensorBase) -> None:
        """Take notice of an op and of its result, or each of its results; to be overridden."""
        raise NotImplementedError

    def run(self, op: Op, tensors: Tensors, static: Static) -> Any:
        """Run one op and show it."""
        out = super().run(op, tensors, static)
        for one in out if op.several else (out,):
            self.seen(op, one)
        return out

    def composite(self, op: Op, tensors: Tensors, static: Static) -> Any:
        """Run the ops of which a composite is made."""
        return op.kernel(*tensors, **static)

    def __enter__(self) -> Self:
        self.previous = state.frontend
        state.frontend = self
        return self

    def __exit__(self, *error: object) -> None:
        state.frontend = self.previous


def note_new_history(x: TensorBase) -> None:
    """Count that an in-place op put a tensor elsewhere on the tape: its older views are stale."""
    x.taped = x.taped + 1


def made_without_grad(view: TensorBase) -> bool:
    """Tell whether a view of a tensor that is on the tape was taken under no_grad."""
    base = view.base
    if base is None or not base.tracked or is_stale(view) or view.value.dtype.kind != "f":
        return False
    while view.base is not None and view.via is not None:
        if view.via.op is None:  # detached on purpose
            return False
        view = view.via.source
    return True


def written_through(x: TensorBase, value: TensorBase) -> tuple[TensorBase, TensorBase, Call | None]:
    """Return what becomes of the base of x when x is overwritten with ``value``.

    That is the base, and the value that it takes or the call that computes it; ops in between, for
    views of views, are run and recorded. Raises `GradError` where a write cannot be recorded.
    """
    call = None
    while x.base is not None and x.via is not None:
        if call is not None:
            value, call = state.frontend.run(*call), None
        source, op, static = x.via
        if op is None and value.tracked:
            raise GradError(_DETACHED)
        if op is not None:
            if op.put is None:
                raise GradError(_SHARED.format(op=op.name))
            call = Call(*op.put(source, value, **static))
        x = source
    return x, value, call


_SHARED = (
    "a tensor cannot be changed in place through {op}(), whose elements may share memory: clone() "
    "it, or build the result out of place (where, cat)"
)
_DETACHED = (
    "writing recorded values into a detached tensor is not supported: the tensor whose memory it "
    "shares would not get their gradient. Clone it, or use no_grad()"
)


_new = object.__new__
_ALONE, _ALONE_VALUE = fewest_references()


READ_ONLY = (
    "this tensor cannot be changed in place: it is an expanded view or a constant, whose elements "
    "share one place in memory, or its memory is read-only; call clone() first"
)
LEAKED = (
    "this tensor was made while a function was traced and was kept beyond its return (in a list, a "
    "global, an attribute): it stands for a graph node and has no numbers. Return it instead"
)


def _explain(op: Op, tensors: Tensors, static: Static, error: Exception) -> None:
    """Raise our own error for what a kernel refused."""
    if isinstance(error, DualgraphError):
        raise error
    for t in tensors:
        if not isinstance(t, TensorBase):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DTypeError(f"{op.name}: expected a Tensor, got {type(t).__name__}") from error
        if not isinstance(t.value, np.ndarray):
            raise TraceError(LEAKED) from error
    op.infer(*[t.value for t in tensors], **static)
    raise error


eager_frontend = EagerFrontend()
