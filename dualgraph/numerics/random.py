"""Counter-based random bits: Philox-2x64-10, and the conversions to uniform and normal numbers.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): a
multiply and xor network keyed by the seed. Element ``i`` of the ``counter``-th random op draws
``philox((i, counter), key=seed)``: neither order, nor fusion, nor threads can move it.
"""

import numpy as np

from .elementary import cos_f8, exp_f8, log_f8
from .intrinsics import fabs, floor, sqrt
from .scalar import scalar

_MULTIPLIER = np.uint64(0xD2B74407B1CE6E93)
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_TWO_PI = np.float64(6.283185307179586)
_HALF_LOG_TWO_PI = np.float64(0.9189385332046728)
_STIRLING = tuple(np.float64(1.0 / d) for d in (12, 360, 1260, 1680))
_STREAM = np.int64(2**40)


@scalar
def _high_product(a, b):
    """Upper 64 bits of the 128-bit product of two uint64."""
    a_low, a_high = a & _LOW, a >> _32
    b_low, b_high = b & _LOW, b >> _32
    middle = a_high * b_low + ((a_low * b_low) >> _32)
    cross = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _32) + (cross >> _32)


@scalar
def philox(index, counter, seed):
    """Two random uint64 words for one element (ten rounds)."""
    x0, x1, key = np.uint64(index), np.uint64(counter), np.uint64(seed)
    for _ in range(10):
        high = _high_product(_MULTIPLIER, x0)
        x0, x1 = high ^ key ^ x1, _MULTIPLIER * x0
        key = key + _WEYL
    return x0, x1


@scalar
def uniform_f4(index, counter, seed):
    """Uniform in [0, 1) with 24 random bits."""
    bits, _ = philox(index, counter, seed)
    return np.float32(np.int64(bits >> np.uint64(40))) * np.float32(2.0**-24)


@scalar
def uniform_f8(index, counter, seed):
    """Uniform in [0, 1) with 53 random bits."""
    bits, _ = philox(index, counter, seed)
    return np.float64(np.int64(bits >> np.uint64(11))) * np.float64(2.0**-53)


@scalar
def normal_f8(index, counter, seed):
    """Standard normal by Box and Muller (1958): sqrt(-2 log u) cos(2 pi v), u in (0, 1]."""
    first, second = philox(index, counter, seed)
    u = (np.float64(np.int64(first >> np.uint64(11))) + np.float64(1.0)) * np.float64(2.0**-53)
    v = np.float64(np.int64(second >> np.uint64(11))) * np.float64(2.0**-53)
    return sqrt(np.float64(-2.0) * log_f8(u)) * cos_f8(_TWO_PI * v)


@scalar
def normal_f4(index, counter, seed):
    """The float64 normal, rounded once."""
    return np.float32(normal_f8(index, counter, seed))


@scalar
def below_i8(index, counter, seed, extent):
    """Integer in [0, extent), extent an unsigned word (0 stands for 2**64).

    The upper half of a 128-bit product (Lemire 2019), without its rejection step: no value's
    probability is off by more than 2**-64.
    """
    bits, _ = philox(index, counter, seed)
    wide = np.uint64(extent)
    return np.int64(bits if wide == np.uint64(0) else _high_product(bits, wide))


@scalar
def _log_factorial(k):
    """log(k!): Stirling's series (error below 1e-12 from 10 on), the product before that."""
    if k < np.float64(10.0):
        product = np.float64(1.0)
        for i in range(2, np.int64(k) + 1):
            product *= np.float64(i)
        return log_f8(product)
    r = np.float64(1.0) / k
    q = r * r
    tail = r * (_STIRLING[0] - q * (_STIRLING[1] - q * (_STIRLING[2] - q * _STIRLING[3])))
    return (k + np.float64(0.5)) * log_f8(k) - k + _HALF_LOG_TWO_PI + tail


@scalar
def poisson_f8(index, counter, seed, rate):
    """Poisson number: Knuth's product of uniforms below 10, else Hoermann's PTRS (1993).

    The n-th uniform of element i is that of element i + n * 2**40. A rate of 0 or less gives 0, NaN
    gives NaN.
    """
    draw = np.int64(index)
    if not rate > np.float64(0.0):
        return rate * np.float64(0.0)
    if rate < np.float64(10.0):
        limit, product, k = exp_f8(-rate), np.float64(1.0), np.float64(-1.0)
        while product > limit:
            product *= uniform_f8(draw, counter, seed)
            draw += _STREAM
            k += np.float64(1.0)
        return k
    if not rate < np.float64(2.0**62):
        return rate
    b = np.float64(0.931) + np.float64(2.53) * sqrt(rate)
    a = np.float64(-0.059) + np.float64(0.02483) * b
    inverse = np.float64(1.1239) + np.float64(1.1328) / (b - np.float64(3.4))
    accepted = np.float64(0.9277) - np.float64(3.6224) / (b - np.float64(2.0))
    log_rate = log_f8(rate)
    while True:
        u = uniform_f8(draw, counter, seed) - np.float64(0.5)
        v = np.float64(1.0) - uniform_f8(draw + _STREAM, counter, seed)
        draw += np.int64(2) * _STREAM
        us = np.float64(0.5) - fabs(u)
        k = floor((np.float64(2.0) * a / us + b) * u + rate + np.float64(0.43))
        if us >= np.float64(0.07) and v <= accepted:
            return k
        if k >= np.float64(0.0) and not (us < np.float64(0.013) and v > us):
            here = log_f8(v) + log_f8(inverse) - log_f8(a / (us * us) + b)
            if here <= k * log_rate - rate - _log_factorial(k):
                return k


@scalar
def poisson_f4(index, counter, seed, rate):
    """The float64 number, rounded once."""
    return np.float32(poisson_f8(index, counter, seed, np.float64(rate)))


SCALARS = {
    ("below", "int64"): below_i8,
    ("poisson", "float32"): poisson_f4,
    ("poisson", "float64"): poisson_f8,
    ("uniform", "float32"): uniform_f4,
    ("uniform", "float64"): uniform_f8,
    ("normal", "float32"): normal_f4,
    ("normal", "float64"): normal_f8,
}
