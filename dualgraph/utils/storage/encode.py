"""From Python structures to JSON and named arrays."""

import json
from collections import OrderedDict
from math import isfinite
from typing import Any

import numpy as np

from ...core.dispatch import state
from ...core.types import DType, Size
from ...eager.tensor import Tensor
from ...errors import SaveError
from ...nn.module import Module
from ...nn.parameter import Parameter
from ...ops.create.creation import Generator
from ...optim.optimizer import Optimizer

KIND = "$"
FORMAT = "dualgraph"  # the key of the metadata
VERSION = 1
_HOLDERS = (Module, Optimizer)


class Encoder:
    """Collects the arrays of one object while its structure is written down."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[tuple, str] = {}  # of memory that was met already
        self._objects: dict[int, int] = {}  # numbers of tensors, by identity
        self._kept: list[Any] = []  # keeps what was met alive, so that an identity stays one
        self._open: set[int] = set()  # the containers around the one being written

    def structure(self, obj: Any) -> str:
        """Return the JSON text of an object."""
        try:
            return json.dumps(
                {"version": VERSION, "structure": self.encode(obj, "")},
                allow_nan=False,
                separators=(",", ":"),
            )
        except RecursionError:
            raise SaveError("save: the structure is nested too deeply") from None

    def encode(self, x: Any, path: str) -> Any:
        """Return what stands for an object in the JSON text."""
        kind = type(x)
        if x is None or kind in (bool, int, str):
            return x
        if kind is float:
            return x if isfinite(x) else {KIND: "float", "value": repr(x)}
        if isinstance(x, Tensor):
            return self._tensor(x, path)
        if kind in (dict, OrderedDict, list, tuple, Size):
            return self._container(x, path)
        if isinstance(x, DType):
            return {KIND: "dtype", "value": x.name}
        if isinstance(x, Generator):
            return {KIND: "generator", "name": self._name(x.state, path)}
        raise SaveError(f"save: {path or 'the object'} is {_refusal(x)}")

    # --- tensors ---

    def _tensor(self, x: Tensor, path: str) -> dict[str, Any]:
        self._kept.append(x)
        number = self._objects.setdefault(id(x), len(self._objects))
        found = {KIND: "tensor", "name": self._name(x, path), "object": number}
        if x.requires_grad:
            found["grad"] = True
        if isinstance(x, Parameter):
            found["parameter"] = True
        return found

    def _name(self, x: Tensor, path: str) -> str:
        """Return the name under which the memory of a tensor is in the file."""
        array = state.frontend.concrete(x, "save()")
        memory = (array.ctypes.data, array.shape, array.strides, array.dtype.str)
        if array.size and memory in self._names:
            return self._names[memory]
        path = path.encode("utf-8", "replace").decode() or "tensor"  # no lone surrogates
        name, n = path, 1
        while name in self.arrays or name == "__metadata__":
            n += 1
            name = f"{path}#{n}"
        self.arrays[name] = np.array(array, order="C", copy=None)
        self._names[memory] = name
        return name

    # --- containers ---

    def _container(self, x: Any, path: str) -> Any:
        if id(x) in self._open:
            raise SaveError(f"save: {path} contains itself")
        self._open.add(id(x))
        out = self._mapping(x, path) if isinstance(x, dict) else self._sequence(x, path)
        self._open.discard(id(x))
        return out

    def _mapping(self, x: dict, path: str) -> Any:
        plain = type(x) is dict and KIND not in x and all(type(k) is str for k in x)
        if plain:
            return {k: self.encode(v, _join(path, k)) for k, v in x.items()}
        kind = "ordered" if isinstance(x, OrderedDict) else "dict"
        return {KIND: kind, "items": [self._item(k, v, path) for k, v in x.items()]}

    def _item(self, key: Any, value: Any, path: str) -> list[Any]:
        if not isinstance(key, str | int | float | bool | tuple | None):
            raise SaveError(
                f"save: {path or 'the dict'} has a key of type {type(key).__name__}; keys are "
                "strings, numbers, None, or tuples of these"
            )
        where = _join(path, str(key))
        return [self.encode(key, where), self.encode(value, where)]

    def _sequence(self, x: Any, path: str) -> Any:
        items = [self.encode(v, _join(path, str(i))) for i, v in enumerate(x)]
        if type(x) is list:
            return items
        return {KIND: "size" if isinstance(x, Size) else "tuple", "items": items}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _refusal(x: Any) -> str:
    """Return why an object cannot be saved, and what to save instead."""
    name = f"a {type(x).__name__}"
    if isinstance(x, _HOLDERS) or hasattr(x, "state_dict"):
        return f"{name}, and a file holds data, not classes: save its state_dict()"
    if isinstance(x, np.ndarray | np.generic):
        return f"{name} of NumPy: save dualgraph.tensor(x), or x.item() for a number"
    if isinstance(x, bool | int | float | str | dict | list | tuple):
        base = next(b for b in type(x).__mro__ if b.__module__ == "builtins")
        return f"{name}, whose class a file cannot hold: save {base.__name__}(x)"
    return (
        f"{name}; what can be saved: tensors, numbers, strings, booleans, None, dtypes, "
        "generators, and dicts, lists and tuples of these"
    )
