"""Grad modes: whether ops are put on the tape, per thread; as context and as decorator."""

from collections.abc import Callable
from contextlib import ContextDecorator
from types import TracebackType
from typing import Any

from ..core.dispatch import state


class set_grad_enabled(ContextDecorator):
    """Switch recording on or off until the end of the block.

    >>> import dualgraph as dg
    >>> x = dg.ones(1, requires_grad=True)
    >>> with dg.set_grad_enabled(False):
    ...     (x * 2).requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.previous: list[bool] = []

    def __enter__(self) -> None:
        self.previous.append(state.grad_enabled)
        state.grad_enabled = self.mode

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        state.grad_enabled = self.previous.pop()


class _Bare(set_grad_enabled):
    """A mode without arguments, which decorates a function with or without parentheses."""

    def __new__(cls, orig_func: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if orig_func is None else cls()(orig_func)


class no_grad(_Bare):
    """Record nothing inside the block or the decorated function."""

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_Bare):
    """Record inside the block, also within `no_grad`."""

    def __init__(self) -> None:
        super().__init__(True)


class inference_mode(set_grad_enabled):
    """Record nothing, as `no_grad`: tensors made inside are plain tensors afterwards.

    ``inference_mode(False)`` leaves the mode as it is.
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)
        self.active = mode

    def __enter__(self) -> None:
        super().__enter__()
        if not self.active:
            state.grad_enabled = self.previous[-1]


class set_detect_anomaly(ContextDecorator):
    """Switch the search for NaN in backward on or off; also as a context.

    While on, every recorded op remembers the user's line, a backward that makes a NaN raises
    `GradError` naming op and line, and compiled functions run eagerly. With ``check_nan=False`` it
    does nothing.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.previous = state.anomaly
        state.anomaly = mode and check_nan

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        state.anomaly = self.previous


class detect_anomaly(ContextDecorator):
    """Find the op whose derivative is NaN: see `set_detect_anomaly`.

    >>> import dualgraph as dg
    >>> x = dg.tensor(0.0, requires_grad=True)
    >>> with dg.autograd.detect_anomaly():
    ...     (x * (x / x)).backward()
    Traceback (most recent call last):
    ...
    dualgraph.errors.GradError: MulBackward0 returned nan values in its 0th output...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def __enter__(self) -> None:
        self.previous = state.anomaly
        state.anomaly = self.check_nan

    def __exit__(self, *error: object) -> None:
        state.anomaly = self.previous


class saved_tensors_hooks:
    """Let ``pack(tensor)`` say how the tape keeps a tensor, and ``unpack`` get it back.

    What was recorded inside of the block is concerned; ``unpack`` runs in backward.
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.hooks = pack_hook, unpack_hook

    def __enter__(self) -> None:
        self.previous = state.saved_hooks
        state.saved_hooks = self.hooks

    def __exit__(self, *error: object) -> None:
        state.saved_hooks = self.previous


def is_grad_enabled() -> bool:
    """Return whether ops on tensors that require grad are recorded now."""
    return state.grad_enabled
