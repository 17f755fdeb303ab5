"""Linear algebra, under the names of ``torch.linalg``."""

from .errors import LinAlgError as LinAlgError
from .ops.contract.matmul import matmul as matmul
from .ops.contract.products import (
    cross as cross,
    diagonal as diagonal,
    matrix_exp as matrix_exp,
    multi_dot as multi_dot,
    vecdot as vecdot,
)
from .ops.linalg.factorizations import (
    cholesky as cholesky,
    lu as lu,
    lu_factor as lu_factor,
    qr as qr,
    solve_triangular as solve_triangular,
)
from .ops.linalg.matrix_norms import (
    cond as cond,
    matrix_norm as matrix_norm,
    norm as norm,
    vector_norm as vector_norm,
)
from .ops.linalg.solving import (
    det as det,
    inv as inv,
    matrix_power as matrix_power,
    slogdet as slogdet,
    solve as solve,
)
from .ops.linalg.spectral import (
    eigh as eigh,
    eigvalsh as eigvalsh,
    lstsq as lstsq,
    matrix_rank as matrix_rank,
    pinv as pinv,
    svd as svd,
    svdvals as svdvals,
)
