"""dualgraph: write a model once, run it eagerly or as a compiled static graph, get the same bits.

>>> import dualgraph as dg
>>> def f(x):
...     return (x * dg.tanh(x)).sum()
>>> x = dg.tensor([0.5, -1.0])
>>> (f(x) == dg.compile(f)(x)).item()
True
"""

from . import (
    autograd as autograd,
    errors as errors,
    linalg as linalg,
    nn as nn,
    optim as optim,
    special as special,
)
from .api.compile import CompiledFunction as CompiledFunction, compile as compile
from .compare.verify import VerifyReport as VerifyReport, verify as verify
from .config import get_num_threads as get_num_threads, set_num_threads as set_num_threads
from .core.types import DTYPES as _DTYPES, DType as DType
from .eager import Tensor as Tensor
from .eager.construct import (
    as_tensor as as_tensor,
    from_numpy as from_numpy,
    manual_seed as manual_seed,
    tensor as tensor,
)
from .eager.modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from .eager.tensor import max as max, min as min
from .ops.advanced import index_put as index_put
from .ops.contract import bmm as bmm, dot as dot, matmul as matmul, mm as mm
from .ops.creation import (
    Generator as Generator,
    arange as arange,
    bernoulli as bernoulli,
    full as full,
    full_like as full_like,
    ones as ones,
    ones_like as ones_like,
    rand as rand,
    rand_like as rand_like,
    randn as randn,
    randn_like as randn_like,
    zeros as zeros,
    zeros_like as zeros_like,
)
from .ops.elementwise import (
    abs as abs,
    add as add,
    ceil as ceil,
    clamp as clamp,
    clone as clone,
    cos as cos,
    div as div,
    eq as eq,
    erf as erf,
    erfc as erfc,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    floor as floor,
    ge as ge,
    gt as gt,
    isfinite as isfinite,
    isinf as isinf,
    isnan as isnan,
    le as le,
    log as log,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    lt as lt,
    maximum as maximum,
    minimum as minimum,
    mul as mul,
    ne as ne,
    neg as neg,
    pow as pow,
    reciprocal as reciprocal,
    relu as relu,
    round as round,
    rsqrt as rsqrt,
    sigmoid as sigmoid,
    sign as sign,
    sin as sin,
    sqrt as sqrt,
    square as square,
    sub as sub,
    tanh as tanh,
    trunc as trunc,
    where as where,
)
from .ops.indexing import (
    gather as gather,
    index_select as index_select,
    one_hot as one_hot,
    scatter_add as scatter_add,
)
from .ops.masking import (
    masked_fill as masked_fill,
    masked_scatter as masked_scatter,
    masked_select as masked_select,
)
from .ops.nonzero import argwhere as argwhere, nonzero as nonzero
from .ops.overlay import (
    diagonal_scatter as diagonal_scatter,
    select_scatter as select_scatter,
    slice_scatter as slice_scatter,
)
from .ops.reductions import (
    all as all,
    amax as amax,
    amin as amin,
    any as any,
    argmax as argmax,
    argmin as argmin,
    cumsum as cumsum,
    log_softmax as log_softmax,
    logsumexp as logsumexp,
    mean as mean,
    prod as prod,
    softmax as softmax,
    sum as sum,
)
from .ops.scattering import (
    index_add as index_add,
    index_copy as index_copy,
    index_fill as index_fill,
    index_reduce as index_reduce,
    put as put,
    scatter as scatter,
    scatter_reduce as scatter_reduce,
    take as take,
    take_along_dim as take_along_dim,
)
from .ops.shape import (
    cat as cat,
    chunk as chunk,
    flatten as flatten,
    flip as flip,
    narrow as narrow,
    permute as permute,
    reshape as reshape,
    select as select,
    split as split,
    squeeze as squeeze,
    stack as stack,
    t as t,
    transpose as transpose,
    unbind as unbind,
    unsqueeze as unsqueeze,
)

__version__ = "0.1.0"

bool = _DTYPES["bool"]
uint8 = _DTYPES["uint8"]
int8 = _DTYPES["int8"]
int16 = _DTYPES["int16"]
int32 = _DTYPES["int32"]
int64 = long = _DTYPES["int64"]
float16 = half = _DTYPES["float16"]
float32 = float = _DTYPES["float32"]
float64 = double = _DTYPES["float64"]
