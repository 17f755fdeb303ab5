"""Hooks: functions that see, and may replace, the gradients of a backward walk."""

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

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

    def add_last(self, hook: Hook) -> None:
        """Register a hook that comes after all that `add` registers, now or later."""
        self[_LAST + next(_keys)] = hook

    def notify(self, x: Any) -> None:
        """Call every hook with x; what they return is ignored."""
        for key in sorted(self):
            self[key](x)

    def replaced(self, g: Any) -> Any:
        """Return the gradient after every hook; one that returns None leaves it as it is."""
        for key in sorted(self):
            result = self[key](g)
            g = g if result is None else result
        return g


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
