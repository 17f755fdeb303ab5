"""Ops that choose or compare, and the activations that PyTorch has as methods."""

from typing import Any

from ...ops.elementwise import activations, pointwise as elementwise, rectifiers, selection as ops
from .inplace import in_place


class SelectionMethods:
    """Ops that choose or compare, and the activations that PyTorch has as methods."""

    fmax = ops.fmax
    fmin = ops.fmin
    clamp_min = ops.clamp_min
    clamp_max = ops.clamp_max
    copysign = ops.copysign
    heaviside = ops.heaviside
    signbit = ops.signbit
    isposinf = ops.isposinf
    isneginf = ops.isneginf
    isreal = ops.isreal
    nan_to_num = ops.nan_to_num
    isclose = ops.isclose
    allclose = ops.allclose
    equal = ops.equal
    prelu = rectifiers.prelu
    hardshrink = activations.hardshrink
    clamp_min_ = in_place(ops.clamp_min)
    clamp_max_ = in_place(ops.clamp_max)
    copysign_ = in_place(ops.copysign)
    heaviside_ = in_place(ops.heaviside)
    nan_to_num_ = in_place(ops.nan_to_num)

    def where(self, condition: Any, other: Any) -> Any:
        """Return this tensor where the condition holds and ``other`` elsewhere."""
        return elementwise.where(condition, self, other)
