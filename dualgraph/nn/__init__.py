"""Modules, layers and losses, written only with the public op set."""

from . import functional as functional
from . import init as init
from .layers import GELU as GELU
from .layers import Dropout as Dropout
from .layers import Flatten as Flatten
from .layers import Identity as Identity
from .layers import LayerNorm as LayerNorm
from .layers import Linear as Linear
from .layers import ReLU as ReLU
from .layers import Sequential as Sequential
from .layers import Sigmoid as Sigmoid
from .layers import Tanh as Tanh
from .losses import CrossEntropyLoss as CrossEntropyLoss
from .losses import MSELoss as MSELoss
from .module import Module as Module
from .parameter import Parameter as Parameter
