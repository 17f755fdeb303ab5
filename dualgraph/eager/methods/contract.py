"""Products of vectors, matrices and batches."""

from ...ops import contract as ops


class ContractMethods:
    """Products of vectors, matrices and batches."""

    __matmul__ = ops.matmul
    matmul = ops.matmul
    dot = ops.dot
    mm = ops.mm
    bmm = ops.bmm
