"""Guards: what a trace relied on besides its tensor arguments, and whether it still holds.

Python values are frozen into a comparable form. Tensors, functions and foreign objects count by
identity; numbers, strings, arrays and containers of such by value; plain objects by their
attributes. What a function can read is found by its code: closure, globals, defaults, and the
attributes of classes, Python modules and ``self`` that it names; so for the functions it calls.
"""

import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..core.types import Size
from ..eager import Tensor
from ..errors import TraceError
from .capture import TensorGuard
from .tree import Leaf, parts_of

_SIMPLE = (bool, int, float, complex, str, bytes, type(None))
_ATOMS = frozenset(_SIMPLE)
_SIGNED = (float, complex)  # two zeros, and NaN
_SEQUENCES = (tuple, list, deque, Size)
_CONTAINERS = (*_SEQUENCES, dict, set, frozenset)
_FOREIGN = frozenset({"dualgraph", "numpy", *sys.stdlib_module_names})
_DEPTH = 4
_PLAIN = frozenset({*_SIMPLE, np.ndarray, Tensor})  # leads nowhere


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


def frozen(value: Any, depth: int = _DEPTH, above: tuple[type, ...] = ()) -> Any:
    """Return a hashable stand-in that is equal as long as the value means the same.

    ``above`` are the kinds of what holds the value. Below ``depth`` containers and these alone are
    looked into: a tree of lists or of nodes is frozen whole, a web of other objects is not.
    """
    kind = type(value)
    if kind in _SIMPLE:
        return (kind, repr(value)) if kind in _SIGNED else (kind, value)
    if not depth and _is_link(value, above):
        return _frozen_chain(value, above)
    if depth and isinstance(value, dict):
        above = (*above, kind)
        return (kind, tuple([(_key(k), frozen(v, depth - 1, above)) for k, v in value.items()]))
    if depth and isinstance(value, _SEQUENCES):
        above = (*above, kind)
        return (kind, tuple([frozen(v, depth - 1, above) for v in value]))
    if isinstance(value, set | frozenset):
        return (kind, frozenset(frozen(v, 0) for v in value))
    if kind in (slice, range):
        return (kind, repr(value))
    if isinstance(value, np.generic | np.ndarray):
        return (kind, value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, bytearray | array):
        return (kind, getattr(value, "typecode", None), bytes(value))
    if depth and _is_plain_object(value):
        return (Identity(value), frozen(_attributes_of(value), depth - 1, (*above, kind)))
    return Identity(value)


def _is_link(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, (dict, *_SEQUENCES)) or (
        type(value) in kinds and _is_plain_object(value)
    )


def _frozen_chain(value: Any, kinds: tuple[type, ...]) -> Any:
    """Return a stand-in for all that is reached through containers and values of some kinds.

    Cycles are no trouble.

    Iterative: a list of a thousand linked nodes must not recurse.
    """
    found: list[Any] = []
    met: dict[int, tuple[int, Any]] = {}  # with the object, so that its id stays its own
    stack = [value]
    while stack:
        value = stack.pop()
        if not _is_link(value, kinds):
            found.append(frozen(value, 0))
        elif id(value) in met:
            found.append(met[id(value)][0])
        else:
            names, parts = _named_parts(value)
            if parts:
                met[id(value)] = len(met), value
            found.append((type(value), names))
            stack += parts
    return tuple(found)


def _named_parts(value: Any) -> tuple[Any, list[Any]]:
    """Return what tells the parts apart (for an object: also which it is), and the parts."""
    if isinstance(value, _SEQUENCES):
        return len(value), list(value)
    held = value if isinstance(value, dict) else _attributes_of(value)
    names = tuple([_key(k) for k in held])
    return names if held is value else (Identity(value), names), list(held.values())


def frozen_tree(tree: Any, tensors: list[Any]) -> Any:
    """Return `frozen` of arguments, whose containers may be nested to any depth.

    Tensors are appended to a list, in the order of `tree.flatten`; a `Leaf` stands for each.
    """
    kind = type(tree)
    if kind in _ATOMS:
        return frozen(tree)
    if isinstance(tree, Tensor):
        tensors.append(tree)
        return Leaf
    parts = parts_of(tree)
    if parts is None:
        return frozen(tree)
    if isinstance(tree, dict):
        return (kind, tuple([(_key(k), frozen_tree(v, tensors)) for k, v in tree.items()]))
    return (kind, tuple([frozen_tree(v, tensors) for v in parts]))


def _key(key: Any) -> Any:
    return key if type(key) is str else frozen(key, 0)  # 1, 1.0 and True differ


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


class Item(NamedTuple):
    """Reads a name in a dict: of globals, of a class, of a module."""

    space: Any
    name: str

    def __call__(self) -> Any:
        return self.space[self.name]


class Cell(NamedTuple):
    """Reads a closure variable."""

    cell: Any

    def __call__(self) -> Any:
        return self.cell.cell_contents


def _immutable(value: Any) -> bool:
    """Tell a value that always means the same: a number, a string, a tuple of such."""
    kind = type(value)
    return kind in _SIMPLE or (kind in (tuple, Size) and all(map(_immutable, value)))


class ValueGuard:
    """A value that was read, and what it was."""

    __slots__ = ("by_identity", "expected", "held", "read", "what")

    def __init__(self, what: str, read: Callable[[], Any]) -> None:
        self.what = what
        self.read = read
        self.held = read()
        self.expected = frozen(self.held)
        # then the same object means the same value, without freezing it again
        self.by_identity = isinstance(self.expected, Identity) or _immutable(self.held)

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
        self.containers = [ValueGuard(repr(k), Item(vars(module), k)) for k in mutable]

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


class Guards:
    """All guards of a trace, which every call checks: what can be seen at a glance comes first.

    ``tensors`` are those on facts of tensors, which may be arguments.
    """

    def __init__(self, guards: list[Any], tensors: Sequence[TensorGuard] = ()) -> None:
        self.tensors = tensors
        plain = [g for g in guards if isinstance(g, ValueGuard) and g.by_identity]
        found = [g for g in plain if g.held is not None]  # an absent name must not pass for it
        named = [(g.read, g.held, g) for g in found if isinstance(g.read, Item)]
        self.named = [(read.space, read.name, held, g) for read, held, g in named]
        self.cells = [(g.read.cell, g.held, g) for g in found if isinstance(g.read, Cell)]
        self.modules = [g for g in guards if isinstance(g, ModuleGuard)]
        self.epoch = -1  # module changes of all modules, when these were last found unchanged
        seen = {id(g) for *_, g in (*self.named, *self.cells)} | {id(g) for g in self.modules}
        self.others = [(g, g) for g in guards if id(g) not in seen]
        self.others += [(c, m) for m in self.modules for c in m.containers]

    def broken(self, arguments: list[Tensor]) -> Any:
        """Return a guard that does not hold in a call with these arguments, or None."""
        for guard in self.tensors:
            if not guard.holds(arguments):
                return guard
        for space, name, held, guard in self.named:
            if space.get(name) is not held and not guard.holds():
                return guard
        for cell, held, guard in self.cells:
            try:
                same = cell.cell_contents is held
            except ValueError:  # the variable was deleted
                same = False
            if not same and not guard.holds():
                return guard
        for guard, named in self.others:
            if not guard.holds():
                return named
        return self._broken_module() if self.modules else None

    def _broken_module(self) -> Any:
        now = self.modules[0].module._epoch[0]  # one count for all modules
        if now == self.epoch:
            return None
        for guard in self.modules:
            if not guard.holds():
                return guard
        self.epoch = now
        return None


class Unchanging:
    """The numbers and strings that a function reads, which it must not set: a trace would not."""

    def __init__(self, function: Any) -> None:
        self.reads = [g for g in all_guards(function, []) if isinstance(g, ValueGuard)]
        self.before = [_settings(g.held) for g in self.reads]

    def check(self) -> None:
        """Raise `TraceError` when one is another than before the trace."""
        for guard, before in zip(self.reads, self.before, strict=True):
            after = _now(guard) if before else {}
            for name, old in before.items():
                if name in after and after[name] != old and old == old:
                    what = f"{guard.what} ({name})" if name else guard.what
                    raise TraceError(_CHANGED.format(what, old, after[name]))


_CHANGED = (
    "{} was changed from {!r} to {!r} while the function was traced: a compiled function would do "
    "that once and not at every call. Keep such state in a tensor that is changed in place, change "
    "it outside, or run the function eagerly"
)


def _now(guard: ValueGuard) -> dict[str, Any]:
    try:
        return _settings(guard.read())
    except (KeyError, ValueError, AttributeError):  # the name is gone
        return {}


def _settings(value: Any) -> dict[str, Any]:
    """Return a number or string by no name, those among an object's attributes by theirs."""
    found = value if type(value) is dict else {"": value}
    return {k: v for k, v in found.items() if type(v) in (bool, int, float, str)}


def all_guards(function: Any, called: list[Any], arguments: Any = ()) -> list[Any]:
    """Return guards on everything that a function, and those it calls, can read.

    ``called`` are the modules and optimizers that ran while it was traced. Of ``arguments``, whose
    values are compared at every call, the functions and modules are taken in.
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
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    reach.walk("an argument", arguments, _global_names(code) if code else set())
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
            given = partial(_given, value)
            self.once(value.keywords, lambda _: ValueGuard("an argument of a partial", given))
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
                for part in list(vars(module).values()):
                    if isinstance(part, FunctionType | MethodType | partial):
                        self.follow(part)
                for hook in (*shared, *module._hooks):
                    self.follow(hook.function)
        elif _is_plain_object(value) and isinstance(type(value).__call__, FunctionType):
            self.stack.append((type(value).__call__, value))

    def read(self, function: FunctionType, owner: Any) -> None:
        """Guard on what the code of one function names."""
        if _foreign(function.__module__):
            return
        names = _global_names(function.__code__)
        if id(function) not in self.seen:
            self.seen[id(function)] = function
            code = partial(getattr, function, "__code__")
            self.guards.append(ValueGuard(f"the code of {function.__name__}", code))
            for what, read in _names_read(function):
                try:
                    value = read()
                except (KeyError, ValueError):
                    continue
                self.guards.append(ValueGuard(what, read))
                self.walk(what, value, names)
        if owner is not None and (id(function), id(owner)) not in self.seen:
            self.seen[id(function), id(owner)] = owner
            self.walk(type(owner).__name__, owner, names, follow=False)

    def walk(self, what: str, value: Any, names: set[str], follow: bool = True) -> None:
        """Take in what can be reached from a value through attributes of these names and items.

        Iterative: a list of a thousand linked nodes must not recurse.
        """
        met: dict[int, Any] = {}
        stack = [(what, value)]
        while stack:
            what, value = stack.pop()
            if id(value) in met:
                continue
            met[id(value)] = value
            if follow or len(met) > 1:
                self.follow(value)
            if isinstance(value, _CONTAINERS):
                parts = value.values() if isinstance(value, dict) else value
                stack += [(what, part) for part in parts if type(part) not in _PLAIN]
                continue
            if "param_groups" in names and hasattr(value, "guard_values"):
                self.guards.append(
                    ValueGuard("an option of an optimizer", partial(_options, value))
                )
            stack += self._attributes(what, value, names)
            held = _held_by(value)
            stack += [(f"{what}.{name}", held[name]) for name in names & held.keys()]

    def _attributes(self, what: str, value: Any, names: set[str]) -> list[tuple[str, Any]]:
        """Guard on what a class, module or function holds by these names; return what to walk."""
        found: list[tuple[str, Any]] = []
        for space in _spaces(value):
            for name in names & space.keys():
                part = space[name]
                if (id(space), name) not in self.seen:
                    self.seen[id(space), name] = space
                    self.guards.append(ValueGuard(f"{what}.{name}", Item(space, name)))
                part = getattr(part, "__func__", getattr(part, "fget", part))
                if isinstance(part, FunctionType):
                    owner = None if isinstance(value, ModuleType) else value
                    self.stack.append((part, owner))
                    continue
                self.follow(part)
                if isinstance(part, type | ModuleType):
                    found.append((f"{what}.{name}", part))
        return found


def _given(function: partial) -> Any:
    return function.args, function.keywords


def _held_by(value: Any) -> dict[str, Any]:
    """Return the attributes of an object or a module of ours: its own, not those of its class."""
    if hasattr(type(value), "named_modules") and hasattr(value, "_version"):
        return vars(value)
    return _attributes_of(value) if _is_plain_object(value) else {}


def _spaces(value: Any) -> Iterator[Any]:
    """Yield the dicts in which attributes of a Python module, a class or an object are found."""
    if isinstance(value, ModuleType | FunctionType):
        if not _foreign(value.__name__ if isinstance(value, ModuleType) else value.__module__):
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
        found.append((f"closure variable {name!r}", Cell(cell)))
    space = function.__globals__
    for name in sorted(_global_names(function.__code__)):
        if name in space:
            found.append((f"global {name!r}", Item(space, name)))
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
