"""Dropout and other functions of random masks from the default generator.

Masks depend on the seed, the number of the draw and the element's index alone, so that a compiled
function draws the same ones as the eager one.
"""

from collections.abc import Callable
from math import sqrt

from ...core.types import Shape
from ...errors import ShapeError
from ...ops.build import Tensor, need, need_floating, normal_axis
from ...ops.create.creation import bernoulli, full, rand_like, zeros_like
from ...ops.elementwise.elementary import log
from ...ops.elementwise.pointwise import add, clamp, div, mul, neg, sub
from ...ops.index.indexing import one_hot
from ...ops.reduce.reductions import argmax
from ...ops.reduce.rowwise import softmax
from ...ops.shape.views import permute
from .losses.common import check_tensors

_ALPHA = -1.7580993408473766  # of SELU, times its scale, negated: what a dropped unit is set to
_Drop = Callable[[Tensor, Tensor, float], Tensor]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set elements to zero with probability p and scale the others by 1 / (1 - p).

    The input itself when not training. The mask comes from the default generator. ``inplace``
    overwrites the input and returns it.
    """
    return _dropped("dropout", input, p, training, inplace, input.value.shape, _scaled)


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Set elements to SELU's lower limit with probability p, keeping mean 0 and variance 1.

    Source: Klambauer et al., "Self-normalizing neural networks" (2017).
    """
    return _dropped("alpha_dropout", input, p, training, inplace, input.value.shape, _selu_kept)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Do `alpha_dropout` to whole channels (N, C, ...) at a time."""
    name = "feature_alpha_dropout"
    return _dropped(name, input, p, training, inplace, _channels(name, input, 2), _selu_kept)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Do `dropout` to whole channels of (N, C, L) or (C, L)."""
    return _channel_dropout("dropout1d", input, p, training, inplace, (2, 3), 2)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Do `dropout` to whole channels of (N, C, H, W); of (N, C, L) too, as PyTorch does."""
    return _channel_dropout("dropout2d", input, p, training, inplace, (3, 4), 0)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Do `dropout` to whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    return _channel_dropout("dropout3d", input, p, training, inplace, (4, 5), 4)


def _channel_dropout(
    name: str,
    input: Tensor,
    p: float,
    training: bool,
    inplace: bool,
    ranks: tuple[int, int],
    unbatched: int,
) -> Tensor:
    check_tensors(name, input=input)
    if input.value.ndim not in ranks:
        raise ShapeError(
            f"{name}: the input must have {ranks[0]} or {ranks[1]} axes, got the shape "
            f"{tuple(input.value.shape)}"
        )
    lead = 1 if input.value.ndim == unbatched else 2
    return _dropped(name, input, p, training, inplace, _channels(name, input, lead), _scaled)


def _channels(name: str, input: Tensor, lead: int) -> Shape:
    """Return the shape of a mask with one element for each channel."""
    check_tensors(name, input=input)
    need(input.value.ndim >= lead, f"{name}: the input needs {lead} axes, got {input.value.ndim}")
    shape = tuple(input.value.shape)
    return shape[:lead] + (1,) * (len(shape) - lead)


def _dropped(
    name: str, input: Tensor, p: float, training: bool, inplace: bool, mask: Shape, drop: _Drop
) -> Tensor:
    need(0.0 <= p <= 1.0, f"{name}: p must lie in [0, 1], got {p}")
    if not training or p == 0.0:
        return input
    need_floating(name, input)

    def compute(x: Tensor) -> Tensor:
        if p == 1.0:
            return mul(x, zeros_like(x))
        return drop(x, bernoulli(full(mask, 1.0 - p, dtype=x.value.dtype)), p)

    return input._inplace(compute) if inplace else compute(input)


def _scaled(x: Tensor, kept: Tensor, p: float) -> Tensor:
    return mul(x, mul(kept, 1.0 / (1.0 - p)))


def _selu_kept(x: Tensor, kept: Tensor, p: float) -> Tensor:
    """Return a (m x + (1 - m) alpha) - a alpha p, with m the mask of what is kept."""
    a = 1.0 / sqrt((_ALPHA * _ALPHA * p + 1.0) * (1.0 - p))
    shift = add(mul(sub(1.0, kept), _ALPHA * a), -_ALPHA * a * p)
    return add(mul(x, mul(kept, a)), shift)


def gumbel_softmax(
    logits: Tensor, tau: float = 1.0, hard: bool = False, *, dim: int = -1
) -> Tensor:
    """Return softmax((logits + Gumbel noise) / tau): a differentiable sample of classes.

    ``hard`` returns one-hot samples whose gradient is that of the soft ones. Source: Jang et al.
    (2017) and Maddison et al. (2017).
    """
    check_tensors("gumbel_softmax", logits=logits)
    need_floating("gumbel_softmax", logits)
    least = 2.0**-25 if logits.value.dtype.itemsize == 4 else 2.0**-54  # log(0) would be -inf
    uniform = clamp(rand_like(logits), min=least)
    noise = neg(log(neg(log(uniform))))
    soft = softmax(div(add(logits, noise), tau), dim)
    if not hard:
        return soft
    return add(sub(_one_hot_like(soft, dim), soft.detach()), soft)


def _one_hot_like(soft: Tensor, dim: int) -> Tensor:
    """Return 1 at the largest element along an axis, 0 elsewhere."""
    ndim = soft.value.ndim
    axis = normal_axis(dim, ndim)
    at = argmax(soft.detach(), axis)
    chosen = one_hot(at, soft.value.shape[axis])
    order = (*range(axis), ndim - 1, *range(axis, ndim - 1))
    return permute(chosen, *order).to(soft.dtype)
