"""Convolutions of one, two and three axes, and windows as columns."""

from typing import Any

from ...ops.build import Tensor, in_float32
from ...ops.windows.convolution import conv, conv_transpose, fold as fold, unfold as unfold


@in_float32
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the cross-correlation of sequences with a weight; see `conv2d`.

    Shapes: input (N, C, L) or (C, L), weight (O, C / groups, K), bias (O,).
    """
    return conv(1, input, weight, bias, stride, padding, dilation, groups)


@in_float32
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the cross-correlation of images with a weight.

    Shapes: input (N, C, H, W) or (C, H, W), weight (O, C / groups, kh, kw), bias (O,). Padding is
    a number of zeros on both sides, ``"valid"`` (none) or ``"same"`` (as many as keep the extents;
    stride 1). Each output element is one chain of fused multiply-adds over (channel, kernel
    element) in row-major order. Raises `ShapeError`, `DTypeError`, `ArgumentError`.

    >>> import dualgraph as dg
    >>> conv2d(dg.ones(1, 1, 3, 3), dg.ones(1, 1, 2, 2)).shape
    (1, 1, 2, 2)
    """
    return conv(2, input, weight, bias, stride, padding, dilation, groups)


@in_float32
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the cross-correlation of volumes with a weight; see `conv2d`.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, kd, kh, kw), bias (O,).
    """
    return conv(3, input, weight, bias, stride, padding, dilation, groups)


@in_float32
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transpose of `conv1d`; see `conv_transpose2d`.

    Shapes: input (N, C, L) or (C, L), weight (C, O / groups, K), bias (O,).
    """
    return conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@in_float32
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transpose of `conv2d`: the gradient of its input, with a bias.

    Shapes: input (N, C, H, W) or (C, H, W), weight (C, O / groups, kh, kw), bias (O,). The extents
    are ``(e - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1``.
    Raises `ShapeError`, `DTypeError`, `ArgumentError`.
    """
    return conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@in_float32
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transpose of `conv3d`; see `conv_transpose2d`.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), weight (C, O / groups, kd, kh, kw), bias (O,).
    """
    return conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)
