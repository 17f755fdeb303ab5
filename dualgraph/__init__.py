"""dualgraph: write a model once, run it eagerly or compiled, and get the same bits."""
from .core.types import DTYPES as _D
from .eager import Tensor
from .eager.construct import tensor, from_numpy, as_tensor, manual_seed
from .eager.modes import no_grad, enable_grad, set_grad_enabled, is_grad_enabled
from .eager import tensor as autograd_mod
from .ops.elementwise import *
from .ops.reductions import sum, mean, prod, amax, amin, any, all, argmax, argmin, cumsum, logsumexp, softmax, log_softmax, expand
from .ops.shape import reshape, flatten, squeeze, unsqueeze, permute, transpose, t, narrow, select, flip, split, chunk, cat, stack, unbind
from .ops.indexing import gather, scatter_add, index_select, one_hot
from .ops.creation import full, zeros, ones, zeros_like, ones_like, full_like, arange, rand, randn, rand_like, randn_like, bernoulli, Generator
from .ops.contract import matmul, dot, mm, bmm
globals().update(_D)
