"""sin and cos, right for every finite argument.

The reduction is that of Payne and Hanek, in doubles instead of integers, so that it vectorises and
one path serves all arguments: with ``x = n * 2^g``, n an integer or x small, multiples of 4 can be
dropped from ``2^g * 2/pi`` beforehand. A table holds the remainder in four doubles (212 bits) for
g = 0, 16, 32, ...; n times it, minus the nearest integer, is ``x*2/pi`` to about 2^-140, where no
double comes nearer than 2^-62 to a multiple of pi/2.

On ``|r| <= pi/4`` the polynomials are minimax fits (Remez in 50 digits) of ``(sin(r)/r - 1)/r^2`` and
``(cos(r) - 1 + r^2/2)/r^4`` in r^2. float32 computes in float64 and rounds once.
"""

import numpy as np

from .intrinsics import bits, fabs, fma, horner, iand, iashr, imul, isub, magic_int, power_of_two, rint, select, table_of
from .scalar import F8, ScalarFunction, scalar

_TWO_OVER_PI_BITS = 1280
_TWO_OVER_PI = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e0"
    "06492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f4"
    "9c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d"
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
    16,
)
"""2/pi * 2^1280, rounded down."""
_STEP_BITS = 4  # a row of the table for every 16 exponents
_LAST_ROW = np.int64(60)
_LOWEST_BIT = np.int64(1075)  # biased exponent at which the lowest bit of a double is worth 1

_PI_2, _PI_2_REST = F8.constants(1.5707963267948966, 6.123233995736766e-17)
# The relative errors of sin and cos are 2^-58.0 and 2^-63.9; for float32, 2^-37.6 and 2^-33.3.
_SIN = F8.constants(
    -0.16666666666666632,
    0.008333333333322472,
    -0.00019841269829835907,
    2.7557313697438668e-06,
    -2.5050758506545928e-08,
    1.5896797374676176e-10,
)
_COS = F8.constants(
    0.0416666666666666,
    -0.0013888888888874457,
    2.4801587289653444e-05,
    -2.7557314394095296e-07,
    2.0875728148273656e-09,
    -1.1359867218391368e-11,
)
_SIN_SHORT = F8.constants(
    -0.16666666641525538, 0.008333329373202835, -0.00019839330392851497, 2.7182664054899424e-06
)
_COS_SHORT = F8.constants(
    0.041666646811866534, -0.0013887364722818985, 2.4438119144718148e-05
)


def _table() -> list[np.ndarray]:
    """Return four columns: row i is 2^(16*i) * 2/pi modulo 4 as a sum of four doubles."""
    rows = []
    for row in range(int(_LAST_ROW) + 1):
        rest = (_TWO_OVER_PI << (row << _STEP_BITS)) % (4 << _TWO_OVER_PI_BITS)
        parts = []
        for _ in range(4):
            part = rest / (1 << _TWO_OVER_PI_BITS)  # int / int rounds to nearest
            parts.append(part)
            numerator, denominator = part.as_integer_ratio()
            rest -= (numerator << _TWO_OVER_PI_BITS) // denominator
        rows.append(parts)
    return [np.array(column) for column in zip(*rows, strict=True)]


_t1, _t2, _t3, _t4 = (
    table_of(f"two_over_pi_{i}", column) for i, column in enumerate(_table())
)
_ZERO, _HALF, _ONE, _FOUR, _QUARTER = F8.constants(0.0, 0.5, 1.0, 4.0, 0.25)
_TINY = F8.real(2.0**-27)
_MAGIC = F8.magic


@scalar
def _two_sum(a, b):
    """a + b and its rounding error (Knuth)."""
    total = a + b
    added = total - a
    return total, (a - (total - added)) + (b - added)


@scalar
def _quarters(x):
    """(q, r, e): q integer modulo 4, x = (q + 4*n)*pi/2 + r + e with |r| <= pi/4 and a bit."""
    exponent = iand(iashr(bits(x), 52), 0x7FF)
    row = iashr(isub(exponent, _LOWEST_BIT), _STEP_BITS)
    row = select(row < 0, isub(row, row), row)
    n = x * power_of_two(imul(row, -16))
    t1, t2, t3 = _t1(row), _t2(row), _t3(row)
    h1, h2, h3 = n * t1, n * t2, n * t3
    l1, l2, l3 = fma(n, t1, -h1), fma(n, t2, -h2), fma(n, t3, -h3)
    l3 = fma(n, _t4(row), l3)
    h1 = fma(rint(h1 * _QUARTER), -_FOUR, h1)
    b, b_rest = _two_sum(l1, h2)
    b = fma(rint(b * _QUARTER), -_FOUR, b)
    whole, whole_rest = _two_sum(h1, b)
    q = rint(whole)
    small, small_rest = _two_sum(l2, h3)
    v, v_rest = _two_sum(b_rest, small)
    w, w_rest = _two_sum(whole - q, v)
    u, u_rest = _two_sum(w, whole_rest)
    rest = (w_rest + u_rest) + ((v_rest + small_rest) + l3)
    high = u + rest
    low = (u - high) + rest
    r = high * _PI_2
    e = fma(high, _PI_2, -r) + fma(high, _PI_2_REST, low * _PI_2)
    return magic_int(q + _MAGIC), r, e


def _wave(sin_terms: tuple, cos_terms: tuple, phase: int) -> ScalarFunction:
    """Build sin(x + phase*pi/2)."""
    phase = np.int64(phase)

    @scalar
    def wave(x):
        q, r, e = _quarters(x)
        q = isub(q, -phase)
        z = r * r
        sine = r + fma(r * z, horner(z, sin_terms), e)
        square = _HALF * z
        top = _ONE - square
        cosine = top + (((_ONE - top) - square) + fma(z * z, horner(z, cos_terms), -r * e))
        y = select(iand(q, 1) != 0, cosine, sine)
        return select(iand(q, 2) != 0, -y, y)

    return wave


def _sin_of(wave: ScalarFunction) -> ScalarFunction:
    @scalar
    def sin(x):
        """Sine; below 2^-27 it is x itself, which keeps subnormals and the sign of zero."""
        return select(fabs(x) < _TINY, x, wave(x))

    return sin


def _in_double(function: ScalarFunction) -> ScalarFunction:
    @scalar
    def rounded(x):
        return np.float32(function(np.float64(x)))

    return rounded


sin_f8, cos_f8 = _sin_of(_wave(_SIN, _COS, 0)), _wave(_SIN, _COS, 1)
sin_f4 = _in_double(_sin_of(_wave(_SIN_SHORT, _COS_SHORT, 0)))
cos_f4 = _in_double(_wave(_SIN_SHORT, _COS_SHORT, 1))
