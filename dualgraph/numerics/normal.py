"""The normal distribution: ndtr, log_ndtr, ndtri; and erfcx, the scaled erfc behind its tails.

``ndtr(-v) = exp(-v^2/2) * erfcx(v/sqrt(2))/2`` with v^2/2 in two words, so the rounding of
v/sqrt(2) does no harm. ndtri is erfinv in ``w = -log(4p(1 - p))``, whose two pieces end at p =
2^-53; further out ``ndtri/sqrt(2w)`` is a polynomial in ``(r - 12)/(r + 12)``, r = sqrt(w)
(Chebyshev interpolation, 50 digits, 2^-56.2). float32 computes in float64 and rounds once.
"""

from .exponential import exp_f8
from .intrinsics import fabs, fma, horner, select, sqrt
from .logarithm import log1p_f8, log_f8
from .scalar import F8, ScalarFunction, narrowed, scalar
from .special import erf_near_f8, erfc_of_square_f8, erfcx_far_f8, erfinv_of_f8

_ZERO, _HALF, _ONE, _TWO, _INF, _NAN = F8.zero, F8.half, F8.one, F8.two, F8.inf, F8.nan
_ROOT_2, _ROOT_HALF = F8.constants(1.4142135623730951, 0.7071067811865476)
_QUARTER, _FOUR, _TWELVE = F8.constants(0.25, 4.0, 12.0)
_NDTR_ZERO = F8.real(38.75)  # beyond, ndtr(-v) rounds to 0
_EXP_MOST = F8.real(709.5)  # beyond, 2*exp overflows
_FAR_AT = F8.real(5.9)
_NDTRI_FAR = F8.constants(
    0.991773930619396,
    0.02599614629853847,
    -0.03820671535133515,
    0.0412841790066699,
    -0.039862316499653015,
    0.03491923409534568,
    -0.02748417044532034,
    0.018099174757368018,
    -0.007338867476527157,
    -0.004376186723968543,
    0.016612437887892725,
    -0.029014903446416287,
    0.04125403724958776,
    -0.053038359757509715,
    0.06380565655984562,
    -0.07338677702024278,
    0.08468574749267872,
    -0.0969610365656655,
    0.08902124586366653,
    -0.06607408479390033,
    0.11819330033673674,
    -0.21645582464237115,
    0.14505381066658968,
)


@scalar
def _tail(v):
    """ndtr(-v) for v >= 0."""
    near = fma(-_HALF, erf_near_f8(v * _ROOT_HALF), _HALF)
    w = select(v > _NDTR_ZERO, _NDTR_ZERO, v)
    square = w * w
    lost = fma(w, w, -square)
    far = erfc_of_square_f8(w * _ROOT_HALF, _HALF * square, _HALF * lost, _HALF)
    return select(v < _ROOT_HALF, near, far)


@scalar
def ndtr_f8(x):
    """The probability that a standard normal number is at most x."""
    tail = _tail(fabs(x))
    return select(x > _ZERO, _ONE - tail, tail)


@scalar
def log_ndtr_f8(x):
    """log(ndtr(x)): log of the tail to the left, log1p of the other tail to the right."""
    y = fabs(x)
    far = x < -_ROOT_HALF
    tail = _tail(y)
    left = log_f8(select(far, _HALF * erfcx_far_f8(y * _ROOT_HALF), tail))
    left = select(far, fma(-_HALF * x, x, left), left)
    return select(x < _ZERO, left, log1p_f8(-tail))


@scalar
def ndtri_f8(p):
    """The inverse of ndtr on (0, 1); infinite at 0 and 1, NaN beyond."""
    x = fma(_TWO, p, -_ONE)
    w = -log_f8(select(p < _QUARTER, _FOUR * p * (_ONE - p), fma(-x, x, _ONE)))
    r = sqrt(select(w > _ZERO, w, _ZERO))
    far = -(r * horner((r - _TWELVE) / (r + _TWELVE), _NDTRI_FAR))
    z = _ROOT_2 * select((p < _QUARTER) & (r > _FAR_AT), far, erfinv_of_f8(x, w))
    z = select((p > _ZERO) & (p < _ONE), z, select(p == _ZERO, -_INF, _NAN))
    return select(p == _ONE, _INF, z)


@scalar
def erfcx_f8(x):
    """exp(x^2) * erfc(x)."""
    y = fabs(x)
    square = x * x
    big = select(square > _EXP_MOST, _EXP_MOST, square)
    exp = exp_f8(big)
    exp = fma(exp, select(square > _EXP_MOST, _ZERO, fma(x, x, -square)), exp)
    near = exp * (_ONE - erf_near_f8(x))
    far = erfcx_far_f8(y)
    left = select(square > _EXP_MOST, _INF, fma(_TWO, exp, -far))
    return select(y < _HALF, near, select(x < _ZERO, left, far))


ndtr_f4, log_ndtr_f4 = narrowed(ndtr_f8), narrowed(log_ndtr_f8)
ndtri_f4, erfcx_f4 = narrowed(ndtri_f8), narrowed(erfcx_f8)

SCALARS: dict[tuple[str, str], ScalarFunction] = {
    ("ndtr", "float32"): ndtr_f4,
    ("ndtr", "float64"): ndtr_f8,
    ("log_ndtr", "float32"): log_ndtr_f4,
    ("log_ndtr", "float64"): log_ndtr_f8,
    ("ndtri", "float32"): ndtri_f4,
    ("ndtri", "float64"): ndtri_f8,
    ("erfcx", "float32"): erfcx_f4,
    ("erfcx", "float64"): erfcx_f8,
}
"""(name, dtype name) -> the function to call from compiled code."""
