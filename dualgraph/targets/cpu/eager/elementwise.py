"""Eager kernels of element-wise ops: a ufunc for each dtype, made of a native loop of our own."""

from math import prod
from typing import Any

import numpy as np

from ....core.op import Kernel, Op
from ....numerics.facts.elementwise import Elementwise
from ..prelude import stored, with_imports
from ..texts.elementwise import code, load, store
from .ufunc import make_ufunc


def loop_source(spec: Elementwise, dtype: np.dtype, output: np.dtype) -> str:
    """Return the source of a ufunc inner loop: contiguous, scalar operand, or any strides."""
    inputs = spec.input_types(dtype)
    count = len(inputs)
    contiguous = " and ".join(f"s[{j}] == {d.itemsize}" for j, d in enumerate((*inputs, output)))
    lines = ["def KERNEL(args, dims, steps, data):"]
    lines += ["    a = ptr_i8(args)", "    s = ptr_i8(steps)", "    n = ptr_i8(dims)[0]"]
    for j, d in enumerate((*inputs, output)):
        lines.append(f"    p{j} = ptr_{stored(d)}(a[{j}])")
    body = _loop(spec, inputs, dtype, output, frozenset())
    lines += [f"    if {contiguous}:", *body]
    for scalar in range(count) if count == 2 else ():
        test = contiguous.replace(f"s[{scalar}] == {inputs[scalar].itemsize}", f"s[{scalar}] == 0")
        lines += [f"    elif {test}:", *_loop(spec, inputs, dtype, output, frozenset({scalar}))]
    lines += ["    else:", *_strided(spec, inputs, dtype, output), "    clear_fp_flags()", ""]
    return with_imports("\n".join(lines))


def _loop(
    spec: Elementwise,
    inputs: tuple[np.dtype, ...],
    dtype: np.dtype,
    output: np.dtype,
    scalars: frozenset[int],
) -> list[str]:
    lines = [f"        v{j} = {load(f'p{j}', '0', inputs[j])}" for j in sorted(scalars)]
    terms = [f"v{j}" if j in scalars else load(f"p{j}", "i", d) for j, d in enumerate(inputs)]
    value = _call(spec, terms, dtype, output)
    lines += ["        for i in range(n):"]
    lines += [f"            {store(f'p{len(inputs)}', 'i', value, output)}"]
    return lines


def _strided(
    spec: Elementwise, inputs: tuple[np.dtype, ...], dtype: np.dtype, output: np.dtype
) -> list[str]:
    terms = [load(f"ptr_{stored(d)}(a[{j}] + i * s[{j}])", "0", d) for j, d in enumerate(inputs)]
    value = _call(spec, terms, dtype, output)
    last = len(inputs)
    target = f"ptr_{stored(output)}(a[{last}] + i * s[{last}])"
    return ["        for i in range(n):", f"            {store(target, '0', value, output)}"]


def _call(spec: Elementwise, terms: list[str], dtype: np.dtype, output: np.dtype) -> str:
    """Name the operands before use: an expression may mention one twice."""
    if spec.indexed:  # eager passes the indices as the first operand
        return code(spec, terms[1:], dtype, output, terms[0])
    return code(spec, terms, dtype, output)


class LoopTable(dict[str, Any]):
    """The ufuncs of one op by dtype character, compiled when first needed."""

    def __init__(self, name: str, spec: Elementwise) -> None:
        super().__init__()
        self.name, self.spec = name, spec

    def __missing__(self, key: str) -> Any:
        dtype = np.dtype(key[0])
        target = np.dtype(key[1]) if len(key) > 1 else None
        output = self.spec.output_type(dtype, target)
        name = f"{self.name}_{stored(dtype)}" + (f"_{stored(output)}" if target else "")
        text = loop_source(self.spec, dtype, output)
        self[key] = make_ufunc(text, self.spec.input_types(dtype), output, name)
        return self[key]


def kernel_of(op: Op) -> Kernel:
    """Return the eager kernel of an element-wise op; its last input has the computing dtype."""
    spec: Elementwise = op.lower
    table = LoopTable(op.name, spec)
    if spec.indexed:
        return _over_indices(table)
    match len(spec.inputs):
        case _ if spec.converts:
            return _converting(table)
        case 1:
            return _of_one(table)
        case 2:
            return _of_two(table)
        case _:
            return _of_three(table)


def _converting(table: LoopTable) -> Kernel:
    def kernel(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return table[x.dtype.char + dtype.char](x, out=...)

    return kernel


def _of_one(table: LoopTable) -> Kernel:
    def kernel(x: np.ndarray) -> np.ndarray:
        return table[x.dtype.char](x, out=...)

    return kernel


def _of_two(table: LoopTable) -> Kernel:
    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return table[y.dtype.char](x, y, out=...)

    return kernel


def _of_three(table: LoopTable) -> Kernel:
    def kernel(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return table[z.dtype.char](x, y, z, out=...)

    return kernel


def _over_indices(table: LoopTable) -> Kernel:
    def kernel(*arrays: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        index = np.arange(prod(shape)).reshape(shape)
        return table[dtype.char](index, *arrays, out=...)

    return kernel
