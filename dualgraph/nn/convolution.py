"""Convolutions and their transposes over one, two and three axes, and windows as columns."""

from collections.abc import Callable
from math import sqrt
from typing import Any, ClassVar

from ..errors import ShapeError
from ..ops.build import need
from ..ops.create.creation import zeros
from ..ops.windows.convolution import per_axis
from . import functional as F, init
from .formula import REQUIRED, Formula, table
from .module import Module
from .parameter import Parameter

Tensor = Any
_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What all share: the options, the parameters, and PyTorch's starting values.

    ``weight`` (O, C / groups, *kernel) and ``bias`` (O,) start uniform in [-l, l),
    l = 1 / sqrt(C / groups * kernel elements).
    """

    axes: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]
    transposed: ClassVar[bool] = False
    padding: Any

    def _make(
        self, channels: tuple[int, int], sizes: dict[str, Any], groups: int, bias: bool, mode: str
    ) -> None:
        name = type(self).__name__
        need(groups > 0, f"{name}: groups must be positive, got {groups}")
        need(
            not any(c % groups for c in channels),
            f"{name}: {channels[0]} input and {channels[1]} output channels cannot both be cut "
            f"into {groups} groups",
        )
        padding = sizes["padding"]
        if isinstance(padding, str):
            need(
                padding in ("same", "valid"),
                f"{name}: padding is 'same', 'valid' or a number, not {padding!r}",
            )
            strided = padding == "same" and sizes["stride"] not in (1, (1,) * self.axes)
            need(not strided, f"{name}: padding='same' takes no stride, got {sizes['stride']}")
        need(mode in _MODES, f"{name}: padding_mode is one of {', '.join(_MODES)}, not {mode!r}")
        self.in_channels, self.out_channels = channels
        for what, given in sizes.items():
            kept = given if isinstance(given, str) else per_axis(name, what, given, self.axes)
            setattr(self, what, kept)
        self.groups = groups
        self.padding_mode = mode

    def _start(self, bias: bool, device: Any, dtype: Any) -> None:
        first, second = self.in_channels, self.out_channels
        if not self.transposed:
            first, second = second, first
        shape = (first, second // self.groups, *self.kernel_size)
        self.weight = Parameter(zeros(shape, dtype=dtype, device=device))
        made = zeros(self.out_channels, dtype=dtype, device=device) if bias else None
        self.bias = None if made is None else Parameter(made)
        self.reset_parameters()

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    output_padding: tuple[int, ...]

    def reset_parameters(self) -> None:
        """Draw new starting values from the default generator."""
        init.kaiming_uniform_(self.weight, a=sqrt(5))
        fan_in = init.fans(self.weight)[0]
        if self.bias is not None and fan_in:
            init.uniform_(self.bias, -1.0 / sqrt(fan_in), 1.0 / sqrt(fan_in))

    def extra_repr(self) -> str:
        none = (0,) * self.axes
        said = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}, stride={self.stride}",
            f"padding={self.padding}" if self.padding != none else "",
            f"dilation={self.dilation}" if set(self.dilation) != {1} else "",
            f"output_padding={self.output_padding}" if self.output_padding != none else "",
            f"groups={self.groups}" if self.groups != 1 else "",
            "bias=False" if self.bias is None else "",
            f"padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "",
        ]
        return ", ".join(part for part in said if part)


class _Forward(_Conv):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        sizes = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
        sizes |= {"dilation": dilation, "output_padding": 0}
        self._make((in_channels, out_channels), sizes, groups, bias, padding_mode)
        self._start(bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of the input with the weight."""
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._sides(), self.padding_mode), 0
        options = self.stride, padding, self.dilation, self.groups
        return type(self).function(input, self.weight, self.bias, *options)

    def _sides(self) -> tuple[int, ...]:
        """Return how far to pad, the last axis first; "same" adds the odd element behind."""
        if self.padding == "valid":
            return (0,) * (2 * self.axes)
        if self.padding != "same":
            return tuple(p for p in reversed(self.padding) for _ in range(2))
        spans = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        return tuple(side for s in reversed(spans) for side in (s // 2, s - s // 2))


class Conv1d(_Forward):
    """Cross-correlation of (N, C, L) or (C, L); options as in `functional.conv1d`."""

    axes = 1
    function = staticmethod(F.conv1d)


class Conv2d(_Forward):
    """Cross-correlation of (N, C, H, W) or (C, H, W); options as in `functional.conv2d`.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> nn.Conv2d(3, 8, 3, padding=1)(dg.ones(2, 3, 5, 5)).shape
    (2, 8, 5, 5)
    """

    axes = 2
    function = staticmethod(F.conv2d)


class Conv3d(_Forward):
    """Cross-correlation of (N, C, D, H, W) or (C, D, H, W); options as in `functional.conv3d`."""

    axes = 3
    function = staticmethod(F.conv3d)


class _Transposed(_Conv):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        need(padding_mode == "zeros", f"{type(self).__name__}: only zeros can be padded with")
        sizes = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
        sizes |= {"dilation": dilation, "output_padding": output_padding}
        self._make((in_channels, out_channels), sizes, groups, bias, padding_mode)
        self._start(bias, device, dtype)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Return the transposed convolution; ``output_size`` picks one of the possible extents."""
        extra = self.output_padding if output_size is None else self._missing(input, output_size)
        options = self.stride, self.padding, extra, self.groups, self.dilation
        return type(self).function(input, self.weight, self.bias, *options)

    def _missing(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """Return the output padding that leads to these extents."""
        wanted = tuple(output_size)[-self.axes :]
        facts = zip(
            input.value.shape[-self.axes :],
            self.stride,
            self.padding,
            self.dilation,
            self.kernel_size,
            strict=True,
        )
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in facts]
        extra = tuple(w - m for w, m in zip(wanted, least, strict=True))
        if any(not 0 <= e < max(s, 2) for e, s in zip(extra, self.stride, strict=True)):
            largest = tuple(m + s - 1 for m, s in zip(least, self.stride, strict=True))
            raise ShapeError(
                f"{type(self).__name__}: output_size {wanted} is not between {tuple(least)} "
                f"and {largest}"
            )
        return extra


class ConvTranspose1d(_Transposed):
    """The transpose of `Conv1d`; options as in `functional.conv_transpose1d`."""

    axes = 1
    function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_Transposed):
    """The transpose of `Conv2d`; options as in `functional.conv_transpose2d`."""

    axes = 2
    function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_Transposed):
    """The transpose of `Conv3d`; options as in `functional.conv_transpose3d`."""

    axes = 3
    function = staticmethod(F.conv_transpose3d)


class Fold(Formula):
    """Sums columns (N, C * kernel elements, L) into an image: the transpose of `Unfold`."""

    function = staticmethod(F.fold)
    options = table(output_size=REQUIRED, kernel_size=REQUIRED, dilation=1, padding=0, stride=1)
    shown = (
        "output_size={output_size}, kernel_size={kernel_size}, dilation={dilation}, "
        "padding={padding}, stride={stride}"
    )


class Unfold(Formula):
    """The windows of (N, C, H, W) as columns (N, C * kernel elements, L)."""

    function = staticmethod(F.unfold)
    options = table(kernel_size=REQUIRED, dilation=1, padding=0, stride=1)
    shown = "kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride}"
