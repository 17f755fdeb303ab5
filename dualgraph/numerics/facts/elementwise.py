"""Element-wise ops: one expression of typed scalars, whoever computes it.

In the expression ``{x}``, ``{y}``, ``{z}`` stand for the inputs in order, ``{s}`` for the suffix of
the computing dtype, ``{i}`` for the linear index of the element. Types are letters: ``t`` the
computing dtype, ``b`` bool, ``l`` int64, ``u`` the dtype given by the static argument ``dtype``. On
float16 an expression computes in float32 and its value is rounded once.
"""

from dataclasses import dataclass

import numpy as np

from ...core.op import Facts

NAMES = ("x", "y", "z")
_BOOL, _INT64 = np.dtype("bool"), np.dtype("int64")


@dataclass(frozen=True, slots=True)
class Elementwise(Facts):
    """How one element is computed; ``types`` such as ``"tt->t"``."""

    expression: str
    types: str = "t->t"
    integer: str = ""  # the expression for integers, where + - * must wrap (Numba's may not)

    @property
    def indexed(self) -> bool:
        """True when the value depends on the element's index (random numbers, arange)."""
        return "{i}" in self.expression

    @property
    def converts(self) -> bool:
        """True when the static ``dtype`` says what comes out, as of a cast."""
        return self.types[-1] == "u"

    @property
    def inputs(self) -> str:
        """The letters of the inputs' types."""
        return self.types.partition("->")[0]

    def input_types(self, dtype: np.dtype) -> tuple[np.dtype, ...]:
        """Return the dtypes of the inputs for a computing dtype."""
        return tuple({"t": dtype, "b": _BOOL, "l": _INT64}[c] for c in self.inputs)

    def output_type(self, dtype: np.dtype, target: np.dtype | None) -> np.dtype:
        """Return the dtype of the result; ``target`` is the static ``dtype`` of a conversion."""
        if self.converts:
            assert target is not None
            return target
        return _BOOL if self.types[-1] == "b" else dtype
