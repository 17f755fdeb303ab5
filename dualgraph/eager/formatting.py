"""How a tensor prints: PyTorch's form, on NumPy's array printer."""

from typing import Any

import numpy as np

_DEFAULTS = {"float32", "int64", "bool"}


def format_tensor(x: Any) -> str:
    """Return ``tensor([1., 2.], grad_fn=<MulBackward0>)``; traced, the node instead of numbers."""
    value = x.value
    if not isinstance(value, np.ndarray):
        return f"tensor(<traced {value.dtype.name}{list(value.shape)}>)"
    parts = [_digits(value)]
    if value.dtype.name not in _DEFAULTS:
        parts.append(f"dtype={x.dtype!r}")
    if x.grad_fn is not None:
        parts.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.requires_grad:
        parts.append("requires_grad=True")
    return f"tensor({', '.join(parts)})"


def _digits(value: np.ndarray) -> str:
    if value.dtype.kind != "f":
        return np.array2string(value, separator=", ", prefix="tensor(")
    finite = value[np.isfinite(value)]
    whole = bool(np.all(finite == np.rint(finite)))
    top = float(np.max(np.abs(finite), initial=0.0))
    low = float(np.min(np.abs(finite[finite != 0]), initial=np.inf))
    scientific = top >= 1e8 or low < 1e-4 or (whole is False and top / low > 1e3)

    def one(number: Any) -> str:
        if not np.isfinite(number):
            return str(float(number))
        if scientific:
            return f"{number:.4e}"
        return f"{number:.0f}." if whole else f"{number:.4f}"

    return np.array2string(value, separator=", ", prefix="tensor(", formatter={"float_kind": one})
