"""dualgraph: write a model once, run it eagerly or as a compiled static graph, get the same bits.

>>> import dualgraph as dg
>>> def f(x):
...     return (x * dg.tanh(x)).sum()
>>> x = dg.tensor([0.5, -1.0])
>>> (f(x) == dg.compile(f)(x)).item()
True
"""

from . import autograd as autograd
from . import errors as errors
from .api.compile import CompiledFunction as CompiledFunction
from .api.compile import compile as compile
from .compare.verify import VerifyReport as VerifyReport
from .compare.verify import verify as verify
from .config import get_num_threads as get_num_threads
from .config import set_num_threads as set_num_threads
from .core.types import DTYPES as _DTYPES
from .core.types import DType as DType
from .eager import Tensor as Tensor
from .eager.construct import as_tensor as as_tensor
from .eager.construct import from_numpy as from_numpy
from .eager.construct import manual_seed as manual_seed
from .eager.construct import tensor as tensor
from .eager.modes import enable_grad as enable_grad
from .eager.modes import is_grad_enabled as is_grad_enabled
from .eager.modes import no_grad as no_grad
from .eager.modes import set_grad_enabled as set_grad_enabled
from .eager.tensor import max as max
from .eager.tensor import min as min
from .ops.contract import bmm as bmm
from .ops.contract import dot as dot
from .ops.contract import matmul as matmul
from .ops.contract import mm as mm
from .ops.creation import Generator as Generator
from .ops.creation import arange as arange
from .ops.creation import bernoulli as bernoulli
from .ops.creation import full as full
from .ops.creation import full_like as full_like
from .ops.creation import ones as ones
from .ops.creation import ones_like as ones_like
from .ops.creation import rand as rand
from .ops.creation import rand_like as rand_like
from .ops.creation import randn as randn
from .ops.creation import randn_like as randn_like
from .ops.creation import zeros as zeros
from .ops.creation import zeros_like as zeros_like
from .ops.elementwise import abs as abs
from .ops.elementwise import add as add
from .ops.elementwise import ceil as ceil
from .ops.elementwise import clamp as clamp
from .ops.elementwise import clone as clone
from .ops.elementwise import cos as cos
from .ops.elementwise import div as div
from .ops.elementwise import eq as eq
from .ops.elementwise import erf as erf
from .ops.elementwise import erfc as erfc
from .ops.elementwise import exp as exp
from .ops.elementwise import exp2 as exp2
from .ops.elementwise import expm1 as expm1
from .ops.elementwise import floor as floor
from .ops.elementwise import ge as ge
from .ops.elementwise import gt as gt
from .ops.elementwise import isfinite as isfinite
from .ops.elementwise import isinf as isinf
from .ops.elementwise import isnan as isnan
from .ops.elementwise import le as le
from .ops.elementwise import log as log
from .ops.elementwise import log1p as log1p
from .ops.elementwise import log2 as log2
from .ops.elementwise import log10 as log10
from .ops.elementwise import logical_and as logical_and
from .ops.elementwise import logical_not as logical_not
from .ops.elementwise import logical_or as logical_or
from .ops.elementwise import logical_xor as logical_xor
from .ops.elementwise import lt as lt
from .ops.elementwise import maximum as maximum
from .ops.elementwise import minimum as minimum
from .ops.elementwise import mul as mul
from .ops.elementwise import ne as ne
from .ops.elementwise import neg as neg
from .ops.elementwise import pow as pow
from .ops.elementwise import reciprocal as reciprocal
from .ops.elementwise import relu as relu
from .ops.elementwise import round as round
from .ops.elementwise import rsqrt as rsqrt
from .ops.elementwise import sigmoid as sigmoid
from .ops.elementwise import sign as sign
from .ops.elementwise import sin as sin
from .ops.elementwise import sqrt as sqrt
from .ops.elementwise import square as square
from .ops.elementwise import sub as sub
from .ops.elementwise import tanh as tanh
from .ops.elementwise import trunc as trunc
from .ops.elementwise import where as where
from .ops.indexing import gather as gather
from .ops.indexing import index_select as index_select
from .ops.indexing import one_hot as one_hot
from .ops.indexing import scatter_add as scatter_add
from .ops.reductions import all as all
from .ops.reductions import amax as amax
from .ops.reductions import amin as amin
from .ops.reductions import any as any
from .ops.reductions import argmax as argmax
from .ops.reductions import argmin as argmin
from .ops.reductions import cumsum as cumsum
from .ops.reductions import log_softmax as log_softmax
from .ops.reductions import logsumexp as logsumexp
from .ops.reductions import mean as mean
from .ops.reductions import prod as prod
from .ops.reductions import softmax as softmax
from .ops.reductions import sum as sum
from .ops.shape import cat as cat
from .ops.shape import chunk as chunk
from .ops.shape import flatten as flatten
from .ops.shape import flip as flip
from .ops.shape import narrow as narrow
from .ops.shape import permute as permute
from .ops.shape import reshape as reshape
from .ops.shape import select as select
from .ops.shape import split as split
from .ops.shape import squeeze as squeeze
from .ops.shape import stack as stack
from .ops.shape import t as t
from .ops.shape import transpose as transpose
from .ops.shape import unbind as unbind
from .ops.shape import unsqueeze as unsqueeze

__version__ = "0.1.0"

bool = _DTYPES["bool"]
uint8 = _DTYPES["uint8"]
int8 = _DTYPES["int8"]
int16 = _DTYPES["int16"]
int32 = _DTYPES["int32"]
int64 = long = _DTYPES["int64"]
float32 = float = _DTYPES["float32"]
float64 = double = _DTYPES["float64"]
