"""Optimizers: in-place updates of parameters, written with public ops."""

from .adam import Adam as Adam, AdamW as AdamW
from .optimizer import Optimizer as Optimizer
from .sgd import SGD as SGD
