"""Pools over one, two and three axes: a family shares its options, a class adds its function."""

from typing import Any

from . import functional as F
from .formula import REQUIRED, Formula, table

Tensor = Any


def _tuple(value: Any, axes: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * axes


class _Windows(Formula):
    """A pool whose stride is the size of its window unless it is given."""

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        given = options["stride"]
        return {**options, "stride": options["kernel_size"] if given is None else given}


class _MaxPool(_Windows):
    options = table(
        kernel_size=REQUIRED,
        stride=None,
        padding=0,
        dilation=1,
        return_indices=False,
        ceil_mode=False,
    )
    shown = (
        "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, "
        "ceil_mode={ceil_mode}"
    )


class MaxPool1d(_MaxPool):
    """The largest element of each window of (N, C, L) or (C, L)."""

    function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of each window of (N, C, H, W) or (C, H, W)."""

    function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest element of each window of (N, C, D, H, W) or (C, D, H, W)."""

    function = staticmethod(F.max_pool3d)


class _FractionalMaxPool(Formula):
    options = table(
        kernel_size=REQUIRED,
        output_size=None,
        output_ratio=None,
        return_indices=False,
        _random_samples=None,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("_random_samples", self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest elements of windows at pseudo-random places of (N, C, H, W) or (C, H, W).

    Arguments as `functional.fractional_max_pool2d`.
    """

    function = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest elements of windows at pseudo-random places of (N, C, D, H, W) or (C, D, H, W).

    Arguments as `functional.fractional_max_pool3d`.
    """

    function = staticmethod(F.fractional_max_pool3d)


class _AvgPool(_Windows):
    options = table(
        kernel_size=REQUIRED,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    )
    shown = "kernel_size={kernel_size}, stride={stride}, padding={padding}"


class AvgPool1d(_AvgPool):
    """The mean of each window of (N, C, L) or (C, L)."""

    function = staticmethod(F.avg_pool1d)
    options = table(
        kernel_size=REQUIRED, stride=None, padding=0, ceil_mode=False, count_include_pad=True
    )

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        sizes = ("kernel_size", "stride", "padding")
        kept = super().settled(options)
        return {k: _tuple(v, 1) if k in sizes else v for k, v in kept.items()}


class AvgPool2d(_AvgPool):
    """The mean of each window of (N, C, H, W) or (C, H, W)."""

    function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of each window of (N, C, D, H, W) or (C, D, H, W)."""

    function = staticmethod(F.avg_pool3d)


class _LPPool(Formula):
    options = table(norm_type=REQUIRED, kernel_size=REQUIRED, stride=None, ceil_mode=False)
    shown = (
        "norm_type={norm_type}, kernel_size={kernel_size}, stride={stride}, ceil_mode={ceil_mode}"
    )


class LPPool1d(_LPPool):
    """(sum of x**p)**(1/p) of each window of (N, C, L) or (C, L)."""

    function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """(sum of x**p)**(1/p) of each window of (N, C, H, W) or (C, H, W)."""

    function = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """(sum of x**p)**(1/p) of each window of (N, C, D, H, W) or (C, D, H, W)."""

    function = staticmethod(F.lp_pool3d)


class _AdaptiveAvgPool(Formula):
    options = table(output_size=REQUIRED)
    shown = "output_size={output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means of ``output_size`` windows that cover (N, C, L) evenly."""

    function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means of ``output_size`` windows that cover (N, C, H, W) evenly."""

    function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means of ``output_size`` windows that cover (N, C, D, H, W) evenly."""

    function = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMaxPool(Formula):
    options = table(output_size=REQUIRED, return_indices=False)
    shown = "output_size={output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maxima of ``output_size`` windows that cover (N, C, L) evenly."""

    function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maxima of ``output_size`` windows that cover (N, C, H, W) evenly."""

    function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Maxima of ``output_size`` windows that cover (N, C, D, H, W) evenly."""

    function = staticmethod(F.adaptive_max_pool3d)


class _MaxUnpool(_Windows):
    options = table(kernel_size=REQUIRED, stride=None, padding=0)
    shown = "kernel_size={kernel_size}, stride={stride}, padding={padding}"
    axes = 0

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        return {k: _tuple(v, self.axes) for k, v in super().settled(options).items()}

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        sizes = self.kernel_size, self.stride, self.padding
        return type(self).function(input, indices, *sizes, output_size)


class MaxUnpool1d(_MaxUnpool):
    """Zeros with the elements at the places that `MaxPool1d` gave."""

    function = staticmethod(F.max_unpool1d)
    axes = 1


class MaxUnpool2d(_MaxUnpool):
    """Zeros with the elements at the places that `MaxPool2d` gave."""

    function = staticmethod(F.max_unpool2d)
    axes = 2


class MaxUnpool3d(_MaxUnpool):
    """Zeros with the elements at the places that `MaxPool3d` gave."""

    function = staticmethod(F.max_unpool3d)
    axes = 3
