"""Element-wise ops, their operators and their in-place forms."""

from typing import Any

import numpy as np

from ...errors import DTypeError, at_user_line
from ...ops import elementwise as ops
from ...ops.build import is_tensor
from .inplace import in_place


def _of_bools(function: Any) -> Any:
    """Return an operator for bool tensors; the bitwise ops of integers do not exist yet."""

    def method(self: Any, *others: Any) -> Any:
        for x in (self, *others):
            dtype = x.value.dtype if is_tensor(x) else np.dtype(type(x))
            if dtype != np.bool_:
                raise DTypeError(
                    at_user_line(
                        f"bitwise operators take bool tensors, got {dtype.name}: use "
                        f"dualgraph.{function.__name__}() for the truth of numbers"
                    )
                )
        return function(self, *others)

    return method


def _comparison(function: Any) -> Any:
    """Return == or !=, which Python may also try with things that are neither tensor nor number."""

    def method(self: Any, other: Any) -> Any:
        if not (is_tensor(other) or isinstance(other, bool | int | float | np.generic)):
            return NotImplemented
        return function(self, other)

    return method


class ElementwiseMethods:
    """Element-wise ops, their operators and their in-place forms."""

    __hash__ = object.__hash__  # == compares elements; a tensor is a key by identity

    __add__ = ops.add
    __sub__ = ops.sub
    __mul__ = ops.mul
    __truediv__ = ops.div
    __pow__ = ops.pow
    __neg__ = ops.neg
    __abs__ = ops.abs
    __invert__ = _of_bools(ops.logical_not)
    __and__ = _of_bools(ops.logical_and)
    __or__ = _of_bools(ops.logical_or)
    __xor__ = _of_bools(ops.logical_xor)
    __eq__ = _comparison(ops.eq)
    __ne__ = _comparison(ops.ne)
    __lt__ = ops.lt
    __le__ = ops.le
    __gt__ = ops.gt
    __ge__ = ops.ge
    add = ops.add
    sub = ops.sub
    mul = ops.mul
    div = ops.div
    neg = ops.neg
    abs = ops.abs
    sign = ops.sign
    pow = ops.pow
    square = ops.square
    reciprocal = ops.reciprocal
    eq = ops.eq
    ne = ops.ne
    lt = ops.lt
    le = ops.le
    gt = ops.gt
    ge = ops.ge
    maximum = ops.maximum
    minimum = ops.minimum
    clamp = ops.clamp
    isnan = ops.isnan
    isinf = ops.isinf
    isfinite = ops.isfinite
    logical_and = ops.logical_and
    logical_or = ops.logical_or
    logical_xor = ops.logical_xor
    logical_not = ops.logical_not
    long = ops.long
    clone = ops.clone
    exp = ops.exp
    exp2 = ops.exp2
    expm1 = ops.expm1
    log = ops.log
    log2 = ops.log2
    log10 = ops.log10
    log1p = ops.log1p
    tanh = ops.tanh
    sigmoid = ops.sigmoid
    relu = ops.relu
    sqrt = ops.sqrt
    rsqrt = ops.rsqrt
    sin = ops.sin
    cos = ops.cos
    erf = ops.erf
    erfc = ops.erfc
    floor = ops.floor
    ceil = ops.ceil
    trunc = ops.trunc
    round = ops.round
    add_ = in_place(ops.add)
    sub_ = in_place(ops.sub)
    mul_ = in_place(ops.mul)
    div_ = in_place(ops.div)
    neg_ = in_place(ops.neg)
    abs_ = in_place(ops.abs)
    pow_ = in_place(ops.pow)
    clamp_ = in_place(ops.clamp)
    exp_ = in_place(ops.exp)
    log_ = in_place(ops.log)
    tanh_ = in_place(ops.tanh)
    sigmoid_ = in_place(ops.sigmoid)
    relu_ = in_place(ops.relu)
    sqrt_ = in_place(ops.sqrt)
    rsqrt_ = in_place(ops.rsqrt)
    sin_ = in_place(ops.sin)
    cos_ = in_place(ops.cos)
    erf_ = in_place(ops.erf)
    floor_ = in_place(ops.floor)
    ceil_ = in_place(ops.ceil)
    trunc_ = in_place(ops.trunc)
    round_ = in_place(ops.round)
    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_
