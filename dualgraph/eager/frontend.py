"""Frontend 1: every op runs at once, on NumPy arrays, and is put on the tape."""

import sys
from functools import lru_cache
from math import copysign
from typing import Any, NamedTuple

import numpy as np

from ..core.dispatch import state
from ..core.op import Call, Op
from ..core.types import numpy_dtype
from ..errors import ArgumentError, DTypeError, DualgraphError, GradError, TraceError
from ..grad.hooks import LeafHooks
from ..grad.tape import record, version_counter
from ..numerics.view import strides_of
from ..vendor import fewest_references
from .gradients import moved
from .replay import composite


class EagerFrontend:
    """Runs kernels; ``Tensor`` is given by `dualgraph.eager.tensor`, which defines it."""

    tensor_class: Any = None
    default_generator: Any = None

    def run(self, op: Op, tensors: tuple, static: dict) -> Any:
        """Run one op and record it when an input requires grad."""
        out = _new(self.tensor_class)
        try:
            out.value = op.kernel(*[t.value for t in tensors], **static)
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            _explain(op, tensors, static, error)
        if op.is_view:
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

    def composite(self, op: Op, tensors: tuple, static: dict) -> Any:
        """Run an op that is made of other ops; a frontend that watches ops sees each of them."""
        if state.frontend is self:
            return composite(self, op, tensors, static)
        return op.kernel(*tensors, **static)

    def _note_view(self, op: Op, out: Any, source: Any, static: dict) -> None:
        if op.may_copy and out.value.size and not np.may_share_memory(out.value, source.value):
            return  # a copy
        out.base = source if source.base is None else source.base
        out.taped = out.base.taped
        out.via = Via(source, op, static)

    def renew(self, view: Any) -> Any:
        """Put a view where it belongs on the tape after its base was changed in place."""
        source, op, static = view.via
        enabled, state.grad_enabled = state.grad_enabled, True
        try:
            again = state.frontend.run(op, (source,), static)
        finally:
            state.grad_enabled = enabled
        view.grad_fn, view.tracked = again.grad_fn, again.tracked
        view.taped = view.base.taped
        moved(view)
        return again

    def record(self, op: Op, tensors: tuple, static: dict, out: Any) -> None:
        """Put a composite on the tape as one node."""
        if state.grad_enabled and any(t.tracked for t in tensors):
            record(op, tensors, static, out)

    def literal(self, number: bool | int | float, dtype: np.dtype) -> Any:
        """Return a shared 0-d tensor; never written to."""
        return _literal(number, copysign(1.0, number), dtype)

    def tensor(self, array: np.ndarray) -> Any:
        """Wrap an array that nobody else holds."""
        out = _new(self.tensor_class)
        out.value = array
        return out

    def fresh(self, x: Any, requires_grad: bool) -> Any:
        """Return a leaf with memory of its own."""
        value = x.value
        owned = value.flags.owndata and value.flags.writeable and not x.shared
        out = self.tensor(value if owned else value.copy())
        if requires_grad:
            out.requires_grad_()
        return out

    def own(self, g: Any) -> Any:
        """Return a cotangent as a tensor that shares memory with no other, for ``.grad``."""
        alone = sys.getrefcount(g) <= _ALONE and sys.getrefcount(g.value) <= _ALONE_VALUE
        if alone and g.value.flags.owndata and not g.shared:
            return g
        return g.clone() if g.tracked else self.tensor(g.value.copy())

    def owned(self, x: Any) -> Any:
        """Forget that x is a view: nobody holds the tensor whose memory it shows."""
        x.base, x.taped, x.via = None, 0, None
        return x

    def wrap(self, value: Any, node: Any, counter: list[int]) -> Any:
        """Return a saved output as a tensor again, at its place on the tape."""
        out = self.tensor(value)
        out.grad_fn, out.tracked, out.counter = node, True, counter
        return out

    def snapshot(self, x: Any) -> Any:
        """Return the values that x has now, at its place on the tape."""
        out = self.tensor(x.value.copy())
        out.grad_fn, out.tracked = x.grad_fn, x.tracked
        return out

    def alias(self, x: Any) -> Any:
        """Return a tensor on the same memory, outside of the tape."""
        out = self.tensor(x.value)
        out.base = x if x.base is None else x.base
        out.via = Via(x, None, {})
        out.taped = Always()  # outside of the tape, a new history does not concern it
        return out

    def data(self, x: Any) -> Any:
        """Return a tensor on the same memory with a count of changes of its own."""
        return self.tensor(x.value)

    def set_data(self, x: Any, source: Any) -> None:
        """Let x show the memory of another tensor from here on."""
        x.value = source.value.copy() if source.shared else source.value
        x.base, x.taped, x.via = None, 0, None

    def assign(self, x: Any, source: np.ndarray) -> None:
        """Overwrite the memory of a tensor and count it as a change."""
        np.copyto(x.value, source)
        version_counter(x)[0] += 1

    def replace(self, x: Any, out: Any) -> None:
        """Finish an in-place op: x takes the values and the place on the tape of ``out``."""
        if not x.value.flags.writeable:
            raise GradError(READ_ONLY)
        if not out.tracked:
            self.assign(x, out.value)
            return
        base, _, call = written_through(x, out)
        self.assign(x, out.value)
        if call is None:
            x.grad_fn, x.tracked = out.grad_fn, True
        else:
            self.record(*call, base)
        moved(base)
        note_new_history(base)
        if base is not x:
            self.renew(x)

    def generator(self) -> Any:
        """Return the default random stream, or what stands for it in this thread."""
        return state.stream or self.default_generator

    def leaf_hooks(self, x: Any) -> LeafHooks:
        """Return the hooks of a leaf at which a gradient has arrived."""
        if x.hooks is None and x.after_hooks is None:
            return _NO_HOOKS
        return LeafHooks(x.hooks, x.after_hooks)

    def allow_hook(self, x: Any) -> None:
        """Any tensor may get a hook."""

    def has_nan(self, x: Any) -> bool:
        """Tell whether a tensor holds a NaN."""
        return x.value.dtype.kind == "f" and bool(np.isnan(x.value).any())

    def is_tracked(self, x: Any) -> bool:
        """Return whether x requires grad."""
        return x.tracked

    def read_grad(self, x: Any) -> Any:
        """Return ``x.grad``."""
        return x.held_grad

    def write_grad(self, x: Any, grad: Any) -> None:
        """Set ``x.grad``."""
        x.held_grad = grad

    def strides(self, x: Any) -> tuple[int, ...]:
        """Return the strides of a tensor, in elements; those of axes of extent 1 are dense."""
        return strides_of(x.value)

    def offset(self, x: Any) -> int:
        """Return how many elements a tensor starts after the memory that it views."""
        if x.base is None:
            return 0
        return (x.value.ctypes.data - x.base.value.ctypes.data) // x.value.itemsize

    def number(self, container: Any, key: str) -> Any:
        """Return a number that may change between steps, as it is now."""
        return container[key]

    def concrete(self, x: Any, what: str) -> np.ndarray:
        """Return the array of a tensor."""
        if not isinstance(x.value, np.ndarray):
            raise TraceError(f"{what}: {_LEAKED}")
        return x.value


class Always:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


def note_new_history(x: Any) -> None:
    """Count that an in-place op put a tensor elsewhere on the tape: its older views are stale."""
    x.taped = x.taped + 1


class Via(NamedTuple):
    """How a view was made; ``op`` is None for a detached tensor."""

    source: Any
    op: Op | None
    static: dict[str, Any]


def made_without_grad(view: Any) -> bool:
    """Tell whether a view of a tensor that is on the tape was taken under no_grad."""
    if not view.base.tracked or view.taped != view.base.taped or view.value.dtype.kind != "f":
        return False
    while view.base is not None:
        if view.via.op is None:  # detached on purpose
            return False
        view = view.via.source
    return True


def written_through(x: Any, value: Any) -> tuple[Any, Any, Call | None]:
    """Return what becomes of the base of x when x is overwritten with ``value``.

    That is the base, and the value that it takes or the call that computes it; ops in between, for
    views of views, are run and recorded. Raises `GradError` where a write cannot be recorded.
    """
    call = None
    while x.base is not None:
        if call is not None:
            value, call = state.frontend.run(*call), None
        source, op, static = x.via
        if op is None and value.tracked:
            raise GradError(_DETACHED)
        if op is not None:
            if op.put is None:
                raise GradError(_SHARED.format(op=op.name))
            call = op.put(source, value, **static)
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
_NO_HOOKS = LeafHooks(None, None)
_ALONE, _ALONE_VALUE = fewest_references()


@lru_cache(maxsize=4096)
def _literal(number: bool | int | float, sign: float, dtype: np.dtype) -> Any:
    """``sign`` keeps 0.0 and -0.0 apart in the cache; 1 and 1.0 differ by dtype already."""
    if isinstance(number, float) and dtype.kind in "iu":
        ends = np.iinfo(dtype)
        if not ends.min <= number <= ends.max:  # also for NaN
            raise ArgumentError(f"{number} does not fit into {dtype.name}")
    out = _new(EagerFrontend.tensor_class)
    out.value = np.array(number).astype(numpy_dtype(dtype))
    out.value.flags.writeable = False
    out.shared = True
    out.constant = number
    return out


READ_ONLY = (
    "this tensor cannot be changed in place: it is an expanded view or a constant, whose elements "
    "share one place in memory, or its memory is read-only; call clone() first"
)
_LEAKED = (
    "this tensor was made while a function was traced and was kept beyond its return (in a list, a "
    "global, an attribute): it stands for a graph node and has no numbers. Return it instead"
)


def _explain(op: Op, tensors: tuple, static: dict, error: Exception) -> None:
    """Raise our own error for what a kernel refused."""
    if isinstance(error, DualgraphError):
        raise error
    for t in tensors:
        if not hasattr(t, "value"):
            raise DTypeError(f"{op.name}: expected a Tensor, got {type(t).__name__}") from error
        if not isinstance(t.value, np.ndarray):
            raise TraceError(_LEAKED) from error
    op.infer(*[t.value for t in tensors], **static)
    raise error


eager_frontend = EagerFrontend()
