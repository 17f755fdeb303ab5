"""What a row of the module table is: a way of making a module, what goes in, and how it runs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

TRAIN, EVAL = (True,), (False,)
BOTH = (True, False)


class ModuleRow(NamedTuple):
    """A module and inputs: shapes (of normal numbers) or arrays; ``given`` by keyword.

    Arguments may be arrays, which become tensors, and `Made`.
    """

    name: str
    args: tuple = ()
    options: dict[str, Any] = {}  # noqa: RUF012
    inputs: tuple = ((2, 3, 4),)
    given: dict[str, Any] = {}  # noqa: RUF012
    modes: tuple[bool, ...] = EVAL  # run bit for bit in both frontends; against PyTorch in both
    random: bool = False  # draws numbers while training: no comparison with PyTorch there
    positive: bool = False  # the inputs lie in (0, 1)
    why: str = ""  # where PyTorch cannot be the reference
    draws: bool = False  # draws in evaluation mode too


class Made(NamedTuple):
    """An argument that is made with the modules of either library."""

    of: Callable[[Any], Any]


def row(name: str, *args: Any, **kwargs: Any) -> ModuleRow:
    facts = {k: kwargs.pop(k) for k in ModuleRow._fields if k in kwargs}
    args = facts.pop("args", args)
    return ModuleRow(name, args, {**facts.pop("options", {}), **kwargs}, **facts)


def made(space: Any, value: Any) -> Any:
    """Return an argument for a library: dualgraph or torch."""
    if isinstance(value, Made):
        return value.of(space.nn)
    return space.tensor(value) if isinstance(value, np.ndarray) else value


def module_of(space: Any, row: ModuleRow) -> Any:
    """Return the module of a row, of dualgraph or torch."""
    args = [made(space, a) for a in row.args]
    options = {k: made(space, v) for k, v in row.options.items()}
    return getattr(space.nn, row.name)(*args, **options)
