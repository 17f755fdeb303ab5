"""Starting values of parameters, drawn from the default generator, with PyTorch's formulas."""

from math import sqrt
from typing import Any

from ..eager.modes import no_grad
from ..errors import ShapeError, at_user_line
from ..ops.creation import rand, randn
from ..ops.elementwise import add, mul

Tensor = Any


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Overwrite with uniform numbers in [a, b) and return the tensor."""
    draw = rand(tensor.value.shape, dtype=tensor.value.dtype)
    return _overwrite(tensor, add(mul(draw, b - a), a))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Overwrite with normal numbers and return the tensor."""
    draw = randn(tensor.value.shape, dtype=tensor.value.dtype)
    return _overwrite(tensor, add(mul(draw, std), mean))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Overwrite every element with one number and return the tensor."""
    return _overwrite(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Overwrite with zeros and return the tensor."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Overwrite with ones and return the tensor."""
    return constant_(tensor, 1.0)


def kaiming_uniform_(tensor: Tensor, a: float = 0.0) -> Tensor:
    """Overwrite with numbers in [-l, l), l = sqrt(6 / ((1 + a**2) fan_in)) (He et al. 2015).

    ``a`` is the negative slope of the rectifier that follows; `Linear` uses sqrt(5), which makes
    l = 1 / sqrt(fan_in). Raises `ShapeError` for fewer than two axes.
    """
    limit = sqrt(6.0 / ((1.0 + a * a) * max(fans(tensor)[0], 1)))
    return uniform_(tensor, -limit, limit)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Overwrite with numbers in [-l, l), l = gain sqrt(6 / (fan_in + fan_out)) (Glorot 2010)."""
    limit = gain * sqrt(6.0 / max(sum(fans(tensor)), 1))
    return uniform_(tensor, -limit, limit)


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight of shape (out, in, ...)."""
    shape = tuple(tensor.value.shape)
    if len(shape) < 2:
        raise ShapeError(at_user_line(f"fan in and out need two axes or more, got shape {shape}"))
    field = 1
    for extent in shape[2:]:
        field *= extent
    return shape[1] * field, shape[0] * field


def _overwrite(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        return tensor.copy_(values)
