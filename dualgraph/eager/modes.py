"""Grad modes: whether ops are put on the tape, per thread; as context and as decorator."""

from contextlib import ContextDecorator
from types import TracebackType

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


class no_grad(set_grad_enabled):
    """Record nothing inside the block or the decorated function."""

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(set_grad_enabled):
    """Record inside the block, also within `no_grad`."""

    def __init__(self) -> None:
        super().__init__(True)


def is_grad_enabled() -> bool:
    """Return whether ops on tensors that require grad are recorded now."""
    return state.grad_enabled
