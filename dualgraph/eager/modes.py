"""Grad modes: whether ops are put on the tape, per thread; as context and as decorator."""

from collections.abc import Callable, Generator
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any

from ..core.dispatch import SavedHooks, state

Stream = Generator[Any, Any, Any]  # of whatever type


class _Switched:
    """A context that sets attributes of the thread's state."""

    __slots__ = ("before", "values")

    def __init__(self, **values: bool) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.before = {name: getattr(state, name) for name in self.values}
        vars(state).update(self.values)

    def __exit__(self, *error: object) -> None:
        vars(state).update(self.before)


class _Mode:
    """A context that also decorates functions, and generators whenever they run."""

    opened: list[_Switched]  # entered and not left, innermost last

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        made.opened = []
        return made

    def entered(self) -> _Switched:
        """Return a new context of this mode."""
        raise NotImplementedError

    def __enter__(self) -> None:
        context = self.entered()
        context.__enter__()
        self.opened.append(context)

    def __exit__(self, *error: Any) -> None:
        self.opened.pop().__exit__(*error)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if isgeneratorfunction(function):
            return self._generator(function)

        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self.entered():
                return function(*args, **kwargs)

        return inside

    def _generator(self, function: Callable[..., Stream]) -> Callable[..., Stream]:
        """Return the function with its body, not what its caller does in between, in the mode."""

        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Stream:
            running = function(*args, **kwargs)
            resume: Callable[[Any], Any] = running.send
            given: Any = None
            while True:
                try:
                    with self.entered():
                        found = resume(given)
                except StopIteration as end:
                    return end.value
                try:
                    resume, given = running.send, (yield found)
                except GeneratorExit:
                    with self.entered():
                        running.close()
                    raise
                except BaseException as error:
                    resume, given = running.throw, error

        return inside


class _Bare(_Mode):
    """A mode that may decorate without parentheses: ``@no_grad``."""

    def __new__(cls, orig_func: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if orig_func is None else cls()(orig_func)


class no_grad(_Bare):
    """Record nothing inside the block or the decorated function.

    >>> import dualgraph as dg
    >>> x = dg.ones(1, requires_grad=True)
    >>> with dg.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    def entered(self) -> _Switched:
        return _Switched(grad_enabled=False)


class enable_grad(_Bare):
    """Record inside the block, also within `no_grad`; not within `inference_mode`."""

    def entered(self) -> _Switched:
        return _Switched(grad_enabled=not state.inference)


class set_grad_enabled(_Mode):
    """Switch recording on or off: from here on, or until the end of a ``with`` block.

    >>> import dualgraph as dg
    >>> x = dg.ones(1, requires_grad=True)
    >>> with dg.set_grad_enabled(False):
    ...     (x * 2).requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.before = state.grad_enabled
        state.grad_enabled = mode and not state.inference

    def entered(self) -> _Switched:
        return _Switched(grad_enabled=self.mode and not state.inference)

    def __enter__(self) -> None:
        state.grad_enabled = self.before  # what the end of the block brings back
        super().__enter__()
        self.before = state.grad_enabled

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        state.grad_enabled = self.before  # it is meant for the function alone
        return super().__call__(function)


class inference_mode(_Mode):
    """Record nothing, also within `enable_grad`; ``inference_mode(False)`` records again.

    Tensors made inside are plain tensors afterwards.
    """

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls) if isinstance(mode, bool) else cls()(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def entered(self) -> _Switched:
        return _Switched(grad_enabled=not self.mode, inference=self.mode)


class set_detect_anomaly(_Mode):
    """Switch the search for NaN in backward on or off; also as a context.

    While on, every recorded op remembers the user's line, a backward that makes a NaN (or starts
    from one) raises `GradError` naming op and line, and compiled functions run eagerly. With
    ``check_nan=False`` only lines are remembered.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.values = {"anomaly": mode, "check_nan": check_nan}
        self.before = {name: getattr(state, name) for name in self.values}
        vars(state).update(self.values)

    def entered(self) -> _Switched:
        return _Switched(**self.values)

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        vars(state).update(self.before)


class detect_anomaly(_Mode):
    """Find the op that makes a NaN: see `set_detect_anomaly`.

    >>> import dualgraph as dg
    >>> x = dg.tensor(0.0, requires_grad=True)
    >>> with dg.autograd.detect_anomaly():
    ...     (x * dg.sqrt(x)).backward()
    Traceback (most recent call last):
    ...
    dualgraph.errors.GradError: SqrtBackward0 returned nan values in its 0th output...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def entered(self) -> _Switched:
        return _Switched(anomaly=True, check_nan=self.check_nan)


class saved_tensors_hooks:
    """Let ``pack(tensor)`` say how the tape keeps a tensor, and ``unpack`` get it back.

    What was recorded inside of the block is concerned; ``unpack`` runs in backward. Compiled
    functions that are called inside run eagerly: they would keep other tensors.
    """

    faithful = False  # what comes back has the bits of what was given: nothing depends on the hooks

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.hooks = SavedHooks(pack_hook, unpack_hook, self.faithful)

    def __enter__(self) -> None:
        self.previous = state.saved_hooks
        state.saved_hooks = self.hooks

    def __exit__(self, *error: object) -> None:
        state.saved_hooks = self.previous


class save_on_cpu(saved_tensors_hooks):
    """Accepted for PyTorch's sake: all memory is the CPU's, and what the tape keeps stays there."""

    faithful = True

    def __init__(self, pin_memory: bool = False, device_type: str = "cpu") -> None:
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)


def is_grad_enabled() -> bool:
    """Return whether ops on tensors that require grad are recorded now."""
    return state.grad_enabled


def is_inference_mode_enabled() -> bool:
    """Return whether the code runs in `inference_mode`."""
    return state.inference


def is_anomaly_enabled() -> bool:
    """Return whether anomaly mode is on."""
    return state.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Return whether anomaly mode looks for NaN."""
    return state.check_nan
