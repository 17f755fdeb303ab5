"""What a function can read, found by its code.

That is its closure, globals and defaults, and the attributes that it names of classes, of Python
modules and of ``self``; so for the functions that it calls. Each such place becomes a guard.
"""

import sys
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeGuard

from ...eager import Tensor
from .check import (
    Cell,
    Guard,
    Item,
    ModuleGuard,
    ModuleLike,
    OptimizerGuard,
    OptimizerLike,
    Reading,
    ValueGuard,
    hooks_of,
    hooks_of_all,
)
from .freeze import (
    ARRAYS,
    CONTAINERS,
    DICTS,
    SIMPLE,
    Kinds,
    attributes_of,
    is_plain_object,
    kind_of,
)

_FOREIGN = frozenset({"dualgraph", "numpy", *sys.stdlib_module_names})
_PLAIN: frozenset[type[Any]] = frozenset({*SIMPLE, *ARRAYS, Tensor})  # leads nowhere
_CALLED: Kinds = (FunctionType, MethodType, partial)


def all_guards(function: Any, called: Iterable[Any] = (), arguments: Any = ()) -> list[Guard]:
    """Return guards on everything that a function, and those it calls, can read, as it is now.

    ``called`` are the modules and optimizers that ran while it was traced. Of ``arguments``, whose
    values are compared at every call, the functions and modules are taken in.
    """
    reach = _reached(function, called, arguments)
    return [*(ValueGuard(*reading) for reading in reach.reads), *(g() for g in reach.objects)]


def reads_of(function: Any) -> list[Reading]:
    """Return the places of single values that a function, and those it calls, can read.

    That is all that is asked before the function runs: to guard on modules means to look at every
    attribute of each, and what they are when it has run is what counts.
    """
    return _reached(function).reads


def _reached(function: Any, called: Iterable[Any] = (), arguments: Any = ()) -> "_Reach":
    reach = _Reach()
    if is_plain_object(function):
        reach.own(function)
    reach.follow(function)
    for module in called:
        if _is_optimizer(module):
            reach.guard(module, OptimizerGuard)
        else:
            reach.follow(module)
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    reach.walk("an argument", arguments, _global_names(code) if code else set())
    while reach.stack:
        reach.read(*reach.stack.pop())
    return reach


class _Reach:
    """A walk over the functions and objects that a function can reach."""

    def __init__(self) -> None:
        self.reads: list[Reading] = []
        self.objects: list[Callable[[], Guard]] = []  # make the guards on modules and optimizers
        self.stack: list[tuple[FunctionType, Any]] = []  # functions, each with its object
        self.seen: dict[Hashable, Any] = {}  # keys hold ids: the values keep the objects alive

    def guard(self, value: Any, guard: Callable[[Any], Guard]) -> bool:
        """Add a guard on an object, unless there is one; return whether it was added."""
        new = id(value) not in self.seen
        if new:
            self.seen[id(value)] = value
            self.objects.append(partial(guard, value))
        return new

    def once(self, value: Any, what: str, read: Callable[[], Any]) -> None:
        """Add what is read of an object, unless that was done."""
        if id(value) not in self.seen:
            self.seen[id(value)] = value
            self.reads.append(Reading(what, read))

    def own(self, owner: Any) -> None:
        """Guard on the attributes of the object behind a method."""
        if is_plain_object(owner):
            what = f"an attribute of {type(owner).__name__}"
            self.once(owner, what, partial(attributes_of, owner))
        else:
            self.follow(owner)

    def follow(self, value: Any) -> None:
        """Take in what a value leads to: the code of a function, the parts of a module."""
        kind = kind_of(value)
        if isinstance(value, FunctionType):
            self.stack.append((value, None))
        elif isinstance(value, MethodType):
            self._follow_method(value)
        elif isinstance(value, partial):
            self._follow_partial(value)  # pyright: ignore[reportUnknownArgumentType]
        elif "__wrapped__" in getattr(value, "__dict__", ()):
            self.follow(value.__wrapped__)
        elif _is_module(value):
            self._follow_module(value)
        elif is_plain_object(value) and isinstance(kind.__call__, FunctionType):
            self.stack.append((kind.__call__, value))

    def _follow_method(self, method: MethodType) -> None:
        self.own(method.__self__)
        if isinstance(method.__func__, FunctionType):
            self.stack.append((method.__func__, method.__self__))

    def _follow_partial(self, function: "partial[Any]") -> None:
        arguments = partial(_arguments_of, function)
        self.once(function.keywords, "an argument of a partial", arguments)
        for part in (function.func, *function.args, *function.keywords.values()):
            self.follow(part)

    def _follow_module(self, root: ModuleLike) -> None:
        shared = hooks_of_all(root)
        self.once(shared, "the hooks of all modules", partial(tuple, shared))
        for module in root.modules():
            if not self.guard(module, ModuleGuard):
                continue
            self.stack.append((type(module).forward, module))
            for part in list(vars(module).values()):
                if isinstance(part, _CALLED):
                    self.follow(part)
            for hook in (*shared, *hooks_of(module)):
                self.follow(hook.function)

    def read(self, function: FunctionType, owner: Any) -> None:
        """Guard on what the code of one function names."""
        if _is_foreign(function.__module__):
            return
        names = _global_names(function.__code__)
        if id(function) not in self.seen:
            self.seen[id(function)] = function
            code = partial(getattr, function, "__code__")
            self.reads.append(Reading(f"the code of {function.__name__}", code))
            self._read_names(function, names)
        if owner is not None and (id(function), id(owner)) not in self.seen:
            self.seen[id(function), id(owner)] = owner
            self.walk(type(owner).__name__, owner, names, follow=False)

    def _read_names(self, function: FunctionType, names: set[str]) -> None:
        for what, read in _names_read(function):
            try:
                value = read()
            except (KeyError, ValueError):
                continue
            self.reads.append(Reading(what, read))
            self.walk(what, value, names)

    def walk(self, what: str, value: Any, names: set[str], follow: bool = True) -> None:
        """Take in what can be reached from a value through attributes of these names and items.

        Iterative: a list of a thousand linked nodes must not recurse.
        """
        seen: dict[int, Any] = {}
        stack: list[tuple[str, Any]] = [(what, value)]
        while stack:
            what, value = stack.pop()
            if id(value) in seen:
                continue
            seen[id(value)] = value
            if follow or len(seen) > 1:
                self.follow(value)
            if isinstance(value, CONTAINERS):
                parts: Iterable[Any] = value.values() if isinstance(value, DICTS) else value
                stack += [(what, part) for part in parts if type(part) not in _PLAIN]
                continue
            if "param_groups" in names and _is_optimizer(value):
                options = partial(_options, value)
                self.reads.append(Reading("an option of an optimizer", options))
            stack += self._attributes(what, value, names)
            held = _attributes_held(value)
            stack += [(f"{what}.{name}", held[name]) for name in names & held.keys()]

    def _attributes(self, what: str, value: Any, names: set[str]) -> list[tuple[str, Any]]:
        """Guard on what a class, module or function holds by these names; return what to walk."""
        inside: list[tuple[str, Any]] = []
        for space in _spaces(value):
            for name in names & space.keys():
                part: Any = space[name]
                if (id(space), name) not in self.seen:
                    self.seen[id(space), name] = space
                    self.reads.append(Reading(f"{what}.{name}", Item(space, name)))
                part = getattr(part, "__func__", getattr(part, "fget", part))
                if isinstance(part, FunctionType):
                    owner = None if isinstance(value, ModuleType) else value
                    self.stack.append((part, owner))
                    continue
                self.follow(part)
                if isinstance(part, type | ModuleType):
                    inside.append((f"{what}.{name}", part))
        return inside


def _is_module(value: Any) -> TypeGuard[ModuleLike]:
    return hasattr(kind_of(value), "named_modules")


def _is_optimizer(value: Any) -> TypeGuard[OptimizerLike]:
    """Asked for by name: a wrapper that hands on an optimizer's attributes counts too."""
    return hasattr(value, "guard_values")


def _arguments_of(function: "partial[Any]") -> tuple[tuple[Any, ...], dict[str, Any]]:
    return function.args, function.keywords


def _attributes_held(value: Any) -> dict[str, Any]:
    """Return the attributes of an object or a module of ours: its own, not those of its class."""
    if _is_module(value) and hasattr(value, "_version"):
        return vars(value)
    return attributes_of(value) if is_plain_object(value) else {}


def _spaces(value: Any) -> list[Mapping[str, Any]]:
    """Return the dicts in which attributes of a Python module, a class or an object are found."""
    if isinstance(value, ModuleType):
        return [] if _is_foreign(value.__name__) else [vars(value)]
    if isinstance(value, FunctionType):
        return [] if _is_foreign(value.__module__) else [vars(value)]
    kind = value if isinstance(value, type) else kind_of(value)
    return [vars(base) for base in kind.__mro__ if not _is_foreign(base.__module__)]


def _options(optimizer: OptimizerLike) -> list[dict[str, Any]]:
    return [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]


def _is_foreign(name: str | None) -> bool:
    return (name or "").partition(".")[0] in _FOREIGN


def _names_read(function: FunctionType) -> list[tuple[str, Callable[[], Any]]]:
    """Return what the code of a function looks up, and how to look again."""
    code, space = function.__code__, function.__globals__
    cells = function.__closure__ or ()
    reads: list[tuple[str, Callable[[], Any]]] = [
        (f"closure variable {name!r}", Cell(cell))
        for name, cell in zip(code.co_freevars, cells, strict=True)
    ]
    for name in sorted(_global_names(code)):
        if name in space:
            reads.append((f"global {name!r}", Item(space, name)))
    defaults = f"defaults of {function.__name__}"
    if function.__defaults__:
        reads.append((defaults, lambda: function.__defaults__))
    if function.__kwdefaults__:
        reads.append((defaults, lambda: function.__kwdefaults__))
    return reads


def _global_names(code: CodeType) -> set[str]:
    """Return the names that a function and the functions written inside of it may look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _global_names(constant)
    return names
