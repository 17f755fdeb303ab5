"""What a state dict must fit, and the one error that lists everything that does not."""

from typing import Any, NamedTuple

import numpy as np

from ..eager.construct import tensor as make_tensor
from ..eager.tensor import Tensor
from ..errors import ArgumentError, ShapeError, at_user_line


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` did not match."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def matched(
    owner: str, own: dict[str, Tensor], given: Any, strict: bool
) -> tuple[dict[str, Tensor], IncompatibleKeys]:
    """Return the values that fit, by name, and the names that do not.

    Raises `ShapeError` when only shapes differ, `ArgumentError` when names do: both list all.
    """
    missing = [name for name in own if name not in given]
    unexpected = [name for name in given if name not in own]
    values = {name: _tensor(given[name]) for name in own if name in given}
    shapes = [
        f"{name}: {tuple(own[name].shape)} in the module, {tuple(value.shape)} in the state dict"
        for name, value in values.items()
        if tuple(own[name].shape) != tuple(value.shape)
    ]
    wrong = strict and (missing or unexpected)
    if wrong or shapes:
        said = _mismatch(owner, *((missing, unexpected) if strict else ([], [])), shapes)
        raise (ArgumentError if wrong else ShapeError)(at_user_line(said))
    return values, IncompatibleKeys(missing, unexpected)


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else make_tensor(np.asarray(value))


def _mismatch(owner: str, missing: list[str], unexpected: list[str], shapes: list[str]) -> str:
    names = "names" if missing or unexpected else "shapes"
    parts = [f"load_state_dict into {owner}: {names} differ, nothing was loaded"]
    if missing:
        parts.append(f"missing in the state dict: {', '.join(missing)}")
    if unexpected:
        parts.append(f"unexpected in the state dict: {', '.join(map(str, unexpected))}")
    parts += shapes
    if missing or unexpected:
        parts.append("strict=False loads what matches")
    return "\n  ".join(parts)
