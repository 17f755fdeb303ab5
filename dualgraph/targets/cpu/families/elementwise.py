"""Element-wise ops: one expression of typed scalars, used by the eager ufunc and by fused loops.

An `Elementwise` record says the expression and the types. In the expression ``{x}``, ``{y}``,
``{z}`` stand for the inputs in order, ``{s}`` for the suffix of the computing dtype, ``{i}`` for
the linear index of the element. Types are letters: ``t`` the computing dtype, ``b`` bool, ``l``
int64, ``u`` the dtype given by the static argument ``dtype``. On float16 an expression computes in
float32 and its value is rounded once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.types import float16
from ..prelude import computed, stored, with_imports
from ..ufunc import make_ufunc

NAMES = ("x", "y", "z")
_BOOL, _INT64, _FLOAT64 = np.dtype("bool"), np.dtype("int64"), np.dtype("float64")


@dataclass(frozen=True, slots=True)
class Elementwise:
    """How one element is computed; ``types`` such as ``"tt->t"``."""

    expression: str
    types: str = "t->t"
    integer: str = ""  # the expression for integers, where + - * must wrap (Numba's may not)

    @property
    def indexed(self) -> bool:
        """True when the value depends on the element's index (random numbers, arange)."""
        return "{i}" in self.expression

    def input_types(self, dtype: np.dtype) -> tuple[np.dtype, ...]:
        letters = self.types.partition("->")[0]
        return tuple({"t": dtype, "b": _BOOL, "l": _INT64}[c] for c in letters)

    def output_type(self, dtype: np.dtype, target: np.dtype | None) -> np.dtype:
        """Return the dtype of the result; ``target`` is the static ``dtype`` of a conversion."""
        letter = self.types[-1]
        if letter == "u":
            assert target is not None
            return target
        return _BOOL if letter == "b" else dtype

    def code(self, operands: list[str], dtype: np.dtype, output: np.dtype, index: str = "") -> str:
        """Return the Python expression of one element, converted to the output dtype."""
        named = dict(zip(NAMES, operands, strict=False))
        integral = self.integer and dtype.kind in "iu"
        text = self.integer if integral else self.expression
        if self.types == "t->u":
            text = conversion(dtype, output)
        text = text.format(**named, s=computed(dtype), i=index)
        narrow = output.kind in "iu" or output == float16
        return f"{stored(output)}({text})" if narrow and self.types != "t->u" else text


def conversion(source: np.dtype, target: np.dtype) -> str:
    """Return the expression of a cast: floats saturate into integers, NaN becomes 0."""
    if target == _BOOL:
        return "({x} != 0)" if source != _BOOL else "{x}"
    if source.kind == "f" and target.kind in "iu":
        return f"sat_{stored(target)}({{x}})"
    if source == _FLOAT64 and target == float16:
        return "f2(odd_f4({x}))"  # through float32 as it stands, it would be rounded twice
    if source == _BOOL:
        return f"{stored(target)}(1 if {{x}} else 0)"
    return f"{stored(target)}({{x}})"


def load(pointer: str, index: str, dtype: np.dtype) -> str:
    """Return the expression that reads an element (a bool is stored as a byte)."""
    if dtype == float16:
        return f"from_bits_f2({pointer}[{index}])"
    return f"({pointer}[{index}] != 0)" if dtype == _BOOL else f"{pointer}[{index}]"


def store(pointer: str, index: str, value: str, dtype: np.dtype) -> str:
    """Return the statement that writes an element."""
    if dtype == float16:
        value = f"bits_f2({value})"
    return f"{pointer}[{index}] = {f'u1({value})' if dtype == _BOOL else value}"


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
        return spec.code(terms[1:], dtype, output, terms[0])
    return spec.code(terms, dtype, output)


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


def eager_kernel(name: str, spec: Elementwise) -> Any:
    """Return the eager kernel of an element-wise op; its last input has the computing dtype."""
    table = LoopTable(name, spec)
    match len(spec.types.partition("->")[0]):
        case _ if spec.types[-1] == "u":
            return lambda x, dtype: table[x.dtype.char + dtype.char](x, out=...)
        case 1:
            return lambda x: table[x.dtype.char](x, out=...)
        case 2:
            return lambda x, y: table[y.dtype.char](x, y, out=...)
        case _:
            return lambda x, y, z: table[z.dtype.char](x, y, z, out=...)
