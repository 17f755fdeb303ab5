"""Trigonometric, hyperbolic and special functions, and their in-place forms."""

from typing import Any

from ...core.types import float64
from ...errors import DTypeError
from ...ops.elementwise import special as ops, trigonometric as plane
from .inplace import in_place


def _polygamma(input: Any, n: int) -> Any:
    """Return ``polygamma(n, input)``: the method has the tensor first."""
    return ops.polygamma(n, input)


_polygamma.__name__ = "polygamma"


def _float_power_(self: Any, exponent: Any) -> Any:
    """Do `float_power` in place and return the tensor, which must be float64."""
    if self.value.dtype != float64:
        got = self.value.dtype.name
        raise DTypeError(f"float_power_: the result is float64, the tensor {got}")
    return _write_power(self, exponent)


_write_power = in_place(ops.float_power)


class SpecialMethods:
    """Trigonometric, hyperbolic and special functions, and their in-place forms."""

    tan = plane.tan
    asin = arcsin = plane.asin
    acos = arccos = plane.acos
    atan = arctan = plane.atan
    atan2 = arctan2 = plane.atan2
    sinh = plane.sinh
    cosh = plane.cosh
    asinh = arcsinh = plane.asinh
    acosh = arccosh = plane.acosh
    atanh = arctanh = plane.atanh
    sinc = plane.sinc
    hypot = plane.hypot
    logit = ops.logit
    logaddexp = ops.logaddexp
    logaddexp2 = ops.logaddexp2
    xlogy = ops.xlogy
    float_power = ops.float_power
    lgamma = ops.lgamma
    digamma = ops.digamma
    polygamma = _polygamma
    mvlgamma = ops.mvlgamma
    erfinv = ops.erfinv
    i0 = ops.i0
    tan_ = in_place(plane.tan)
    asin_ = arcsin_ = in_place(plane.asin)
    acos_ = arccos_ = in_place(plane.acos)
    atan_ = arctan_ = in_place(plane.atan)
    atan2_ = arctan2_ = in_place(plane.atan2)
    sinh_ = in_place(plane.sinh)
    cosh_ = in_place(plane.cosh)
    asinh_ = arcsinh_ = in_place(plane.asinh)
    acosh_ = arccosh_ = in_place(plane.acosh)
    atanh_ = arctanh_ = in_place(plane.atanh)
    sinc_ = in_place(plane.sinc)
    hypot_ = in_place(plane.hypot)
    logit_ = in_place(ops.logit)
    xlogy_ = in_place(ops.xlogy)
    float_power_ = _float_power_
    lgamma_ = in_place(ops.lgamma)
    digamma_ = in_place(ops.digamma)
    polygamma_ = in_place(_polygamma)
    mvlgamma_ = in_place(ops.mvlgamma)
    erfinv_ = in_place(ops.erfinv)
    i0_ = in_place(ops.i0)
