"""Looking into the tape, under the names of ``torch.autograd.graph``."""

from typing import Any

from ..eager.modes import (
    save_on_cpu as save_on_cpu,
    saved_tensors_hooks as saved_tensors_hooks,
)
from ..grad.saved import count_here
from ..grad.tape import TapeNode

Node = TapeNode
"""A node of the tape, which is `Tensor.grad_fn`."""


def increment_version(tensor: Any) -> None:
    """Count a change of the memory of a tensor (or of several) that no op made."""
    for x in tensor if isinstance(tensor, tuple | list) else (tensor,):
        count_here(x)[0] += 1
