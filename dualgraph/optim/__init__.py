"""Optimizers: in-place updates of parameters, written with public ops; and their schedules."""

from . import lr_scheduler as lr_scheduler, swa_utils as swa_utils
from .adagrad import Adadelta as Adadelta, Adagrad as Adagrad, RMSprop as RMSprop
from .adam import (
    Adam as Adam,
    Adamax as Adamax,
    AdamW as AdamW,
    NAdam as NAdam,
    RAdam as RAdam,
)
from .asgd import ASGD as ASGD
from .lbfgs import LBFGS as LBFGS
from .optimizer import Optimizer as Optimizer
from .rprop import Rprop as Rprop
from .sgd import SGD as SGD
