"""Eigenvalues and singular values, and what is made of them: pinv, lstsq, ranks, conditions.

The decompositions iterate until they converge: a library does them, LAPACK's on a CPU,
and a compiled program is split there. Everything else is made of ops.
"""

from typing import Any, NamedTuple

import numpy as np

from ...core.dispatch import apply, apply_several, compose
from ...core.op import defcomposite, defop
from ...core.types import Aval, Shape, int64
from ...errors import ArgumentError, ShapeError
from ...numerics.facts.routine import Library
from ..build import Tensor, as_dtype, is_tensor, need
from ..contract.matmul import matmul
from ..create.creation import full, zeros
from ..elementwise.pointwise import (
    abs,
    add,
    div,
    eq,
    gt,
    maximum,
    mul,
    reciprocal,
    square,
    sub,
    where,
)
from ..reduce.reductions import amax, sum
from ..shape.diagonals import diag_embed
from ..shape.views import narrow, reshape, unsqueeze
from .matrices import (
    columns_of,
    identity,
    mT,
    need_equal_dtypes,
    need_matrix,
    need_square,
)


def _quotient(x: Tensor, y: Tensor) -> Tensor:
    """Return x / y, and 0 where x is 0: what does not depend on a gap may have none."""
    return where(eq(x, 0), 0.0, div(x, where(eq(x, 0), 1.0, y)))


def _gaps(v: Tensor) -> Tensor:
    """Return the differences v_j - v_i, and 1 on the diagonal."""
    column = unsqueeze(v, -1)
    return add(sub(columns_of(v), column), identity(v.value.shape[-1], v.value.dtype))


# --- symmetric matrices -------------------------------------------------------------------------


def _infer_eigh(x: Any, uplo: str) -> tuple[Aval, ...]:
    shape = tuple(x.shape)
    return Aval(shape[:-1], x.dtype), Aval(shape, x.dtype)


def _eigh_vjp(g_w: Tensor, g_v: Tensor, w: Tensor, v: Tensor) -> Tensor:
    """Return V (diag(gw) + (V' gV) / (w_j - w_i)) V' (Giles 2008, 3.1)."""
    middle = _quotient(matmul(mT(v), g_v), _gaps(w))
    eye = identity(w.value.shape[-1], w.value.dtype)
    middle = where(eq(eye, 0), middle, diag_embed(g_w))
    return matmul(matmul(v, middle), mT(v))


_EIGH = defop(
    "eigh",
    inputs="x",
    results="values vectors",
    infer=_infer_eigh,
    lower=Library("eigh"),
    vjp=(
        lambda g_values, g_vectors, values, vectors: _eigh_vjp(
            g_values, g_vectors, values, vectors
        ),
    ),
)


def _eigvalsh_vjp(g: Tensor, x: Tensor, uplo: str) -> Tensor:
    _, v = apply_several(_EIGH, x, uplo=uplo)
    return matmul(mul(v, columns_of(g)), mT(v))


_EIGVALSH = defop(
    "eigvalsh",
    inputs="x",
    infer=lambda x, uplo: Aval(tuple(x.shape[:-1]), x.dtype),
    lower=Library("eigvalsh"),
    vjp=(lambda g, x, *, uplo: _eigvalsh_vjp(g, x, uplo),),
)


class Eigh(NamedTuple):
    """The result of `linalg.eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def _need_uplo(name: str, uplo: Any) -> str:
    if not isinstance(uplo, str) or uplo.upper() not in ("L", "U"):
        raise ArgumentError(f"{name}: UPLO is 'L' or 'U', not {uplo!r}")
    return uplo.upper()


def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """Return the ascending eigenvalues (..., n) and the eigenvectors (..., n, n) in columns.

    Reads one triangle of the symmetric matrices A. The sign of an eigenvector is LAPACK's. The
    gradient of the vectors is infinite where eigenvalues are equal.
    """
    need_square("linalg.eigh", A)
    return Eigh(*apply_several(_EIGH, A, uplo=_need_uplo("linalg.eigh", UPLO)))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the ascending eigenvalues of symmetric matrices."""
    need_square("linalg.eigvalsh", A)
    return apply(_EIGVALSH, A, uplo=_need_uplo("linalg.eigvalsh", UPLO))


# --- singular values ----------------------------------------------------------------------------


def _svd_shapes(shape: tuple[int, ...], full: bool) -> tuple[tuple[int, ...], ...]:
    m, n = shape[-2:]
    small = min(m, n)
    return ((m, m), (small,), (n, n)) if full else ((m, small), (small,), (small, n))


def _infer_svd(x: Any, full: bool) -> tuple[Aval, ...]:
    return tuple([Aval((*x.shape[:-2], *own), x.dtype) for own in _svd_shapes(x.shape, full)])


def _svd_vjp(
    g_u: Tensor, g_s: Tensor, g_vh: Tensor, u: Tensor, s: Tensor, vh: Tensor, shape: Shape
) -> Tensor:
    """Return U [(skew(U' gU) / E) S + S (skew(V' gV) / E) + diag(gS)] V' and two projections.

    E_ij = s_j^2 - s_i^2; Townsend, "Differentiating the singular value decomposition" (2016). Of
    full matrices the further columns count nothing: they are no function of the input.
    """
    m, n = shape[-2:]
    small = min(m, n)
    u, g_u = narrow(u, -1, 0, small), narrow(g_u, -1, 0, small)
    vh, g_vh = narrow(vh, -2, 0, small), narrow(g_vh, -2, 0, small)
    gaps, row, column = _gaps(square(s)), columns_of(s), unsqueeze(s, -1)
    left, right = matmul(mT(u), g_u), matmul(vh, mT(g_vh))
    middle = add(
        mul(_quotient(sub(left, mT(left)), gaps), row),
        mul(column, _quotient(sub(right, mT(right)), gaps)),
    )
    total = matmul(matmul(u, add(middle, diag_embed(g_s))), vh)
    if m > small:
        total = add(total, matmul(_quotient(sub(g_u, matmul(u, left)), row), vh))
    if n > small:
        rest = sub(g_vh, matmul(mT(right), vh))
        total = add(total, matmul(u, _quotient(rest, column)))
    return total


_SVD = defop(
    "svd",
    inputs="x",
    results="u s vh",
    infer=_infer_svd,
    lower=Library("svd"),
    vjp=(lambda g_u, g_s, g_vh, u, s, vh, x_shape: _svd_vjp(g_u, g_s, g_vh, u, s, vh, x_shape),),
)


def _svdvals_vjp(g: Tensor, x: Tensor) -> Tensor:
    u, _, vh = apply_several(_SVD, x, full=False)
    return matmul(mul(u, columns_of(g)), vh)


_SVDVALS = defop(
    "svdvals",
    inputs="x",
    infer=lambda x: Aval((*x.shape[:-2], min(x.shape[-2:])), x.dtype),
    lower=Library("svdvals"),
    vjp=(lambda g, x: _svdvals_vjp(g, x),),
)


class SVD(NamedTuple):
    """The result of `linalg.svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    """Return U, descending S and Vh with ``(U * S) @ Vh == A`` for the reduced form.

    Shapes: A (..., m, n), S (..., k) with k = min(m, n), U (..., m, k) and Vh (..., k, n), or with
    ``full_matrices`` (..., m, m) and (..., n, n). The signs are LAPACK's (gesdd; ``driver`` is
    taken for PyTorch's sake). The gradient of U and Vh is infinite where singular values are equal.
    Raises `LinAlgError` for matrices that are not finite.
    """
    need_matrix("linalg.svd", A)
    return SVD(*apply_several(_SVD, A, full=bool(full_matrices)))


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Return the descending singular values."""
    need_matrix("linalg.svdvals", A)
    return apply(_SVDVALS, A)


# --- made of them -------------------------------------------------------------------------------


def _tolerance(s: Tensor, shape: tuple[int, ...], atol: Any, rtol: Any) -> Tensor:
    """Return max(atol, rtol * largest singular value); rtol is max(m, n) eps without an atol."""
    if rtol is None:
        small = float(np.finfo(s.value.dtype).eps) * max(shape[-2:])
        none = atol is None
        if is_tensor(atol):
            rtol = where(gt(atol, 0), 0.0, small)
        else:
            rtol = small if none or atol <= 0 else 0.0
    top = amax(abs(s), -1, keepdim=True) if s.value.shape[-1] else sum(s, -1, keepdim=True)
    bound = mul(top, _per_matrix(rtol))
    if atol is None:
        return bound
    atol = _per_matrix(atol)
    return maximum(bound, atol if is_tensor(atol) else full((), float(atol), dtype=s.value.dtype))


def _per_matrix(x: Any) -> Any:
    return unsqueeze(x, -1) if is_tensor(x) and x.value.ndim else x


def _pinv(x: Tensor, atol: float | None, rtol: float | None, hermitian: bool) -> Tensor:
    if hermitian:
        s, v = apply_several(_EIGH, x, uplo="L")
        u, vh = v, mT(v)
    else:
        u, s, vh = apply_several(_SVD, x, full=False)
    kept = gt(abs(s), _tolerance(s, x.value.shape, atol, rtol))
    inverse = where(kept, reciprocal(where(kept, s, 1.0)), 0.0)
    return matmul(mul(mT(vh), columns_of(inverse)), mT(u))


def _pinv_vjp(g: Tensor, a: Tensor, p: Tensor) -> Tensor:
    """Return -P' g P' + (I - AP) g' P P' + P' P g' (I - PA) (Golub and Pereyra 1973)."""
    turned = mT(g)
    first = matmul(matmul(mT(p), g), mT(p))
    second = matmul(matmul(turned, p), mT(p))
    second = sub(second, matmul(a, matmul(p, second)))
    third = matmul(mT(p), matmul(p, turned))
    third = sub(third, matmul(matmul(third, p), a))
    return sub(add(second, third), first)


_PINV = defcomposite(
    "pinv", inputs="x", forward=_pinv, vjp=(lambda g, x, out: _pinv_vjp(g, x, out),)
)


def pinv(A: Tensor, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Tensor:
    """Return the pseudoinverse (..., n, m), from singular values above a tolerance.

    The tolerance is ``max(atol, rtol * largest)``; without both, rtol is ``max(m, n) * eps``.
    """
    need_matrix("linalg.pinv", A)
    if hermitian:
        need_square("linalg.pinv", A)
    need(not (is_tensor(atol) or is_tensor(rtol)), "linalg.pinv: atol and rtol must be numbers")
    return compose(_PINV, A, atol=atol, rtol=rtol, hermitian=hermitian)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return `linalg.pinv` with this relative tolerance."""
    return pinv(input, rtol=rcond)


def matrix_rank(
    A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """Return how many singular values are above the tolerance of `pinv`, as int64."""
    need_matrix("linalg.matrix_rank", A)
    if tol is not None:
        atol, rtol = tol, 0.0
    s = (abs(eigvalsh(A)) if hermitian else svdvals(A)).detach()
    return sum(as_dtype(gt(s, _tolerance(s, A.value.shape, atol, rtol)), int64), -1)


class Lstsq(NamedTuple):
    """The result of `linalg.lstsq`; what the driver does not compute is empty."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


_DRIVERS = ("gelsy", "gels", "gelsd", "gelss")


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Lstsq:
    """Return the X of least norm that minimizes ``|A @ X - B|``, from the pseudoinverse.

    Shapes: A (..., m, n), B (..., m, k) or (..., m); X (..., n, k) or (..., n). ``driver`` says, as
    in PyTorch, which of residuals (if m > n), rank and singular values come with it.
    """
    need_matrix("linalg.lstsq", A)
    driver = "gelsy" if driver is None else driver
    need(driver in _DRIVERS, f"linalg.lstsq: driver is one of {_DRIVERS}, not {driver!r}")
    vector = B.value.ndim == A.value.ndim - 1
    if vector:
        B = unsqueeze(B, -1)
    need_equal_dtypes("linalg.lstsq", A, B)
    (m, n), a, b = A.value.shape[-2:], tuple(A.value.shape), tuple(B.value.shape)
    if len(b) < 2 or b[-2] != m:
        raise ShapeError(f"linalg.lstsq: shapes {a} and {b} do not fit")
    solution = matmul(pinv(A, rtol=rcond), B)
    nothing = zeros(0, dtype=A.value.dtype)
    residuals, rank, values = nothing, zeros(0, dtype=int64), nothing
    if m > n and driver != "gelsy":
        residuals = sum(square(sub(matmul(A, solution), B)), -2)
    if driver != "gels":
        rank = matrix_rank(A, rtol=rcond)
    if driver in ("gelsd", "gelss"):
        values = svdvals(A).detach()
    solution = reshape(solution, solution.value.shape[:-1]) if vector else solution
    return Lstsq(solution, residuals, rank, values)
