"""Convolutions of one, two and three axes, and windows as columns."""

from collections.abc import Callable
from typing import Any

from ...ops.build import Tensor
from ...ops.windows.convolution import conv, conv_transpose, fold as fold, unfold as unfold
from .windows import over_axes


def _conv(axes: int) -> Callable[..., Tensor]:
    def convolution(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        return conv(axes, input, weight, bias, stride, padding, dilation, groups)

    return convolution


conv1d, conv2d, conv3d = over_axes(
    "conv",
    _conv,
    """Return the cross-correlation of {of_what} with a weight.

    Shapes: input {shape}, weight (O, C / groups, {kernel}), bias (O,). Padding is
    a number of zeros on both sides, ``"valid"`` (none) or ``"same"`` (as many as keep the extents;
    stride 1). Each output element is one chain of fused multiply-adds over (channel, kernel
    element) in row-major order. Raises `ShapeError`, `DTypeError`, `ArgumentError`.

    >>> import dualgraph as dg
    >>> dg.nn.functional.conv2d(dg.ones(1, 1, 3, 3), dg.ones(1, 1, 2, 2)).shape
    (1, 1, 2, 2)
    """,
)


def _conv_transpose(axes: int) -> Callable[..., Tensor]:
    def transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Tensor:
        return conv_transpose(
            axes, input, weight, bias, stride, padding, output_padding, groups, dilation
        )

    return transpose


conv_transpose1d, conv_transpose2d, conv_transpose3d = over_axes(
    "conv_transpose",
    _conv_transpose,
    """Return the transpose of `conv{axes}d`: the gradient of its input, with a bias.

    Shapes: input {shape}, weight (C, O / groups, {kernel}), bias (O,). The extents
    are ``(e - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1``.
    Raises `ShapeError`, `DTypeError`, `ArgumentError`.
    """,
)
