"""exp and its relatives: exp, exp2, expm1, tanh, sigmoid.

All start from the reduction of Cody and Waite, ``x = k*ln2 + r`` with ``|r| <= ln2/2``, where ln2
is split in a short head (``k * head`` is exact) and a tail, and from
``exp(r) = 1 + r + r^2 * P(r)``. P is a minimax polynomial of ``(exp(r) - 1 - r) / r^2``, made by a
weighted Remez exchange in 50 digits; its first coefficients are rounded one after the other and the
rest fitted again.

Where 1 is added or subtracted, the rounding error is kept by Dekker's fast two-sum and handed on; a
quotient is corrected once by its own residual. That is what brings tanh and sigmoid below 1 ULP.
"""

from .intrinsics import copysign, fabs, fma, horner, iashr, isub, magic_int, power_of_two, select
from .scalar import F4, F8, Format, ScalarFunction, both, scalar

# 1/ln2, and ln2 in 15 bits (42 for float64) + the rest.
_LN2 = {
    F4: F4.constants(1.4426950408889634, 0.693145751953125, 1.4286068203094173e-06),
    F8: F8.constants(1.4426950408889634, 0.6931471805598903, 5.497923018708371e-14),
}
# P; the relative error of exp is 2^-31.1 and 2^-57.9.
_EXP = {
    F4: F4.constants(0.5, 0.16666648, 0.04166649, 0.008337893, 0.0013932775, 0.0001731863),
    F8: F8.constants(
        0.5000000000000011,
        0.16666666666666435,
        0.04166666666652579,
        0.008333333333475823,
        0.0013888888944852066,
        0.00019841269554956355,
        2.4801491779615665e-05,
        2.7557536719794692e-06,
        2.763072996734487e-07,
        2.50175414651776e-08,
    ),
}
# (2^r - 1)/r; the relative error of exp2 is 2^-26.3 and 2^-57.1.
_EXP2 = {
    F4: F4.constants(0.6931472, 0.24022594, 0.055503663, 0.009625447, 0.0013387931, 0.0001333148),
    F8: F8.constants(
        0.6931471805599453,
        0.24022650695910172,
        0.055504108664824574,
        0.009618129107577075,
        0.0013333558145567897,
        0.0001540353047885095,
        1.5252734737574137e-05,
        1.32154244824682e-06,
        1.0177656246015376e-07,
        7.0756172717774946e-09,
        4.519293025936948e-10,
    ),
}
# Outside these exp, exp2 and expm1 round to 0 or -1, or overflow; beyond TANH_ONE tanh rounds to 1.
_EXP_RANGE = {F4: F4.constants(-104.0, 89.0), F8: F8.constants(-746.0, 710.0)}
_EXP2_RANGE = {F4: F4.constants(-151.0, 129.0), F8: F8.constants(-1076.0, 1025.0)}
_EXPM1_RANGE = {F4: F4.constants(-18.0, 89.0), F8: F8.constants(-38.0, 710.0)}
_TANH_ONE = {F4: F4.real(9.5), F8: F8.real(19.5)}


@both
def _split(c: Format) -> ScalarFunction:
    log2e, ln2_head, ln2_tail = _LN2[c]
    magic, coefficients = c.magic, _EXP[c]

    @scalar
    def split(x):
        """``x = k*ln2 + r`` as (k, h, t), where ``exp(r) = 1 + h + t`` and t is small beside h."""
        shifted = fma(x, log2e, magic)
        k = shifted - magic
        head = fma(-k, ln2_head, x)
        tail = k * ln2_tail
        r = head - tail
        rest = fma(r * r, horner(r, coefficients), -tail)
        return magic_int(shifted), head, rest

    return split


SPLIT_EXP = dict(zip((F4, F8), _split, strict=True))
"""Format -> the reduction that all of them, and pow and erfc, start from."""


@both
def _exp(c: Format) -> ScalarFunction:
    split, one, (least, most) = SPLIT_EXP[c], c.one, _EXP_RANGE[c]

    @scalar
    def exp(x):
        """e^x. The power of two is applied in halves, so that a subnormal result rounds once."""
        x = select(x > most, most, x)
        x = select(x < least, least, x)
        k, head, rest = split(x)
        half = iashr(k, 1)
        p = one + (head + rest)
        return p * power_of_two(half) * power_of_two(isub(k, half))

    return exp


@both
def _exp2(c: Format) -> ScalarFunction:
    magic, one, coefficients, (least, most) = c.magic, c.one, _EXP2[c], _EXP2_RANGE[c]

    @scalar
    def exp2(x):
        """2^x = 2^k * (1 + r*P(r)), with k the nearest integer and r = x - k exact."""
        x = select(x > most, most, x)
        x = select(x < least, least, x)
        shifted = x + magic
        r = x - (shifted - magic)
        k = magic_int(shifted)
        half = iashr(k, 1)
        p = fma(r, horner(r, coefficients), one)
        return p * power_of_two(half) * power_of_two(isub(k, half))

    return exp2


@both
def _expm1(c: Format) -> ScalarFunction:
    split, half, two, (least, most) = SPLIT_EXP[c], c.half, c.two, _EXPM1_RANGE[c]
    tiny = c.real(2.0 ** -(c.digits + 2))

    @scalar
    def expm1(x):
        """e^x - 1 = 2^k*(h + t) + (2^k - 1), by its half: 2^k itself can overflow."""
        y = select(x > most, most, x)
        y = select(y < least, least, y)
        k, head, rest = split(y)
        scale = power_of_two(isub(k, 1))
        high = head + rest
        low = (head - high) + rest
        left = scale - half
        right = scale * high
        total = left + right
        low = fma(scale, low, (left - total) + right) + ((scale - left) - half)
        # Halving would cost a subnormal x its last bit, and -0 its sign.
        return select(fabs(x) < tiny, x, two * (total + low))

    return expm1


@both
def _tanh(c: Format) -> ScalarFunction:
    split, one, two, most = SPLIT_EXP[c], c.one, c.two, _TANH_ONE[c]

    @scalar
    def tanh(x):
        """E/(E + 2) with E = expm1(2|x|) in two words; the sign of x is put back at the end."""
        y = fabs(x)
        y = select(y > most, most, y)
        k, head, rest = split(y + y)
        scale = power_of_two(k)
        high = head + rest
        low = (head - high) + rest
        left = scale - one
        right = scale * high
        top = left + right
        low = fma(scale, low, (left - top) + right)
        bottom = top + two
        added = bottom - top
        lost = (top - (bottom - added)) + (two - added) + low
        inverse = one / bottom
        q = top * inverse
        residual = fma(-q, bottom, top) + fma(-q, lost, low)
        return copysign(fma(residual, inverse, q), x)

    return tanh


@both
def _sigmoid(c: Format) -> ScalarFunction:
    split, zero, one, least = SPLIT_EXP[c], c.zero, c.one, _EXP_RANGE[c][0]

    @scalar
    def sigmoid(x):
        """1/(1 + e^-x): with e = e^-|x| in two words, 1/(1 + e) for x >= 0 and e/(1 + e) else."""
        y = -fabs(x)
        y = select(y < least, least, y)
        k, head, rest = split(y)
        half = iashr(k, 1)
        first, second = power_of_two(half), power_of_two(isub(k, half))
        part = head + rest
        p = one + part
        e = p * first * second
        low = ((one - p) + part) * first * second
        bottom = one + e
        lost = ((one - bottom) + e) + low
        top = select(x < zero, e, one)
        low = select(x < zero, low, zero)
        inverse = one / bottom
        q = top * inverse
        residual = fma(-q, bottom, top) + fma(-q, lost, low)
        return fma(residual, inverse, q)

    return sigmoid


exp_f4, exp_f8 = _exp
exp2_f4, exp2_f8 = _exp2
expm1_f4, expm1_f8 = _expm1
tanh_f4, tanh_f8 = _tanh
sigmoid_f4, sigmoid_f8 = _sigmoid
