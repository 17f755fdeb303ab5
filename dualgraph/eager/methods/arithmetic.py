"""Division with rounding, and other arithmetic beyond the four operations."""

from ...ops.elementwise import arithmetic as ops, division
from .inplace import in_place, reflected


class ArithmeticMethods:
    """Division with rounding, and other arithmetic beyond the four operations."""

    __pos__ = ops.positive
    __floordiv__ = division.floor_divide
    __rfloordiv__ = reflected(division.floor_divide)
    __mod__ = division.remainder
    __rmod__ = reflected(division.remainder)
    div = division.div
    divide = division.div
    floor_divide = division.floor_divide
    remainder = division.remainder
    fmod = division.fmod
    positive = ops.positive
    frac = ops.frac
    round = ops.round
    lerp = ops.lerp
    addcmul = ops.addcmul
    addcdiv = ops.addcdiv
    deg2rad = ops.deg2rad
    rad2deg = ops.rad2deg
    div_ = in_place(division.div)
    divide_ = div_
    floor_divide_ = in_place(division.floor_divide)
    remainder_ = in_place(division.remainder)
    fmod_ = in_place(division.fmod)
    frac_ = in_place(ops.frac)
    round_ = in_place(ops.round)
    lerp_ = in_place(ops.lerp)
    addcmul_ = in_place(ops.addcmul)
    addcdiv_ = in_place(ops.addcdiv)
    deg2rad_ = in_place(ops.deg2rad)
    rad2deg_ = in_place(ops.rad2deg)
    __ifloordiv__ = floor_divide_
    __imod__ = remainder_
