"""Which modules are being called: the path that traced nodes carry, and who was called at all.

Kept only while a function is traced (``state.tracing``); an eager call pays one comparison.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class Scopes(threading.local):
    """The calls in progress in this thread, outermost first, and the modules seen so far."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.modules: list[Any] = []
        self.seen: list[Any] | None = None


scopes = Scopes()


def enter(name: str, module: Any = None) -> None:
    """Start a call: ``name`` is how the module is called inside the one around it."""
    scopes.names.append(name)
    scopes.modules.append(module)


def leave() -> None:
    """End the innermost call."""
    scopes.names.pop()
    scopes.modules.pop()


def current_path() -> str:
    """Return the path of the module being called, such as ``MLP.body.0`` (empty outside)."""
    return ".".join(scopes.names)


def current_module() -> Any:
    """Return the innermost module being called, or None."""
    return scopes.modules[-1] if scopes.modules else None


def note_module(module: Any) -> None:
    """Remember that a module was called, when somebody collects that (``scopes.seen`` a list)."""
    if scopes.seen is not None:
        scopes.seen.append(module)


@contextmanager
def module_scope(name: str, module: Any = None) -> Generator[None]:
    """Put ``name`` on the path of every node that is traced inside the block.

    >>> with module_scope("MLP"), module_scope("head"):
    ...     current_path()
    'MLP.head'
    """
    enter(name, module)
    try:
        yield
    finally:
        leave()


@contextmanager
def recording_modules() -> Generator[list[Any]]:
    """Collect the modules that are called inside the block; the path starts empty."""
    outer = scopes.seen, scopes.names, scopes.modules
    scopes.seen, scopes.names, scopes.modules = [], [], []
    try:
        yield scopes.seen
    finally:
        scopes.seen, scopes.names, scopes.modules = outer
