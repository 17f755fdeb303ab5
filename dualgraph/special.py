"""Special functions, under the names of ``torch.special``."""

from .ops.arithmetic import round as round
from .ops.elementwise import (
    erf as erf,
    erfc as erfc,
    exp2 as exp2,
    expm1 as expm1,
    log1p as log1p,
)
from .ops.reductions import log_softmax as log_softmax, logsumexp as logsumexp, softmax as softmax
