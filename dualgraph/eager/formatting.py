"""How a tensor prints: PyTorch's form.

All numbers of a tensor have one width and one notation: integers with a point, four digits after
it, or scientific when the largest is more than a thousand times the smallest, above 1e8, or the
smallest is below 1e-4. Lines have 80 characters; above 1000 elements three at each end are shown.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

_DEFAULTS = {"float32", "int64", "bool"}
_LINE, _EDGE, _THRESHOLD = 80, 3, 1000
_PREFIX = "tensor("
_Show = Callable[[Any], str]


def format_tensor(x: Any) -> str:
    """Return ``tensor([1., 2.], grad_fn=<MulBackward0>)``; traced, the node instead of numbers."""
    value = x.value
    if not isinstance(value, np.ndarray):
        return f"tensor(<traced {value.dtype.name}{list(value.shape)}>)"
    notes = []
    if not value.size and value.ndim != 1:
        notes.append(f"size={tuple(value.shape)}")
    if value.dtype.name not in (_DEFAULTS if value.size else {"float32"}):
        notes.append(f"dtype={x.dtype!r}")
    if x.grad_fn is not None:
        notes.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.tracked:
        notes.append("requires_grad=True")
    return _with_notes(_PREFIX + _numbers(value), notes)


def _with_notes(text: str, notes: list[str]) -> str:
    """Append notes, on a line of their own when the last one is full."""
    used = len(text) - text.rfind("\n")
    for note in notes:
        if used + len(note) + 3 > _LINE:
            text += ",\n" + " " * len(_PREFIX) + note
            used = len(_PREFIX) + len(note) - 1
        else:
            text += f", {note}"
            used += len(note) + 2
    return text + ")"


def _numbers(value: np.ndarray) -> str:
    if not value.size:
        return "[]"
    short = value.size > _THRESHOLD
    width, show = _style(_ends(value) if short else value)
    return _block(value, len(_PREFIX), short, width, show)


def _ends(value: np.ndarray) -> np.ndarray:
    """Return the elements that are shown of a long tensor."""
    for axis, extent in enumerate(value.shape):
        if extent > 2 * _EDGE:
            value = value.take([*range(_EDGE), *range(extent - _EDGE, extent)], axis=axis)
    return value


def _style(value: np.ndarray) -> tuple[int, _Show]:
    """Return the common width and the function that shows one number."""
    if value.dtype.kind != "f":
        width = max(len(str(v)) for v in value.ravel().tolist())
        return width, lambda v: f"{v!s:>{width}}"
    numbers = value[np.isfinite(value) & (value != 0)].astype(np.float64)
    if not numbers.size:
        return 1, lambda v: _whole(v)
    sizes = np.abs(numbers)
    low, top = float(sizes.min()), float(sizes.max())
    if top / low > 1000.0 or top > 1e8 or low < 1e-4:
        show: _Show = lambda v: f"{v:.4e}"  # noqa: E731
    elif np.all(numbers == np.rint(numbers)):
        show = _whole
    else:
        show = lambda v: f"{v:.4f}"  # noqa: E731
    width = max(len(show(v)) for v in numbers.tolist())
    return width, lambda v: show(v).rjust(width)


def _whole(v: float) -> str:
    return f"{v:.0f}." if np.isfinite(v) else f"{v:.0f}"


def _block(value: np.ndarray, indent: int, short: bool, width: int, show: _Show) -> str:
    """Return nested brackets, each axis one column further to the right."""
    if not value.ndim:
        return show(value.item())
    cut = short and value.shape[0] > 2 * _EDGE
    parts = [*value[:_EDGE], *value[-_EDGE:]] if cut else list(value)
    if value.ndim == 1:
        shown = [show(v.item()) for v in parts]
        if cut:
            shown.insert(_EDGE, " ...")
        count = max(1, (_LINE - indent) // (width + 2))
        lines = [", ".join(shown[i : i + count]) for i in range(0, len(shown), count)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    shown = [_block(p, indent + 1, short, width, show) for p in parts]
    if cut:
        shown.insert(_EDGE, "...")
    return "[" + ("," + "\n" * (value.ndim - 1) + " " * (indent + 1)).join(shown) + "]"
