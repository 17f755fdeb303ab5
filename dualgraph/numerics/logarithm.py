"""log, log2, log10 and log1p.

``x = 2^k * (1 + f)`` with ``1 + f`` in [sqrt(1/2), sqrt(2)), and ``log(1 + f) = f + t`` with t well
below f. In float32 ``t = f^2 * P(f)``; in float64, as in fdlibm's e_log.c,
``t = s*(f^2/2 + z*P(z)) - f^2/2`` with ``s = f/(2 + f)``, ``z = s^2``, where z*P(z) stands for
``2*atanh(s)/s - 2``. P are minimax polynomials (Remez in 50 digits, the leading coefficients
rounded first). The sum ``k*log(2) + f + t`` takes log(2) in two parts, of which the first times k
is exact, and keeps the rounding error of its first addition (fast two-sum).
"""

from typing import Any

import numpy as np

from .intrinsics import (
    bits,
    fabs,
    fma,
    from_bits,
    horner,
    iashr,
    ishl,
    isub,
    magic_float,
    power_of_two,
    select,
)
from .scalar import F4, F8, Format, ScalarFunction, both, scalar

# P for 1 + f in [sqrt(1/2), sqrt(2)]; the relative error of f + t is 2^-29.9.
_LOG_F4 = F4.constants(
    -0.5,
    0.33333308,
    -0.24999976,
    0.20002393,
    -0.16669904,
    0.14216548,
    -0.12374468,
    0.118763335,
    -0.118325114,
    0.069501854,
)
# P for 1 + f in [0.75, 1.5], where log1p can have f exact; 2^-27.4 and 2^-61.6.
_LOG1P = {
    F4: F4.constants(
        -0.5,
        0.33333465,
        -0.25000197,
        0.19990236,
        -0.166424,
        0.14477298,
        -0.1321112,
        0.105805136,
        -0.045880936,
    ),
    F8: F8.constants(
        0.666666666666666,
        0.40000000000056635,
        0.2857142855584345,
        0.22222224294422896,
        0.18181666010914727,
        0.1539110726055481,
        0.13173681134152143,
        0.13842471675250687,
    ),
}
# log_b(2) in 15 bits (42 for float64) and the rest, then log_b(e) rounded and the rest.
_LN = {
    F4: F4.constants(0.693145751953125, 1.4286068203094173e-06),
    F8: F8.constants(0.6931471805598903, 5.497923018708371e-14),
}
_LOG2 = {
    F4: F4.constants(1.0, 0.0, 1.4426950216293335, 1.9259629911266175e-08),
    F8: F8.constants(1.0, 0.0, 1.4426950408889634, 2.0355273740931033e-17),
}
_LOG10 = {
    F4: F4.constants(
        0.301025390625, 4.605038981195214e-06, 0.4342944920063019, -1.0103050052231683e-08
    ),
    F8: F8.constants(
        0.30102999566395283, 2.8363394551044964e-14, 0.4342944819032518, 1.098319650216765e-17
    ),
}


def _bits_of(value: Any) -> Any:
    """Return the bits of a typed constant as a typed constant."""
    return np.asarray(value).view(f"i{value.nbytes}")[()]


def _tail_f4(coefficients: tuple) -> ScalarFunction:
    @scalar
    def tail(f):
        """log(1 + f) - f."""
        return f * f * horner(f, coefficients)

    return tail


def _tail_f8(coefficients: tuple) -> ScalarFunction:
    half, two = F8.half, F8.two

    @scalar
    def tail(f):
        """log(1 + f) - f."""
        s = f / (two + f)
        z = s * s
        square = half * f * f
        return fma(s, fma(z, horner(z, coefficients), square), -square)

    return tail


_LOG1P_TAIL = {F4: _tail_f4(_LOG1P[F4]), F8: _tail_f8(_LOG1P[F8])}
_LOG_TAIL = {F4: _tail_f4(_LOG_F4), F8: _LOG1P_TAIL[F8]}


@both
def _decompose(c: Format) -> ScalarFunction:
    zero, one, digits = c.zero, c.one, c.digits
    normal = c.real(2.0 ** (1 - int(c.bias)))
    lift, lifted = c.real(2.0 ** (digits + 1)), c.real(digits + 1)
    start = _bits_of(c.real(0.5**0.5))

    @scalar
    def decompose(x):
        """(k, f) with ``x = 2^k * (1 + f)``, for x > 0, subnormals included; both floats."""
        small = x < normal
        x = select(small, x * lift, x)
        k = iashr(isub(bits(x), start), digits)
        f = from_bits(isub(bits(x), ishl(k, digits))) - one
        return magic_float(k) - select(small, lifted, zero), f

    return decompose


@both
def _finish(c: Format) -> ScalarFunction:
    zero, inf, nan = c.zero, c.inf, c.nan

    @scalar
    def finish(x, y):
        """log(x), where y is right for a positive finite x: -inf at 0, NaN below."""
        y = select(x > zero, y, select(x == zero, -inf, nan))
        return select(x < inf, y, x)

    return finish


DECOMPOSE = dict(zip((F4, F8), _decompose, strict=True))
"""Format -> the reduction that log, log2, log10 and pow start from."""
_FINISH = dict(zip((F4, F8), _finish, strict=True))


@both
def _log(c: Format) -> ScalarFunction:
    decompose, tail, finish, (head, rest) = DECOMPOSE[c], _LOG_TAIL[c], _FINISH[c], _LN[c]

    @scalar
    def log(x):
        """Natural logarithm."""
        k, f = decompose(x)
        main = k * head
        total = main + f
        return finish(x, total + (((main - total) + f) + fma(k, rest, tail(f))))

    return log


def _log_base(c: Format, constants: tuple) -> ScalarFunction:
    decompose, tail, finish = DECOMPOSE[c], _LOG_TAIL[c], _FINISH[c]
    head, rest, scale, scale_rest = constants

    @scalar
    def log_base(x):
        """Logarithm to another base: f times log_b(e) is kept in two words."""
        k, f = decompose(x)
        high = f * scale
        low = fma(tail(f), scale, fma(f, scale_rest, fma(f, scale, -high)))
        main = k * head
        total = main + high
        return finish(x, total + (((main - total) + high) + fma(k, rest, low)))

    return log_base


@both
def _log1p(c: Format) -> ScalarFunction:
    tail, finish, (head, rest) = _LOG1P_TAIL[c], _FINISH[c], _LN[c]
    zero, one, digits, start = c.zero, c.one, c.digits, _bits_of(c.real(0.75))
    tiny, zero_int = c.real(2.0 ** -(digits + 2)), c.integer(0)
    # Beyond `huge` the 1 is nothing, and without the shift 2^-k could not be represented.
    huge, shrink, shrunk = c.real(2.0 ** (int(c.bias) - 27)), c.real(2.0**-30), c.real(30.0)

    @scalar
    def log1p(x):
        """log(1 + x): ``f = 2^-k * x + (2^-k - 1)`` has one rounding, and none for k = -1, 0, 1."""
        is_huge = x > huge
        y = select(is_huge, x * shrink, x)
        k = iashr(isub(bits(select(is_huge, y, one + y)), start), digits)
        scale = power_of_two(isub(zero_int, k))
        f = fma(y, scale, select(is_huge, zero, scale) - one)
        k = magic_float(k) + select(is_huge, shrunk, zero)
        main = k * head
        total = main + f
        y = finish(one + x, total + (((main - total) + f) + fma(k, rest, tail(f))))
        return select(fabs(x) < tiny, x, y)

    return log1p


log_f4, log_f8 = _log
log2_f4, log2_f8 = _log_base(F4, _LOG2[F4]), _log_base(F8, _LOG2[F8])
log10_f4, log10_f8 = _log_base(F4, _LOG10[F4]), _log_base(F8, _LOG10[F8])
log1p_f4, log1p_f8 = _log1p
