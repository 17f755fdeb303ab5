"""Guards: what a trace relied on besides its tensor arguments, and whether it still holds.

Python values are frozen into a comparable form. Tensors, functions and foreign objects count by
identity; numbers, strings, arrays and containers of such by value; plain objects by their
attributes. What a function can read is found by its code: closure, globals, defaults, and the
attributes of classes, Python modules and ``self`` that it names; so for the functions it calls.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..core.types import Size
from ..eager import Tensor
from .tree import Leaf

_SIMPLE = (bool, int, float, complex, str, bytes, type(None))
_SEQUENCES = (tuple, list, deque, Size)
_CONTAINERS = (*_SEQUENCES, dict, set, frozenset)
_FOREIGN = frozenset({"dualgraph", "numpy", *sys.stdlib_module_names})
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
    if depth and isinstance(value, dict):
        return (kind, tuple([(_key(k), frozen(v, depth - 1)) for k, v in value.items()]))
    if depth and isinstance(value, _SEQUENCES):
        return (kind, tuple([frozen(v, depth - 1) for v in value]))
    if depth and isinstance(value, set | frozenset):
        return (kind, frozenset(frozen(v, 0) for v in value))
    if kind in (slice, range):
        return (kind, repr(value))
    if isinstance(value, np.generic | np.ndarray):
        return (kind, value.dtype.str, value.shape, value.tobytes())
    if depth and _is_plain_object(value):
        return (Identity(value), frozen(_attributes_of(value), depth - 1))
    return Identity(value)


def frozen_tree(tree: Any) -> Any:
    """Return `frozen` of flattened arguments, whose containers may be nested to any depth."""
    kind = type(tree)
    if kind is Leaf:
        return tree.position
    if kind in (tuple, list) or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        return (kind, tuple([frozen_tree(v) for v in tree]))
    if isinstance(tree, dict) and kind is dict:
        return (kind, tuple([(_key(k), frozen_tree(v)) for k, v in tree.items()]))
    return frozen(tree)


def _key(key: Any) -> Any:
    return key if type(key) in _SIMPLE else Identity(key)


def _is_plain_object(value: Any) -> bool:
    """Settings objects count by their attributes; what guards itself or cannot change does not."""
    if isinstance(value, Tensor | FunctionType | MethodType | ModuleType | type | CodeType):
        return False
    if hasattr(value, "_version") or hasattr(value, "guard_values"):
        return False
    module = type(value).__module__.partition(".")[0]
    known = hasattr(value, "__dict__") or hasattr(type(value), "__slots__")
    return module not in ("numpy", "builtins", "dualgraph") and known


def _attributes_of(value: Any) -> dict[str, Any]:
    """Return what an object holds in its dict and its slots (not what `compile` put there)."""
    held = {k: v for k, v in getattr(value, "__dict__", {}).items() if k[:10] != "_compiled_"}
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                held[name] = getattr(value, name)
    return held


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
        mutable = [
            k
            for k, v in vars(module).items()
            if isinstance(v, (*_CONTAINERS, np.ndarray)) or _is_plain_object(v)
        ]
        self.containers = [ValueGuard(repr(k), lambda k=k: vars(module)[k]) for k in mutable]

    def _read(self) -> Any:
        held = {k: v for k, v in _attributes_of(self.module).items() if k != "_version"}
        return frozen(held, 2)

    def holds(self) -> bool:
        if self.module._version != self.version:
            if self._read() != self.attributes:
                return False
            self.version = self.module._version
        return not self.containers or all(c.holds() for c in self.containers)

    def describe(self) -> str:
        before, now = dict(self.attributes[1]), dict(self._read()[1])
        names = [repr(k) for k in {**before, **now} if before.get(k) != now.get(k)]
        names = names or [c.what for c in self.containers if not c.holds()]
        return f"attribute {', '.join(names)} of {type(self.module).__name__} changed"


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


def all_guards(function: Any, called: list[Any]) -> list[Any]:
    """Return guards on everything that a function, and those it calls, can read.

    ``called`` are the modules and optimizers that ran while it was traced.
    """
    reach = _Reach()
    if _is_plain_object(function):
        reach.own(function)
    reach.follow(function)
    for module in called:
        if hasattr(module, "guard_values"):
            reach.once(module, OptimizerGuard)
        else:
            reach.follow(module)
    while reach.stack:
        reach.read(*reach.stack.pop())
    return reach.guards


class _Reach:
    """A walk over the functions and objects that a function can reach."""

    def __init__(self) -> None:
        self.guards: list[Any] = []
        self.stack: list[tuple[Any, Any]] = []  # functions, each with its object
        self.seen: dict[Any, Any] = {}  # keys hold ids: the values keep the objects alive

    def once(self, value: Any, guard: Callable[[Any], Any]) -> bool:
        """Add a guard on an object, unless there is one; return whether it was added."""
        new = id(value) not in self.seen
        if new:
            self.seen[id(value)] = value
            self.guards.append(guard(value))
        return new

    def own(self, owner: Any) -> None:
        """Guard on the attributes of the object behind a method."""
        if _is_plain_object(owner):
            what = f"an attribute of {type(owner).__name__}"
            self.once(owner, lambda o: ValueGuard(what, lambda: _attributes_of(o)))
        else:
            self.follow(owner)

    def follow(self, value: Any) -> None:
        """Take in what a value leads to: the code of a function, the parts of a module."""
        if isinstance(value, FunctionType):
            self.stack.append((value, None))
        elif isinstance(value, MethodType):
            self.own(value.__self__)
            if isinstance(value.__func__, FunctionType):
                self.stack.append((value.__func__, value.__self__))
        elif isinstance(value, partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self.follow(part)
        elif "__wrapped__" in getattr(value, "__dict__", ()):
            self.follow(value.__wrapped__)
        elif hasattr(type(value), "named_modules"):
            shared = value._everywhere  # hooks of all modules
            self.once(shared, lambda s: ValueGuard("the hooks of all modules", lambda: tuple(s)))
            for module in value.modules():
                if not self.once(module, ModuleGuard):
                    continue
                self.stack.append((type(module).forward, module))
                for hook in (*shared, *module._hooks):
                    self.follow(hook.function)
        elif _is_plain_object(value) and isinstance(type(value).__call__, FunctionType):
            self.stack.append((type(value).__call__, value))

    def read(self, function: FunctionType, owner: Any) -> None:
        """Guard on what the code of one function names."""
        key = id(function), type(owner)
        if key in self.seen or _foreign(function.__module__):
            return
        self.seen[key] = function
        names = _global_names(function.__code__)
        for what, read in _names_read(function):
            try:
                value = read()
            except (KeyError, ValueError):
                continue
            self.guards.append(ValueGuard(what, read))
            self.follow(value)
            self._attributes(what, value, names)
            if "param_groups" in names and hasattr(value, "guard_values"):
                read = partial(_options, value)
                self.guards.append(ValueGuard("an option of an optimizer", read))
        if owner is not None:
            self._attributes(type(owner).__name__, owner, names)

    def _attributes(self, what: str, value: Any, names: set[str]) -> None:
        """Guard on the attributes of a class or Python module by name; follow the methods."""
        for space in _spaces(value):
            for name in names & space.keys():
                found = space[name]
                found = getattr(found, "__func__", getattr(found, "fget", found))
                if isinstance(found, FunctionType):
                    self.stack.append((found, None if isinstance(value, ModuleType) else value))
                    continue
                self.guards.append(ValueGuard(f"{what}.{name}", lambda s=space, n=name: s[n]))
                self.follow(found)
                if isinstance(found, type | ModuleType) and found is not value:
                    self._attributes(f"{what}.{name}", found, names - {name})


def _spaces(value: Any) -> Iterator[Any]:
    """Yield the dicts in which attributes of a Python module, a class or an object are found."""
    if isinstance(value, ModuleType):
        if not _foreign(value.__name__):
            yield vars(value)
        return
    for kind in (value if isinstance(value, type) else type(value)).__mro__:
        if not _foreign(kind.__module__):
            yield vars(kind)


def _options(optimizer: Any) -> list[dict[str, Any]]:
    return [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]


def _foreign(name: str | None) -> bool:
    return (name or "").partition(".")[0] in _FOREIGN


def _names_read(function: FunctionType) -> list[tuple[str, Callable[[], Any]]]:
    found: list[tuple[str, Callable[[], Any]]] = []
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        found.append((f"closure variable {name!r}", lambda cell=cell: cell.cell_contents))
    space = function.__globals__
    for name in sorted(_global_names(function.__code__)):
        if name in space:
            found.append((f"global {name!r}", lambda name=name: space[name]))
    defaults = f"defaults of {function.__name__}"
    if function.__defaults__:
        found.append((defaults, lambda: function.__defaults__))
    if function.__kwdefaults__:
        found.append((defaults, lambda: function.__kwdefaults__))
    return found


def _global_names(code: CodeType) -> set[str]:
    """Return the names that a function and the functions written inside of it may look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _global_names(constant)
    return names
