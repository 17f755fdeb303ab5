"""Arguments and results as trees: tuples, lists and dicts of tensors and other values."""

from collections import OrderedDict
from collections.abc import Iterable
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType
from typing import Any, NamedTuple, cast

import numpy as np

from ..eager import Tensor
from ..errors import TraceError

_LATE = (GeneratorType, CoroutineType, AsyncGeneratorType)
_SEQUENCES: frozenset[type] = frozenset({tuple, list})
_DICTS: frozenset[type] = frozenset({dict, OrderedDict})
_DEPTH = 4


class Leaf(NamedTuple):
    """A tensor's place in a flattened tree."""

    position: int


def parts_of(tree: Any) -> Iterable[Any] | None:
    """Return what a tuple, a list, a named tuple or a dict holds, in order; None for a leaf."""
    kind: type[Any] = type(tree)  # pyright: ignore[reportUnknownVariableType]
    if kind in _SEQUENCES or (hasattr(kind, "_fields") and issubclass(kind, tuple)):
        return tree
    return tree.values() if kind in _DICTS else None


def with_parts(tree: Any, parts: list[Any]) -> Any:
    """Return a container of the same kind that holds these parts."""
    kind: type[Any] = type(tree)  # pyright: ignore[reportUnknownVariableType]
    if kind in _SEQUENCES:
        return kind(parts)
    return kind(zip(tree, parts, strict=True)) if kind in _DICTS else kind(*parts)


def flatten(tree: Any, tensors: list[Any]) -> Any:
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
    parts = _elements(tree)
    if parts is not None:
        for part in parts:
            refuse_hidden(part, depth)
    elif issubclass(type(tree), _LATE) or any(_is_traced(x, depth) for x in _parts(tree)):
        raise TraceError(
            f"the traced function returns a {type(tree).__name__} that computes with or holds "
            "traced tensors: return tensors, in tuples, lists and dicts"
        )


def _parts(value: Any) -> list[Any]:
    """Return what an object holds: elements, attributes, closure."""
    elements = _elements(value)
    if elements is not None:
        return elements
    if isinstance(value, set | frozenset):
        return list(cast("set[Any]", value))
    if isinstance(value, FunctionType):
        return [cell.cell_contents for cell in value.__closure__ or () if _is_set(cell)]
    plain = hasattr(value, "__dict__") and not isinstance(value, type)
    return list(vars(value).values()) if plain else []


def _elements(value: Any) -> list[Any] | None:
    """Return what a tuple, list or dict of any kind holds; None for other values."""
    if isinstance(value, dict):
        return list(cast("dict[Any, Any]", value).values())
    return list(cast("list[Any]", value)) if isinstance(value, tuple | list) else None


def _is_set(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _is_traced(value: Any, depth: int) -> bool:
    if isinstance(value, Tensor):
        return not isinstance(value.value, np.ndarray)
    return depth > 0 and any(_is_traced(part, depth - 1) for part in _parts(value))
