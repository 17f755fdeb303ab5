"""Eager kernels of what goes line by line: a gufunc over the last axis."""

from typing import Any

import numpy as np

from ....core.op import Kernel, Op
from ....numerics.facts.routine import Line
from ..prelude import suffix, with_imports
from ..texts.lines import statements, written
from .ufunc import make_gufunc


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
        *("        " + line for line in statements(spec, dtype)),
        "    clear_fp_flags()",
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


def kernel_of(op: Op) -> Kernel:
    """Return ``kernel(x, axis)``; a scalar output drops the axis."""
    spec: Line = op.lower
    written(spec)  # or it fails here, where the op is defined
    table, infer, drops = _Lines(op.name, spec), op.infer, spec.scalar_output

    def kernel(x: np.ndarray, axis: int) -> np.ndarray:
        infer(x, axis)
        y = table[x.dtype.char](np.moveaxis(x, axis, -1), out=...)
        return y if drops else np.moveaxis(y, -1, axis)

    return kernel
