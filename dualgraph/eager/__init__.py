"""Frontend 1: tensors that compute at once, with a tape rebuilt at every forward pass."""

from ..core.dispatch import install
from ..ops.create.creation import Generator
from . import tensor as _tensor
from .frontend import EagerFrontend, eager_frontend

Tensor = _tensor.Tensor
install(eager_frontend)
EagerFrontend.default_generator = Generator()
