"""Element-wise ops, their operators and their in-place forms."""

from typing import Any

import numpy as np

from ...ops.build import is_tensor
from ...ops.elementwise import elementary, pointwise as ops
from .inplace import in_place


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
    __pow__ = elementary.pow
    __neg__ = ops.neg
    __abs__ = ops.abs
    __eq__ = _comparison(ops.eq)
    __ne__ = _comparison(ops.ne)
    __lt__ = ops.lt
    __le__ = ops.le
    __gt__ = ops.gt
    __ge__ = ops.ge
    add = ops.add
    sub = ops.sub
    subtract = ops.sub
    mul = ops.mul
    multiply = ops.mul
    true_divide = ops.div
    neg = ops.neg
    negative = ops.neg
    abs = ops.abs
    absolute = ops.abs
    sign = ops.sign
    sgn = ops.sign
    pow = elementary.pow
    square = ops.square
    reciprocal = ops.reciprocal
    eq = ops.eq
    ne = ops.ne
    not_equal = ops.ne
    lt = ops.lt
    less = ops.lt
    le = ops.le
    less_equal = ops.le
    gt = ops.gt
    greater = ops.gt
    ge = ops.ge
    greater_equal = ops.ge
    maximum = ops.maximum
    minimum = ops.minimum
    clamp = ops.clamp
    clip = ops.clamp
    isnan = ops.isnan
    isinf = ops.isinf
    isfinite = ops.isfinite
    logical_and = ops.logical_and
    logical_or = ops.logical_or
    logical_xor = ops.logical_xor
    logical_not = ops.logical_not
    long = ops.long
    clone = ops.clone
    exp = elementary.exp
    exp2 = elementary.exp2
    expm1 = elementary.expm1
    log = elementary.log
    log2 = elementary.log2
    log10 = elementary.log10
    log1p = elementary.log1p
    tanh = elementary.tanh
    sigmoid = elementary.sigmoid
    relu = elementary.relu
    sqrt = elementary.sqrt
    rsqrt = elementary.rsqrt
    sin = elementary.sin
    cos = elementary.cos
    erf = elementary.erf
    erfc = elementary.erfc
    floor = elementary.floor
    ceil = elementary.ceil
    trunc = elementary.trunc
    fix = elementary.trunc
    true_divide_ = in_place(ops.div)
    add_ = in_place(ops.add)
    sub_ = in_place(ops.sub)
    mul_ = in_place(ops.mul)
    neg_ = in_place(ops.neg)
    abs_ = in_place(ops.abs)
    pow_ = in_place(elementary.pow)
    clamp_ = in_place(ops.clamp)
    exp_ = in_place(elementary.exp)
    log_ = in_place(elementary.log)
    tanh_ = in_place(elementary.tanh)
    sigmoid_ = in_place(elementary.sigmoid)
    relu_ = in_place(elementary.relu)
    sqrt_ = in_place(elementary.sqrt)
    rsqrt_ = in_place(elementary.rsqrt)
    sin_ = in_place(elementary.sin)
    cos_ = in_place(elementary.cos)
    erf_ = in_place(elementary.erf)
    floor_ = in_place(elementary.floor)
    ceil_ = in_place(elementary.ceil)
    trunc_ = in_place(elementary.trunc)
    subtract_ = sub_
    multiply_ = mul_
    negative_ = neg_
    absolute_ = abs_
    sign_ = in_place(ops.sign)
    sgn_ = sign_
    square_ = in_place(ops.square)
    reciprocal_ = in_place(ops.reciprocal)
    eq_ = in_place(ops.eq)
    ne_ = in_place(ops.ne)
    not_equal_ = ne_
    lt_ = in_place(ops.lt)
    less_ = lt_
    le_ = in_place(ops.le)
    less_equal_ = le_
    gt_ = in_place(ops.gt)
    greater_ = gt_
    ge_ = in_place(ops.ge)
    greater_equal_ = ge_
    logical_and_ = in_place(ops.logical_and)
    logical_or_ = in_place(ops.logical_or)
    logical_xor_ = in_place(ops.logical_xor)
    logical_not_ = in_place(ops.logical_not)
    clip_ = clamp_
    exp2_ = in_place(elementary.exp2)
    expm1_ = in_place(elementary.expm1)
    log2_ = in_place(elementary.log2)
    log10_ = in_place(elementary.log10)
    log1p_ = in_place(elementary.log1p)
    erfc_ = in_place(elementary.erfc)
    fix_ = trunc_
    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = true_divide_
    __ipow__ = pow_
