"""Python values in a comparable form, which is equal as long as they mean the same.

Tensors, functions and foreign objects count by identity; numbers, strings, arrays and containers of
such by value; plain objects by their attributes.
"""

from array import array
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ...core.types import Size
from ...eager import Tensor
from ..tree import Leaf, parts_of

Kinds = tuple[type[Any], ...]

SIMPLE: Kinds = (bool, int, float, complex, str, bytes, type(None))
_ATOMS = frozenset(SIMPLE)
CONTAINERS: Kinds = (tuple, list, deque, Size, dict, set, frozenset)
ARRAYS: Kinds = (np.ndarray,)
_SIGNED: Kinds = (float, complex)  # two zeros, and NaN
_SEQUENCES: Kinds = (tuple, list, deque, Size)
DICTS: Kinds = (dict,)
_LINKS: Kinds = (dict, *_SEQUENCES)
_SETS: Kinds = (set, frozenset)
_RANGES: Kinds = (slice, range)
_NUMERIC: Kinds = (np.generic, np.ndarray)
_BUFFERS: Kinds = (bytearray, array)
_CODE: Kinds = (FunctionType, MethodType, ModuleType, type, CodeType)
_DEPTH = 4

kind_of: Callable[[object], type[Any]] = type


class Identity:
    """An object that counts by identity; keeps it alive, so that its id stays its own."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return f"<{type(self.value).__name__} object>"


def frozen(value: Any, depth: int = _DEPTH, above: Kinds = ()) -> Hashable:
    """Return a hashable stand-in that is equal as long as the value means the same.

    ``above`` are the kinds of what holds the value. Below ``depth`` containers and these alone are
    looked into: a tree of lists or of nodes is frozen whole, a web of other objects is not.
    """
    kind = kind_of(value)
    if kind in SIMPLE:
        return (kind, repr(value)) if kind in _SIGNED else (kind, value)
    if not depth and _is_link(value, above):
        return _frozen_chain(value, above)
    if depth and isinstance(value, DICTS):
        return (kind, frozen_items(value, depth - 1, (*above, kind)))
    if depth and isinstance(value, _SEQUENCES):
        above = (*above, kind)
        return (kind, tuple([frozen(v, depth - 1, above) for v in value]))
    if isinstance(value, _SETS):
        return (kind, frozenset(frozen(v, 0) for v in value))
    if kind in _RANGES:
        return (kind, repr(value))
    if isinstance(value, _NUMERIC):
        return (kind, value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, _BUFFERS):
        return (kind, getattr(value, "typecode", None), bytes(value))
    if depth and is_plain_object(value):
        return (Identity(value), frozen(attributes_of(value), depth - 1, (*above, kind)))
    return Identity(value)


def frozen_items(
    items: Mapping[Any, Any], depth: int, above: Kinds = (dict,)
) -> tuple[tuple[Hashable, Hashable], ...]:
    """Return keys and frozen values, in order."""
    return tuple([(_key(k), frozen(v, depth, above)) for k, v in items.items()])


def _is_link(value: Any, kinds: Kinds) -> bool:
    return isinstance(value, _LINKS) or (type(value) in kinds and is_plain_object(value))


def _frozen_chain(value: Any, kinds: Kinds) -> Hashable:
    """Return a stand-in for all that is reached through containers and values of some kinds.

    Cycles are no trouble. Iterative: a list of a thousand linked nodes must not recurse.
    """
    parts: list[Hashable] = []
    seen: dict[int, tuple[int, Any]] = {}  # with the object, so that its id stays its own
    stack = [value]
    while stack:
        value = stack.pop()
        if not _is_link(value, kinds):
            parts.append(frozen(value, 0))
        elif id(value) in seen:
            parts.append(seen[id(value)][0])
        else:
            names, inside = _named_parts(value)
            if inside:
                seen[id(value)] = len(seen), value
            parts.append((kind_of(value), names))
            stack += inside
    return tuple(parts)


def _named_parts(value: Any) -> tuple[Hashable, list[Any]]:
    """Return what tells the parts apart (for an object: also which it is), and the parts."""
    if isinstance(value, _SEQUENCES):
        return len(value), list(value)
    is_dict = isinstance(value, DICTS)
    items: dict[Any, Any] = value if is_dict else attributes_of(value)
    names = tuple([_key(k) for k in items])
    return names if is_dict else (Identity(value), names), list(items.values())


def frozen_tree(tree: Any, tensors: list[Any]) -> Hashable:
    """Return `frozen` of arguments, whose containers may be nested to any depth.

    Tensors are appended to a list, in the order of `tree.flatten`; a `Leaf` stands for each.
    """
    kind = kind_of(tree)
    if kind in _ATOMS:
        return frozen(tree)
    if isinstance(tree, Tensor):
        tensors.append(tree)
        return Leaf
    parts = parts_of(tree)
    if parts is None:
        return frozen(tree)
    if isinstance(tree, DICTS):
        return (kind, tuple([(_key(k), frozen_tree(v, tensors)) for k, v in tree.items()]))
    return (kind, tuple([frozen_tree(v, tensors) for v in parts]))


def _key(key: Any) -> Hashable:
    return key if type(key) is str else frozen(key, 0)  # 1, 1.0 and True differ


def is_immutable(value: Any) -> bool:
    """Tell a value that always means the same: a number, a string, a tuple of such."""
    kind = kind_of(value)
    return kind in SIMPLE or (kind in (tuple, Size) and all(map(is_immutable, value)))


def is_plain_object(value: Any) -> bool:
    """Settings objects count by their attributes; what guards itself or cannot change does not."""
    if isinstance(value, (Tensor, *_CODE)):
        return False
    if hasattr(value, "_version") or hasattr(value, "guard_values"):  # maybe through a wrapper
        return False
    kind = kind_of(value)
    known = hasattr(value, "__dict__") or hasattr(kind, "__slots__")
    return kind.__module__.partition(".")[0] not in ("numpy", "builtins", "dualgraph") and known


def attributes_of(value: Any) -> dict[str, Any]:
    """Return what an object holds in its dict and its slots (not what `compile` put there)."""
    own: dict[str, Any] = getattr(value, "__dict__", {})
    attributes = {k: v for k, v in own.items() if k[:10] != "_compiled_"}
    kind = kind_of(value)
    for base in kind.__mro__:
        slots: str | Iterable[str] = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                attributes[name] = getattr(value, name)
    return attributes
