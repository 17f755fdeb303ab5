"""Frontend 2: run a function once on symbolic tensors; eager replays its composites from that."""

from ..eager.frontend import EagerFrontend
from .composites import CompositeCache

EagerFrontend.replays = CompositeCache()
