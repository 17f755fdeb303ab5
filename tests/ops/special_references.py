"""Special functions in mpmath, at its current precision: for the rows and the accuracy suite."""

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

Real = Any
Reference = Callable[..., Real]
INF, NAN = mp.inf, mp.nan


def finite(function: Reference) -> Reference:
    """NaN at both infinities."""
    return lambda x: NAN if mp.isinf(x) else function(x)


def within(function: Reference, low: float, high: float) -> Reference:
    """NaN outside of an interval."""
    return lambda x: function(x) if low <= x <= high else NAN


def pole(x: Real) -> bool:
    """Tell the poles of gamma."""
    return x <= 0 and x == mp.floor(x)


def odd_ends(function: Reference) -> Reference:
    """Infinite at -1 and 1, NaN beyond."""
    return within(lambda x: mp.sign(x) * INF if abs(x) == 1 else function(x), -1, 1)


def sinc(x: Real) -> Real:
    return mp.mpf(1) if x == 0 else mp.sinpi(x) / (mp.pi * x)


def logit(x: Real) -> Real:
    return {0: -INF, 1: INF}[int(x)] if x in (0, 1) else mp.log(x / (1 - x))


def lgamma(x: Real) -> Real:
    if mp.isinf(x) or pole(x):
        return INF
    if x > 0:
        return mp.loggamma(x)
    return mp.log(mp.pi / abs(x * mp.sinpi(x))) - mp.loggamma(-x)


def digamma(x: Real) -> Real:
    if mp.isinf(x) or pole(x):
        return x if x > 0 else -INF if x == 0 else NAN
    if x > -1:
        return mp.digamma(x)
    return mp.digamma(1 - x) - mp.pi * mp.cospi(x) / mp.sinpi(x)


def trigamma(x: Real) -> Real:
    if x > 1e30:
        return mp.mpf(0) if mp.isinf(x) else 1 / x
    if pole(x) or mp.isinf(x):
        return INF
    return mp.psi(1, x) if x > 0 else (mp.pi / mp.sinpi(x)) ** 2 - mp.psi(1, 1 - x)


def zeta(s: Real, q: Real) -> Real:
    """Hurwitz zeta; below 0 the first terms one by one."""
    if pole(q):
        return INF
    first = max(0, int(mp.ceil(-q)))
    with mp.workprec(600):
        head = mp.fsum((q + k) ** (-int(s)) for k in range(first))
        return head + mp.zeta(s, q + first)


def erfcx(x: Real) -> Real:
    if x > 1e8:
        return 1 / (x * mp.sqrt(mp.pi))
    return INF if x < -30 else mp.exp(x * x) * mp.erfc(x)


def ndtr(x: Real) -> Real:
    return mp.mpf(int(x > 0)) if abs(x) > 60 else mp.erfc(-x / mp.sqrt(2)) / 2


def log_ndtr(x: Real) -> Real:
    if x < -1e6:
        return -x * x / 2 - (0 if mp.isinf(x) else mp.log(-x * mp.sqrt(2 * mp.pi)))
    if x > 0:
        return mp.log1p(-mp.erfc(min(x, 1000) / mp.sqrt(2)) / 2)
    return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)


def ndtri(p: Real) -> Real:
    """Newton's method on log(ndtr), from the leading terms of its inverse."""
    if p in (0, 1):
        return INF if p else -INF
    tail = min(p, 1 - p)
    root = mp.sqrt(-2 * mp.log(tail))
    z = root - (mp.log(root) + 0.9) / root if tail < 0.1 else (0.5 - tail) * 2.5
    for _ in range(12):
        value = ndtr(-z)
        step = value * mp.log(value / tail) * mp.sqrt(2 * mp.pi) * mp.exp(z * z / 2)
        z += step
        if abs(step) < abs(z) * mp.mpf(2) ** -90:
            break
    return z if p > 0.5 else -z


def bessel(order: int, scaled: bool) -> Reference:
    """I0 or I1, with e^-|x|; from 500 on by the asymptotic series (DLMF 10.40.1)."""

    def function(x: Real) -> Real:
        y, sign = abs(x), mp.sign(x) ** order if order else 1
        if y == 0:
            return mp.mpf(1 - order)
        if mp.isinf(y):
            return mp.mpf(0) if scaled else sign * INF
        if y < 500:
            return sign * mp.besseli(order, y) * (mp.exp(-y) if scaled else 1)
        term = total = mp.mpf(1)
        for j in range(1, 40):
            term *= ((2 * j - 1) ** 2 - 4 * order * order) / (8 * j * y)
            total += term
        total /= mp.sqrt(2 * mp.pi * y)
        return sign * total * (1 if scaled else mp.exp(min(y, 100_000)))

    return function


UNARY: dict[str, Reference] = {
    "acos": within(mp.acos, -1, 1),
    "acosh": within(mp.acosh, 1, INF),
    "asin": within(mp.asin, -1, 1),
    "asinh": lambda x: mp.asinh(x) if abs(x) > 1e-30 else x,
    "atan": mp.atan,
    "atanh": odd_ends(lambda x: (mp.log1p(x) - mp.log1p(-x)) / 2),
    "cosh": lambda x: mp.cosh(x) if abs(x) < 2000 else INF,
    "digamma": digamma,
    "erfcx": erfcx,
    "i0": bessel(0, False),
    "i0e": bessel(0, True),
    "i1": bessel(1, False),
    "i1e": bessel(1, True),
    "lgamma": lgamma,
    "log_ndtr": log_ndtr,
    "logit": within(logit, 0, 1),
    "ndtr": ndtr,
    "ndtri": within(ndtri, 0, 1),
    "sinc": finite(sinc),
    "sinh": lambda x: mp.sinh(x) if abs(x) < 2000 else mp.sign(x) * INF,
    "tan": finite(mp.tan),
    "trigamma": trigamma,
}


def larger_and_distance(x: Real, y: Real) -> tuple[Real, Real]:
    return max(x, y), min(abs(x - y), 5000)


def logaddexp(x: Real, y: Real) -> Real:
    larger, distance = larger_and_distance(x, y)
    return larger + mp.log1p(mp.exp(-distance))


def logaddexp2(x: Real, y: Real) -> Real:
    larger, distance = larger_and_distance(x, y)
    return larger + mp.log1p(mp.mpf(2) ** -distance) / mp.log(2)


BINARY: dict[str, Reference] = {
    "atan2": mp.atan2,
    "hypot": mp.hypot,
    "logaddexp": logaddexp,
    "logaddexp2": logaddexp2,
    "zeta": zeta,
}


def lifted(function: Reference) -> Callable[..., np.ndarray]:
    """Lift a reference to float64 arrays."""

    def one(*values: float) -> float:
        if any(v != v for v in values):
            return float("nan")
        with mp.workprec(120):
            return float(function(*(mp.mpf(v) for v in values)))

    def lift(*arrays: np.ndarray) -> np.ndarray:
        arrays = tuple(np.broadcast_arrays(*arrays))
        flat = zip(*(a.ravel().tolist() for a in arrays), strict=True)
        return np.array([one(*v) for v in flat], np.float64).reshape(arrays[0].shape)

    return lift


def lifted_odd(function: Reference) -> Callable[..., np.ndarray]:
    """The same for an odd function: mpmath has one zero, but f(-0) is -0."""
    lift = lifted(function)
    return lambda x: np.where(x == 0, x, np.sign(x) * lift(np.abs(x)))
