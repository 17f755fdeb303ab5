"""dualgraph: write a model once, run it eagerly or as a compiled static graph, get the same bits.

>>> import dualgraph as dg
>>> def f(x):
...     return (x * dg.tanh(x)).sum()
>>> x = dg.tensor([0.5, -1.0])
>>> (f(x) == dg.compile(f)(x)).item()
True
"""

from . import (
    accelerator as accelerator,
    amp as amp,
    autograd as autograd,
    backends as backends,
    control as control,
    cuda as cuda,
    errors as errors,
    func as func,
    linalg as linalg,
    nn as nn,
    optim as optim,
    special as special,
    utils as utils,
)
from .amp import autocast as autocast
from .api.compile import CompiledFunction as CompiledFunction, compile as compile
from .compare.verify import VerifyReport as VerifyReport, verify as verify
from .config import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    get_float32_matmul_precision as get_float32_matmul_precision,
    get_num_threads as get_num_threads,
    set_float32_matmul_precision as set_float32_matmul_precision,
    set_num_threads as set_num_threads,
    use_deterministic_algorithms as use_deterministic_algorithms,
)
from .core import boundary as _boundary
from .core.dtypes import (
    can_cast as can_cast,
    device as device,
    finfo as finfo,
    get_default_device as get_default_device,
    get_default_dtype as get_default_dtype,
    iinfo as iinfo,
    promote_types as promote_types,
    set_default_device as set_default_device,
    set_default_dtype as set_default_dtype,
)
from .core.op import bind_kernels as _bind_kernels
from .core.types import DTYPES as _DTYPES, DType as DType, Size as Size
from .eager import Tensor as Tensor
from .eager.construct import (
    as_tensor as as_tensor,
    asarray as asarray,
    is_floating_point as is_floating_point,
    is_tensor as is_tensor,
    numel as numel,
    result_type as result_type,
    scalar_tensor as scalar_tensor,
    tensor as tensor,
)
from .eager.interchange import (
    from_dlpack as from_dlpack,
    from_numpy as from_numpy,
    frombuffer as frombuffer,
)
from .eager.methods import install_methods as _install_methods
from .eager.modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled,
    is_anomaly_enabled as is_anomaly_enabled,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
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
from .nn.functional import (
    adaptive_avg_pool1d as adaptive_avg_pool1d,
    avg_pool1d as avg_pool1d,
    channel_shuffle as channel_shuffle,
    conv1d as conv1d,
    conv2d as conv2d,
    conv3d as conv3d,
    conv_transpose1d as conv_transpose1d,
    conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d,
    group_norm as group_norm,
    layer_norm as layer_norm,
    max_pool1d as max_pool1d,
    max_pool2d as max_pool2d,
    max_pool3d as max_pool3d,
    pixel_shuffle as pixel_shuffle,
    pixel_unshuffle as pixel_unshuffle,
    rms_norm as rms_norm,
)
from .nn.functional.top_level import (
    adaptive_max_pool1d as adaptive_max_pool1d,
    batch_norm as batch_norm,
    instance_norm as instance_norm,
)
from .ops.contract.distances import (
    bilinear as bilinear,
    cdist as cdist,
    cosine_similarity as cosine_similarity,
    pairwise_distance as pairwise_distance,
    pdist as pdist,
)
from .ops.contract.einsum import einsum as einsum
from .ops.contract.matmul import bmm as bmm, dot as dot, matmul as matmul, mm as mm
from .ops.contract.products import (
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
from .ops.create.creation import (
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
from .ops.create.ranges import (
    eye as eye,
    linspace as linspace,
    logspace as logspace,
    vander as vander,
)
from .ops.elementwise.activations import hardshrink as hardshrink
from .ops.elementwise.arithmetic import (
    addcdiv as addcdiv,
    addcmul as addcmul,
    deg2rad as deg2rad,
    frac as frac,
    lerp as lerp,
    positive as positive,
    rad2deg as rad2deg,
    round as round,
    rsub as rsub,
)
from .ops.elementwise.bitwise import (
    bitwise_and as bitwise_and,
    bitwise_left_shift as bitwise_left_shift,
    bitwise_not as bitwise_not,
    bitwise_or as bitwise_or,
    bitwise_right_shift as bitwise_right_shift,
    bitwise_xor as bitwise_xor,
)
from .ops.elementwise.division import (
    div as div,
    floor_divide as floor_divide,
    fmod as fmod,
    remainder as remainder,
    true_divide as true_divide,
)
from .ops.elementwise.elementary import (
    ceil as ceil,
    cos as cos,
    erf as erf,
    erfc as erfc,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    floor as floor,
    log as log,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
    pow as pow,
    relu as relu,
    rsqrt as rsqrt,
    sigmoid as sigmoid,
    sin as sin,
    sqrt as sqrt,
    tanh as tanh,
    trunc as trunc,
)
from .ops.elementwise.pointwise import (
    abs as abs,
    add as add,
    clamp as clamp,
    clone as clone,
    eq as eq,
    ge as ge,
    gt as gt,
    isfinite as isfinite,
    isinf as isinf,
    isnan as isnan,
    le as le,
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
    reciprocal as reciprocal,
    sign as sign,
    square as square,
    sub as sub,
    where as where,
)
from .ops.elementwise.rectifiers import (
    celu as celu,
    celu_ as celu_,
    prelu as prelu,
    relu_ as relu_,
    rrelu as rrelu,
    rrelu_ as rrelu_,
    selu as selu,
    selu_ as selu_,
    threshold as threshold,
    threshold_ as threshold_,
)
from .ops.elementwise.selection import (
    allclose as allclose,
    clamp_max as clamp_max,
    clamp_min as clamp_min,
    copysign as copysign,
    equal as equal,
    fmax as fmax,
    fmin as fmin,
    heaviside as heaviside,
    isclose as isclose,
    isneginf as isneginf,
    isposinf as isposinf,
    isreal as isreal,
    nan_to_num as nan_to_num,
    signbit as signbit,
)
from .ops.elementwise.special import (
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
from .ops.elementwise.trigonometric import (
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
from .ops.index.advanced import index_put as index_put
from .ops.index.indexing import (
    gather as gather,
    index_select as index_select,
    one_hot as one_hot,
    scatter_add as scatter_add,
)
from .ops.index.masking import (
    masked_fill as masked_fill,
    masked_scatter as masked_scatter,
    masked_select as masked_select,
)
from .ops.index.nonzero import argwhere as argwhere, nonzero as nonzero
from .ops.index.scattering import (
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
from .ops.linalg.factorizations import (
    cholesky_inverse as cholesky_inverse,
    cholesky_solve as cholesky_solve,
)
from .ops.linalg.legacy import cholesky as cholesky, cross as cross, qr as qr, svd as svd
from .ops.linalg.solving import (
    det as det,
    inverse as inverse,
    logdet as logdet,
    matrix_power as matrix_power,
    slogdet as slogdet,
)
from .ops.linalg.spectral import pinverse as pinverse
from .ops.public import fill_in as _fill_in
from .ops.random.distributions import (
    multinomial as multinomial,
    normal as normal,
    poisson as poisson,
    randint as randint,
    randint_like as randint_like,
    randperm as randperm,
)
from .ops.reduce.differences import (
    cumulative_trapezoid as cumulative_trapezoid,
    diff as diff,
    trapezoid as trapezoid,
    trapz as trapz,
)
from .ops.reduce.extremes import (
    aminmax as aminmax,
    cummax as cummax,
    cummin as cummin,
    max as max,
    min as min,
)
from .ops.reduce.norms import norm as norm
from .ops.reduce.reductions import (
    all as all,
    amax as amax,
    amin as amin,
    any as any,
    argmax as argmax,
    argmin as argmin,
    count_nonzero as count_nonzero,
    logsumexp as logsumexp,
    mean as mean,
    prod as prod,
    sum as sum,
)
from .ops.reduce.rowwise import log_softmax as log_softmax, softmax as softmax
from .ops.reduce.scans import cumprod as cumprod, cumsum as cumsum, logcumsumexp as logcumsumexp
from .ops.reduce.statistics import (
    median as median,
    nanmean as nanmean,
    nanmedian as nanmedian,
    nanquantile as nanquantile,
    nansum as nansum,
    quantile as quantile,
    std as std,
    std_mean as std_mean,
    var as var,
    var_mean as var_mean,
)
from .ops.shape.axes import (
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
from .ops.shape.diagonals import (
    diag as diag,
    diag_embed as diag_embed,
    diagflat as diagflat,
    diagonal as diagonal,
    tril as tril,
    tril_indices as tril_indices,
    triu as triu,
    triu_indices as triu_indices,
)
from .ops.shape.joining import (
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
from .ops.shape.overlay import (
    diagonal_scatter as diagonal_scatter,
    select_scatter as select_scatter,
    slice_scatter as slice_scatter,
)
from .ops.shape.repeating import (
    fliplr as fliplr,
    flipud as flipud,
    repeat_interleave as repeat_interleave,
    roll as roll,
    rot90 as rot90,
    tile as tile,
)
from .ops.shape.splitting import (
    dsplit as dsplit,
    hsplit as hsplit,
    split_with_sizes as split_with_sizes,
    tensor_split as tensor_split,
    vsplit as vsplit,
)
from .ops.shape.views import (
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
from .ops.sort.searching import (
    bincount as bincount,
    bucketize as bucketize,
    histc as histc,
    searchsorted as searchsorted,
    unique as unique,
    unique_consecutive as unique_consecutive,
)
from .ops.sort.sorting import (
    argsort as argsort,
    kthvalue as kthvalue,
    mode as mode,
    msort as msort,
    sort as sort,
    topk as topk,
)
from .ops.windows.unfolding import as_strided as as_strided
from .targets.cpu.bind import kernel_of as _kernel_of
from .utils.storage import load as load, save as save

_bind_kernels(_kernel_of)

absolute = abs
clip = clamp
divide = div
fix = trunc
greater = gt
greater_equal = ge
less = lt
less_equal = le
multiply = mul
negative = neg
not_equal = ne
sgn = sign
subtract = sub
arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh

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

_MISSING = {
    *("bfloat16", "uint16", "uint32", "uint64"),
    *("complex32", "chalf", "complex64", "cfloat", "complex128", "cdouble"),
}

_spaces = {
    "": globals(),
    "linalg.": linalg.__dict__,
    "special.": special.__dict__,
    "nn.functional.": nn.functional.__dict__,
}
for _name, _space in _spaces.items():
    _fill_in(_space, _name)
_install_methods(set(dir(Tensor)))

_ops = tuple(f"dualgraph.{m}" for m in ("ops", "nn", "eager", "core.dtypes", "utils.storage"))
for _space in _spaces.values():
    _boundary.guard_names(_space, _ops)
for _kind in Tensor.__mro__[1:-1]:
    _boundary.guard_methods(_kind)
_boundary.guard_methods(Tensor, ("backward", "copy_", "fill_", "register_hook", "requires_grad_"))
_boundary.guard_names(autograd.__dict__, ("dualgraph.autograd", "dualgraph.eager"))
for _space in (nn.init.__dict__, nn.utils.__dict__, nn.utils.rnn.__dict__, utils.data.__dict__):
    _boundary.guard_names(_space, ("dualgraph.nn", "dualgraph.utils"))
_boundary.guard_classes(utils.data.__dict__, "dualgraph.utils", ("__init__",))
_boundary.guard_classes(nn.__dict__, "dualgraph.nn", ("__init__", "forward"))
for _space in (optim.__dict__, optim.lr_scheduler.__dict__):
    _names = ("__init__", "add_param_group", "load_state_dict", "step")
    _boundary.guard_classes(_space, "dualgraph.optim", _names)


def __getattr__(name: str) -> object:
    if name in _MISSING:
        raise errors.MissingDTypeError(
            f"there is no dualgraph.{name}; use one of {', '.join(_DTYPES)}"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
