"""Modules that hold modules: in a row, in a list, by name."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from ..eager.tensor import Tensor
from ..errors import ArgumentError, ArgumentTypeError, AxisError
from .module import Module, part_of
from .parameter import Parameter


class _Container(Module):
    """Children in the order of the ``__dict__``, which is the order of insertion."""

    def _add(self, name: str, module: Any) -> None:
        module = part_of(module)
        if not isinstance(module, Module):
            raise ArgumentTypeError(
                f"{type(self).__name__}: part {name} is a {type(module).__name__}, "
                "not a Module instance"
            )
        self.register_module(name, module)

    def _rearrange(self, modules: Iterable[tuple[str, Module]]) -> None:
        """Hold these children and no others."""
        kept = list(modules)
        for name, _ in list(self.named_children()):
            delattr(self, name)
        for name, module in kept:
            self._add(name, module)

    def __len__(self) -> int:
        return sum(1 for _ in self.named_children())


class _Row(_Container):
    """Children named ``"0"``, ``"1"``, ... (or otherwise, in a `Sequential` of names)."""

    def _name_at(self, index: Any) -> str:
        names = [name for name, _ in self.named_children()]
        at = index.__index__()
        if not -len(names) <= at < len(names):
            raise AxisError(f"index {at} is out of range for {len(names)} modules")
        return names[at]

    def __getitem__(self, index: int | slice) -> Any:
        """Return one module, or the part that a slice names as a new container."""
        named = list(self.named_children())
        if isinstance(index, slice):
            return self._part(named[index])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index: int, module: Module) -> None:
        self._add(self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self.children())
        del modules[index if isinstance(index, slice) else index.__index__()]
        self._rearrange((str(i), m) for i, m in enumerate(modules))

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def _part(self, named: list[tuple[str, Module]]) -> Any:
        raise NotImplementedError

    def append(self, module: Module) -> Any:
        """Add one more module at the end and return the whole."""
        self._add(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add several modules at the end and return the whole."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at this position; those behind it move up by one."""
        modules = list(self.children())
        modules.insert(index, module)
        self._rearrange((str(i), m) for i, m in enumerate(modules))
        return self

    def pop(self, key: int = -1) -> Module:
        """Remove a module and return it."""
        module = self[key]
        del self[key]
        return module


class Sequential(_Row):
    """Call modules one after the other; takes them as arguments or in one dict of names.

    >>> from dualgraph import nn
    >>> nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0] if len(args) == 1 and isinstance(args[0], dict) else None
        for name, module in (named if named is not None else dict(enumerate(args))).items():
            self._add(str(name), module)

    def _part(self, named: list[tuple[str, Module]]) -> "Sequential":
        return type(self)(dict(named))

    def __add__(self, other: "Sequential") -> "Sequential":
        return Sequential(*self, *other)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input


class ModuleList(_Row):
    """A list of modules whose parameters are found; it is not called itself.

    >>> from dualgraph import nn
    >>> layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(2)])
    >>> layers.append(nn.ReLU())
    ModuleList(
      (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)
      (2): ReLU()
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def _part(self, named: list[tuple[str, Module]]) -> "ModuleList":
        return type(self)(module for _, module in named)

    def __add__(self, other: Iterable[Module]) -> "ModuleList":
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> "ModuleList":
        return self.extend(modules)

    def __repr__(self) -> str:
        """Return the parts, neighbours that print alike as one: ``(0-2): 3 x Linear(...)``."""
        lines, at = [], 0
        for text, group in groupby(map(repr, self)):
            count = len(list(group))
            said = text.replace("\n", "\n  ")
            lines.append(
                f"({at}): {said}" if count == 1 else f"({at}-{at + count - 1}): {count} x {said}"
            )
            at += count
        inner = "\n  ".join(lines)
        return f"{type(self).__name__}(\n  {inner}\n)" if lines else f"{type(self).__name__}()"


class ModuleDict(_Container):
    """A dict of modules whose parameters are found; it is not called itself.

    A name that the class uses itself, such as ``"keys"``, is refused.

    >>> from dualgraph import nn
    >>> choice = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
    >>> list(choice), "relu" in choice, choice["tanh"]
    (['relu', 'tanh'], True, Tanh())
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or {})

    def _add(self, name: str, module: Any) -> None:
        taken = hasattr(type(self), name) or (name in vars(self) and name not in self)
        if not isinstance(name, str) or taken:
            raise ArgumentError(f"ModuleDict: {name!r} cannot name a module")
        super()._add(name, module)

    def update(self, modules: Any) -> None:
        """Add or replace modules from a mapping or from (name, module) pairs."""
        pairs = modules.items() if isinstance(modules, Mapping | ModuleDict) else modules
        for name, module in list(pairs):
            self._add(name, module)

    def __getitem__(self, key: str) -> Module:
        for name, module in self.named_children():
            if name == key:
                return module
        raise KeyError(key)

    def __setitem__(self, key: str, module: Module) -> None:
        self._add(key, module)

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def keys(self) -> list[str]:
        """Return the names."""
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        """Return the modules."""
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        """Return (name, module) pairs."""
        return list(self.named_children())

    def pop(self, key: str) -> Module:
        """Remove a module and return it; raise `KeyError` for none of this name."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Remove every module."""
        self._rearrange(())


class _Parameters(Module):
    """Parameters (or anything else) by name, in the order of insertion, printed one a line."""

    def _put(self, name: str, value: Any) -> None:
        """Hold a value; a tensor becomes a parameter."""
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        if name in vars(self):
            delattr(self, name)
        setattr(self, name, value)

    def _held(self) -> list[tuple[str, Any]]:
        own = ("training", "_version", "_hooks", "_state_hooks", "_persistent", "_derived")
        return [(n, v) for n, v in vars(self).items() if n not in own]

    def __len__(self) -> int:
        return len(self._held())

    def extra_repr(self) -> str:
        return "\n".join(f"({name}): {_described(value)}" for name, value in self._held())

    def __repr__(self) -> str:
        inner = self.extra_repr().replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {inner}\n)" if inner else f"{type(self).__name__}()"


def _described(value: Any) -> str:
    """Return what PyTorch prints of one entry: a parameter's type and size."""
    if not isinstance(value, Parameter):
        return f"Object of type: {type(value).__name__}"
    size = "x".join(map(str, value.value.shape))
    return f"Parameter containing: [{value.dtype} of size {size}]"


class ParameterList(_Parameters):
    """A list of parameters that `Module.parameters` finds; tensors put in become parameters.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> weights = nn.ParameterList([dg.ones(2), dg.ones(3)])
    >>> len(weights), [name for name, _ in weights.named_parameters()]
    (2, ['0', '1'])
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(() if values is None else values)

    def _name(self, index: Any) -> str:
        at = index.__index__()
        if not -len(self) <= at < len(self):
            raise IndexError(f"index {at} is out of range for {len(self)} parameters")
        return str(at % len(self))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return vars(self)[self._name(index)]

    def __setitem__(self, index: Any, value: Any) -> None:
        name, values = self._name(index), list(self)
        if isinstance(value, Tensor) or not isinstance(values[int(name)], Tensor):
            kept = vars(self)
            self._put(name, value)
            for later in [k for k in list(kept) if k.isdigit() and int(k) > int(name)]:
                self._put(later, kept[later])  # the order of the dict is that of the list
        else:
            raise ArgumentError(
                f"ParameterList: entry {name} is a tensor, not {type(value).__name__}"
            )

    def __iter__(self) -> Iterator[Any]:
        return iter([value for _, value in self._held()])

    def append(self, value: Any) -> "ParameterList":
        """Add one more at the end and return the list."""
        self._put(str(len(self)), value)
        return self

    def extend(self, values: Iterable[Any]) -> "ParameterList":
        """Add several at the end and return the list."""
        if isinstance(values, Tensor):
            raise ArgumentError("ParameterList: expected a list of tensors, got one")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> "ParameterList":
        return self.extend(values)


class ParameterDict(_Parameters):
    """A dict of parameters that `Module.parameters` finds; tensors put in become parameters.

    A name that the class uses itself, such as ``"keys"``, is refused.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> weights = nn.ParameterDict({"left": dg.ones(2), "right": dg.ones(3)})
    >>> weights["left"].shape, list(weights)
    ((2,), ['left', 'right'])
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def update(self, parameters: Any) -> None:
        """Add or replace entries from a mapping or from (name, value) pairs."""
        mapping = isinstance(parameters, Mapping | ParameterDict)
        for name, value in list(parameters.items() if mapping else parameters):
            self[name] = value

    def __getitem__(self, key: str) -> Any:
        return dict(self._held())[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str) or hasattr(type(self), key) or "." in key or not key:
            raise ArgumentError(f"ParameterDict: {key!r} cannot name a parameter")
        self._put(key, value)

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def keys(self) -> list[str]:
        """Return the names."""
        return [name for name, _ in self._held()]

    def values(self) -> list[Any]:
        """Return the parameters."""
        return [value for _, value in self._held()]

    def items(self) -> list[tuple[str, Any]]:
        """Return (name, parameter) pairs."""
        return self._held()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the parameter of a name, or the default."""
        return dict(self._held()).get(key, default)

    def pop(self, key: str) -> Any:
        """Remove a parameter and return it; raise `KeyError` for none of this name."""
        value = self[key]
        del self[key]
        return value

    def clear(self) -> None:
        """Remove everything."""
        for name in self.keys():
            delattr(self, name)
