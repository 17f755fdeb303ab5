"""Quotients rounded to integers, and the remainders that they leave.

The remainder of floats is exact, as IEEE 754 and C99 (7.12.10.1) ask: it is found by taking
multiples ``q * t`` off, where t is the divisor times a power of two so large that q has fewer bits
than a mantissa. Then q is right or one too large, and one fma gives the difference without
rounding. Nearly always one turn is enough.

Floor and sign conventions are Python's (`remainder`, `floordiv`) or C's (`fmod`, `truncdiv`).
Integers divided by zero give 0: a kernel cannot raise. The most negative integer over -1 wraps.
"""

import numpy as np

from .intrinsics import copysign, fabs, floor, fma, imul, isub, select, trunc
from .scalar import F4, F8, Format, ScalarFunction, both, scalar

_ZERO, _ONE = np.int64(0), np.int64(1)


@both
def _fmod(c: Format) -> ScalarFunction:
    zero, inf, nan = c.zero, c.inf, c.nan
    near, step = c.real(2.0**-c.digits), c.real(2.0 ** (c.digits - 1))

    @scalar
    def fmod(x, y):
        """x - y * trunc(x / y), exactly; the sign is that of x."""
        a, b = fabs(x), fabs(y)
        defined = (a < inf) & (b > zero)
        rest = select(defined, a, zero)
        b = select(defined, b, inf)
        while rest >= b:
            t = b
            while t <= rest * near:
                t = t * step
            q = trunc(rest / t)
            rest = fma(-q, t, rest)
            rest = select(rest < zero, rest + t, rest)
        return select(defined, copysign(rest, x), nan)

    return fmod


fmod_f4, fmod_f8 = _fmod
_FMOD = {F4: fmod_f4, F8: fmod_f8}


@both
def _remainder(c: Format) -> ScalarFunction:
    zero, fmod = c.zero, _FMOD[c]

    @scalar
    def remainder(x, y):
        """x - y * floor(x / y); the sign is that of y, and the sum may round once."""
        rest = fmod(x, y)
        return select((rest != zero) & ((y < zero) != (rest < zero)), rest + y, rest)

    return remainder


@both
def _floordiv(c: Format) -> ScalarFunction:
    zero, half, one, fmod = c.zero, c.half, c.one, _FMOD[c]

    @scalar
    def floordiv(x, y):
        """The largest integer not above x / y, consistent with `remainder`; x / 0 for y = 0."""
        rest = fmod(x, y)
        quotient = (x - rest) / y
        below = (rest != zero) & ((y < zero) != (rest < zero))
        quotient = select(below, quotient - one, quotient)
        whole = floor(quotient)
        whole = select(quotient - whole > half, whole + one, whole)
        whole = select(quotient != zero, whole, copysign(zero, x / y))
        return select(y == zero, x / y, whole)

    return floordiv


remainder_f4, remainder_f8 = _remainder
floordiv_f4, floordiv_f8 = _floordiv


@scalar
def floordiv_i8(x, y):
    """The largest integer not above x / y."""
    plain = (y != _ZERO) & (y != -_ONE)
    quotient = x // select(plain, y, _ONE)
    return select(plain, quotient, select(y == _ZERO, _ZERO, isub(_ZERO, x)))


@scalar
def remainder_i8(x, y):
    """x - y * floor(x / y)."""
    plain = (y != _ZERO) & (y != -_ONE)
    return select(plain, x % select(plain, y, _ONE), _ZERO)


@scalar
def fmod_i8(x, y):
    """x - y * trunc(x / y)."""
    rest = remainder_i8(x, y)
    return select((rest != _ZERO) & ((x < _ZERO) != (y < _ZERO)), isub(rest, y), rest)


@scalar
def truncdiv_i8(x, y):
    """The integer part of x / y."""
    quotient = floordiv_i8(x, y)
    inexact = (y != _ZERO) & (imul(quotient, y) != x)
    return select(inexact & ((x < _ZERO) != (y < _ZERO)), isub(quotient, -_ONE), quotient)


SCALARS: dict[tuple[str, str], ScalarFunction] = {
    ("fmod", "float32"): fmod_f4,
    ("fmod", "float64"): fmod_f8,
    ("fmod", "int64"): fmod_i8,
    ("remainder", "float32"): remainder_f4,
    ("remainder", "float64"): remainder_f8,
    ("remainder", "int64"): remainder_i8,
    ("floordiv", "float32"): floordiv_f4,
    ("floordiv", "float64"): floordiv_f8,
    ("floordiv", "int64"): floordiv_i8,
    ("truncdiv", "int64"): truncdiv_i8,
}
"""(name, dtype name) -> the function to call from compiled code."""
