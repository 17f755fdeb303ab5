"""Pools over one, two and three axes."""

from collections.abc import Callable
from typing import Any

from ...ops.build import Tensor
from ...ops.windows.pooling import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    lp_pool,
    max_pool,
    max_unpool,
)
from .windows import over_axes


def _max_pool(axes: int) -> Callable[..., Any]:
    def pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        return max_pool(
            axes, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
        )

    return pool


max_pool1d, max_pool2d, max_pool3d = over_axes(
    "max_pool",
    _max_pool,
    """Return the largest element of each window; with ``return_indices`` also its place.

    Shapes: {shape}. ``stride=None`` is the kernel size; padding counts as -inf
    and is at most half a window; ``ceil_mode`` keeps a last window that is cut off. A place is an
    int64 index into the flattened plane of one channel. The first of equals wins and gets the
    gradient; NaN wins. Raises `ShapeError` when no window fits.
    """,
)


def _avg_pool(axes: int) -> Callable[..., Tensor]:
    def pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        return avg_pool(
            axes, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
            divisor_override,
        )  # fmt: skip

    def without_divisor(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Tensor:
        return avg_pool(axes, input, kernel_size, stride, padding, ceil_mode, count_include_pad)

    return without_divisor if axes == 1 else pool  # PyTorch's argument lists


avg_pool1d, avg_pool2d, avg_pool3d = over_axes(
    "avg_pool",
    _avg_pool,
    """Return the mean of each window of {shape}.

    Padding counts as zeros unless ``count_include_pad`` is false; ``divisor_override`` (of more
    than one axis) is what sums are divided by instead of the number of elements. Raises
    `ShapeError` when no window fits.
    """,
)


def _lp_pool(axes: int) -> Callable[..., Tensor]:
    def pool(
        input: Tensor,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        ceil_mode: bool = False,
    ) -> Tensor:
        return lp_pool(axes, input, norm_type, kernel_size, stride, ceil_mode)

    return pool


lp_pool1d, lp_pool2d, lp_pool3d = over_axes(
    "lp_pool", _lp_pool, "Return (sum of x**p)**(1/p) of each window of {shape}."
)


def _adaptive_avg_pool(axes: int) -> Callable[..., Tensor]:
    def pool(input: Tensor, output_size: Any) -> Tensor:
        return adaptive_avg_pool(axes, input, output_size)

    return pool


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = over_axes(
    "adaptive_avg_pool",
    _adaptive_avg_pool,
    """Return means of ``output_size`` windows that cover {shape} evenly.

    Window i of n goes from floor(i * extent / n) to ceil((i + 1) * extent / n); None keeps an
    extent.
    """,
)


def _adaptive_max_pool(axes: int) -> Callable[..., Any]:
    def pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        return adaptive_max_pool(axes, input, output_size, return_indices)

    return pool


adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = over_axes(
    "adaptive_max_pool",
    _adaptive_max_pool,
    "Return maxima of the windows of `adaptive_avg_pool{axes}d`, with their places when asked.",
)


def _max_unpool(axes: int) -> Callable[..., Tensor]:
    def unpool(
        input: Tensor,
        indices: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Tensor:
        return max_unpool(axes, input, indices, kernel_size, stride, padding, output_size)

    return unpool


max_unpool1d, max_unpool2d, max_unpool3d = over_axes(
    "max_unpool",
    _max_unpool,
    """Return zeros with the elements at the places that `max_pool{axes}d` gave; the last one wins.

    Raises `AxisError` for a place outside of the plane.
    """,
)
