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
    func as func,
    linalg as linalg,
    nn as nn,
    optim as optim,
    special as special,
    utils as utils,
)
from .api.compile import CompiledFunction as CompiledFunction, compile as compile
from .compare.verify import VerifyReport as VerifyReport, verify as verify
from .config import get_num_threads as get_num_threads, set_num_threads as set_num_threads
from .core.dtypes import (
    can_cast as can_cast,
    device as device,
    finfo as finfo,
    get_default_dtype as get_default_dtype,
    iinfo as iinfo,
    promote_types as promote_types,
    set_default_dtype as set_default_dtype,
)
from .core.types import DTYPES as _DTYPES, DType as DType, Size as Size
from .eager import Tensor as Tensor
from .eager.construct import (
    as_tensor as as_tensor,
    asarray as asarray,
    from_numpy as from_numpy,
    is_floating_point as is_floating_point,
    is_tensor as is_tensor,
    numel as numel,
    result_type as result_type,
    scalar_tensor as scalar_tensor,
    tensor as tensor,
)
from .eager.modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from .eager.streams import (
    fork_rng as fork_rng,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    seed as seed,
    set_rng_state as set_rng_state,
)
from .eager.tensor import max as max, min as min
from .ops.axes import (
    atleast_1d as atleast_1d,
    atleast_2d as atleast_2d,
    atleast_3d as atleast_3d,
    broadcast_tensors as broadcast_tensors,
    broadcast_to as broadcast_to,
    moveaxis as moveaxis,
    movedim as movedim,
    ravel as ravel,
    swapaxes as swapaxes,
    swapdims as swapdims,
    unflatten as unflatten,
)
from .ops.contract import bmm as bmm, dot as dot, matmul as matmul, mm as mm
from .ops.creation import (
    Generator as Generator,
    arange as arange,
    bernoulli as bernoulli,
    empty as empty,
    empty_like as empty_like,
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
from .ops.diagonals import (
    diag as diag,
    diag_embed as diag_embed,
    diagflat as diagflat,
    diagonal as diagonal,
    tril as tril,
    tril_indices as tril_indices,
    triu as triu,
    triu_indices as triu_indices,
)
from .ops.distances import (
    bilinear as bilinear,
    cdist as cdist,
    cosine_similarity as cosine_similarity,
    pairwise_distance as pairwise_distance,
)
from .ops.einsum import einsum as einsum
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
from .ops.factorizations import (
    cholesky_inverse as cholesky_inverse,
    cholesky_solve as cholesky_solve,
)
from .ops.indexing import (
    gather as gather,
    index_select as index_select,
    one_hot as one_hot,
    scatter_add as scatter_add,
)
from .ops.joining import (
    block_diag as block_diag,
    cartesian_prod as cartesian_prod,
    column_stack as column_stack,
    combinations as combinations,
    concat as concat,
    concatenate as concatenate,
    dstack as dstack,
    hstack as hstack,
    meshgrid as meshgrid,
    row_stack as row_stack,
    vstack as vstack,
)
from .ops.legacy import (
    cholesky as cholesky,
    cross as cross,
    qr as qr,
    svd as svd,
)
from .ops.products import (
    addbmm as addbmm,
    addmm as addmm,
    addmv as addmv,
    addr as addr,
    baddbmm as baddbmm,
    chain_matmul as chain_matmul,
    ger as ger,
    inner as inner,
    kron as kron,
    matrix_exp as matrix_exp,
    mv as mv,
    outer as outer,
    tensordot as tensordot,
    trace as trace,
    vdot as vdot,
)
from .ops.random import (
    multinomial as multinomial,
    normal as normal,
    poisson as poisson,
    randint as randint,
    randint_like as randint_like,
    randperm as randperm,
)
from .ops.ranges import (
    eye as eye,
    linspace as linspace,
    logspace as logspace,
    vander as vander,
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
from .ops.repeating import (
    fliplr as fliplr,
    flipud as flipud,
    repeat_interleave as repeat_interleave,
    roll as roll,
    rot90 as rot90,
    tile as tile,
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
from .ops.solving import (
    det as det,
    inverse as inverse,
    logdet as logdet,
    matrix_power as matrix_power,
    slogdet as slogdet,
)
from .ops.special import (
    digamma as digamma,
    erfinv as erfinv,
    float_power as float_power,
    i0 as i0,
    lgamma as lgamma,
    logaddexp as logaddexp,
    logaddexp2 as logaddexp2,
    logit as logit,
    mvlgamma as mvlgamma,
    polygamma as polygamma,
    xlogy as xlogy,
)
from .ops.spectral import (
    pinverse as pinverse,
)
from .ops.trigonometric import (
    acos as acos,
    acosh as acosh,
    asin as asin,
    asinh as asinh,
    atan as atan,
    atan2 as atan2,
    atanh as atanh,
    cosh as cosh,
    hypot as hypot,
    sinc as sinc,
    sinh as sinh,
    tan as tan,
)

arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh
from .ops.splitting import (
    dsplit as dsplit,
    hsplit as hsplit,
    split_with_sizes as split_with_sizes,
    tensor_split as tensor_split,
    vsplit as vsplit,
)
from .ops.windows import as_strided as as_strided

__version__ = "0.1.0"

bool = _DTYPES["bool"]
uint8 = _DTYPES["uint8"]
int8 = _DTYPES["int8"]
int16 = short = _DTYPES["int16"]
int32 = int = _DTYPES["int32"]
int64 = long = _DTYPES["int64"]
float16 = half = _DTYPES["float16"]
float32 = float = _DTYPES["float32"]
float64 = double = _DTYPES["float64"]
