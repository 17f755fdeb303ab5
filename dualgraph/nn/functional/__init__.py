"""Layers and losses as plain functions of tensors, made only of public ops, so that they trace."""

from ...ops.activations import (
    gelu as gelu,
    glu as glu,
    hardshrink as hardshrink,
    hardsigmoid as hardsigmoid,
    hardswish as hardswish,
    logsigmoid as logsigmoid,
    mish as mish,
    silu as silu,
    softmin as softmin,
    softplus as softplus,
    softshrink as softshrink,
    softsign as softsign,
    tanhshrink as tanhshrink,
)
from ...ops.contract import linear as linear
from ...ops.elementwise import relu as relu, sigmoid as sigmoid, tanh as tanh
from ...ops.indexing import one_hot as one_hot
from ...ops.rectifiers import (
    celu as celu,
    celu_ as celu_,
    elu as elu,
    elu_ as elu_,
    hardtanh as hardtanh,
    hardtanh_ as hardtanh_,
    leaky_relu as leaky_relu,
    leaky_relu_ as leaky_relu_,
    prelu as prelu,
    relu6 as relu6,
    relu_ as relu_,
    rrelu as rrelu,
    rrelu_ as rrelu_,
    selu as selu,
    selu_ as selu_,
    threshold as threshold,
    threshold_ as threshold_,
)
from ...ops.reductions import log_softmax as log_softmax, softmax as softmax
from .dropout import dropout as dropout
from .losses import cross_entropy as cross_entropy, mse_loss as mse_loss, nll_loss as nll_loss
from .normalization import layer_norm as layer_norm
