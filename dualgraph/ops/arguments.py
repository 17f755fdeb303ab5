"""Arguments that many functions take in PyTorch's way: tensors, lists of them, options."""

from typing import Any, cast

from ..errors import ArgumentError, ArgumentTypeError, DTypeError, described
from .build import Tensor, need, need_tensor

IGNORED = frozenset({"layout", "pin_memory", "memory_format", "non_blocking"})


def tensor_list(name: str, given: Any) -> list[Tensor]:
    """Return a list of tensors, at least one; raise `DTypeError` for anything else."""
    if not isinstance(given, tuple | list):
        raise DTypeError(f"{name}: expected a list of tensors, got {type(given).__name__}")
    found = list(cast("tuple[Any, ...]", given))
    need(len(found) > 0, f"{name}: expected at least one tensor")
    return [need_tensor(name, x) for x in found]


def several(name: str, given: tuple[Any, ...]) -> list[Tensor]:
    """Accept ``f(a, b)`` and ``f([a, b])`` for tensors."""
    if len(given) == 1 and isinstance(given[0], tuple | list):
        return tensor_list(name, given[0])
    return tensor_list(name, given)


def listed(given: Any) -> tuple[Any, ...]:
    """Return a tuple for one thing or a list of them."""
    return tuple(cast("tuple[Any, ...]", given)) if isinstance(given, tuple | list) else (given,)


def need_int(name: str, what: str, x: Any) -> int:
    """Return an int; raise `ArgumentTypeError` for anything else."""
    try:
        whole = None if isinstance(x, bool) else x.__index__()
    except (AttributeError, TypeError):
        whole = None
    if whole is None:
        raise ArgumentTypeError(f"{name}: {what} must be an int, got {described(x)}")
    return whole


def check_options(name: str, device: Any, options: dict[str, Any]) -> None:
    """Accept what says where memory lies: the device is the CPU, layouts are not chosen.

    Raises `ArgumentError` for another device and for names that PyTorch does not know either.
    """
    check_device(name, device)
    unknown = sorted(options.keys() - IGNORED)
    need(not unknown, f"{name}: unexpected argument {', '.join(unknown)}")


def check_device(name: str, device: Any) -> None:
    """Raise `ArgumentError` unless the device is None or the CPU."""
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise ArgumentError(f"{name}: device {str(device)!r} does not exist; the only one is 'cpu'")
