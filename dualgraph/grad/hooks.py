"""Hooks: functions that see, and may replace, the gradients of a backward walk."""

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

from ..errors import DTypeError, GradError, ShapeError

Hook = Callable[[Any], Any]
_keys = count()
_LAST = 1 << 62


class Hooks(dict[int, Hook]):
    """Hooks in the order of their registration."""

    def add(self, hook: Callable[..., Any], first: bool = False) -> "RemovableHandle":
        """Register a hook, behind or before the others, and return what removes it."""
        key = -next(_keys) if first else next(_keys)
        self[key] = hook
        return RemovableHandle(self, key)

    def add_last(self, hook: Hook) -> "RemovableHandle":
        """Register a hook that comes after all that `add` registers, now or later."""
        key = _LAST + next(_keys)
        self[key] = hook
        return RemovableHandle(self, key)

    def notify(self, x: Any) -> None:
        """Call every hook with x; they return nothing."""
        for key in sorted(self):
            if self[key](x) is not None:
                raise GradError(
                    f"{_name(self[key])} returned something: a post accumulate grad hook "
                    "returns None, and changes .grad of the tensor where it wants to"
                )

    def replaced(self, g: Any) -> Any:
        """Return the gradient after every hook; one that returns None leaves it as it is."""
        for key in sorted(self):
            hook = self.get(key)  # one hook may remove another
            result = None if hook is None else hook(g)
            if result is not None:
                check_replacement(hook, g, result)
                g = result
        return g


def check_replacement(hook: Any, old: Any, new: Any) -> None:
    """Raise unless what a hook returned can stand for a gradient."""
    if not hasattr(new, "value"):
        raise DTypeError(f"{_name(hook)} returned {type(new).__name__}: a tensor or None is needed")
    if new.value.shape != old.value.shape:
        raise ShapeError(
            f"{_name(hook)} changed the shape of a gradient from {tuple(old.value.shape)} to "
            f"{tuple(new.value.shape)}"
        )
    if new.value.dtype != old.value.dtype:
        raise DTypeError(
            f"{_name(hook)} changed the dtype of a gradient from {old.value.dtype.name} to "
            f"{new.value.dtype.name}"
        )


def _name(hook: Any) -> str:
    return f"the hook {getattr(hook, '__qualname__', type(hook).__name__)}"


class NodeHooks(NamedTuple):
    """The hooks of a node: before its rules run, on the cotangent, and after, on both sides."""

    before: Hooks
    after: Hooks


class LeafHooks(NamedTuple):
    """The hooks of a leaf: on its gradient, and on itself once ``.grad`` has it."""

    before: Hooks | None
    after: Hooks | None


class RemovableHandle:
    """Removes a hook: by `remove`, or at the end of a ``with`` block."""

    def __init__(self, hooks: Hooks, key: int) -> None:
        self.hooks = hooks
        self.key = key

    def remove(self) -> None:
        """Remove the hook; doing so twice does nothing."""
        self.hooks.pop(self.key, None)

    def __enter__(self) -> "RemovableHandle":
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()
