"""Hooks: functions that are called at a place where their order of registration counts."""

from collections.abc import Callable
from itertools import count
from typing import Any

from ..errors import GradError

Hook = Callable[..., Any]
_keys = count()
_LAST = 1 << 62


class Hooks(dict[int, Hook]):
    """Hooks in the order of their registration."""

    def add(self, hook: Hook, first: bool = False) -> "RemovableHandle":
        """Register a hook, behind or before the others, and return what removes it."""
        key = -next(_keys) if first else next(_keys)
        self[key] = hook
        return RemovableHandle(self, key)

    def add_last(self, hook: Hook) -> "RemovableHandle":
        """Register a hook that comes after all that `add` registers, now or later."""
        key = _LAST + next(_keys)
        self[key] = hook
        return RemovableHandle(self, key)

    def notify(self, x: object) -> None:
        """Call every hook with x; they return nothing."""
        for key in sorted(self):
            if self[key](x) is not None:
                raise GradError(
                    f"{name_of_hook(self[key])} returned something: a post accumulate grad hook "
                    "returns None, and changes .grad of the tensor where it wants to"
                )


def name_of_hook(hook: Hook) -> str:
    """Return what messages call a hook."""
    return f"the hook {getattr(hook, '__qualname__', type(hook).__name__)}"


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
