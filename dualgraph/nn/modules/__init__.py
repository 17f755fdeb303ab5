"""PyTorch's names for the files of layers, as far as other code asks for them."""

from . import batchnorm as batchnorm, conv as conv, module as module, utils as utils
