"""Frontend 1: tensors that compute at once, with a tape rebuilt at every forward pass."""

from ..core.dispatch import install
from ..ops.create.creation import Generator, Streams
from . import tensor as _tensor
from .frontend import eager_frontend

Tensor = _tensor.Tensor
install(eager_frontend)
Streams.default = Generator()
