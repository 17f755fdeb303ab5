"""Ops that work along one axis, line by line: argmax, argmin, cumsum.

A `Line` record holds statements that read ``x[i * sx]`` for i < n and write ``y``. The chain is the
plain ascending one, so that the order is the op's own definition.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .prelude import plus, suffix, with_imports
from .ufunc import make_gufunc


@dataclass(frozen=True, slots=True)
class Line:
    """Statements over one line: ``{s}`` is the dtype's suffix, ``{nan}`` a test for NaN, ``{sum}``
    the next running total."""

    body: tuple[str, ...]
    scalar_output: bool
    output: np.dtype | None = None  # None: the input's dtype

    def statements(self, dtype: np.dtype) -> list[str]:
        nan = "{e} != {e}" if dtype.kind == "f" else "False"
        total = plus("total", "x[i * sx]", dtype)
        return [t.format(s=suffix(dtype), nan=nan.format(e="e"), sum=total) for t in self.body]

    def output_type(self, dtype: np.dtype) -> np.dtype:
        return self.output or dtype


def _arg(better: str) -> Line:
    """The first position of the extreme value; a NaN wins over all, the first one over others."""
    return Line(
        (
            "best = x[0]",
            "at = 0",
            "for i in range(1, n):",
            "    if best != best:",
            "        break",
            "    e = x[i * sx]",
            f"    if e {better} best or {{nan}}:",
            "        best = e",
            "        at = i",
            "y[0] = at",
        ),
        True,
        np.dtype("int64"),
    )


ARGMAX, ARGMIN = _arg(">"), _arg("<")
CUMSUM = Line(
    (
        "total = {s}(0)",
        "for i in range(n):",
        "    total = {sum}",
        "    y[i * sy] = total",
    ),
    False,
)


def _eager_source(spec: Line, dtype: np.dtype) -> str:
    output = spec.output_type(dtype)
    lines = [
        "def KERNEL(args, dims, steps, data):",
        "    a = ptr_i8(args)",
        "    d = ptr_i8(dims)",
        "    c = ptr_i8(steps)",
        "    n = d[1]",
        f"    sx = c[2] // {dtype.itemsize}",
        *([] if spec.scalar_output else [f"    sy = c[3] // {output.itemsize}"]),
        "    for line in range(d[0]):",
        f"        x = ptr_{suffix(dtype)}(a[0] + line * c[0])",
        f"        y = ptr_{suffix(output)}(a[1] + line * c[1])",
        *("        " + line for line in spec.statements(dtype)),
        "    clear_fp_flags()",
        "",
    ]
    return with_imports("\n".join(lines))


def program_text(spec: Line, dtype: np.dtype) -> str:
    """Return the kernel that programs call, one line an item.

    Arguments: x, y; n, Q; strides of x over (P, n, Q); strides of y over (P, n, Q), in elements.
    """
    output = spec.output_type(dtype)
    lines = [
        "def KERNEL(args, lo, hi):",
        "    a = ptr_i8(args)",
        "    n, Q, sx, sy = a[2], a[3], a[5], a[8]",
        "    for line in range(lo, hi):",
        "        p = line // Q",
        "        q = line - p * Q",
        f"        x = ptr_{suffix(dtype)}(a[0] + (p * a[4] + q * a[6]) * {dtype.itemsize})",
        f"        y = ptr_{suffix(output)}(a[1] + (p * a[7] + q * a[9]) * {output.itemsize})",
        *("        " + line for line in spec.statements(dtype)),
        "",
    ]
    return with_imports("\n".join(lines))


class _Lines(dict[str, Any]):
    def __init__(self, name: str, spec: Line) -> None:
        super().__init__()
        self.name, self.spec = name, spec

    def __missing__(self, char: str) -> Any:
        dtype = np.dtype(char)
        output = self.spec.output_type(dtype)
        text = _eager_source(self.spec, dtype)
        signature = "(n)->()" if self.spec.scalar_output else "(n)->(n)"
        self[char] = make_gufunc(text, (dtype,), output, f"{self.name}_{suffix(dtype)}", signature)
        return self[char]


def eager_kernel(name: str, spec: Line) -> Any:
    """Return ``kernel(x, axis)``; a scalar output drops the axis."""
    table = _Lines(name, spec)

    def kernel(x: np.ndarray, axis: int) -> np.ndarray:
        y = table[x.dtype.char](np.moveaxis(x, axis, -1), out=...)
        return y if spec.scalar_output else np.moveaxis(y, -1, axis)

    return kernel
