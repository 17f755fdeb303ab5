"""Eager kernels of what goes line by line: a gufunc over the last axis."""

from typing import Any

import numpy as np

from ....core.op import Kernel, Op
from ....numerics.facts.routine import Line
from ..arguments import Block
from ..prelude import suffix, with_imports
from ..texts.lines import statements, written
from .ufunc import make_gufunc


def _eager_source(spec: Line, dtype: np.dtype) -> str:
    output, a = spec.output_type(dtype), Block.of("x y").words()
    dims, step = Block.of("count n").words("d"), Block.of("x y sx sy").words("c")
    lines = [
        "def KERNEL(args, dims, steps, data):",
        "    a = ptr_i8(args)",
        "    d = ptr_i8(dims)",
        "    c = ptr_i8(steps)",
        f"    n = {dims.n}",
        f"    sx = {step.sx} // {dtype.itemsize}",
        *([] if spec.scalar_output else [f"    sy = {step.sy} // {output.itemsize}"]),
        f"    for line in range({dims.count}):",
        f"        x = ptr_{suffix(dtype)}({a.x} + line * {step.x})",
        f"        y = ptr_{suffix(output)}({a.y} + line * {step.y})",
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
