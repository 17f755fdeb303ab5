"""Activations as plain functions of tensors, made only of public ops."""

from math import pi, sqrt

from ...ops.build import Tensor, need
from ...ops.elementwise import (
    add,
    erf,
    mul,
    tanh,
)

_ROOT_HALF = sqrt(0.5)
_ROOT_TWO_OVER_PI = sqrt(2.0 / pi)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016).

    ``approximate="tanh"`` takes x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))).
    """
    need(approximate in ("none", "tanh"), f"gelu: approximate is none or tanh, not {approximate!r}")
    if approximate == "none":
        return mul(mul(input, 0.5), add(erf(mul(input, _ROOT_HALF)), 1.0))
    cubic = mul(mul(mul(input, input), input), 0.044715)
    inner = mul(add(input, cubic), _ROOT_TWO_OVER_PI)
    return mul(mul(input, 0.5), add(tanh(inner), 1.0))
