"""Functions of your own, under the names of ``torch.autograd.function``."""

from ..eager.function import (
    Function as Function,
    once_differentiable as once_differentiable,
)
