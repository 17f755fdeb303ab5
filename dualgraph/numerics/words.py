"""Arithmetic in two words: a value as an unevaluated sum of a float and a small rest."""

from .intrinsics import fma, select, sqrt
from .scalar import F8, scalar

_ZERO, _HALF, _ONE = F8.zero, F8.half, F8.one


@scalar
def two_sum(a, b):
    """a + b and its rounding error (Knuth)."""
    total = a + b
    added = total - a
    return total, (a - (total - added)) + (b - added)


@scalar
def quotient(n, n_rest, d, d_rest):
    """(n + n_rest)/(d + d_rest), corrected once by its residual; 1/d must be a normal number."""
    inverse = _ONE / d
    q = n * inverse
    return q, (fma(-q, d, n) + fma(-q, d_rest, n_rest)) * inverse


@scalar
def root(x, rest):
    """sqrt(x + rest) with its error; 0 for x = 0."""
    r = sqrt(x)
    return r, (fma(-r, r, x) + rest) * (_HALF / select(r == _ZERO, _ONE, r))
