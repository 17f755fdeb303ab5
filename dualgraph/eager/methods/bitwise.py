"""Bitwise ops of integers and bools, with their operators."""

from ...ops.elementwise import bitwise as ops
from .inplace import in_place, reflected


class BitwiseMethods:
    """Bitwise ops of integers and bools, with their operators."""

    bitwise_not = ops.bitwise_not
    bitwise_and = ops.bitwise_and
    bitwise_or = ops.bitwise_or
    bitwise_xor = ops.bitwise_xor
    bitwise_left_shift = ops.bitwise_left_shift
    bitwise_right_shift = ops.bitwise_right_shift
    bitwise_not_ = in_place(ops.bitwise_not)
    bitwise_and_ = in_place(ops.bitwise_and)
    bitwise_or_ = in_place(ops.bitwise_or)
    bitwise_xor_ = in_place(ops.bitwise_xor)
    bitwise_left_shift_ = in_place(ops.bitwise_left_shift)
    bitwise_right_shift_ = in_place(ops.bitwise_right_shift)
    __invert__ = ops.bitwise_not
    __and__ = ops.bitwise_and
    __or__ = ops.bitwise_or
    __xor__ = ops.bitwise_xor
    __lshift__ = ops.bitwise_left_shift
    __rshift__ = ops.bitwise_right_shift
    __rand__ = reflected(ops.bitwise_and)
    __ror__ = reflected(ops.bitwise_or)
    __rxor__ = reflected(ops.bitwise_xor)
    __rlshift__ = reflected(ops.bitwise_left_shift)
    __rrshift__ = reflected(ops.bitwise_right_shift)
    __iand__ = bitwise_and_
    __ior__ = bitwise_or_
    __ixor__ = bitwise_xor_
    __ilshift__ = bitwise_left_shift_
    __irshift__ = bitwise_right_shift_
