"""Cholesky, LU and QR factorizations, and solutions of triangular systems.

The routines are our own: they end after a fixed number of steps, so the bits depend on no library
and a compiled program stays native.
"""

from typing import Any, NamedTuple

from ...core.dispatch import apply, apply_several
from ...core.op import defop, refuse
from ...core.types import Aval, bool_, int32, int64
from ...errors import ArgumentError, LinAlgError, ShapeError
from ...numerics.facts.routine import Routine, qr_extents
from ..build import Tensor, need
from ..contract.matmul import matmul
from ..elementwise.pointwise import add, mul, neg, sub
from ..index.indexing import gather
from ..reduce.reductions import expand
from ..shape.diagonals import tril, triu
from ..shape.views import cat, narrow, reshape
from .matrices import (
    common_batch,
    identity,
    mT,
    need_equal_dtypes,
    need_matrix,
    need_square,
    on_batch,
    untaped,
)

# --- triangular systems -------------------------------------------------------------------------


def _triangular_vjp(
    g: Tensor, t: Tensor, out: Tensor, is_lower: bool, transposed: bool, unit: bool
) -> Tensor:
    """Return -inv(T)' g X' (transposed with T), on the triangle that was read."""
    back = apply(_TRIANGULAR, t, g, lower=is_lower, transposed=not transposed, unit=unit)
    full = matmul(out, mT(back)) if transposed else matmul(back, mT(out))
    return neg(tril(full, -int(unit)) if is_lower else triu(full, int(unit)))


_TRIANGULAR = defop(
    "solve_triangular",
    inputs="t b",
    infer=lambda t, b, **static: Aval(tuple(b.shape), b.dtype),
    lower=Routine("solve_triangular"),
    vjp=(
        lambda g, t, out, *, lower, transposed, unit: _triangular_vjp(
            g, t, out, lower, transposed, unit
        ),
        lambda g, t, *, lower, transposed, unit: apply(
            _TRIANGULAR, t, g, lower=lower, transposed=not transposed, unit=unit
        ),
    ),
)


def _solve(
    t: Tensor, b: Tensor, is_lower: bool, transposed: bool = False, unit: bool = False
) -> Tensor:
    t, b = common_batch(t, b)
    return apply(_TRIANGULAR, t, b, lower=is_lower, transposed=transposed, unit=unit)


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """Return X with ``A @ X == B`` (``X @ A == B`` unless ``left``) for a triangular A.

    Shapes: A (..., n, n), B (..., n, k) or, on the right, (..., k, n); batches broadcast. The other
    triangle of A is not read, nor the diagonal if ``unitriangular``. A zero on the diagonal gives
    infinities and NaN, no error. Raises `ShapeError` and `DTypeError`.
    """
    name = "linalg.solve_triangular"
    need_square(name, A)
    need_matrix(name, B)
    need_equal_dtypes(name, A, B)
    n, rows = A.value.shape[-1], B.value.shape[-2 if left else -1]
    if n != rows:
        a, b = A.value.shape, B.value.shape
        raise ShapeError(f"{name}: shapes {a} and {b} do not fit (left={left})")
    if left:
        return _solve(A, B, not upper, unit=unitriangular)
    return mT(_solve(A, mT(B), not upper, True, unitriangular))


# --- Cholesky -----------------------------------------------------------------------------------


def _cholesky_vjp(g: Tensor, out: Tensor) -> Tensor:
    """Return the symmetric part of inv(L)' phi(L' g) inv(L), phi the lower half of a matrix.

    Murray, "Differentiation of the Cholesky decomposition" (2016), equation 8.
    """
    phi = tril(matmul(mT(out), g))
    phi = sub(phi, mul(phi, mul(identity(out.value.shape[-1], out.value.dtype), 0.5)))
    left = _solve(out, phi, True, True)
    both = mT(_solve(out, mT(left), True, True))
    return mul(add(both, mT(both)), 0.5)


_CHOLESKY = defop(
    "cholesky",
    inputs="x",
    infer=lambda x: Aval(tuple(x.shape), x.dtype),
    lower=Routine(
        "cholesky",
        may_fail=True,
        problem="the matrix is not positive-definite: its diagonal element {} becomes <= 0 or NaN",
        error=LinAlgError,
    ),
    vjp=(lambda g, out: _cholesky_vjp(g, out),),
)


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Return the lower L with ``L @ L.mT == A`` (the upper one with ``U.mT @ U`` on request).

    Reads one triangle of the symmetric positive-definite matrices A (..., n, n). Raises
    `LinAlgError` where A is not positive-definite.

    >>> import dualgraph as dg
    >>> dg.linalg.cholesky(dg.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    need_square("linalg.cholesky", A)
    if upper:
        return mT(apply(_CHOLESKY, mT(A)))
    return apply(_CHOLESKY, A)


def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """Return X with ``A @ X == input`` from the Cholesky factor of A.

    Shapes: input (..., n, k), L (..., n, n); batches broadcast.
    """
    need_matrix("cholesky_solve", input)
    need_square("cholesky_solve", L)
    need_equal_dtypes("cholesky_solve", input, L)
    if input.value.shape[-2] != L.value.shape[-1]:
        a, b = input.value.shape, L.value.shape
        raise ShapeError(f"cholesky_solve: shapes {a} and {b} do not fit")
    return _solve(L, _solve(L, input, not upper, upper), not upper, not upper)


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of A from its Cholesky factor (..., n, n)."""
    need_square("cholesky_inverse", L)
    eye = identity(L.value.shape[-1], L.value.dtype)
    return cholesky_solve(on_batch(eye, L.value.shape[:-2]), L, upper)


# --- LU -----------------------------------------------------------------------------------------


class Factors(NamedTuple):
    """What one run of LU gives: L below and U above the diagonal, and how rows were exchanged."""

    both: Tensor
    pivots: Tensor  # int32: with which row each was exchanged, counted from 1
    order: Tensor  # int64: ``A[order] = L U``
    inverse: Tensor  # int64: of the order
    sign: Tensor  # 1 or -1: the determinant of the exchanges
    regular: Tensor  # bool: False where a pivot was zero


def _infer_lu(x: Any, zero: str) -> tuple[Aval, ...]:
    batch, (m, n) = tuple(x.shape[:-2]), x.shape[-2:]
    return (
        Aval((*batch, m, n), x.dtype),
        Aval((*batch, min(m, n)), int32),
        Aval((*batch, m), int64),
        Aval((*batch, m), int64),
        Aval(batch, x.dtype),
        Aval(batch, bool_),
    )


def _lu_vjp(grown: Tensor, both: Tensor, inverse: Tensor) -> Tensor:
    """Return the cotangent of A from that of the factors of ``A[order] = L U``.

    With K = tril(L1' gL1, -1) and M = triu(gU1 U1'), less what the rest of a tall L or of a wide U
    contributes, A1 gets inv(L1)' (K + M) inv(U1)'. Mathias and Walter, in Walter and Lehmann,
    "Algorithmic differentiation of linear algebra functions" (2012), and its rectangular cases.
    """
    m, n = both.value.shape[-2:]
    small = min(m, n)
    ones = _block(both, 0, small, 0, small)
    low, up = tril(ones, -1), triu(ones)
    low = add(low, identity(small, both.value.dtype))
    g_low, g_up = (
        tril(_block(grown, 0, small, 0, small), -1),
        triu(_block(grown, 0, small, 0, small)),
    )
    below, above = matmul(mT(low), g_low), matmul(g_up, mT(up))
    rest, g_rest = (
        _block(x, small, m, 0, n) if m > n else _block(x, 0, m, small, n) for x in (both, grown)
    )
    if m > n:
        above = sub(above, matmul(mT(rest), g_rest))
    if n > m:
        below = sub(below, matmul(g_rest, mT(rest)))
    middle = _solve(low, add(tril(below, -1), triu(above)), True, True, True)
    found = mT(_solve(up, mT(middle), False))
    if m > n:
        found = cat([found, mT(_solve(up, mT(g_rest), False))], -2)
    if n > m:
        found = cat([found, _solve(low, g_rest, True, True, True)], -1)
    return _rows(found, inverse)


def _block(x: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    return narrow(narrow(x, -2, top, bottom - top), -1, left, right - left)


def _rows(x: Tensor, order: Tensor) -> Tensor:
    """Return the rows of matrices in this order."""
    shape = x.value.shape
    index = reshape(order, (*order.value.shape, 1))
    return gather(x, -2, expand(index, shape))


_LU = defop(
    "lu_factor",
    inputs="x",
    results="both pivots order inverse sign regular",
    infer=_infer_lu,
    lower=Routine(
        "lu_factor",
        may_fail=True,
        problem="the matrix is singular: the diagonal element {} of its factor U is zero",
        error=LinAlgError,
    ),
    vjp=(lambda g_both, both, inverse: _lu_vjp(g_both, both, inverse),),
)


def untaped_lu(x: Tensor, zero: str) -> Factors:
    """Return the factors outside of the tape; ``zero`` says what a zero pivot does."""
    return Factors(*untaped(_LU, x, zero=zero))


class LUFactor(NamedTuple):
    """The factors of `linalg.lu_factor`, L below and U above the diagonal, and the exchanges."""

    LU: Tensor
    pivots: Tensor


class LU(NamedTuple):
    """The factors of `linalg.lu`: ``P @ L @ U``."""

    P: Tensor
    L: Tensor
    U: Tensor


def _need_pivot(name: str, pivot: bool) -> None:
    need(pivot, f"{name}: only LU with partial pivoting is done (pivot=True)")


def lu_factor(A: Tensor, *, pivot: bool = True) -> LUFactor:
    """Return the LU factors of (..., m, n) in one matrix, and int32 row exchanges, from 1.

    Raises `LinAlgError` for a singular matrix.
    """
    need_matrix("linalg.lu_factor", A)
    _need_pivot("linalg.lu_factor", pivot)
    found = Factors(*apply_several(_LU, A, zero="raise"))
    return LUFactor(found.both, found.pivots)


def lu(A: Tensor, *, pivot: bool = True) -> LU:
    """Return a permutation P, a lower unitriangular L and an upper U with ``P @ L @ U == A``.

    Shapes: A (..., m, n), P (..., m, m), L (..., m, k), U (..., k, n) with k = min(m, n).
    """
    need_matrix("linalg.lu", A)
    _need_pivot("linalg.lu", pivot)
    m, n = A.value.shape[-2:]
    small = min(m, n)
    found = Factors(*apply_several(_LU, A, zero="keep"))
    both = found.both
    batch = tuple(A.value.shape[:-2])
    P = _rows(on_batch(identity(m, A.value.dtype), batch), found.inverse)
    unit = narrow(identity(m, A.value.dtype), -1, 0, small)
    L = add(tril(narrow(both, -1, 0, small), -1), unit)
    return LU(P, L, triu(narrow(both, -2, 0, small)))


# --- QR -----------------------------------------------------------------------------------------


def _infer_qr(x: Any, mode: str) -> tuple[Aval, ...]:
    batch, (m, n) = tuple(x.shape[:-2]), x.shape[-2:]
    columns, rows = qr_extents(m, n, mode)
    return Aval((*batch, m, columns), x.dtype), Aval((*batch, rows, n), x.dtype)


def _qr_vjp(g_q: Tensor, g_r: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """Return (gQ + Q copyltu(M)) inv(R)' with M = R gR' - gQ' Q.

    copyltu mirrors the lower triangle: Seeger et al., "Auto-differentiating linear algebra" (2017),
    after Walter and Lehmann (2012).
    """
    middle = sub(matmul(r, mT(triu(g_r))), matmul(mT(g_q), q))
    mirrored = add(tril(middle), mT(tril(middle, -1)))
    return mT(_solve(r, mT(add(g_q, matmul(q, mirrored))), False))


_QR = defop(
    "qr",
    inputs="x",
    results="q r",
    infer=_infer_qr,
    lower=Routine("qr"),
    vjp=(lambda g_q, g_r, q, r: _qr_vjp(g_q, g_r, q, r),),
)
_QR_FIXED = defop(
    "qr_fixed",
    inputs="x",
    results="q r",
    infer=_infer_qr,
    lower=Routine("qr"),
    vjp=(
        refuse(
            "mode 'r' does not compute Q, and the further columns of a complete Q are no function "
            "of the input; use mode 'reduced'"
        ),
    ),
)


class QR(NamedTuple):
    """The result of `linalg.qr`."""

    Q: Tensor
    R: Tensor


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Return Q with orthonormal columns and an upper R with ``Q @ R == A``.

    Shapes: A (..., m, n); ``reduced`` Q (..., m, k) and R (..., k, n) with k = min(m, n);
    ``complete`` Q (..., m, m) and R (..., m, n); ``r`` an empty Q. The signs are LAPACK's.
    """
    need_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise ArgumentError(f"linalg.qr: mode is 'reduced', 'complete' or 'r', not {mode!r}")
    m, n = A.value.shape[-2:]
    if mode == "r" or (mode == "complete" and m > n):
        q, r = apply_several(_QR_FIXED, A, mode=mode)
        return QR(_nothing(A) if mode == "r" else q, r)
    if m < n:
        return _wide_qr(A)
    return QR(*apply_several(_QR, A, mode="reduced"))


def _nothing(A: Tensor) -> Tensor:
    return reshape(narrow(reshape(A, (-1,)), 0, 0, 0), (0,)).detach()


def _wide_qr(A: Tensor) -> QR:
    """Factor the square part; the rest of R is Q' times the rest of A."""
    m, n = A.value.shape[-2:]
    q, r = apply_several(_QR, narrow(A, -1, 0, m), mode="reduced")
    return QR(q, cat([r, matmul(mT(q), narrow(A, -1, m, n - m))], -1))
