"""Modules, layers and losses, written only with the public op set."""

from . import functional as functional, init as init
from .layers import (
    GELU as GELU,
    Dropout as Dropout,
    Flatten as Flatten,
    Identity as Identity,
    LayerNorm as LayerNorm,
    Linear as Linear,
    ReLU as ReLU,
    Sequential as Sequential,
    Sigmoid as Sigmoid,
    Tanh as Tanh,
)
from .losses import CrossEntropyLoss as CrossEntropyLoss, MSELoss as MSELoss
from .module import Module as Module
from .parameter import Parameter as Parameter
