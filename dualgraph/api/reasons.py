"""The keys of traces, written as people would write the calls."""

from typing import Any, TypeGuard, cast

import numpy as np

from ..trace.tree import Leaf

LONGEST = 120  # characters


def new_key_reason(old: Any, new: Any) -> str:
    """Say in what the key of a new trace differs from that of the one before."""
    for (what, write), before, now in zip(_PARTS, old, new, strict=True):
        if before != now:
            return f"{what} are new: {_brief(write(now))} after {_brief(write(before))}"
    return "new arguments"


def tensors_text(kinds: Any) -> str:
    """Return shapes and dtypes of tensors.

    >>> tensors_text((((2, 3), "f", True), ((), "l", False)))
    'float32 (2, 3) with gradient, int64 ()'
    """
    return ", ".join([_tensor_text(*kind) for kind in kinds]) or "none"


def _tensor_text(shape: Any, char: str, requires_grad: bool) -> str:
    return f"{np.dtype(char).name} {tuple(shape)}" + " with gradient" * requires_grad


def call_text(key: Any) -> str:
    """Return frozen args and kwargs without brackets around them.

    >>> from dualgraph.trace.guards import frozen_tree
    >>> args, kwargs = (1, [2.5, "a"], ((), ())), {"p": None}
    >>> call_text((frozen_tree(args, []), frozen_tree(kwargs, [])))
    "1, [2.5, 'a'], ((), ()), p=None"
    """
    args, kwargs = key
    named = [f"{name}={tree_text(value)}" for name, value in kwargs[1]] if kwargs else []
    return ", ".join([*[tree_text(arg) for arg in args[1]], *named])


def tree_text(key: Any) -> str:
    """Return what `guards.frozen_tree` was given, with ``tensor`` for every tensor."""
    if key is Leaf:
        return "tensor"
    if not _is_pair(key):
        return repr(key)
    kind, held = key
    if issubclass(kind, dict):
        return "{" + ", ".join([f"{tree_text(k)}: {tree_text(v)}" for k, v in held]) + "}"
    if issubclass(kind, tuple | list) and type(held) is tuple:
        inside = ", ".join(map(tree_text, cast("tuple[Any, ...]", held)))
        return f"[{inside}]" if issubclass(kind, list) else f"({inside})"
    return held if kind in (float, complex, slice, range) else repr(held)


def _is_pair(key: Any) -> TypeGuard[tuple[type, Any]]:
    """Tell a kind with what it holds."""
    pair = cast("tuple[Any, ...]", key) if isinstance(key, tuple) else ()
    return len(pair) == 2 and isinstance(pair[0], type)


def _brief(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


_PARTS = (
    ("tensors", tensors_text),
    ("other arguments", call_text),
    ("grad mode", str),
    ("default dtype", str),
    ("places of repeated tensors", str),
)
