"""asin, acos, atan, atan2 and hypot.

asin and atan are ``x + x*z*P(z)``, z = x^2, on [0, 1/2] and [0, tan(pi/8)]; P interpolates in
Chebyshev points (60 digits), with relative errors of 2^-57.4 and 2^-57.0. Beyond 1/2,
``asin(x) = pi/2 - 2*asin(sqrt((1 - x)/2))``; beyond tan(pi/8), atan(a/b) is
``pi/4 + atan((a - b)/(a + b))``. Roots, quotients and multiples of pi are in two words. float32
computes in float64 and rounds once.
"""

import numpy as np

from .intrinsics import copysign, fabs, fma, horner, select, sqrt
from .scalar import F8, narrowed, narrowed_pair, scalar
from .words import quotient, root, two_sum

_ZERO, _HALF, _ONE, _TWO, _INF, _NAN = F8.zero, F8.half, F8.one, F8.two, F8.inf, F8.nan
_PI, _PI_REST = F8.constants(3.141592653589793, 1.2246467991473532e-16)
_PI_2, _PI_2_REST = F8.constants(1.5707963267948966, 6.123233995736766e-17)
_PI_4, _PI_4_REST = F8.constants(0.7853981633974483, 3.061616997868383e-17)
_TAN_PI_8 = F8.real(0.4142135623730950)
_MOST = F8.real(2.0**60)  # from here on atan rounds to pi/2
_ASIN = F8.constants(
    0.16666666666666669,
    0.07499999999998433,
    0.04464285714635543,
    0.030381944138531247,
    0.02237217294214989,
    0.017352392720869973,
    0.013971212973552933,
    0.011479177415184906,
    0.01032281435018578,
    0.005457506718640358,
    0.01740087944269402,
    -0.014851887071247204,
    0.028757851367421566,
)
_ATAN = F8.constants(
    -0.3333333333333333,
    0.19999999999995516,
    -0.14285714284665682,
    0.11111111015187018,
    -0.0909090457530649,
    0.07692183125376892,
    -0.06664510525508936,
    0.05858140904866328,
    -0.050854078345894844,
    0.03923044778479309,
    -0.019175404711104935,
)
# atan2 and hypot scale both operands when the larger one is beyond these.
_BIG, _SHRINK = F8.constants(2.0**500, 2.0**-600)
_SMALL, _GROW = F8.constants(2.0**-400, 2.0**600)


@scalar
def _half_angle(y):
    """(root, s, t): asin(y) = s + t for y <= 1/2, and pi/2 - 2*(s + t) for ``root``, y > 1/2."""
    big = y > _HALF
    z = select(big, (_ONE - y) * _HALF, y * y)
    s, rest = root(z, _ZERO)
    s, rest = select(big, s, y), select(big, rest, _ZERO)
    return big, s, fma(s, z * horner(z, _ASIN), rest)


@scalar
def asin_f8(x):
    """Arc sine on [-1, 1]."""
    big, s, t = _half_angle(fabs(x))
    high = _PI_2 - _TWO * s
    low = ((_PI_2 - high) - _TWO * s) + fma(-_TWO, t, _PI_2_REST)
    return copysign(select(big, high + low, s + t), x)


@scalar
def acos_f8(x):
    """Arc cosine on [-1, 1], from pi/2 - asin(x) or 2*asin(sqrt((1 - x)/2))."""
    big, s, t = _half_angle(fabs(x))
    s, t = select(big, _TWO * s, copysign(s, x)), select(big, _TWO * t, copysign(t, x))
    start = select(big, _PI, _PI_2)
    high = start - s
    low = ((start - high) - s) + (select(big, _PI_REST, _PI_2_REST) - t)
    return select(big & (x > _ZERO), s + t, high + low)


@scalar
def _angle(a, b):
    """atan(a/b) in two words for 0 <= a <= b."""
    steep = a > _TAN_PI_8 * b
    n, n_rest = two_sum(a, -b)
    d, d_rest = two_sum(a, b)
    n, n_rest = select(steep, n, a), select(steep, n_rest, _ZERO)
    d, d_rest = select(steep, d, b), select(steep, d_rest, _ZERO)
    t, rest = quotient(n, n_rest, d, d_rest)
    z = t * t
    low = fma(t * z, horner(z, _ATAN), rest)
    base = select(steep, _PI_4, _ZERO)
    high = base + t
    return high, ((base - high) + t) + (low + select(steep, _PI_4_REST, _ZERO))


@scalar
def _from(start, start_rest, high, low):
    """``start - (high + low)`` in two words."""
    top = start - high
    return top, ((start - top) - high) + (start_rest - low)


@scalar
def atan_f8(x):
    """Arc tangent."""
    y = fabs(x)
    y = select(y > _MOST, _MOST, y)
    swap = y > _ONE
    high, low = _angle(select(swap, _ONE, y), select(swap, y, _ONE))
    turned, rest = _from(_PI_2, _PI_2_REST, high, low)
    return copysign(select(swap, turned + rest, high + low), x)


@scalar
def _scale(larger):
    """The power of two that keeps squares and inverses of the operands in range."""
    return select(larger > _BIG, _SHRINK, select(larger < _SMALL, _GROW, _ONE))


@scalar
def atan2_f8(y, x):
    """The angle of the point (x, y), with the signs and exceptions of C99."""
    a, b = fabs(y), fabs(x)
    swap = a > b
    a, b = select(swap, b, a), select(swap, a, b)
    infinite = b == _INF
    a = select(infinite, select(a == _INF, _ONE, _ZERO), a)
    b = select(infinite | (b == _ZERO), _ONE, b)
    scale = _scale(b)
    high, low = _angle(a * scale, b * scale)
    turned, rest = _from(_PI_2, _PI_2_REST, high, low)
    high, low = select(swap, turned, high), select(swap, rest, low)
    turned, rest = _from(_PI, _PI_REST, high, low)
    left = copysign(_ONE, x) < _ZERO
    angle = copysign(select(left, turned + rest, high + low), y)
    return select((x != x) | (y != y), _NAN, angle)


@scalar
def _with_infinities(x, y, length):
    """hypot is infinite where an operand is, even next to NaN."""
    infinite = (fabs(x) == _INF) | (fabs(y) == _INF)
    return select(infinite, _INF, length)


@scalar
def hypot_f8(x, y):
    """sqrt(x^2 + y^2) without overflow between, the sum of squares in two words."""
    a, b = fabs(x), fabs(y)
    scale = _scale(select(a > b, a, b))
    a, b = a * scale, b * scale
    square, other = a * a, b * b
    total, rest = two_sum(square, other)
    rest = rest + (fma(a, a, -square) + fma(b, b, -other))
    high, low = root(total, rest)
    return _with_infinities(x, y, (high + low) / scale)


@scalar
def hypot_f4(x, y):
    """The same in float64, where no square can overflow."""
    a, b = np.float64(x), np.float64(y)
    return np.float32(_with_infinities(a, b, sqrt(fma(a, a, b * b))))


asin_f4, acos_f4, atan_f4 = narrowed(asin_f8), narrowed(acos_f8), narrowed(atan_f8)
atan2_f4 = narrowed_pair(atan2_f8)
