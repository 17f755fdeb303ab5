"""The options that `compile` takes by PyTorch's names; what can have no effect here is said."""

import warnings
from collections.abc import Iterator
from typing import Any

from ..errors import ArgumentError, CompileOptionWarning
from ..targets.registry import target

_MODES = {
    "default": "",
    "reduce-overhead": "a call of a program is one native call already",
    "max-autotune": "which kernel is the quickest must not decide about bits",
    "max-autotune-no-cudagraphs": "which kernel is the quickest must not decide about bits",
}


def check_names(backend: str, mode: str | None) -> None:
    """Raise `ArgumentError` for a backend or a mode that there is not."""
    try:
        target(backend)
    except ArgumentError as error:
        text = f"compile: {error.args[0]}; disable=True leaves a function as it is"
        raise ArgumentError(text) from None
    if mode is not None and mode not in _MODES:
        raise ArgumentError(
            f"compile: there is no mode {mode!r}; PyTorch's are {', '.join(_MODES)}, and they all "
            "mean the same here"
        )


def warn_of_idle(
    *, fullgraph: bool, dynamic: bool | None, mode: str | None, options: dict[str, Any] | None
) -> None:
    """Warn of every option that was given and changes nothing."""
    for option, why in _idle(fullgraph, dynamic, mode, options):
        text = f"compile: {option} has no effect: {why}"
        warnings.warn(CompileOptionWarning(text), stacklevel=3)


def _idle(
    fullgraph: bool, dynamic: bool | None, mode: str | None, options: dict[str, Any] | None
) -> Iterator[tuple[str, str]]:
    """Yield each option without effect, with the reason."""
    if not fullgraph:
        yield (
            "fullgraph=False",
            "a graph is always whole, and what it cannot hold is an error that names the line",
        )
    if dynamic:
        yield (
            "dynamic=True",
            "each shape has a trace of its own; pad to a few shapes where there would be many",
        )
    if mode is not None and _MODES[mode]:
        yield f"mode={mode!r}", _MODES[mode]
    if options:
        yield f"options={options!r}", "they are settings of PyTorch's compiler"
