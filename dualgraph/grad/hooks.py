"""Hooks that see, and may replace, the gradients of a backward walk."""

from typing import NamedTuple

from ..core.hooks import Hook, Hooks, name_of_hook
from ..core.tensor import TensorBase
from ..errors import DTypeError, ShapeError


class NodeHooks(NamedTuple):
    """The hooks of a node: before its rules run, on the cotangent, and after, on both sides."""

    before: Hooks
    after: Hooks


def replaced(hooks: Hooks, g: TensorBase) -> TensorBase:
    """Return the gradient after every hook; one that returns None leaves it as it is."""
    for key in sorted(hooks):
        hook = hooks.get(key)  # one hook may remove another
        result = None if hook is None else hook(g)
        if hook is not None and result is not None:
            g = checked(hook, g, result)
    return g


def checked(hook: Hook, old: TensorBase, new: object) -> TensorBase:
    """Return what a hook gave in place of a gradient; raise unless it can stand for it."""
    if not isinstance(new, TensorBase):
        raise DTypeError(
            f"{name_of_hook(hook)} returned {type(new).__name__}: a tensor or None is needed"
        )
    if new.value.shape != old.value.shape:
        raise ShapeError(
            f"{name_of_hook(hook)} changed the shape of a gradient from {tuple(old.value.shape)} "
            f"to {tuple(new.value.shape)}"
        )
    if new.value.dtype != old.value.dtype:
        raise DTypeError(
            f"{name_of_hook(hook)} changed the dtype of a gradient from {old.value.dtype.name} to "
            f"{new.value.dtype.name}"
        )
    return new
