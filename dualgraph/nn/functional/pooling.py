"""Pools over one, two and three axes."""

from typing import Any

from ...ops.build import Tensor, in_float32
from ...ops.windows.pooling import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    lp_pool,
    max_pool,
    max_unpool,
)


@in_float32
def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window of (N, C, L) or (C, L); see `max_pool2d`."""
    return max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@in_float32
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window; with ``return_indices`` also its place.

    Shapes: (N, C, H, W) or (C, H, W). ``stride=None`` is the kernel size; padding counts as -inf
    and is at most half a window; ``ceil_mode`` keeps a last window that is cut off. A place is an
    int64 index into the flattened plane of one channel. The first of equals wins and gets the
    gradient; NaN wins. Raises `ShapeError` when no window fits.
    """
    return max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@in_float32
def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window of (N, C, D, H, W); see `max_pool2d`."""
    return max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@in_float32
def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of (N, C, L) or (C, L).

    Padding counts as zeros unless ``count_include_pad`` is false.
    """
    return avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


@in_float32
def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of (N, C, H, W) or (C, H, W).

    Padding counts as zeros unless ``count_include_pad`` is false; ``divisor_override`` is what sums
    are divided by instead of the number of elements. Raises `ShapeError` when no window fits.
    """
    return avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@in_float32
def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of (N, C, D, H, W) or (C, D, H, W).

    Padding counts as zeros unless ``count_include_pad`` is false; ``divisor_override`` is what sums
    are divided by instead of the number of elements. Raises `ShapeError` when no window fits.
    """
    return avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@in_float32
def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """Return (sum of x**p)**(1/p) of each window of (N, C, L) or (C, L)."""
    return lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@in_float32
def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """Return (sum of x**p)**(1/p) of each window of (N, C, H, W) or (C, H, W)."""
    return lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@in_float32
def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """Return (sum of x**p)**(1/p) of each window of (N, C, D, H, W) or (C, D, H, W)."""
    return lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


@in_float32
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return means of ``output_size`` windows that cover (N, C, L) or (C, L) evenly.

    Window i of n goes from floor(i * extent / n) to ceil((i + 1) * extent / n); None keeps an
    extent.
    """
    return adaptive_avg_pool(1, input, output_size)


@in_float32
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return means of ``output_size`` windows that cover (N, C, H, W) or (C, H, W) evenly.

    Window i of n goes from floor(i * extent / n) to ceil((i + 1) * extent / n); None keeps an
    extent.
    """
    return adaptive_avg_pool(2, input, output_size)


@in_float32
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Return means of ``output_size`` windows that cover (N, C, D, H, W) or (C, D, H, W) evenly.

    Window i of n goes from floor(i * extent / n) to ceil((i + 1) * extent / n); None keeps an
    extent.
    """
    return adaptive_avg_pool(3, input, output_size)


@in_float32
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima of the windows of `adaptive_avg_pool1d`, with their places when asked."""
    return adaptive_max_pool(1, input, output_size, return_indices)


@in_float32
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima of the windows of `adaptive_avg_pool2d`, with their places when asked."""
    return adaptive_max_pool(2, input, output_size, return_indices)


@in_float32
def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima of the windows of `adaptive_avg_pool3d`, with their places when asked."""
    return adaptive_max_pool(3, input, output_size, return_indices)


@in_float32
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Return zeros with the elements at the places that `max_pool1d` gave; the last one wins.

    Raises `AxisError` for a place outside of the plane.
    """
    return max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@in_float32
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Return zeros with the elements at the places that `max_pool2d` gave; the last one wins.

    Raises `AxisError` for a place outside of the plane.
    """
    return max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@in_float32
def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Return zeros with the elements at the places that `max_pool3d` gave; the last one wins.

    Raises `AxisError` for a place outside of the plane.
    """
    return max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
