"""Guards: what a trace relied on besides its tensor arguments, and whether it still holds.

Python values are frozen into a comparable form. Tensors, functions and foreign objects count by
identity; numbers, strings and containers of such by value; plain objects by their attributes.
"""

from collections.abc import Callable
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..eager import Tensor
from .tree import Leaf

_SIMPLE = (bool, int, float, complex, str, bytes, type(None))
_DEPTH = 4


class Identity:
    """An object that counts by identity; keeps it alive, so that its id stays its own."""

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)

    def __repr__(self) -> str:
        return f"<{type(self.held).__name__} object>"


def frozen(value: Any, depth: int = _DEPTH) -> Any:
    """Return a hashable stand-in that is equal as long as the value means the same."""
    kind = type(value)
    if kind in _SIMPLE:
        return (kind, repr(value)) if kind is float else (kind, value)
    if kind is Leaf:
        return value.position
    if depth and kind in (tuple, list):
        return (kind, tuple([frozen(v, depth - 1) for v in value]))
    if depth and kind is dict:
        return (kind, tuple([(_key(k), frozen(v, depth - 1)) for k, v in value.items()]))
    if depth and kind is set:
        return (kind, frozenset(frozen(v, 0) for v in value))
    if depth and _is_plain_object(value):
        return (Identity(value), frozen(vars(value), depth - 1))
    return Identity(value)


def _key(key: Any) -> Any:
    return key if type(key) in _SIMPLE else Identity(key)


def _is_plain_object(value: Any) -> bool:
    """Settings objects count by their attributes; what guards itself or cannot change does not."""
    if isinstance(value, Tensor | FunctionType | MethodType | ModuleType | type | CodeType):
        return False
    if hasattr(value, "_version") or hasattr(value, "guard_values"):
        return False
    module = type(value).__module__.partition(".")[0]
    return module not in ("numpy", "builtins", "dualgraph") and hasattr(value, "__dict__")


class ValueGuard:
    """A value that was read, and what it was."""

    __slots__ = ("by_identity", "expected", "held", "read", "what")

    def __init__(self, what: str, read: Callable[[], Any]) -> None:
        self.what = what
        self.read = read
        self.held = read()
        self.expected = frozen(self.held)
        # then the same object means the same value, without freezing it again
        self.by_identity = isinstance(self.expected, Identity) or type(self.held) in _SIMPLE

    def holds(self) -> bool:
        try:
            value = self.read()
        except (KeyError, ValueError, AttributeError):
            return False
        if self.by_identity and value is self.held:
            return True
        return frozen(value) == self.expected

    def describe(self) -> str:
        return f"{self.what} changed"


class ModuleGuard:
    """The attributes of a module; its version says cheaply that none was set since."""

    __slots__ = ("attributes", "containers", "module", "version")

    def __init__(self, module: Any) -> None:
        self.module = module
        self.version = module._version
        self.attributes = self._read()
        mutable = [k for k, v in vars(module).items() if type(v) in (list, dict, set)]
        self.containers = [
            ValueGuard(f"attribute {k!r}", lambda k=k: vars(module)[k]) for k in mutable
        ]

    def _read(self) -> Any:
        held = {k: v for k, v in vars(self.module).items() if k != "_version"}
        return frozen(held, 2)

    def holds(self) -> bool:
        if self.module._version != self.version:
            if self._read() != self.attributes:
                return False
            self.version = self.module._version
        return not self.containers or all(c.holds() for c in self.containers)

    def describe(self) -> str:
        return f"an attribute of {type(self.module).__name__} changed"


class OptimizerGuard:
    """The options that a traced step branches on, and which state tensors there are."""

    __slots__ = ("entries", "optimizer", "values")

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.values = optimizer.guard_values()
        held = optimizer.state.values()
        self.entries = [(state, name, t) for state in held for name, t in state.items()]

    def holds(self) -> bool:
        for state, name, tensor in self.entries:
            if state.get(name) is not tensor:
                return False
        same = len(self.optimizer.state) == len({id(s) for s, _, _ in self.entries})
        return (same or not self.entries) and self.optimizer.guard_values() == self.values

    def describe(self) -> str:
        return f"an option or the state of {type(self.optimizer).__name__} changed"


def function_guards(function: Any) -> list[ValueGuard]:
    """Return guards on the closures and globals that a function, and those it calls, can read."""
    guards: list[ValueGuard] = []
    seen: set[int] = set()
    stack = [function]
    while stack:
        current = stack.pop()
        if isinstance(current, MethodType):
            guards += _object_guards(current.__self__)
            current = current.__func__
        if not isinstance(current, FunctionType) or id(current) in seen or _is_ours(current):
            continue
        seen.add(id(current))
        for what, read in _names_read(current):
            try:
                value = read()
            except (KeyError, ValueError):
                continue
            guards.append(ValueGuard(what, read))
            if isinstance(value, FunctionType | MethodType):
                stack.append(value)
    return guards


def _is_ours(function: FunctionType) -> bool:
    return function.__module__.partition(".")[0] == "dualgraph"


def _names_read(function: FunctionType) -> list[tuple[str, Callable[[], Any]]]:
    found: list[tuple[str, Callable[[], Any]]] = []
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        found.append((f"closure variable {name!r}", lambda cell=cell: cell.cell_contents))
    space = function.__globals__
    for name in sorted(_global_names(function.__code__)):
        if name in space:
            found.append((f"global {name!r}", lambda name=name: space[name]))
    defaults = function.__defaults__
    if defaults:
        what = f"defaults of {function.__name__}"
        found.append((what, lambda function=function: function.__defaults__))
    return found


def _global_names(code: CodeType) -> set[str]:
    """Return the names that a function and the functions written inside of it may look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _global_names(constant)
    return names


def _object_guards(owner: Any) -> list[ValueGuard]:
    if not _is_plain_object(owner):
        return []
    what = f"an attribute of {type(owner).__name__}"
    return [ValueGuard(what, lambda: vars(owner))]


def module_guards(modules: list[Any]) -> list[Any]:
    """Return guards on the attributes of modules and on the options of optimizers."""
    guards: list[Any] = []
    for module in modules:
        if hasattr(module, "guard_values"):
            guards.append(OptimizerGuard(module))
            continue
        guards.append(ModuleGuard(module))
        guards += function_guards(type(module).forward)
    return guards
