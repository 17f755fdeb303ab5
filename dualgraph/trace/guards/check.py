"""The guards themselves: a place that was read, what was there, and whether it still is."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from operator import attrgetter
from types import CellType
from typing import Any, NamedTuple, Protocol

from ...core.tensor import TensorBase
from ...errors import TraceError
from ..capture import TensorGuard
from .freeze import (
    ARRAYS,
    CONTAINERS,
    Identity,
    attributes_of,
    frozen,
    frozen_items,
    is_immutable,
    is_plain_object,
    kind_of,
)


class Guard(Protocol):
    """Something that a trace relied on."""

    def holds(self) -> bool:
        """Tell whether it is as it was."""
        ...

    def describe(self) -> str:
        """Say that it changed, as the reason for a new trace."""
        ...


class HookLike(Protocol):
    """A hook of a module, as far as guards look into it."""

    @property
    def function(self) -> Callable[..., Any]:
        """What is called."""
        ...


class ModuleLike(Protocol):
    """What guards read of an ``nn.Module``, which lives further up."""

    forward: Callable[..., Any]

    def modules(self) -> Iterable["ModuleLike"]:
        """Return it and its parts."""
        ...


version_of: Callable[[ModuleLike], int] = attrgetter("_version")  # its changes of attributes
epoch_of: Callable[[ModuleLike], list[int]] = attrgetter("_epoch")  # the same of all modules
hooks_of: Callable[[ModuleLike], tuple[HookLike, ...]] = attrgetter("_hooks")
hooks_of_all: Callable[[ModuleLike], list[HookLike]] = attrgetter("_everywhere")


class OptimizerLike(Protocol):
    """What guards read of an ``optim.Optimizer``, which lives further up."""

    state: dict[Any, Any]
    param_groups: list[dict[str, Any]]

    def guard_values(self) -> tuple[Any, ...]:
        """Return every option that a traced step has fixed."""
        ...


class Item(NamedTuple):
    """Reads a name in a dict: of globals, of a class, of a module."""

    space: Mapping[str, Any]
    name: str

    def __call__(self) -> Any:
        return self.space[self.name]


class Cell(NamedTuple):
    """Reads a closure variable."""

    cell: CellType

    def __call__(self) -> Any:
        return self.cell.cell_contents


class Reading(NamedTuple):
    """A place of one value, in words, and how to look there."""

    what: str
    read: Callable[[], Any]


class ValueGuard:
    """A value that was read, and what it was."""

    __slots__ = ("by_identity", "expected", "read", "value", "what")

    def __init__(self, what: str, read: Callable[[], Any]) -> None:
        self.what = what
        self.read = read
        self.value: Any = read()
        self.expected = frozen(self.value)
        # then the same object means the same value, without freezing it again
        self.by_identity = isinstance(self.expected, Identity) or is_immutable(self.value)

    def holds(self) -> bool:
        try:
            value = self.read()
        except (KeyError, ValueError, AttributeError):
            return False
        if self.by_identity and value is self.value:
            return True
        return frozen(value) == self.expected

    def describe(self) -> str:
        return f"{self.what} changed"


class ModuleGuard:
    """The attributes of a module; its version says cheaply that none was set since."""

    __slots__ = ("attributes", "containers", "module", "version")

    def __init__(self, module: ModuleLike) -> None:
        self.module = module
        self.version = version_of(module)
        self.attributes = self._read()
        mutable = [
            name
            for name, value in vars(module).items()
            if isinstance(value, (*CONTAINERS, *ARRAYS)) or is_plain_object(value)
        ]
        self.containers = [ValueGuard(repr(name), Item(vars(module), name)) for name in mutable]

    def _read(self) -> tuple[tuple[Hashable, Hashable], ...]:
        attributes = attributes_of(self.module)
        attributes.pop("_version", None)
        return frozen_items(attributes, 1)

    def holds(self) -> bool:
        now = version_of(self.module)
        if now != self.version:
            if self._read() != self.attributes:
                return False
            self.version = now
        return not self.containers or all(c.holds() for c in self.containers)

    def describe(self) -> str:
        before, now = dict(self.attributes), dict(self._read())
        names = [repr(k) for k in {**before, **now} if before.get(k) != now.get(k)]
        names = names or [c.what for c in self.containers if not c.holds()]
        return f"attribute {', '.join(names)} of {type(self.module).__name__} changed"


class OptimizerGuard:
    """The options that a traced step branches on, and which state tensors there are."""

    __slots__ = ("entries", "optimizer", "values")

    def __init__(self, optimizer: OptimizerLike) -> None:
        self.optimizer = optimizer
        self.values = optimizer.guard_values()
        states: Iterable[dict[str, Any]] = optimizer.state.values()
        self.entries = [(state, name, t) for state in states for name, t in state.items()]

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

    def __init__(self, guards: Sequence[Guard], tensors: Sequence[TensorGuard] = ()) -> None:
        self.tensors = tensors
        values = [g for g in guards if isinstance(g, ValueGuard) and g.by_identity]
        values = [g for g in values if g.value is not None]  # an absent name must not pass for it
        named = [(g.read, g) for g in values if isinstance(g.read, Item)]
        self.named = [(read.space, read.name, g.value, g) for read, g in named]
        self.cells = [(g.read.cell, g.value, g) for g in values if isinstance(g.read, Cell)]
        self.modules = [g for g in guards if isinstance(g, ModuleGuard)]
        self.epoch = -1  # module changes of all modules, when these were last found unchanged
        seen = {id(g) for *_, g in self.named} | {id(g) for *_, g in self.cells}
        seen |= {id(g) for g in self.modules}
        self.others: list[tuple[Guard, Guard]] = [(g, g) for g in guards if id(g) not in seen]
        self.others += [(c, m) for m in self.modules for c in m.containers]

    def broken(self, arguments: list[TensorBase]) -> Guard | TensorGuard | None:
        """Return a guard that does not hold in a call with these arguments, or None."""
        for guard in self.tensors:
            if not guard.holds(arguments):
                return guard
        for space, name, value, guard in self.named:
            if space.get(name) is not value and not guard.holds():
                return guard
        for cell, value, guard in self.cells:
            try:
                same = cell.cell_contents is value
            except ValueError:  # the variable was deleted
                same = False
            if not same and not guard.holds():
                return guard
        for guard, named in self.others:
            if not guard.holds():
                return named
        return self._broken_module() if self.modules else None

    def _broken_module(self) -> Guard | None:
        now = epoch_of(self.modules[0].module)[0]  # one count for all modules
        if now == self.epoch:
            return None
        for guard in self.modules:
            if not guard.holds():
                return guard
        self.epoch = now
        return None


class Unchanging:
    """The numbers and strings that a function reads, which it must not set: a trace would not."""

    def __init__(self, reads: list[Reading]) -> None:
        self.reads = reads
        self.before = [_settings(reading.read()) for reading in reads]

    def check(self) -> None:
        """Raise `TraceError` when one is another than before the trace."""
        for reading, before in zip(self.reads, self.before, strict=True):
            after = _now(reading) if before else {}
            for name, old in before.items():
                if name in after and after[name] != old and old == old:
                    what = f"{reading.what} ({name})" if name else reading.what
                    raise TraceError(_CHANGED.format(what, old, after[name]))


_CHANGED = (
    "{} was changed from {!r} to {!r} while the function was traced: a compiled function would do "
    "that once and not at every call. Keep such state in a tensor that is changed in place, change "
    "it outside, or run the function eagerly"
)


def _now(reading: Reading) -> dict[str, Any]:
    try:
        return _settings(reading.read())
    except (KeyError, ValueError, AttributeError):  # the name is gone
        return {}


def _settings(value: Any) -> dict[str, Any]:
    """Return a number or string by no name, those among an object's attributes by theirs."""
    named: dict[str, Any] = value if kind_of(value) is dict else {"": value}
    return {k: v for k, v in named.items() if type(v) in (bool, int, float, str)}
