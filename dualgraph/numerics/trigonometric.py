"""sin, cos and tan, right for every finite argument; sine and cosine of pi*x.

The reduction is that of Payne and Hanek, in doubles instead of integers, so that it vectorises and
one path serves all arguments: with ``x = n * 2^g``, n an integer or x small, multiples of 4 can be
dropped from ``2^g * 2/pi`` beforehand. A table holds the remainder in four doubles (212 bits) for
g = 0, 32, 64, ...; n times it, minus the nearest integer, is ``x*2/pi`` to about 2^-140, where no
double comes nearer than 2^-62 to a multiple of pi/2.

On ``|r| <= pi/4`` the polynomials are minimax fits (Remez in 50 digits) of
``(sin(r)/r - 1)/r^2`` and ``(cos(r) - 1 + r^2/2)/r^4`` in r^2. float32 computes in float64 and
rounds once.
"""

from collections.abc import Iterator

import numpy as np

from .intrinsics import (
    bits,
    fabs,
    fma,
    horner,
    iadd,
    iand,
    iashr,
    imul,
    isub,
    magic_int,
    power_of_two,
    rint,
    select,
    table_of,
)
from .scalar import F4, F8, ScalarFunction, narrowed, scalar
from .words import quotient, two_sum

_TWO_OVER_PI_BITS = 1280
_TWO_OVER_PI = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e0"
    "06492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f4"
    "9c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d"
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
    16,
)
"""2/pi * 2^1280, rounded down."""
_STEP_BITS = 5  # a row of the table for every 32 exponents
_ROWS_F4, _ROWS_F8 = 3, 31
_LOWEST_BIT = np.int64(1075)  # biased exponent at which the lowest bit of a double is worth 1

_PI_2, _PI_2_REST = F8.constants(1.5707963267948966, 6.123233995736766e-17)
_PI, _PI_REST = F8.constants(3.141592653589793, 1.2246467991473532e-16)
# The relative errors of sin and cos are 2^-58.0 and 2^-63.9; for float32, 2^-37.6 and 2^-33.3.
_SIN_F8 = F8.constants(
    -0.16666666666666632,
    0.008333333333322472,
    -0.00019841269829835907,
    2.7557313697438668e-06,
    -2.5050758506545928e-08,
    1.5896797374676176e-10,
)
_COS_F8 = F8.constants(
    0.0416666666666666,
    -0.0013888888888874457,
    2.4801587289653444e-05,
    -2.7557314394095296e-07,
    2.0875728148273656e-09,
    -1.1359867218391368e-11,
)
_SIN_F4 = F8.constants(
    -0.16666666641525538, 0.008333329373202835, -0.00019839330392851497, 2.7182664054899424e-06
)
_COS_F4 = F8.constants(0.041666646811866534, -0.0013887364722818985, 2.4438119144718148e-05)


def _table(rows: int) -> Iterator[np.ndarray]:
    """Yield four columns: row i is 2^(32*i) * 2/pi modulo 4 as a sum of four doubles."""
    rests = [(_TWO_OVER_PI << (i << _STEP_BITS)) % (4 << _TWO_OVER_PI_BITS) for i in range(rows)]
    for _ in range(4):
        column = [rest / (1 << _TWO_OVER_PI_BITS) for rest in rests]  # int / int rounds correctly
        yield np.array(column)
        ratios = [part.as_integer_ratio() for part in column]
        rests = [r - (p << _TWO_OVER_PI_BITS) // q for r, (p, q) in zip(rests, ratios, strict=True)]


_HALF, _ONE, _TWO, _FOUR, _QUARTER = F8.constants(0.5, 1.0, 2.0, 4.0, 0.25)
_TINY, _TINY_F4 = F8.real(2.0**-27), F4.real(2.0**-13)
_MAGIC = F8.magic


def _locator(rows: int) -> ScalarFunction:
    t1, t2, t3, t4 = (table_of(f"two_over_pi_{i}", c) for i, c in enumerate(_table(rows)))

    @scalar
    def locate(x):
        """(n, t1, t2, t3, t4): ``x*2/pi = n*(t1 + t2 + t3 + t4)`` modulo 4."""
        exponent = iand(iashr(bits(x), 52), 0x7FF)
        row = iashr(isub(exponent, _LOWEST_BIT), _STEP_BITS)
        row = select(row < 0, isub(row, row), row)
        n = x * power_of_two(imul(row, -(1 << _STEP_BITS)))
        return n, t1(row), t2(row), t3(row), t4(row)

    return locate


_locate_f4, _locate_f8 = _locator(_ROWS_F4), _locator(_ROWS_F8)


@scalar
def _quarters_f8(x):
    """(q, r, e): x = q*pi/2 + r + e modulo 2*pi, q an integer, |r| <= pi/4 and a bit, e tiny."""
    n, t1, t2, t3, t4 = _locate_f8(x)
    h1, h2, h3 = n * t1, n * t2, n * t3
    l1, l2, l3 = fma(n, t1, -h1), fma(n, t2, -h2), fma(n, t4, fma(n, t3, -h3))
    h1 = fma(rint(h1 * _QUARTER), -_FOUR, h1)
    b, b_rest = two_sum(l1, h2)
    b = fma(rint(b * _QUARTER), -_FOUR, b)
    whole, whole_rest = two_sum(h1, b)
    q = rint(whole)
    # What is left can cancel down to 2^-62: no error of a sum may be dropped.
    small, small_rest = two_sum(l2, h3)
    v, v_rest = two_sum(b_rest, small)
    w, w_rest = two_sum(whole - q, v)
    u, u_rest = two_sum(w, whole_rest)
    rest = (w_rest + u_rest) + ((v_rest + small_rest) + l3)
    high = u + rest
    low = (u - high) + rest
    r = high * _PI_2
    e = fma(high, _PI_2, -r) + fma(high, _PI_2_REST, low * _PI_2)
    return magic_int(q + _MAGIC), r, e


@scalar
def _quarters_f4(x):
    """(q, r) for an x with 24 bits, which comes no nearer than 2^-33 to a multiple of pi/2."""
    n, t1, t2, t3, _ = _locate_f4(x)
    h1, h2 = n * t1, n * t2
    l1, l2 = fma(n, t1, -h1), fma(n, t3, fma(n, t2, -h2))
    h1 = fma(rint(h1 * _QUARTER), -_FOUR, h1)
    b, b_rest = two_sum(l1, h2)
    b = fma(rint(b * _QUARTER), -_FOUR, b)
    whole, whole_rest = two_sum(h1, b)
    q = rint(whole)
    return magic_int(q + _MAGIC), ((whole - q) + (b_rest + l2) + whole_rest) * _PI_2


@scalar
def _turn(q, sine, cosine):
    """The sine after q quarter turns."""
    y = select(iand(q, 1) != 0, cosine, sine)
    return select(iand(q, 2) != 0, -y, y)


@scalar
def _waves_f8(r, e):
    """(sin, cos) of r + e."""
    z = r * r
    half = _HALF * z
    top = _ONE - half
    cosine = top + (((_ONE - top) - half) + fma(z * z, horner(z, _COS_F8), -r * e))
    return r + fma(r * z, horner(z, _SIN_F8), e), cosine


@scalar
def _waves_f4(r):
    """(sin, cos) of r."""
    z = r * r
    cosine = fma(z * z, horner(z, _COS_F4), fma(-_HALF, z, _ONE))
    return fma(r * z, horner(z, _SIN_F4), r), cosine


@scalar
def sin_f8(x):
    """Sine; below 2^-27 it is x itself, which keeps subnormals and the sign of zero."""
    q, r, e = _quarters_f8(x)
    sine, cosine = _waves_f8(r, e)
    return select(fabs(x) < _TINY, x, _turn(q, sine, cosine))


@scalar
def cos_f8(x):
    """Cosine: the sine a quarter turn further."""
    q, r, e = _quarters_f8(x)
    sine, cosine = _waves_f8(r, e)
    return _turn(iadd(q, 1), sine, cosine)


@scalar
def sin_f4(x):
    """Sine; the sign of zero is put back."""
    q, r = _quarters_f4(np.float64(x))
    sine, cosine = _waves_f4(r)
    return select(fabs(x) < _TINY_F4, x, np.float32(_turn(q, sine, cosine)))


@scalar
def cos_f4(x):
    """Cosine: the sine a quarter turn further."""
    q, r = _quarters_f4(np.float64(x))
    sine, cosine = _waves_f4(r)
    return np.float32(_turn(iadd(q, 1), sine, cosine))


@scalar
def tan_f8(x):
    """Tangent: sine over cosine, both in two words; -cosine over sine after an odd quarter turn."""
    q, r, e = _quarters_f8(x)
    z = r * r
    add = fma(r * z, horner(z, _SIN_F8), e)
    sine = r + add
    sine_rest = (r - sine) + add
    half = _HALF * z
    top = _ONE - half
    add = ((_ONE - top) - half) + fma(z * z, horner(z, _COS_F8), -r * e)
    cosine = top + add
    cosine_rest = (top - cosine) + add
    odd = iand(q, 1) != 0
    y, rest = quotient(
        select(odd, -cosine, sine),
        select(odd, -cosine_rest, sine_rest),
        select(odd, sine, cosine),
        select(odd, sine_rest, cosine_rest),
    )
    return select(fabs(x) < _TINY, x, y + rest)


@scalar
def tan_f4(x):
    """Tangent; the sign of zero is put back."""
    q, r = _quarters_f4(np.float64(x))
    sine, cosine = _waves_f4(r)
    odd = iand(q, 1) != 0
    y = select(odd, -cosine, sine) / select(odd, sine, cosine)
    return select(fabs(x) < _TINY_F4, x, np.float32(y))


@scalar
def sincospi_f8(x):
    """(sin, cos) of pi*x: x is reduced exactly, and pi times the rest is taken in two words."""
    turned = fma(rint(_HALF * x), -_TWO, x)
    q = rint(turned + turned)
    rest = fma(q, -_HALF, turned)
    r = rest * _PI
    sine, cosine = _waves_f8(r, fma(rest, _PI, -r) + rest * _PI_REST)
    turns = magic_int(q + _MAGIC)
    return _turn(turns, sine, cosine), _turn(iadd(turns, 1), sine, cosine)


@scalar
def sinc_f8(x):
    """sin(pi*x)/(pi*x), and 1 at 0; exactly 0 at the other integers."""
    sine, _ = sincospi_f8(x)
    return select(fabs(x) < _TINY, _ONE, sine / (_PI * x)) + (x - x)


sinc_f4 = narrowed(sinc_f8)
