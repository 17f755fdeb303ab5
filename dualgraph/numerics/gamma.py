"""lgamma, digamma, trigamma, and the Hurwitz zeta function behind the other polygammas.

Away from the asymptotic series in 1/x, the recurrences lead to one interval. There
``lgamma(2 + d) = d*P(d)`` for ``|d| <= 1/2`` and ``digamma(x) = (x - x0)*P(x - 3/2)`` on [1, 2],
x0 the positive zero in two words. Negative arguments take the reflection formulas (DLMF 5.5.3,
5.5.4, 5.15.6). P, and the polynomials in 1/x^2 that stand for the asymptotic series, interpolate in
Chebyshev points (60 digits). zeta is the sum of Euler and Maclaurin (DLMF 25.11.5). float32
computes in float64 and rounds once.
"""

import numpy as np

from .intrinsics import fabs, floor, fma, horner, rint, select
from .logarithm import log_f8
from .power import pow_f8
from .scalar import F8, ScalarFunction, narrowed, narrowed_pair, scalar
from .trigonometric import sincospi_f8
from .words import two_sum

_ZERO, _HALF, _ONE, _TWO, _INF, _NAN = F8.zero, F8.half, F8.one, F8.two, F8.inf, F8.nan
_PI, _LOG_PI, _HALF_LOG_TWO_PI = F8.constants(
    3.141592653589793, 1.1447298858494002, 0.9189385332046728
)
# Relative errors: lgamma 2^-55.0 and 2^-60.5, digamma 2^-54.0 and 2^-61.9, trigamma 2^-61.4.
_LGAMMA = F8.constants(
    0.42278433509846713,
    0.3224670334241132,
    -0.06735230105319814,
    0.02058080842778457,
    -0.0073855510286681535,
    0.002890510330738737,
    -0.0011927539120010226,
    0.0005096695248853096,
    -0.00022315475074520367,
    9.945750909889392e-05,
    -4.4926351103833334e-05,
    2.050726741605779e-05,
    -9.438458716242811e-06,
    4.374374916915131e-06,
    -2.0449201467015115e-06,
    9.578663334114758e-07,
    -4.303558760359961e-07,
    2.0304806751615227e-07,
    -1.3412819758517287e-07,
    6.379047507619774e-08,
)
_STIRLING = F8.constants(
    0.0833333333333333,
    -0.002777777777606244,
    0.0007936506649488252,
    -0.0005952025951802712,
    0.0008372834512071336,
    -0.0016526004455595122,
)
_DIGAMMA = F8.constants(
    0.9510558760318328,
    -0.4236274212814606,
    0.24054248424078697,
    -0.14840492305388092,
    0.09498872445289039,
    -0.06192213327548831,
    0.040760833940846085,
    -0.026975796659787055,
    0.017907248317313294,
    -0.011908220105959716,
    0.007927021796868154,
    -0.005279937255532708,
    0.003518106563802472,
    -0.0023454947397380833,
    0.0015633696313653504,
    -0.0010364584817312839,
    0.0006909255761282986,
    -0.00048595039220036254,
    0.00032395945401345196,
    -0.00014480643368061614,
    9.653646261410062e-05,
    -0.0001782188548855923,
    0.00011881232908510335,
)
_DIGAMMA_FAR = F8.constants(
    0.08333333333333331,
    -0.008333333333265424,
    0.003968253916496818,
    -0.004166651522951171,
    0.0075735577568517305,
    -0.020916085217393375,
    0.0751835876696361,
    -0.2297854245497472,
)
_TRIGAMMA_FAR = F8.constants(
    0.16666666666666666,
    -0.033333333333261904,
    0.023809523740380884,
    -0.033333307366846185,
    0.07575264096686857,
    -0.2525785652536767,
    1.1316812833788938,
    -5.686494459221039,
    20.39907980934681,
)
_LGAMMA_FAR_AT, _POLYGAMMA_FAR_AT = F8.constants(8.0, 6.0)
# x0 - m in two words, for arguments that stand for x + m.
_ROOT, _ROOT_LESS_1, _ROOT_LESS_2 = F8.constants(
    1.4616321449683622, 0.46163214496836236, -0.5383678550316376
)
_ROOT_REST, _ROOT_LESS_REST = F8.constants(9.549995429965697e-17, -1.5522348162858677e-17)
_FACTORS = F8.constants(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
_STEPS = F8.constants(1.0, 2.0, 3.0, 4.0)
_SHIFTS = F8.constants(5.0, 4.0, 3.0, 2.0, 1.0, 0.0)
_ONE_AND_HALF = F8.real(1.5)
# B_2j/(2j)!, j = 1, 2, ...
_BERNOULLI = F8.constants(
    0.08333333333333333,
    -0.001388888888888889,
    3.3068783068783064e-05,
    -8.267195767195768e-07,
    2.08767569878681e-08,
    -5.284190138687493e-10,
    1.338253653068468e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
    5.5090028283602295e-18,
    -1.3954464685812525e-19,
)


@scalar
def _lgamma_right(x):
    """lgamma for x > -1/2: by c = rint(x), ``d*P(d)`` less log(x*(1 + x)) or log(x), or plus
    ``log((x - 1)*(x - 2)*...)``; Stirling's series from 8 on."""
    far = x >= _LGAMMA_FAR_AT
    c = rint(x)
    product = _ONE
    for j in _FACTORS:
        product = product * select(c - j > _ONE, x - j, _ONE)
    product = select(c == _ZERO, fabs(x) * (_ONE + x), select(c == _ONE, x, product))
    log = log_f8(select(far, x, product))
    d = x - c
    near = fma(d, horner(d, _LGAMMA), select(c < _TWO, -log, log))
    inverse = _ONE / x
    rest = fma(inverse, horner(inverse * inverse, _STIRLING), _HALF_LOG_TWO_PI)
    return select(far, fma(x - _HALF, log, -x) + rest, near)


@scalar
def lgamma_f8(x):
    """log|gamma(x)|, infinite at 0 and the negative integers (the poles) and at both infinities."""
    reflected = x <= -_HALF
    y = select(reflected, -x, x)
    value = _lgamma_right(y)
    sine, _ = sincospi_f8(y)
    mirrored = (_LOG_PI - log_f8(fabs(y * sine))) - value
    pole = (reflected & (sine == _ZERO)) | (fabs(x) == _INF)
    return select(pole, _INF, select(reflected, mirrored, value))


@scalar
def digamma_f8(x):
    """The derivative of lgamma; NaN at the negative integers, infinite at 0 as -1/x."""
    reflected = x <= -_HALF
    y = select(reflected, -x, x)
    # The argument stands for v + m: the sum itself would have to be rounded.
    v = select(reflected & (y >= _ONE), y + _ONE, y)
    one, two = v < _ONE, v < _ZERO
    count = select(one, _ZERO, floor(v) - _ONE)
    far = v >= _POLYGAMMA_FAR_AT
    n = select(two, -fma(_TWO, v, _ONE), select(one & (not reflected), -_ONE, _ZERO))
    d = select(two, v * (v + _ONE), select(one & (not reflected), v, _ONE))
    for j in _STEPS:
        t = select(j <= count, v - j, _ONE)
        n = select(j <= count, fma(n, t, d), n)
        d = d * t
    t = v - count
    root = select(two, _ROOT_LESS_2, select(one, _ROOT_LESS_1, _ROOT))
    root_rest = select(one, _ROOT_LESS_REST, _ROOT_REST)
    centre = select(two, -_HALF, select(one, _HALF, _ONE_AND_HALF))
    near = fma((t - root) - root_rest, horner(t - centre, _DIGAMMA), n / d)
    inverse = _ONE / v
    square = inverse * inverse
    tail = fma(square, horner(square, _DIGAMMA_FAR), _HALF * inverse)
    value = select(far, log_f8(select(far, v, _ONE)) - tail, near)
    sine, cosine = sincospi_f8(y)
    mirrored = select(sine == _ZERO, _NAN, fma(_PI, cosine / sine, value))
    return select(reflected, mirrored, value)


@scalar
def trigamma_f8(x):
    """The derivative of digamma: ``1/x^2`` is added up to 6 times; infinite at the poles."""
    reflected = x < _ZERO
    v = select(reflected, _ONE - x, x)
    near = v < _POLYGAMMA_FAR_AT
    total = _ZERO
    for j in _SHIFTS:
        t = _ONE / (v + j)
        total = fma(t, t, total)
    inverse = _ONE / select(near, v + _POLYGAMMA_FAR_AT, v)
    square = inverse * inverse
    tail = inverse * fma(square, horner(square, _TRIGAMMA_FAR), fma(_HALF, inverse, _ONE))
    value = tail + select(near, total, _ZERO)
    sine, _ = sincospi_f8(x)
    ratio = _PI / sine
    mirrored = select(sine == _ZERO, _INF, fma(ratio, ratio, -value))
    return select(reflected, mirrored, value)


@scalar
def _euler_maclaurin(s, w):
    """sum over k >= 0 of (k + w)^-s, divided by w^-s, for a w of at least 10."""
    tail = _HALF + w / (s - _ONE)
    factor = s / w
    shift = s
    for coefficient in _BERNOULLI:
        tail = fma(factor, coefficient, tail)
        factor = factor * ((shift + _ONE) / w) * ((shift + _TWO) / w)
        shift = shift + _TWO
    return tail


@scalar
def zeta_f8(s, q):
    """sum over k >= 0 of (k + q)^-s for s > 1: ten terms, and the tail by Euler and Maclaurin.

    For q < 0 and an integer s, the sum over all k from -inf to inf depends on the fraction of q
    alone; what is too much in it is zeta(s, 1 - q) with the sign of (-1)^s. All three sums run in
    one loop, which holds the only power: the one loop and branch among the scalar functions.
    """
    whole = floor(q)
    sign = select(floor(_HALF * s) == _HALF * s, _ONE, -_ONE)
    fraction = q - whole
    complement = select(whole == -_ONE, -q, _ONE - fraction)
    right = q > _ZERO
    total, lost = _ZERO, _ZERO
    for index in range(11 if right else 33):
        i = index // 11
        k = index - 11 * i
        start = select(right, q, select(i == 0, fraction, select(i == 1, complement, _ONE - q)))
        weight = select(i == 0, _ONE, select(i == 1, sign, -sign))
        w, rest = two_sum(start, np.float64(k))
        power = pow_f8(w, -s)
        # A large s multiplies the rounding error of w.
        power = weight * (power - select(power < _INF, power * (s * (rest / w)), _ZERO))
        if k == 10 and power != _ZERO:
            power = power * _euler_maclaurin(s, w)
        total, error = two_sum(total, power)
        lost = lost + error
    undefined = (s < _ONE) | ((q < _ZERO) & (floor(s) != s)) | (s != s) | (q != q)
    pole = (s == _ONE) | ((q <= _ZERO) & (whole == q))
    value = select(q == _INF, _ZERO, total + select(fabs(total) < _INF, lost, _ZERO))
    return select(undefined, _NAN, select(pole, _INF, value))


lgamma_f4, digamma_f4 = narrowed(lgamma_f8), narrowed(digamma_f8)
trigamma_f4, zeta_f4 = narrowed(trigamma_f8), narrowed_pair(zeta_f8)

SCALARS: dict[tuple[str, str], ScalarFunction] = {
    ("lgamma", "float32"): lgamma_f4,
    ("lgamma", "float64"): lgamma_f8,
    ("digamma", "float32"): digamma_f4,
    ("digamma", "float64"): digamma_f8,
    ("trigamma", "float32"): trigamma_f4,
    ("trigamma", "float64"): trigamma_f8,
    ("zeta", "float32"): zeta_f4,
    ("zeta", "float64"): zeta_f8,
}
"""(name, dtype name) -> the function to call from compiled code."""
