"""What is computed from an LU factorization: solutions, inverses, determinants.

The factors are computed once, outside of the tape. The ops on the tape take the matrix as well:
their rules are written in terms of it, and reuse the factors, so that every derivative has one.
"""

from math import inf, nan
from typing import NamedTuple

from ...core.dispatch import apply, compose, compose_several
from ...core.op import NONDIFF, defcomposite, defop, refuse
from ...core.types import Aval
from ...errors import ArgumentError, ShapeError
from ...numerics.facts.routine import Routine
from ..build import Tensor, need
from ..contract.matmul import matmul
from ..elementwise.elementary import log
from ..elementwise.pointwise import abs, lt, mul, neg, sign, where
from ..reduce.reductions import expand, prod, sum
from ..shape.views import reshape, unsqueeze
from .factorizations import untaped_lu
from .matrices import (
    common_batch,
    identity,
    mT,
    need_equal_dtypes,
    need_matrix,
    need_square,
    on_batch,
)

_ONLY_INSIDE = refuse("the factors are computed outside of the tape")
_FACTORED = defop(
    "lu_substitution",
    inputs="both order b",
    infer=lambda both, order, b, transposed: Aval(tuple(b.shape), b.dtype),
    lower=Routine("solve_factored"),
    vjp=(_ONLY_INSIDE, NONDIFF, _ONLY_INSIDE),
)


def _solve_vjp(
    g: Tensor, a: Tensor, both: Tensor, order: Tensor, out: Tensor, transposed: bool
) -> Tensor:
    """Return - inv(A)' g X', or its transpose for the transposed system (Giles 2008, 2.3.1)."""
    back = _solve(a, both, order, g, not transposed)
    return neg(matmul(out, mT(back)) if transposed else matmul(back, mT(out)))


_SOLVE = defcomposite(
    "linalg_solve",
    inputs="a both order b",
    forward=lambda a, both, order, b, transposed: apply(
        _FACTORED, both, order, b, transposed=transposed
    ),
    vjp=(
        lambda g, a, both, order, out, *, transposed: _solve_vjp(
            g, a, both, order, out, transposed
        ),
        NONDIFF,
        NONDIFF,
        lambda g, a, both, order, *, transposed: _solve(a, both, order, g, not transposed),
    ),
)


def _solve(a: Tensor, both: Tensor, order: Tensor, b: Tensor, transposed: bool = False) -> Tensor:
    return compose(_SOLVE, a, both, order, b, transposed=transposed)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Return X with ``A @ X == B`` (``X @ A == B`` unless ``left``).

    Shapes: A (..., n, n), B (..., n, k), or vectors (..., n) or (n,) as PyTorch tells them apart:
    a B with A's shape less the last axis is a batch of vectors. Raises `LinAlgError` for a singular
    matrix, `ShapeError` and `DTypeError`.

    >>> import dualgraph as dg
    >>> dg.linalg.solve(dg.tensor([[2.0, 0.0], [0.0, 4.0]]), dg.tensor([1.0, 2.0]))
    tensor([0.5000, 0.5000])
    """
    name = "linalg.solve"
    need_square(name, A)
    vector = B.value.ndim == 1 or B.value.shape == A.value.shape[:-1]
    need(left or not vector, f"{name}: a vector cannot be solved from the right (left=False)")
    if vector:
        B = unsqueeze(B, -1)
    need_matrix(name, B)
    need_equal_dtypes(name, A, B)
    if A.value.shape[-1] != B.value.shape[-2 if left else -1]:
        a, b = A.value.shape, B.value.shape
        raise ShapeError(f"{name}: shapes {a} and {b} do not fit (left={left})")
    out = _solve_left(A, B) if left else mT(_solve_left(mT(A), mT(B)))
    return reshape(out, out.value.shape[:-1]) if vector else out


def _solve_left(A: Tensor, B: Tensor) -> Tensor:
    A, B = common_batch(A, B)
    factors = untaped_lu(A, "raise")
    return _solve(A, factors.both, factors.order, B)


def inv(A: Tensor) -> Tensor:
    """Return the inverses of square matrices; raise `LinAlgError` for a singular one.

    Prefer `solve` where the inverse is only multiplied with: it is faster and more accurate.
    """
    need_square("linalg.inv", A)
    factors = untaped_lu(A, "raise")
    eye = identity(A.value.shape[-1], A.value.dtype)
    return _solve(A, factors.both, factors.order, on_batch(eye, A.value.shape[:-2]))


def inverse(input: Tensor) -> Tensor:
    """Return `linalg.inv` of the input."""
    return inv(input)


def matrix_power(A: Tensor, n: int) -> Tensor:
    """Return the n-th power of square matrices by squaring; a negative n inverts first."""
    need_square("linalg.matrix_power", A) if A.value.dtype.kind == "f" else None
    if isinstance(n, bool) or not isinstance(n, int):
        raise ArgumentError(f"linalg.matrix_power: n must be an int, got {n!r}")
    if n < 0:
        return matrix_power(inv(A), -n)
    if n == 0:
        return expand(identity(A.value.shape[-1], A.value.dtype), A.value.shape) * 1
    out, power = None, A
    while n:
        if n & 1:
            out = power if out is None else matmul(out, power)
        n >>= 1
        power = matmul(power, power) if n else power
    return mul(A, 1) if out is A else out


# --- determinants -------------------------------------------------------------------------------


def _diagonal_of(both: Tensor) -> Tensor:
    """Return the diagonal of U."""
    *batch, n, _ = both.value.shape
    flat = reshape(both, (*batch, n * n))
    index = tuple(slice(None) for _ in batch)
    return flat[(*index, slice(0, n * n, n + 1))] if n else flat


def _det(
    a: Tensor, both: Tensor, order: Tensor, parity: Tensor, regular: Tensor, moved: bool
) -> Tensor:
    out = mul(prod(_diagonal_of(both), -1), parity)
    return out if moved else where(regular, out, 0.0)


def _scaled_inverse(g: Tensor, a: Tensor, both: Tensor, order: Tensor) -> Tensor:
    """Return g times the transposed inverse, from the factors; g has one number per matrix."""
    n = a.value.shape[-1]
    right = mul(reshape(g, (*g.value.shape, 1, 1)), identity(n, a.value.dtype))
    return _solve(a, both, order, right, True)


def _det_vjp(
    g: Tensor, a: Tensor, both: Tensor, order: Tensor, parity: Tensor, regular: Tensor
) -> Tensor:
    """Return det(A) inv(A)', Jacobi's formula.

    A pivot that is exactly zero counts as a tiny one there, so that the cofactors of a matrix of
    rank n - 1 come out right as well.
    """
    moved = compose(_DET, a, both, order, parity, regular, moved=True)
    return _scaled_inverse(mul(g, moved), a, both, order)


_DET = defcomposite(
    "det",
    inputs="a both order parity regular",
    forward=_det,
    vjp=(
        lambda g, a, both, order, parity, regular: _det_vjp(g, a, both, order, parity, regular),
        NONDIFF,
        NONDIFF,
        NONDIFF,
        NONDIFF,
    ),
)


def det(A: Tensor) -> Tensor:
    """Return the determinants of square matrices (..., n, n).

    >>> import dualgraph as dg
    >>> dg.linalg.det(dg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.0000)
    """
    need_square("linalg.det", A)
    f = untaped_lu(A, "move")
    return compose(_DET, A, f.both, f.order, f.sign, f.regular, moved=False)


class SlogDet(NamedTuple):
    """The result of `linalg.slogdet`: ``det == sign * exp(logabsdet)``."""

    sign: Tensor
    logabsdet: Tensor


def _slogdet(a: Tensor, both: Tensor, order: Tensor, parity: Tensor, regular: Tensor) -> SlogDet:
    diagonal = _diagonal_of(both)
    signs = mul(prod(sign(diagonal), -1), parity)
    total = sum(log(abs(diagonal)), -1)
    return SlogDet(where(regular, signs, 0.0), where(regular, total, -inf))


def _slogdet_vjp(g: Tensor | None, a: Tensor, both: Tensor, order: Tensor) -> Tensor | None:
    """Return g inv(A)': d log |det A| = trace(inv(A) dA). The sign has no derivative."""
    return None if g is None else _scaled_inverse(g, a, both, order)


_SLOGDET = defcomposite(
    "slogdet",
    inputs="a both order parity regular",
    results="sign logabsdet",
    forward=_slogdet,
    vjp=(
        lambda a, both, order, g_logabsdet=None: _slogdet_vjp(g_logabsdet, a, both, order),
        NONDIFF,
        NONDIFF,
        NONDIFF,
        NONDIFF,
    ),
)


def slogdet(A: Tensor) -> SlogDet:
    """Return the signs and the logarithms of the sizes of determinants: 0 and -inf if singular."""
    need_square("linalg.slogdet", A)
    f = untaped_lu(A, "move")
    return SlogDet(*compose_several(_SLOGDET, A, f.both, f.order, f.sign, f.regular))


def logdet(input: Tensor) -> Tensor:
    """Return the logarithms of determinants: -inf for zero, NaN for negative ones."""
    found = slogdet(input)
    return where(lt(found.sign, 0), nan, found.logabsdet)
