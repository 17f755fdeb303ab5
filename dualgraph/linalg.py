"""Linear algebra, under the names of ``torch.linalg``."""

from .ops.contract import matmul as matmul
