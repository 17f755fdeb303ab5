"""Counter-based random bits: Philox-2x64-10, and the conversions to uniform and normal numbers.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): a
multiply and xor network keyed by the seed. Element ``i`` of the ``counter``-th random op draws
``philox((i, counter), key=seed)``: neither order, nor fusion, nor threads can move it.
"""

import numpy as np

from .elementary import cos_f8, log_f8
from .intrinsics import sqrt
from .scalar import scalar

_MULTIPLIER = np.uint64(0xD2B74407B1CE6E93)
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_TWO_PI = np.float64(6.283185307179586)


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


SCALARS = {
    ("uniform", "float32"): uniform_f4,
    ("uniform", "float64"): uniform_f8,
    ("normal", "float32"): normal_f4,
    ("normal", "float64"): normal_f8,
}
