"""Arguments and results as trees: tuples, lists and dicts of tensors and other values."""

from typing import Any, NamedTuple

from ..eager import Tensor


class Leaf(NamedTuple):
    """A tensor's place in a flattened tree."""

    position: int


def flatten(tree: Any, tensors: list[Any]) -> Any:
    """Return the tree with every tensor replaced by a `Leaf`, and append the tensors."""
    if isinstance(tree, Tensor):
        tensors.append(tree)
        return Leaf(len(tensors) - 1)
    if type(tree) in (tuple, list):
        return type(tree)([flatten(x, tensors) for x in tree])
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[flatten(x, tensors) for x in tree])
    if type(tree) is dict:
        return {k: flatten(v, tensors) for k, v in tree.items()}
    return tree


def unflatten(tree: Any, tensors: list[Any]) -> Any:
    """Return the tree with every `Leaf` replaced by its tensor."""
    if isinstance(tree, Leaf):
        return tensors[tree.position]
    if type(tree) in (tuple, list):
        return type(tree)([unflatten(x, tensors) for x in tree])
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[unflatten(x, tensors) for x in tree])
    if type(tree) is dict:
        return {k: unflatten(v, tensors) for k, v in tree.items()}
    return tree
