"""Rows of the contractions, and of what is made of them."""

from typing import Any

import numpy as np

from tests.ops.op_row import FLOATS, Row, Sample, of, s

PRODUCTS = "the exact chain of fma is tested elsewhere; NumPy sums in another order"
MIXED = (*FLOATS, "int64")


def product(name: str, *samples: Sample, reference: Any = np.matmul, **more: Any) -> Row:
    """Return the row of a contraction."""
    return Row(name, samples, reference, ulps=(64, 64), scaled=True, why=PRODUCTS, **more)


def affine(name: str, multiply: Any, *samples: Sample) -> Row:
    """Return the row of a product added to something."""

    def reference(x: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
        return (beta * x + alpha * multiply(a, b)).astype(x.dtype)

    return product(name, *samples, reference=reference, dtypes=MIXED)


def summed_bmm(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum of a batch of products."""
    return np.matmul(a, b).sum(0)


def np_einsum(*operands: Any, equation: str) -> np.ndarray:
    """Return NumPy's einsum."""
    return np.einsum(equation, *operands).astype(operands[0].dtype)


def call_einsum(api: Any, *operands: Any, equation: str) -> Any:
    """Call with the operands after the equation."""
    return api.einsum(equation, *operands)


def by_sublists(api: Any, x: Any, y: Any) -> Any:
    """Call in the sublist format."""
    return api.einsum(x, [0, 1], y, [1, 2], [2, 0])


def np_cosine(x: np.ndarray, y: np.ndarray, dim: int = 1, eps: float = 1e-8) -> np.ndarray:
    """Return the cosine of vectors."""
    norms = [np.maximum(np.sqrt(np.sum(a * a, dim, keepdims=True)), eps) for a in (x, y)]
    return np.sum(x / norms[0] * y / norms[1], dim)


def np_cdist(x: np.ndarray, y: np.ndarray, p: float = 2.0) -> np.ndarray:
    """Return the distances of all pairs of rows."""
    d = np.abs(x[..., :, None, :] - y[..., None, :, :])
    return np.max(d, -1) if np.isinf(p) else np.sum(d**p, -1) ** (1 / p)


def np_pdist(x: np.ndarray, p: float = 2.0) -> np.ndarray:
    """Return the distances of pairs of rows of one matrix."""
    return np_cdist(x, x, p)[np.triu_indices(len(x), 1)]


def np_pairwise(
    x: np.ndarray, y: np.ndarray, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> np.ndarray:
    """Return the distances of rows."""
    return np.sum(np.abs(x - y + eps) ** p, -1, keepdims=keepdim) ** (1 / p)


def np_bilinear(x: Any, y: Any, w: Any, *bias: Any) -> np.ndarray:
    """Return x' W y + b."""
    return np.einsum("...i,oij,...j->...o", x, w, y) + (bias[0] if bias else 0)


def chained(api: Any, *tensors: Any) -> Any:
    """Call with a list of tensors."""
    return api.linalg.multi_dot(list(tensors))


def np_tensordot(x: Any, y: Any, dims: Any = 2) -> np.ndarray:
    """Return NumPy's tensordot."""
    return np.tensordot(x, y, dims)


def np_diagonal(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> np.ndarray:
    """Return NumPy's diagonal with the axes of linalg."""
    return np.diagonal(x, offset, dim1, dim2)


MATMUL = product(
    "matmul",
    s((3, 4), (4, 5)),
    s((4,), (4,)),
    s((3, 4), (4,)),
    s((4,), (4, 5)),
    s((2, 3, 4), (4, 5)),
    s((2, 3, 4), (2, 4, 5)),
    s((2, 1, 3, 4), (3, 4, 2)),
    s((4,), (2, 4, 3)),
    s((2, 3, 4), (4,)),
    s((0, 4), (4, 3)),
    s((3, 0), (0, 2)),
    s(of((4, 3), "columns"), of((3, 5), "columns")),
    s(of((4, 3), "steps"), of((3, 5), "reversed")),
    s(of((6, 3), "expanded"), (3, 2)),
    s((33, 70), (70, 40)),
)
INTEGERS = product(
    "matmul",
    s((3, 4), (4, 5)),
    s((2, 3, 4), (4,)),
    s((2, 1, 3, 4), of((4, 2), "columns")),
    s((2, 0), (0, 3)),
    dtypes=("int64", "int32", "uint8"),
)
EINSUMS = (
    s((3, 4), (4, 5), equation="ij,jk->ik"),
    s((3, 4), (4, 5), equation="ij, jk"),
    s((2, 3, 4), (2, 4, 3), equation="bij,bji->b"),
    s((3,), (4,), equation="i,j->ji"),
    s((2, 3, 4), (4, 2), equation="...i,ij->...j"),
    s((2, 3, 3), equation="bii->bi"),
    s((3, 4), equation="ij->"),
    s((3, 4), equation="ba"),
    s((2, 1, 4), (3, 4), equation="abc,bc->ab"),
    s((2, 3), (3, 4), (4, 2), equation="ij,jk,kl->li"),
    s((2, 3), (2, 3), (3,), equation="ij,ij,j->i"),
)

ROWS: tuple[Row, ...] = (
    MATMUL,
    INTEGERS,
    product("dot", s((5,), (5,)), s((0,), (0,)), s(of((300,), "steps"), (300,)), dtypes=MIXED),
    product("vdot", s((5,), (5,)), reference=np.dot),
    product("mm", s((3, 4), (4, 5)), s(of((4, 3), "columns"), (3, 5)), dtypes=MIXED),
    product("bmm", s((2, 3, 4), (2, 4, 5)), s((0, 3, 4), (0, 4, 5))),
    product("mv", s((3, 4), (4,)), dtypes=MIXED),
    product("inner", s((3, 4), (2, 5, 4)), s((4,), (4,)), s((), (3,)), reference=np.inner),
    product("ger", s((3,), (4,)), reference=np.outer),
    product("outer", s((3,), (4,)), reference=np.outer, dtypes=MIXED),
    product("linalg.vecdot", s((2, 3), (3,)), s((3, 2), (3, 2), dim=0),
            reference=lambda x, y, dim=-1: np.sum(x * y, dim)),
    affine("addmm", np.matmul, s((3, 5), (3, 4), (4, 5)),
           s((5,), (3, 4), (4, 5), beta=2, alpha=3), s((3, 1), (3, 4), (4, 5), beta=0)),
    affine("addmv", np.matmul, s((3,), (3, 4), (4,)), s((), (3, 4), (4,), beta=2, alpha=-1)),
    affine("addr", np.outer, s((3, 4), (3,), (4,)), s((4,), (3,), (4,), beta=-1, alpha=2)),
    affine("addbmm", summed_bmm, s((3, 5), (2, 3, 4), (2, 4, 5)),
           s((5,), (2, 3, 4), (2, 4, 5), beta=2, alpha=2)),
    affine("baddbmm", np.matmul, s((2, 3, 5), (2, 3, 4), (2, 4, 5)),
           s((5,), (2, 3, 4), (2, 4, 5), beta=2, alpha=2)),
    product("linalg.multi_dot", s((3, 4), (4, 2)), s((3, 4), (4, 2), (2, 5), (5, 2)),
            s((4,), (4, 3), (3,)), call=chained,
            reference=lambda *xs: np.linalg.multi_dot(xs)),
    product("chain_matmul", s((3, 4), (4, 2), (2, 5)),
            reference=lambda *xs: np.linalg.multi_dot(xs)),
    product("tensordot", s((2, 3, 4), (3, 4, 5)), s((2, 3), (3, 2), dims=1),
            s((2, 3, 4), (4, 3, 5), dims=([1, 2], [1, 0])), s((2,), (3,), dims=0),
            reference=np_tensordot),
    product("kron", s((2, 3), (3, 2)), s((2,), (2, 3)), s((), (2,)), reference=np.kron,
            dtypes=MIXED),
    product("cross", s((2, 3), (2, 3)), s((3, 3), (3, 3), dim=0), dtypes=MIXED,
            reference=lambda x, y, dim=-1: np.cross(x, y, axis=dim)),
    product("linalg.cross", s((2, 3), (1, 3)), s((3, 2), (3, 2), dim=0),
            reference=lambda x, y, dim=-1: np.cross(x, y, axis=dim)),
    product("trace", s((3, 3)), s((2, 4)), s((4, 2)), s((0, 0)), reference=np.trace,
            dtypes=MIXED, twice=False),
    Row("linalg.diagonal", (s((3, 4)), s((3, 4), offset=1), s((2, 4, 3), offset=-2, dim1=1),
        s((3, 2, 4), dim1=0, dim2=2, offset=1), s((2, 2), offset=5)), np_diagonal, twice=False),
    product("einsum", *EINSUMS, reference=np_einsum, call=call_einsum),
    product("einsum", EINSUMS[0], EINSUMS[5], EINSUMS[10], reference=np_einsum, call=call_einsum,
            dtypes=("int64",)),
    product("einsum", s((2, 3), (3, 4)), reference=lambda x, y: (x @ y).T, call=by_sublists),
    product("cdist", s((3, 4), (5, 4)), s((2, 3, 4), (1, 2, 4), p=1), s((3, 4), (2, 4), p=3),
            s((3, 4), (2, 4), p=float("inf")), reference=np_cdist),
    product("pdist", s((4, 3)), s((3, 2), p=1), s((3, 2), p=float("inf")), s((1, 2)),
            reference=np_pdist),
    product("pairwise_distance", s((3, 4), (3, 4)), s((3, 4), (4,), p=3, keepdim=True),
            reference=np_pairwise),
    product("cosine_similarity", s((3, 4), (3, 4)), s((3, 4), (4,), dim=-1), s((2,), (2,), dim=0),
            reference=np_cosine),
    product("bilinear", s((2, 3), (2, 4), (5, 3, 4), (5,)), s((3,), (4,), (5, 3, 4), (5,)),
            reference=np_bilinear),
)  # fmt: skip
