"""Contractions, factorizations of our own, distances: chains of fma in their order."""

from typing import Any

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph import linalg
from tests.golden.inputs import leaf, real, whole
from tests.golden.program import Program, families

PRODUCTS = {
    "matmul": lambda p: p.a @ p.b,
    "matmul(transposed)": lambda p: p.b.t() @ p.a.t(),
    "matmul(vector)": lambda p: [p.a @ p.v, p.v @ p.b, p.v @ p.v],
    "matmul(batched)": lambda p: p.x @ p.y,
    "matmul(broadcast)": lambda p: p.x @ p.b[:7, :3],
    "mm": lambda p: dg.mm(p.a, p.b),
    "bmm": lambda p: dg.bmm(p.x, p.y),
    "mv": lambda p: dg.mv(p.a, p.v),
    "dot": lambda p: [dg.dot(p.v, p.v * 2), dg.inner(p.a, p.v), dg.vdot(p.v, p.v)],
    "addmm": lambda p: dg.addmm(p.c, p.a, p.b, beta=0.5, alpha=2),
    "addmv": lambda p: dg.addmv(p.c[:, 0], p.a, p.v),
    "addr": lambda p: dg.addr(p.c[:, :5], p.c[:, 0], p.c[0, :5]),
    "baddbmm": lambda p: [dg.baddbmm(p.z, p.x, p.y), dg.addbmm(p.z[0], p.x, p.y)],
    "outer": lambda p: dg.outer(p.v, p.c[0]),
    "kron": lambda p: dg.kron(p.z[0, :2], p.z[1, :2, :2]),
    "tensordot": lambda p: dg.tensordot(p.x, p.y, ([0, 2], [0, 1])),
    "einsum": lambda p: [
        dg.einsum("bij,bjk->bik", p.x, p.y),
        dg.einsum("bij,bkj->ik", p.x, p.x),
        dg.einsum("ii->i", p.s),
    ],
    "linear": lambda p: F.linear(p.a, p.b.t(), p.c[0]),
    "bilinear": lambda p: F.bilinear(p.a, p.a, p.b[:3, None, :1] * p.a[0, :, None] * p.v),
    "chain_matmul": lambda p: dg.chain_matmul(p.s, p.s, p.s),
    "multi_dot": lambda p: linalg.multi_dot([p.a, p.b, p.b.t()]),
    "cross": lambda p: [dg.cross(p.z, p.z * p.z, -1), linalg.cross(p.z, p.z.flip(1))],
    "vecdot": lambda p: linalg.vecdot(p.x, p.x.flip(0)),
    "cdist": lambda p: [dg.cdist(p.a, p.b.t()), dg.cdist(p.a, p.b.t(), 1.0)],
    "pdist": lambda p: dg.pdist(p.a),
    "pairwise_distance": lambda p: F.pairwise_distance(p.a, p.a.flip(0)),
    "cosine_similarity": lambda p: F.cosine_similarity(p.a, p.a.flip(0)),
    "attention": lambda p: F.scaled_dot_product_attention(p.x, p.x.flip(1), p.x, is_causal=True),
    "attention(mask)": lambda p: F.scaled_dot_product_attention(p.x, p.x, p.x, p.s),
    "conv as matmul": lambda p: (p.x.unfold(1, 2, 1) @ p.v[:2]).sum(0),
}  # fmt: skip
MATRICES = {
    "solve": lambda p: [linalg.solve(p.s, p.r), linalg.solve(p.s, p.r, left=False)
                        if p.r.shape[0] == p.r.shape[1] else p.r],
    "inv": lambda p: [dg.inverse(p.s), linalg.inv(p.s * 2)],
    "det": lambda p: [dg.det(p.s), dg.logdet(p.d), *dg.slogdet(p.s)],
    "cholesky": lambda p: [linalg.cholesky(p.d), dg.cholesky(p.d, upper=True)],
    "cholesky_solve": lambda p: dg.cholesky_solve(p.r, dg.tril(p.s)),
    "cholesky_inverse": lambda p: dg.cholesky_inverse(dg.tril(p.s)),
    "solve_triangular": lambda p: [linalg.solve_triangular(p.s.triu(), p.r, upper=True),
                                   linalg.solve_triangular(p.s.tril(), p.r, upper=False)],
    "lu_factor": lambda p: linalg.lu_factor(p.s),
    "lu": lambda p: linalg.lu(p.s),
    "qr": lambda p: linalg.qr(p.s[:, :4]),
    "qr(modes)": lambda p: [*linalg.qr(p.s.detach()[:, :4], "complete"),
                            linalg.qr(p.s.detach()[:, :4], "r").R],
    "matrix_power": lambda p: [dg.matrix_power(p.s, 3), dg.matrix_power(p.s, -2)],
    "matrix_exp": lambda p: dg.matrix_exp(p.s / 4),
    "matrix_norm": lambda p: [linalg.matrix_norm(p.s), linalg.matrix_norm(p.s, 1),
                              linalg.norm(p.s)],
    "batched": lambda p: linalg.solve(p.s + p.d * p.v2[:, None, None], p.r),
}  # fmt: skip
INTEGERS = {
    "matmul": lambda p: p.a @ p.b,
    "matmul(batched)": lambda p: p.x @ p.b,
    "dot": lambda p: dg.dot(p.b[:, 0], p.b[:, 1]),
    "einsum": lambda p: dg.einsum("bij,jk->bik", p.x, p.b),
}


def pool(dtype: str) -> dict[str, Any]:
    """Extents that are no multiples of a tile; more of the contracted one than lanes."""
    return {
        "a": leaf((13, 37), 61, -1, 1, dtype),
        "b": leaf((37, 17), 62, -1, 1, dtype),
        "c": leaf((13, 17), 63, -1, 1, dtype),
        "v": leaf((37,), 64, -1, 1, dtype),
        "x": leaf((2, 5, 7), 65, -1, 1, dtype),
        "y": leaf((2, 7, 3), 66, -1, 1, dtype),
        "z": leaf((2, 5, 3), 67, -1, 1, dtype),
        "s": leaf((5, 5), 68, -1, 1, dtype),
    }


def matrix_pool(dtype: str) -> dict[str, Any]:
    """A matrix with a strong diagonal, a positive definite one, right sides."""
    s = real((6, 6), 69, -1, 1, dtype) + 4 * dg.eye(6, dtype=getattr(dg, dtype))
    d = s @ s.t()
    return {
        "s": s.requires_grad_(),
        "d": d.detach().clone().requires_grad_(),
        "r": leaf((6, 3), 70, -1, 1, dtype),
        "v2": leaf((2,), 71, 0.5, 1, dtype),
    }


def integer_pool(dtype: str) -> dict[str, Any]:
    """Integers, of which the smallest dtype wraps."""
    return {
        "a": whole((5, 9), 72, 0, 9, dtype),
        "b": whole((9, 4), 73, 0, 9, dtype),
        "x": whole((2, 3, 9), 74, 0, 9, dtype),
    }


_FEW = ("matmul", "matmul(transposed)", "matmul(vector)", "matmul(batched)", "addmm", "attention")
PROGRAMS: dict[str, Program] = {
    **families("contract.products", PRODUCTS, pool, float64=_FEW, float16=_FEW),
    **families(
        "contract.matrices", MATRICES, matrix_pool, float64=("solve", "cholesky", "lu_factor", "qr")
    ),
    **families("contract.integers", INTEGERS, integer_pool, "int64", uint8=("matmul", "dot")),
}
