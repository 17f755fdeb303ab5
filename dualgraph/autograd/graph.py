"""Looking into the tape, under the names of ``torch.autograd.graph``."""

from ..eager.modes import saved_tensors_hooks as saved_tensors_hooks
from ..grad.tape import Node as Node
