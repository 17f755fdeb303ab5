"""sinh and cosh, their inverses, and other logarithms of sums: logit, logaddexp, logaddexp2.

sinh is ``x + x*z*P(z)`` with z = x^2 up to 1 (Chebyshev interpolation, 60 digits, 2^-56.4), and
``(e^x - e^-x)/2`` beyond. The inverses are ``log1p(u)`` with u in two words, of which the rest
enters with the derivative of log1p. float32 computes in float64 and rounds once.
"""

from .exponential import SPLIT_EXP, exp2_f8, exp_f8
from .intrinsics import copysign, fabs, fma, horner, iashr, imul, isub, power_of_two, select
from .logarithm import log1p_f8, log_f8
from .scalar import F8, narrowed, narrowed_pair, scalar
from .words import quotient, root, two_sum

_ZERO, _HALF, _ONE, _TWO, _INF, _NAN = F8.zero, F8.half, F8.one, F8.two, F8.inf, F8.nan
_LN2, _LOG2E = F8.constants(0.6931471805599453, 1.4426950408889634)
_QUARTER = F8.real(0.25)
_SINH = F8.constants(
    0.16666666666666666,
    0.008333333333333299,
    0.00019841269841324198,
    2.7557319191381816e-06,
    2.5052117695907823e-08,
    1.6057679623801638e-10,
    7.746178593018827e-13,
)
_MOST = F8.real(711.0)  # beyond, sinh and cosh overflow
_FAR = F8.integer(100)  # where e^-x is nothing beside e^x
_HUGE = F8.real(2.0**60)  # from here on asinh and acosh are log(2x)
_split = SPLIT_EXP[F8]


@scalar
def _half_sum(y, sign):
    """(e^y + sign*e^-y)/2 for y >= 0."""
    y = select(y > _MOST, _MOST, y)
    k, head, rest = _split(y)
    part = head + rest
    p = _ONE + part
    p_rest = ((_ONE - p) + part) + ((head - part) + rest)
    near = select(k > _FAR, _FAR, k)
    other = (sign / p) * power_of_two(imul(near, -2))
    half = iashr(k, 1)
    total = p + (other + p_rest)
    return total * power_of_two(half) * power_of_two(isub(isub(k, half), 1))


@scalar
def sinh_f8(x):
    """Hyperbolic sine."""
    y = fabs(x)
    z = x * x
    far = copysign(_half_sum(y, -_ONE), x)
    return select(y < _ONE, fma(x * z, horner(z, _SINH), x), far)


@scalar
def cosh_f8(x):
    """Hyperbolic cosine."""
    return _half_sum(fabs(x), _ONE)


@scalar
def _log1p_of(u, rest):
    """log(1 + u + rest)."""
    return log1p_f8(u) + rest / (_ONE + u)


@scalar
def asinh_f8(x):
    """log(|x| + sqrt(x^2 + 1)) = log1p(|x| + x^2/(1 + sqrt(x^2 + 1))), with the sign of x."""
    y = fabs(x)
    huge = y > _HUGE
    v = select(huge, _ONE, y)
    square = v * v
    lost = fma(v, v, -square)
    w, w_rest = two_sum(_ONE, square)
    r, r_rest = root(w, w_rest + lost)
    d, d_rest = two_sum(_ONE, r)
    q, q_rest = quotient(square, lost, d, d_rest + r_rest)
    u, u_rest = two_sum(v, q)
    u, u_rest = select(huge, y, u), select(huge, _ZERO, u_rest + q_rest)
    return copysign(_log1p_of(u, u_rest) + select(huge, _LN2, _ZERO), x)


@scalar
def acosh_f8(x):
    """log(x + sqrt(x^2 - 1)) = log1p((x - 1) + sqrt(x^2 - 1)) for x >= 1."""
    huge = x > _HUGE
    v = select(huge, _TWO, x)
    square = v * v
    w, w_rest = two_sum(square, -_ONE)
    r, r_rest = root(w, w_rest + fma(v, v, -square))
    t, t_rest = two_sum(v, -_ONE)
    u, u_rest = two_sum(t, r)
    u, u_rest = select(huge, x, u), select(huge, _ZERO, u_rest + (t_rest + r_rest))
    y = _log1p_of(u, u_rest) + select(huge, _LN2, _ZERO)
    return select(x < _ONE, _NAN, y)


@scalar
def atanh_f8(x):
    """log1p(2|x|/(1 - |x|))/2, with the sign of x; infinite at -1 and 1, NaN beyond."""
    y = fabs(x)
    d, d_rest = two_sum(_ONE, -y)
    u, rest = quotient(y + y, _ZERO, d, d_rest)
    z = copysign(_HALF * _log1p_of(u, rest), x)
    return select(y < _ONE, z, select(y == _ONE, copysign(_INF, x), _NAN))


@scalar
def logit_f8(x):
    """log(x/(1 - x)): from 1/4 on log1p((2x - 1)/(1 - x)), whose numerator is exact."""
    d, d_rest = two_sum(_ONE, -x)
    u, rest = quotient(fma(_TWO, x, -_ONE), _ZERO, d, d_rest)
    y = select(x < _QUARTER, log_f8(x) - log1p_f8(-x), _log1p_of(u, rest))
    return select(x < _ONE, y, select(x == _ONE, _INF, _NAN))


@scalar
def logaddexp_f8(x, y):
    """log(e^x + e^y) = max + log1p(e^-|x - y|)."""
    z = select(x > y, x, y) + log1p_f8(exp_f8(-fabs(x - y)))
    return select((x == y) & (fabs(x) == _INF), x, z)


@scalar
def logaddexp2_f8(x, y):
    """log2(2^x + 2^y)."""
    z = fma(log1p_f8(exp2_f8(-fabs(x - y))), _LOG2E, select(x > y, x, y))
    return select((x == y) & (fabs(x) == _INF), x, z)


sinh_f4, cosh_f4 = narrowed(sinh_f8), narrowed(cosh_f8)
asinh_f4, acosh_f4, atanh_f4 = narrowed(asinh_f8), narrowed(acosh_f8), narrowed(atanh_f8)
logit_f4 = narrowed(logit_f8)
logaddexp_f4, logaddexp2_f4 = narrowed_pair(logaddexp_f8), narrowed_pair(logaddexp2_f8)
