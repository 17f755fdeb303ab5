"""Special functions, under the names of ``torch.special``."""

from .ops.elementwise import elementary as _elementary, special as _special
from .ops.elementwise.arithmetic import round as round
from .ops.elementwise.elementary import (
    erf as erf,
    erfc as erfc,
    exp2 as exp2,
    expm1 as expm1,
    log1p as log1p,
)
from .ops.elementwise.special import (
    digamma as digamma,
    entr as entr,
    erfcx as erfcx,
    erfinv as erfinv,
    i0 as i0,
    i0e as i0e,
    i1 as i1,
    i1e as i1e,
    log_ndtr as log_ndtr,
    logit as logit,
    ndtr as ndtr,
    ndtri as ndtri,
    polygamma as polygamma,
    xlog1py as xlog1py,
    xlogy as xlogy,
    zeta as zeta,
)
from .ops.elementwise.trigonometric import sinc as sinc
from .ops.reduce.reductions import logsumexp as logsumexp
from .ops.reduce.rowwise import log_softmax as log_softmax, softmax as softmax

expit = _elementary.sigmoid
psi = _special.digamma
gammaln = _special.lgamma
multigammaln = _special.mvlgamma
