"""State dicts of modules: what they hold, what they must fit, and the hooks on the way.

Nothing is loaded unless everything fits, and one error lists all that does not. Where hooks watch
a module being loaded they may mend what is missing, so there the error comes after loading.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..eager.construct import tensor as make_tensor
from ..eager.modes import no_grad
from ..eager.tensor import Tensor
from ..errors import ArgumentError, DTypeError, ShapeError
from .hooks import Hook, HookHandle, add_hook
from .parameter import Parameter

EXTRA = "_extra_state"
SAVE_PRE, SAVE_POST = "save_pre", "save_post"
LOAD_PRE, LOAD_POST = "load_pre", "load_post"


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` did not match."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Place(NamedTuple):
    """Where a module holds a tensor that a state dict names."""

    owner: Any
    name: str
    tensor: Tensor


class Saving:
    """The part of `Module` that saves and loads."""

    _state_hooks: tuple[Hook, ...] = ()  # replaced, never changed
    _persistent: dict[str, bool] = {}  # noqa: RUF012  buffer names; replaced, never changed

    def get_extra_state(self) -> Any:
        """Return what a state dict holds besides tensors; a module that needs it defines both."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` returned when the state dict was made."""
        raise NotImplementedError(f"{type(self).__name__} does not define set_extra_state()")

    def state_dict(
        self,
        *,
        destination: dict[str, Any] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Any]:
        """Return every parameter and persistent buffer by path, on shared memory.

        The tensors are detached unless ``keep_vars``; with ``destination`` they are added to it.

        >>> from dualgraph import nn
        >>> list(nn.Sequential(nn.Linear(2, 3), nn.ReLU()).state_dict())
        ['0.weight', '0.bias']
        """
        found = {} if destination is None else destination
        for hook in _of(self, SAVE_PRE):
            hook.function(self, prefix, keep_vars)
        for name, tensor in own_state(self):
            found[prefix + name] = tensor if keep_vars else tensor.detach()
        if _has_extra(self):
            found[prefix + EXTRA] = self.get_extra_state()
        for name, child in children_of(self):
            child.state_dict(destination=found, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in _of(self, SAVE_POST):
            found = hook.function(self, found, prefix, {}) or found
        return found

    def load_state_dict(
        self, state_dict: Any, strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values (tensors or arrays) into the parameters and buffers, in place.

        Nothing is changed when a name is missing or unexpected (unless ``strict=False``) or a shape
        differs: `ArgumentError` (`ShapeError` for shapes alone) lists all of them. ``assign`` puts
        the given tensors in the place of those that the module has, whatever their dtype.
        """
        if not isinstance(state_dict, Mapping):
            kind = type(state_dict).__name__
            raise DTypeError(f"load_state_dict: expected a dict, got {kind}")
        given, left, errors = dict(state_dict), IncompatibleKeys([], []), []
        for prefix, module in walk(self):
            for hook in _of(module, LOAD_PRE):
                hook.function(module, given, prefix, {}, strict, *left, errors)
        places = dict(named_state(self))
        extras = {prefix + EXTRA: m for prefix, m in walk(self) if _has_extra(m)}
        left.missing_keys.extend(n for n in (*places, *extras) if n not in given)
        left.unexpected_keys.extend(n for n in given if n not in places and n not in extras)
        values = {name: _tensor(given[name]) for name in places if name in given}
        errors += _misfits(places, values)
        watched = [(m, h) for _, m in walk(self, last=True) for h in _of(m, LOAD_POST)]
        if not watched or errors:
            _refuse(type(self).__name__, left, errors, strict)
        for name, value in values.items():
            _put(places[name], value, assign)
        for name in extras.keys() & given.keys():
            extras[name].set_extra_state(given[name])
        for module, hook in watched:
            hook.function(module, left)
        _refuse(type(self).__name__, left, [], strict)
        return left

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(module, prefix, keep_vars)`` before `state_dict` reads the module."""
        return add_hook(self, Hook(SAVE_PRE, hook), to="_state_hooks")

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)``, which may change the dict."""
        return add_hook(self, Hook(SAVE_POST, hook), to="_state_hooks")

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call a hook before a state dict is compared with the module, such as to rename keys.

        Its arguments: module, state_dict (a copy), prefix, local_metadata, strict, and the lists
        missing_keys, unexpected_keys and error_msgs, to which it may add.
        """
        return add_hook(self, Hook(LOAD_PRE, hook), to="_state_hooks")

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(module, incompatible_keys)`` after loading; it may empty the lists."""
        return add_hook(self, Hook(LOAD_POST, hook), to="_state_hooks")


def _of(module: Any, kind: str) -> list[Hook]:
    return [h for h in module._state_hooks if h.kind == kind]


def _has_extra(module: Any) -> bool:
    return type(module).get_extra_state is not Saving.get_extra_state


# --- what a module holds -------------------------------------------------------------------------


def children_of(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield (name, module) of the direct children."""
    for name, value in list(vars(module).items()):
        if isinstance(value, Saving):
            yield name, value


def walk(module: Any, prefix: str = "", last: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield (prefix of its keys, module) for a tree, every parent before (or after) its parts."""
    if not last:
        yield prefix, module
    for name, child in children_of(module):
        yield from walk(child, f"{prefix}{name}.", last)
    if last:
        yield prefix, module


def own_parameters(module: Any) -> Iterator[tuple[str, Parameter]]:
    """Yield (name, parameter) of a module without its children."""
    for name, value in list(vars(module).items()):
        if isinstance(value, Parameter):
            yield name, value


def own_buffers(module: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield (name, buffer) of a module without its children."""
    for name in module._persistent:
        value = vars(module).get(name)
        if value is not None:
            yield name, value


def own_state(module: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield what a state dict holds of a module without its children."""
    yield from own_parameters(module)
    for name, buffer in own_buffers(module):
        if module._persistent[name]:
            yield name, buffer


def named_state(module: Any) -> Iterator[tuple[str, Place]]:
    """Yield (path, place); a shared tensor comes under each of its names, as in PyTorch."""
    for prefix, owner in walk(module):
        for name, tensor in own_state(owner):
            yield prefix + name, Place(owner, name, tensor)


# --- what is given -------------------------------------------------------------------------------


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else make_tensor(np.asarray(value))


def _misfits(places: dict[str, Place], values: dict[str, Tensor]) -> list[str]:
    pairs = [(n, tuple(places[n].tensor.shape), tuple(v.shape)) for n, v in values.items()]
    return [
        f"{name}: {own} in the module, {given} in the state dict"
        for name, own, given in pairs
        if own != given
    ]


def _put(place: Place, value: Tensor, assign: bool) -> None:
    """Copy a value into its place, or hold it there itself."""
    if not assign:
        with no_grad():
            place.tensor.copy_(value)
        return
    if isinstance(place.tensor, Parameter):
        value = Parameter(value.detach(), place.tensor.requires_grad)
    setattr(place.owner, place.name, value)


def _refuse(owner: str, left: IncompatibleKeys, errors: list[str], strict: bool) -> None:
    """Raise when something does not fit, and say all of it."""
    missing, unexpected = left if strict else ([], [])
    if not (missing or unexpected or errors):
        return
    names = "names" if missing or unexpected else "shapes"
    parts = [f"load_state_dict into {owner}: {names} differ, nothing was loaded"]
    if missing:
        parts.append(f"missing in the state dict: {', '.join(missing)}")
    if unexpected:
        parts.append(f"unexpected in the state dict: {', '.join(map(str, unexpected))}")
    parts += errors
    if missing or unexpected:
        parts.append("strict=False loads what matches")
    error = ArgumentError if missing or unexpected else ShapeError
    raise error("\n  ".join(parts))
