"""Products of vectors, matrices and batches, and linear algebra."""

from ...ops.contract import matmul as ops, products
from ...ops.linalg import factorizations, legacy, solving, spectral
from .inplace import in_place, reflected


class ContractMethods:
    """Products of vectors, matrices and batches, and linear algebra."""

    __matmul__ = ops.matmul
    __rmatmul__ = reflected(ops.matmul)
    matmul = ops.matmul
    dot = ops.dot
    mm = ops.mm
    bmm = ops.bmm
    mv = products.mv
    vdot = products.vdot
    inner = products.inner
    outer = products.outer
    ger = products.outer
    cross = legacy.cross
    kron = products.kron
    trace = products.trace
    addmm = products.addmm
    addmv = products.addmv
    addr = products.addr
    addbmm = products.addbmm
    baddbmm = products.baddbmm
    addmm_ = in_place(products.addmm)
    addmv_ = in_place(products.addmv)
    addr_ = in_place(products.addr)
    addbmm_ = in_place(products.addbmm)
    baddbmm_ = in_place(products.baddbmm)
    matrix_exp = products.matrix_exp
    matrix_power = solving.matrix_power
    det = solving.det
    logdet = solving.logdet
    slogdet = solving.slogdet
    inverse = solving.inverse
    pinverse = spectral.pinverse
    svd = legacy.svd
    cholesky = legacy.cholesky
    cholesky_solve = factorizations.cholesky_solve
    cholesky_inverse = factorizations.cholesky_inverse
    qr = legacy.qr
