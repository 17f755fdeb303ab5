"""Rows of linear algebra: factorizations, solutions, eigenvalues, norms.

Square inputs are shifted by a multiple of the identity, so that they are well conditioned and a
few epsilons are a sharp bound. Eigenvectors and singular vectors are compared as squares: their
signs are free.
"""

import sys
from typing import Any

import numpy as np

import dualgraph as dg
from tests.ops.op_row import Row, Sample, of, s

CONDITIONED = "errors grow with the condition of the matrices, and the reference rounds otherwise"
SQUARE = (s((3, 3)), s((2, 4, 4)), s(of((3, 3), "columns")))


def constant(array: np.ndarray, x: Any) -> Any:
    """Return an array in the dtype of x, for arrays and for tensors of either library."""
    array = array.astype("float64" if "64" in str(x.dtype) else "float32")
    if isinstance(x, np.ndarray):
        return array
    return (dg.tensor if isinstance(x, dg.Tensor) else sys.modules["torch"].tensor)(array)


def shifted(x: Any, by: float = 4.0) -> Any:
    """Return x + by * identity."""
    return x + constant(np.eye(x.shape[-1]) * by, x)


def triangle(x: Any, upper: bool = False) -> Any:
    """Return one triangle of x (PyTorch's gradients also count what a function does not read)."""
    ones = np.ones(x.shape[-2:])
    return x * constant(np.triu(ones) if upper else np.tril(ones), x)


def gram(x: Any) -> Any:
    """Return x @ x', symmetric and (for wide x) positive definite."""
    return x @ (x.swapaxes(-2, -1) if isinstance(x, np.ndarray) else x.mT)


def symmetric(x: Any) -> Any:
    """Return x + x'."""
    return x + (x.swapaxes(-2, -1) if isinstance(x, np.ndarray) else x.mT)


def function(api: Any, name: str) -> Any:
    """Return the function of this dotted name."""
    for part in name.split("."):
        api = getattr(api, part)
    return api


def row(name: str, reference: Any, *samples: Sample, **more: Any) -> Row:
    """Return a row with the tolerances of linear algebra."""
    facts = {"domain": (-1.0, 1.0), "ulps": (64, 64), "scaled": True, "why": CONDITIONED}
    return Row(name, samples, reference, **{**facts, **more})


def regular(name: str, reference: Any, *samples: Sample, **more: Any) -> Row:
    """Return the row of a function of shifted square matrices."""

    def call(api: Any, x: Any, *others: Any, **kwargs: Any) -> Any:
        return function(api, name)(shifted(x), *others, **kwargs)

    def wanted(x: Any, *others: Any, **kwargs: Any) -> Any:
        return reference(shifted(x), *others, **kwargs)

    return row(name, wanted, *(samples or SQUARE), call=call, **more)


def after(name: str, prepare: Any, reference: Any, *samples: Sample, **more: Any) -> Row:
    """Return the row of a function of a prepared matrix, with results turned by ``free``."""
    free = more.pop("free", lambda y: y)

    def call(api: Any, x: Any, **kwargs: Any) -> Any:
        return free(function(api, name)(prepare(x), **kwargs))

    def wanted(x: Any, **kwargs: Any) -> Any:
        return free(reference(prepare(x), **kwargs))

    return row(name, wanted, *samples, call=call, **more)


def np_solve(a: np.ndarray, b: np.ndarray, left: bool = True) -> np.ndarray:
    """Return the solution, of vectors too, as PyTorch tells them apart."""
    if b.ndim == 1 or b.shape == a.shape[:-1]:
        return np.linalg.solve(a, b[..., None])[..., 0]
    if left:
        return np.linalg.solve(a, b)
    return np.linalg.solve(a.swapaxes(-2, -1), b.swapaxes(-2, -1)).swapaxes(-2, -1)


def np_cholesky(x: np.ndarray, upper: bool = False) -> np.ndarray:
    """Return the lower or the upper factor."""
    return np.linalg.cholesky(x).swapaxes(-2, -1) if upper else np.linalg.cholesky(x)


def squared(factor: np.ndarray, upper: bool) -> np.ndarray:
    """Return the matrix of a Cholesky factor, of which one triangle counts."""
    return gram(np.triu(factor).swapaxes(-2, -1)) if upper else gram(np.tril(factor))


def np_qr(x: np.ndarray, mode: str = "reduced") -> tuple[np.ndarray, ...]:
    """Return Q and R; an empty Q in mode r."""
    if mode == "r":
        return np.zeros(0, x.dtype), np.linalg.qr(x, "r")
    return tuple(np.linalg.qr(x, mode))


def np_triangular(
    a: np.ndarray,
    b: np.ndarray,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> np.ndarray:
    """Return the solution with the triangle that counts."""
    t = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        n = a.shape[-1]
        t = t * (1 - np.eye(n, dtype=a.dtype)) + np.eye(n, dtype=a.dtype)
    return np_solve(t, b, left)


def np_lu(x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return P, L and U by elimination with partial pivoting."""
    if x.ndim > 2:
        return tuple(np.stack(p) for p in zip(*map(np_lu, x), strict=True))
    (m, n), u = x.shape, x.astype(np.float64)
    small, order, low = min(m, n), np.arange(m), np.eye(m)
    for k in range(small):
        p = k + int(np.argmax(np.abs(u[k:, k])))
        u[[k, p]], order[[k, p]] = u[[p, k]], order[[p, k]]
        low[[k, p], :k] = low[[p, k], :k]
        low[k + 1 :, k] = u[k + 1 :, k] / u[k, k]
        u[k + 1 :] -= low[k + 1 :, k : k + 1] * u[k]
    return np.eye(m)[order].T.astype(x.dtype), low[:, :small], np.triu(u)[:small]


def np_lu_factor(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return L and U in one matrix, and the exchanges of the rows."""
    p, low, up = np_lu(x)
    m, n = x.shape
    both = np.zeros((m, n))
    both[:, : low.shape[1]] += np.tril(low, -1)
    both[: up.shape[0]] += up
    wanted = list(np.argmax(p, 0))  # row i of LU is this row of x
    order, pivots = list(range(m)), []
    for k in range(min(m, n)):
        at = order.index(wanted[k])
        order[k], order[at] = order[at], order[k]
        pivots.append(at + 1)
    return both, np.array(pivots, np.int32)


def np_exp(x: np.ndarray) -> np.ndarray:
    """Return the series of the exponential, scaled and squared."""
    scaled = x.astype(np.longdouble) / 64
    total = term = np.broadcast_to(np.eye(x.shape[-1], dtype=np.longdouble), x.shape)
    for k in range(1, 20):
        term = term @ scaled / k
        total = total + term
    for _ in range(6):
        total = total @ total
    return total


def np_norm(x: np.ndarray, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> np.ndarray:
    """Return the vector norm over any axes."""
    a = np.abs(x.astype(np.float64))
    axes = tuple(range(x.ndim)) if dim is None else dim
    if ord == 0:
        return np.sum(a != 0, axes, keepdims=keepdim).astype(np.float64)
    if np.isinf(ord):
        return (np.max if ord > 0 else np.min)(a, axes, keepdims=keepdim)
    return np.sum(a**ord, axes, keepdims=keepdim) ** (1 / ord)


def np_matrix_norm(
    x: np.ndarray, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False
) -> np.ndarray:
    """Return NumPy's norm."""
    return np.linalg.norm(x, ord, dim, keepdim)


def np_any_norm(
    x: np.ndarray, ord: Any = None, dim: Any = None, keepdim: bool = False
) -> np.ndarray:
    """Return the vector norm without an ord, else NumPy's."""
    if ord is None or (not isinstance(ord, str) and (x.ndim == 1 or isinstance(dim, int))):
        return np_norm(x, 2 if ord is None else ord, dim, keepdim)
    return np.linalg.norm(x, ord, dim, keepdim)


def np_lstsq(a: np.ndarray, b: np.ndarray, driver: Any = None) -> tuple[np.ndarray, ...]:
    """Return solution, residuals, rank, singular values as the drivers give them."""
    x = np.linalg.pinv(a) @ b
    none = np.zeros(0, a.dtype)
    rank = np.linalg.matrix_rank(a)
    if driver == "gelsd":
        residual = np.sum((a @ x - b) ** 2, -2) if a.shape[-2] > a.shape[-1] else none
        return x, residual, rank, np.linalg.svd(a, compute_uv=False)
    return x, none, rank, none


def lstsq(api: Any, a: Any, b: Any) -> tuple[Any, ...]:
    """Detach the empty residuals: PyTorch's are on the tape."""
    x, residuals, *others = api.linalg.lstsq(a, b)
    return x, residuals.detach(), *others


def svd_free(found: Any) -> tuple[Any, ...]:
    """Return U**2, S, V**2."""
    u, values, v = found
    return u * u, values, v * v


FACTORED: tuple[Row, ...] = (
    after("linalg.cholesky", gram, np_cholesky, s((3, 5)), s((2, 4, 6)), s((3, 5), upper=True)),
    after("cholesky", gram, np_cholesky, s((3, 5)), s((3, 5), upper=True)),
    row(
        "cholesky_solve",
        lambda b, low, upper=False: np.linalg.solve(squared(shifted(low), upper), b),
        s((3, 2), (3, 3)),
        s((2, 3, 2), (3, 3), upper=True),
        call=lambda api, b, low, **kw: api.cholesky_solve(b, triangle(shifted(low), **kw), **kw),
    ),
    row(
        "cholesky_inverse",
        lambda low, upper=False: np.linalg.inv(squared(shifted(low), upper)),
        s((3, 3)),
        s((2, 3, 3), upper=True),
        call=lambda api, low, **kw: api.cholesky_inverse(triangle(shifted(low), **kw), **kw),
    ),
    row("linalg.lu", np_lu, s((3, 3)), s((2, 4, 3)), s((3, 5)), twice=False),
    row("linalg.lu_factor", np_lu_factor, s((9, 9)), s((5, 3)), s((3, 4)), twice=False),
    row("linalg.qr", np_qr, s((3, 3)), s((2, 5, 3)), s((3, 4)), s((3, 4), mode="complete")),
    Row(
        "linalg.qr",
        (s((4, 3), mode="complete"), s((4, 3), mode="r"), s((2, 3, 4), mode="r")),
        np_qr,
        domain=(-1.0, 1.0),
        ulps=(64, 64),
        scaled=True,
        why=CONDITIONED,
        differentiable=False,
        torch=False,
    ),
    row("qr", lambda x: np_qr(x), s((4, 3))),
    regular(
        "linalg.solve_triangular",
        np_triangular,
        s((3, 3), (3, 2), upper=True),
        s((2, 6, 6), (6, 3), upper=False),
        s((3, 3), (2, 3), upper=True, left=False),
        s((3, 3), (3, 2), upper=False, unitriangular=True),
    ),
)
SOLVED: tuple[Row, ...] = (
    regular(
        "linalg.solve",
        np_solve,
        s((3, 3), (3, 2)),
        s((2, 3, 3), (3,)),
        s((2, 3, 3), (2, 3)),
        s((2, 9, 9), (9, 4)),
        s((3, 3), (2, 3), left=False),
    ),
    regular("linalg.inv", np.linalg.inv, *SQUARE, s((0, 3, 3))),
    regular("inverse", np.linalg.inv, s((3, 3))),
    regular("det", np.linalg.det, *SQUARE),
    regular("logdet", lambda x: np.linalg.slogdet(x)[1], s((3, 3)), s((2, 3, 3))),
    regular("slogdet", lambda x: tuple(np.linalg.slogdet(x)), *SQUARE),
    regular(
        "matrix_power",
        lambda x, n: shifted(x * 0, 1),
        s((2, 3, 3), n=0),
        torch=False,
        differentiable=False,
    ),
    regular(
        "matrix_power",
        np.linalg.matrix_power,
        *(s((3, 3), n=n) for n in (1, 3, -2)),
        s((2, 2, 2), n=4),
        domain=(-0.2, 0.2),
        twice=False,
        ulps=(256, 256),
    ),
    row("matrix_exp", np_exp, *SQUARE, rtol=1e-5),
)


def eigh_free(found: Any) -> tuple[Any, ...]:
    """Return the eigenvalues and the squares of the vectors."""
    return found[0], found[1] * found[1]


SPECTRAL: tuple[Row, ...] = (
    after("linalg.eigh", symmetric, lambda x, UPLO="L": tuple(np.linalg.eigh(x, UPLO)),
          s((3, 3)), s((2, 4, 4)), s((3, 3), UPLO="U"), free=eigh_free),
    after("linalg.eigvalsh", symmetric, np.linalg.eigvalsh, s((3, 3)), s((2, 4, 4))),
    after("linalg.svd", lambda x: x, lambda x, full_matrices=True: tuple(
        np.linalg.svd(x, full_matrices)), s((3, 3)), s((2, 4, 3), full_matrices=False),
          s((3, 5), full_matrices=False), free=svd_free, rtol=1e-5),
    after("svd", lambda x: x, lambda x: (lambda u, d, v: (u, d, v.swapaxes(-2, -1)))(
        *np.linalg.svd(x, False)), s((4, 3)), free=svd_free, rtol=1e-5),
    row("linalg.svdvals", lambda x: np.linalg.svd(x, compute_uv=False), s((3, 4)), s((2, 4, 3))),
    row("linalg.pinv", np.linalg.pinv, s((4, 3)), s((2, 3, 5))),
    after("linalg.pinv", symmetric, lambda x, hermitian: np.linalg.pinv(x, hermitian=hermitian),
          s((3, 3), hermitian=True)),
    row("pinverse", np.linalg.pinv, s((4, 3))),
    row("linalg.matrix_rank", lambda x, hermitian=False: np.linalg.matrix_rank(
        x, hermitian=hermitian), s((4, 3)), s((2, 3, 3)), differentiable=False),
    row("linalg.lstsq", np_lstsq, s((5, 3), (5, 2)), s((3, 5), (3, 2)), call=lstsq,
        ulps=(256, 256),
    ),
    row(
        "linalg.lstsq", np_lstsq, s((5, 3), (5, 2), driver="gelsd"), ulps=(256, 256),
        differentiable=False,
    ),
    regular("linalg.cond", np.linalg.cond, s((3, 3))),
    regular("linalg.cond", np.linalg.cond, s((2, 3, 3), p=1), s((3, 3), p="fro"), torch=False),
)  # fmt: skip
NORMS: tuple[Row, ...] = (
    row("linalg.vector_norm", np_norm, s((7,)), s((2, 3, 4), dim=(0, 2)), s((3, 4), ord=3, dim=1),
        s((3, 4), ord=1.5, keepdim=True), s((4,), ord=float("inf")), s((3, 4), ord=-2, dim=0)),
    row("linalg.vector_norm", np_norm, s((3, 4), ord=0, dim=1), smooth=False, torch=False),
    row("linalg.vector_norm", np_norm, s((3, 4), ord=1),
        s((3, 4), ord=float("-inf"), dim=1), smooth=False),
    row("linalg.matrix_norm", np_matrix_norm, s((3, 4)), s((2, 3, 4), ord="nuc"),
        s((3, 2, 4), ord=1, dim=(0, 2)), s((3, 4), ord=-2, keepdim=True),
        s((3, 4), ord=float("inf"))),
    row("linalg.norm", np_any_norm, s((2, 3, 4)), s((3, 4), ord=2), s((3, 4), ord=3, dim=1),
        s((5,), ord=1)),
)  # fmt: skip
ROWS: tuple[Row, ...] = (*FACTORED, *SOLVED, *SPECTRAL, *NORMS)
