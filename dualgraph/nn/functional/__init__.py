"""Layers and losses as plain functions of tensors, made only of public ops, so that they trace."""

from ...ops.contract import linear as linear
from ...ops.distances import (
    bilinear as bilinear,
    cosine_similarity as cosine_similarity,
    pairwise_distance as pairwise_distance,
)
from ...ops.elementwise import relu as relu, sigmoid as sigmoid, tanh as tanh
from ...ops.indexing import one_hot as one_hot
from ...ops.reductions import log_softmax as log_softmax, softmax as softmax
from .activations import gelu as gelu
from .dropout import dropout as dropout
from .losses import cross_entropy as cross_entropy, mse_loss as mse_loss, nll_loss as nll_loss
from .normalization import layer_norm as layer_norm
