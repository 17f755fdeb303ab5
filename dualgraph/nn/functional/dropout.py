"""Dropout: random masks from the default generator."""

from ...ops.build import Tensor, need
from ...ops.creation import bernoulli, full_like, zeros_like
from ...ops.elementwise import (
    mul,
)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Set elements to zero with probability p and scale the others by 1 / (1 - p).

    The input itself when not training. The mask comes from the default generator.
    """
    need(0.0 <= p <= 1.0, f"dropout: p must lie in [0, 1], got {p}")
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return mul(input, zeros_like(input))
    kept = bernoulli(full_like(input, 1.0 - p))
    return mul(input, mul(kept, 1.0 / (1.0 - p)))
