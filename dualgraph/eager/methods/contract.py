"""Products of vectors, matrices and batches."""

from ...ops import contract as ops
from .inplace import reflected


class ContractMethods:
    """Products of vectors, matrices and batches."""

    __matmul__ = ops.matmul
    __rmatmul__ = reflected(ops.matmul)
    matmul = ops.matmul
    dot = ops.dot
    mm = ops.mm
    bmm = ops.bmm
