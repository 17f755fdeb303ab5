"""pow and rsqrt.

pow is ``2^(y*log2|x|)`` with the signs and exceptions of C99 (Annex F.9.4.4) put on top. float32
computes in float64 and rounds once. float64 has log|x| in two words, to about 2^-65: with
``s = f/(2 + f)`` it is ``2s + s*z*(2/3 + z*P(z))``, z = s^2, where all but P is double-double
arithmetic (Dekker, with fma for exact products); P is a minimax fit (Remez in 50 digits).
"""

import numpy as np

from .exponential import SPLIT_EXP
from .intrinsics import (
    copysign,
    fabs,
    fma,
    horner,
    iashr,
    isub,
    magic_int,
    power_of_two,
    rint,
    select,
    sqrt,
)
from .logarithm import DECOMPOSE
from .scalar import F8, Format, ScalarFunction, both, scalar

_ZERO, _HALF, _ONE, _TWO, _INF, _NAN = F8.zero, F8.half, F8.one, F8.two, F8.inf, F8.nan
_MAGIC = F8.magic
_LN2_HEAD, _LN2_REST = F8.constants(0.6931471805598903, 5.497923018708371e-14)
_TWO_THIRDS, _TWO_THIRDS_REST = F8.constants(0.6666666666666666, 3.700743415417188e-17)
# P; the relative error of log is 2^-73.2.
_LOG = F8.constants(
    0.3999999999999998,
    0.28571428571444124,
    0.2222222221767643,
    0.18181818861682675,
    0.1538455703316505,
    0.13336323677787457,
    0.11674492472918728,
    0.11993059403217705,
)
# For float32: log2(1 + f)/s as a polynomial in z, 2^-45.1, and (2^r - 1)/r, 2^-34.3.
_LOG2_SHORT = F8.constants(
    2.8853900817778495,
    0.9617966941143626,
    0.5770779420624752,
    0.41220928321907424,
    0.31990442252676055,
    0.28291850148770914,
)
_EXP2_SHORT = F8.constants(
    0.6931471807043766,
    0.24022651066404396,
    0.05550410366515359,
    0.009618038147327203,
    0.001333393452903328,
    0.00015466752722178556,
    1.5196291079707968e-05,
)
_BIG_EXP, _BIG_EXP2 = F8.real(750.0), F8.real(200.0)

_decompose, _split_exp = DECOMPOSE[F8], SPLIT_EXP[F8]


@scalar
def _log_two_words(x):
    """log(x) for 0 < x < inf as an unevaluated sum of two doubles."""
    k, f = _decompose(x)
    d = _TWO + f
    d_rest = f - (d - _TWO)
    inverse = _ONE / d
    s = f * inverse
    s_rest = fma(-s, d_rest, fma(-s, d, f)) * inverse
    z = s * s
    z_rest = fma(s, s, -z) + (s + s) * s_rest
    p = z * horner(z, _LOG)
    q = _TWO_THIRDS + p
    q_rest = ((_TWO_THIRDS - q) + p) + _TWO_THIRDS_REST
    w = z * q
    w_rest = fma(z, q, -w) + fma(z, q_rest, z_rest * q)
    v = s * w
    v_rest = fma(s, w, -v) + fma(s, w_rest, s_rest * w)
    double = s + s
    high = double + v
    low = ((double - high) + v) + ((s_rest + s_rest) + v_rest)
    main = k * _LN2_HEAD
    total = main + high
    low = ((main - total) + high) + fma(k, _LN2_REST, low)
    result = total + low
    return result, (total - result) + low


@scalar
def _exp_two_words(x, rest):
    """exp(x + rest) for ``|x| <= 750``, rest small."""
    k, head, tail = _split_exp(x)
    part = head + tail
    p = _ONE + (head + (tail + fma(rest, part, rest)))
    half = iashr(k, 1)
    return p * power_of_two(half) * power_of_two(isub(k, half))


@scalar
def _pow_magnitude_f8(x, y):
    """x^y for x >= 0."""
    log, log_rest = _log_two_words(x)
    log = select(x == _ZERO, -_INF, select(x < _INF, log, x))
    product = y * log
    rest = fma(y, log, -product) + y * log_rest
    within = fabs(product) < _BIG_EXP
    product = select(product > _BIG_EXP, _BIG_EXP, product)
    product = select(product < -_BIG_EXP, -_BIG_EXP, product)
    return _exp_two_words(product, select(within, rest, _ZERO))


@scalar
def _pow_magnitude_f4(x, y):
    """x^y for x >= 0, to about 2^-33; the arguments are float32 numbers as float64."""
    k, f = _decompose(x)
    s = f / (_TWO + f)
    log = fma(s, horner(s * s, _LOG2_SHORT), k)
    log = select(x == _ZERO, -_INF, select(x < _INF, log, x))
    product = y * log
    product = select(product > _BIG_EXP2, _BIG_EXP2, product)
    product = select(product < -_BIG_EXP2, -_BIG_EXP2, product)
    shifted = product + _MAGIC
    r = product - (shifted - _MAGIC)
    return fma(r, horner(r, _EXP2_SHORT), _ONE) * power_of_two(magic_int(shifted))


@scalar
def _pow_exceptions(x, y, magnitude):
    """The sign of x^y, and what is not ``exp(y*log|x|)``, given ``magnitude = |x|^y``."""
    whole = rint(y) == y
    half = _HALF * y
    odd = whole & (rint(half) != half)
    result = select(odd, copysign(magnitude, x), magnitude)
    no_real_power = (x < _ZERO) & (x > -_INF) & (not whole)
    result = select(no_real_power | (x != x), _NAN, result)
    # |x| = 1 with y infinite would be 0 * inf; 1^y and x^0 are 1 even for NaN.
    result = select((x == -_ONE) & (fabs(y) == _INF), _ONE, result)
    return select((x == _ONE) | (y == _ZERO), _ONE, result)


@scalar
def pow_f8(x, y):
    """x^y."""
    return _pow_exceptions(x, y, _pow_magnitude_f8(fabs(x), y))


@scalar
def pow_f4(x, y):
    """x^y."""
    a, b = np.float64(x), np.float64(y)
    return np.float32(_pow_exceptions(a, b, _pow_magnitude_f4(fabs(a), b)))


@both
def _rsqrt(c: Format) -> ScalarFunction:
    zero, one, half, inf = c.zero, c.one, c.half, c.inf
    # Below `small` the residual x - s*s would be subnormal and lose its bits.
    small = c.real(2.0 ** -(int(c.bias) // 2))
    lift, unlift = c.real(2.0 ** (2 * c.digits)), c.real(2.0**c.digits)

    @scalar
    def rsqrt(x):
        """1/sqrt(x), corrected once by the residuals of the root and of the quotient."""
        is_small = x < small
        lifted = select(is_small, x * lift, x)
        s = sqrt(lifted)
        r = one / s
        error = fma(-r, s, one) - half * (r * r) * fma(-s, s, lifted)
        corrected = fma(r, error, r) * select(is_small, unlift, one)
        return select((x > zero) & (x < inf), corrected, r)

    return rsqrt


rsqrt_f4, rsqrt_f8 = _rsqrt
