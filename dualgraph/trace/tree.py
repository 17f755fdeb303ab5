"""Arguments and results as trees: tuples, lists and dicts of tensors and other values."""

from collections import OrderedDict
from collections.abc import Iterable
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType
from typing import Any, NamedTuple

import numpy as np

from ..eager import Tensor
from ..errors import TraceError

_LATE = (GeneratorType, CoroutineType, AsyncGeneratorType)
_DICTS = (dict, OrderedDict)
_DEPTH = 4


class Leaf(NamedTuple):
    """A tensor's place in a flattened tree."""

    position: int


def parts_of(tree: Any) -> Iterable[Any] | None:
    """Return what a tuple, a list, a named tuple or a dict holds, in order; None for a leaf."""
    kind = type(tree)
    if kind is tuple or kind is list or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        return tree
    if isinstance(tree, dict) and kind in _DICTS:
        return tree.values()
    return None


def with_parts(tree: Any, parts: list[Any]) -> Any:
    """Return a container of the same kind that holds these parts."""
    kind: Any = type(tree)
    if kind is tuple or kind is list:
        return kind(parts)
    if isinstance(tree, dict):
        return kind(zip(tree, parts, strict=True))
    return kind(*parts)


def flatten(tree: Any, tensors: list[Tensor]) -> Any:
    """Return the tree with every tensor replaced by a `Leaf`, and append the tensors."""
    if isinstance(tree, Tensor):
        tensors.append(tree)
        return Leaf(len(tensors) - 1)
    parts = parts_of(tree)
    return tree if parts is None else with_parts(tree, [flatten(x, tensors) for x in parts])


def unflatten(tree: Any, tensors: list[Any]) -> Any:
    """Return the tree with every `Leaf` replaced by its tensor."""
    if type(tree) is Leaf:
        return tensors[tree.position]
    parts = parts_of(tree)
    return tree if parts is None else with_parts(tree, [unflatten(x, tensors) for x in parts])


def refuse_hidden(tree: Any, depth: int = _DEPTH) -> None:
    """Raise `TraceError` for a result that holds traced tensors where `unflatten` finds none."""
    if isinstance(tree, tuple | list | dict):
        for part in tree.values() if isinstance(tree, dict) else tree:
            refuse_hidden(part, depth)
    elif isinstance(tree, _LATE) or any(_is_traced(x, depth) for x in _parts(tree)):
        raise TraceError(
            f"the traced function returns a {type(tree).__name__} that computes with or holds "
            "traced tensors: return tensors, in tuples, lists and dicts"
        )


def _parts(value: Any) -> list[Any]:
    """Return what an object holds: elements, attributes, closure."""
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, FunctionType):
        return [cell.cell_contents for cell in value.__closure__ or () if _is_set(cell)]
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, tuple | list):
        return list(value)
    plain = hasattr(value, "__dict__") and not isinstance(value, type)
    return list(vars(value).values()) if plain else []


def _is_set(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _is_traced(value: Any, depth: int) -> bool:
    if isinstance(value, Tensor):
        return not isinstance(value.value, np.ndarray)
    return depth > 0 and any(_is_traced(part, depth - 1) for part in _parts(value))
