"""Hooks of an optimizer around saving and loading."""

from collections.abc import Callable
from typing import Any

from ..core.hooks import Hooks, RemovableHandle


def saving_hooks() -> dict[str, Hooks]:
    """Return the empty lists of hooks, by when they run."""
    return {when: Hooks() for when in ("save", "saved", "load", "loaded")}


def in_order(hooks: Hooks) -> list[Callable[..., Any]]:
    """Return hooks in the order in which they run."""
    return [hooks[key] for key in sorted(hooks)]


class SavingHooks:
    """The part of `Optimizer` that registers them."""

    _saving: dict[str, Hooks]

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before `state_dict` reads the optimizer."""
        return self._saving["save"].add(hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)``; what it returns takes the place of the dict."""
        return self._saving["saved"].add(hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another dict."""
        return self._saving["load"].add(hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after a state dict was loaded."""
        return self._saving["loaded"].add(hook, prepend)
