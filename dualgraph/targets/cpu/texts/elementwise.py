"""The text of one element: expressions, and how elements are read from memory and written."""

import numpy as np

from ....core.types import float16
from ....numerics.facts.elementwise import NAMES, Elementwise
from ..prelude import computed, stored

_BOOL, _FLOAT64 = np.dtype("bool"), np.dtype("float64")


def code(
    spec: Elementwise, operands: list[str], dtype: np.dtype, output: np.dtype, index: str = ""
) -> str:
    """Return the Python expression of one element, converted to the output dtype."""
    named = dict(zip(NAMES, operands, strict=False))
    integral = spec.integer and dtype.kind in "iu"
    text = spec.integer if integral else spec.expression
    if spec.types == "t->u":
        text = conversion(dtype, output)
    text = text.format(**named, s=computed(dtype), i=index)
    narrow = output.kind in "iu" or output == float16
    return f"{stored(output)}({text})" if narrow and spec.types != "t->u" else text


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
