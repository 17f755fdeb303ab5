"""Normalization layers as plain functions of tensors, made only of public ops."""

from ...errors import ShapeError, at_user_line
from ...ops.build import Tensor
from ...ops.elementwise import (
    add,
    mul,
    rsqrt,
    square,
    sub,
)
from ...ops.reductions import mean


def layer_norm(
    input: Tensor,
    normalized_shape: tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Return (x - mean) / sqrt(var + eps) over the last axes, scaled and shifted (Ba et al. 2016).

    Raises `ShapeError` unless the last axes are ``normalized_shape``.
    """
    shape, count = tuple(input.value.shape), len(normalized_shape)
    if not count or shape[-count:] != tuple(normalized_shape):
        raise ShapeError(
            at_user_line(f"layer_norm: shape {shape} does not end in {tuple(normalized_shape)}")
        )
    axes = tuple(range(-count, 0))
    centred = sub(input, mean(input, axes, keepdim=True))
    out = mul(centred, rsqrt(add(mean(square(centred), axes, keepdim=True), eps)))
    out = out if weight is None else mul(out, weight)
    return out if bias is None else add(out, bias)
