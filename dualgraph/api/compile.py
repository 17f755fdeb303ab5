"""`compile`: run a function or a module as a static graph, with the same bits as eagerly."""

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from itertools import count
from operator import attrgetter
from types import MethodType
from typing import Any

import numpy as np

from ..core.dispatch import state
from ..core.tensor import TensorBase
from ..core.types import default_float
from ..eager import Tensor
from ..errors import ArgumentError, RetraceWarning, TraceError
from ..targets.registry import target
from ..trace.guards import frozen_tree
from ..trace.tree import Leaf, flatten
from .binding import Mismatch
from .compiled import Trace, compile_trace
from .options import check_names, warn_of_idle
from .reasons import new_key_reason

MOST_TRACES = 64  # beyond this, the one that was not used for the longest time is dropped
WARN_AT = 16
_LATE = (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)


class CompiledFunction:
    """A function (or module) that is traced once for each kind of arguments, then runs natively.

    Call it like the function. ``traces`` lists every version with the reason why it was made: the
    64 that were used last, of all that were ``made``.
    """

    def __init__(self, function: Callable[..., Any], backend: str = "inductor") -> None:
        self.function = function
        self._backend, self._target = backend, target(backend)
        self.entries: OrderedDict[Any, list[Trace]] = OrderedDict()
        self.traces: list[Trace] = []
        self.made = 0  # traces, those that were dropped included
        self._calls = count(1)
        self.last: Trace  # the trace that served the last call
        self.__doc__ = getattr(function, "__doc__", None)
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__wrapped__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if state.tracing or state.anomaly or _watched():  # in a trace this is just the function
            return self.function(*args, **kwargs)
        tensors: list[TensorBase] = []
        trace, arrays = self._bound(args, kwargs, tensors)
        return trace.executable.run(tensors, arrays, (args, kwargs))

    def prepare(self, *args: Any, **kwargs: Any) -> Trace:
        """Trace and compile for these arguments (if that was not done), without running."""
        trace, _ = self._bound(args, kwargs, [])
        return trace

    def _bound(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[TensorBase]
    ) -> tuple[Trace, list[np.ndarray]]:
        """Return the trace for these arguments (also as ``last``) and its input arrays."""
        key = _key(args, kwargs, tensors)
        reason = None
        for trace in tuple(self.entries.get(key, ())):  # another thread may add one
            try:
                arrays = trace.executable.binding.fetch(tensors)
            except Mismatch as mismatch:
                reason = reason or str(mismatch)  # of the latest trace, which comes first
            else:
                self.last = trace
                trace.last_used = next(self._calls)
                return trace, arrays
        tree = flatten((args, kwargs), [])
        trace = self._trace(key, tensors, tree, reason or self._new_key_reason(key))
        self.last = trace
        try:
            return trace, trace.executable.binding.fetch(tensors)
        except Mismatch as mismatch:
            raise TraceError(
                f"{mismatch} while the function was traced: it changes a value that its trace "
                "relies on, so that no trace would ever hold. Keep the value in a tensor, pass "
                "it as an argument, or run the function eagerly"
            ) from mismatch

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        name = f"_compiled_{self.__name__}"
        bound = vars(instance).get(name)
        if bound is None:  # every instance has traces of its own
            bound = CompiledFunction(self.function.__get__(instance, owner), self._backend)
            if isinstance(instance, type):
                setattr(instance, name, bound)
            else:
                vars(instance)[name] = bound
        return bound

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["function"], name)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.function, self._backend)  # a copy has state of its own

    def compiled_for(self, backend: str) -> "CompiledFunction":
        """Return this, or the same function compiled for another backend."""
        if self._target is target(backend):
            return self
        return type(self)(self.function, backend)

    def _new_key_reason(self, key: Any) -> str:
        if not self.entries:
            return "first call"
        return new_key_reason(next(reversed(self.entries)), key)

    def _trace(self, key: Any, tensors: list[Any], tree: Any, reason: str) -> Trace:
        trace = compile_trace(self.function, tensors, tree, target=self._target, reason=reason)
        self.entries.setdefault(key, []).insert(0, trace)
        self.traces.append(trace)
        self.made += 1
        trace.last_used = next(self._calls)
        if self.made % WARN_AT == 0:
            warnings.warn(
                RetraceWarning(
                    f"{self.__name__} was traced {self.made} times, last because: {reason}. "
                    "Pass what changes as tensors, or pad to fewer shapes"
                ),
                stacklevel=3,
            )
        if len(self.traces) > MOST_TRACES:
            self._forget(min(self.traces, key=attrgetter("last_used")))
        return trace

    def _forget(self, trace: Trace) -> None:
        self.traces.remove(trace)
        for key, kept in list(self.entries.items()):
            if trace in kept:
                kept.remove(trace)
            if not kept:
                del self.entries[key]

    def explain(self) -> str:
        """Return, for every trace, why it was made, what each pass did, and what it cost."""
        lines: list[str] = []
        for i, trace in enumerate(self.traces):
            lines.append(f"trace {i}: {trace.reason}")
            lines += [f"  {p.name}: {p.before} -> {p.after} nodes" for p in trace.pass_log]
            program = trace.program.inspect()
            lines.append(
                f"  {program.calls} calls of {program.kernels} kernels, "
                f"{program.fused_ops} fused ops, {program.arena_bytes} bytes of arena"
            )
            if program.library_calls:
                lines.append(
                    f"  split into {program.native_calls} native segments by library calls: "
                    f"{', '.join(program.library_calls)}"
                )
            cost = ", ".join(f"{k} {v * 1e3:.1f} ms" for k, v in trace.timings.items())
            lines.append(f"  {cost}")
        return "\n".join(lines)


class CompiledModule(CompiledFunction):
    """A compiled module: everything but the call is the module's, what is set on it included."""

    function: Any  # the module

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self.function, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.function, name)

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if not isinstance(found, MethodType) or found.__self__ is not self.function:
            return found

        def method(*args: Any, **kwargs: Any) -> Any:
            result = found(*args, **kwargs)
            return self if result is self.function else result  # as in model = model.eval()

        return method

    def __repr__(self) -> str:
        return f"compiled {self.function!r}"


_TENSORS = frozenset((Tensor,))
_OWN = frozenset(vars(CompiledFunction(len))) | {"last"}


def _watched() -> bool:
    """Tell whether the user's hooks see, and may change, what the tape keeps."""
    return state.saved_hooks is not None and not state.saved_hooks.faithful


def _key(args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[TensorBase]) -> Any:
    """Return what a trace depends on by kind: shapes, dtypes, values of other arguments.

    The tensors among the arguments are appended to the list.
    """
    if _TENSORS.issuperset(map(type, args)):  # by far the most frequent kind of call
        tensors.extend(args)
        positional = tuple, (Leaf,) * len(args)
    else:
        positional = frozen_tree(args, tensors)
    rest = positional, frozen_tree(kwargs, tensors) if kwargs else None
    kinds = tuple([(t.value.shape, t.value.dtype.char, t.tracked) for t in tensors])
    first = None
    if len(tensors) > 1 and len(set(tensors)) < len(tensors):  # some tensor is given twice
        places: dict[TensorBase, int] = {}
        first = tuple([places.setdefault(t, i) for i, t in enumerate(tensors)])
    return kinds, rest, (state.grad_enabled, state.inference), default_float(), first


def compile(
    function: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = True,
    dynamic: bool | None = None,
    backend: str = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """Return a compiled version of a function, a module, or a whole training step.

    The result is called like the original and gives the same bits: outputs, gradients, and every
    change of parameters, optimizer state and random streams. Also usable as a decorator.
    What nothing needs is not computed, so that an index out of range there raises nothing.

    ``backend`` says what runs the graph, with equal bits: ``"inductor"``, PyTorch's word for the
    default, and ``"cpu"`` are native code; ``"interpreter"`` runs op by op in Python, compiles
    nothing, and is what the others are compared with. A function that is compiled for another
    backend is compiled anew. ``disable=True`` returns the function itself. PyTorch's other options
    change nothing: the graph is always full, each shape has a trace of its own, and there is one
    mode. Asking for another graph, mode or way with shapes is a `CompileOptionWarning`. Raises
    `ArgumentError` for an unknown backend or mode, and for what cannot be called.

    >>> import dualgraph as dg
    >>> f = dg.compile(lambda x: (x * x).sum())
    >>> f(dg.tensor([1.0, 2.0, 3.0]))
    tensor(14.)
    >>> f.traces[0].reason
    'first call'
    """
    check_names(backend, mode)
    if not disable:
        warn_of_idle(fullgraph=fullgraph, dynamic=dynamic, mode=mode, options=options)
    if function is None:
        return partial(compile, backend=backend, disable=disable)
    if not callable(function) or isinstance(function, Tensor):
        raise ArgumentError(f"compile needs a function or a module, got {type(function).__name__}")
    if disable:
        return function
    if isinstance(function, CompiledFunction):
        return function.compiled_for(backend)
    if any(is_late(function) for is_late in _LATE):
        raise ArgumentError(
            f"compile: {function.__name__} is a generator or a coroutine, whose body runs "
            "after the call: compile a plain function that it calls for each step"
        )
    kind = CompiledModule if hasattr(type(function), "named_modules") else CompiledFunction
    return kind(function, backend)
