"""Normalization layers: the functions are in `functional.normalization`."""

from typing import Any, ClassVar

from ..core.types import int64
from ..errors import ShapeError
from ..ops.build import as_dtype, need
from ..ops.create.creation import ones, zeros
from ..ops.elementwise.pointwise import reciprocal
from ..ops.shape.views import squeeze, unsqueeze
from . import functional as F, init
from .formula import REQUIRED, Formula, table
from .module import Module
from .parameter import Parameter

Tensor = Any


class _Affine(Module):
    """What all share: a weight of ones and a bias of zeros, or neither."""

    weight: Parameter | None
    bias: Parameter | None

    def _scale(self, shape: Any, weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        made = {"dtype": dtype, "device": device}
        self.weight = Parameter(ones(shape, **made)) if weight else None
        self.bias = Parameter(zeros(shape, **made)) if weight and bias else None

    def reset_parameters(self) -> None:
        """Put the weight back to ones and the bias to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class LayerNorm(_Affine):
    """Normalise the last axes to mean 0 and variance 1, then scale and shift each element."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._scale(self.normalized_shape, elementwise_affine, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = f"elementwise_affine={self.elementwise_affine}"
        return f"{self.normalized_shape}, eps={self.eps}, {affine}, bias={self.bias is not None}"


class RMSNorm(_Affine):
    """Divide the last axes by their root mean square, then scale each element."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        made = ones(self.normalized_shape, dtype=dtype, device=device)
        self.weight = Parameter(made) if elementwise_affine else None

    bias = None

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        affine = f"elementwise_affine={self.elementwise_affine}"
        return f"{self.normalized_shape}, eps={self.eps}, {affine}"


class GroupNorm(_Affine):
    """Normalise each of ``num_groups`` groups of channels of (N, C, ...)."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        need(
            num_groups > 0 and num_channels % num_groups == 0,
            f"GroupNorm: {num_channels} channels cannot be cut into {num_groups} groups",
        )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._scale(num_channels, affine, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        groups = f"{self.num_groups}, {self.num_channels}, eps={self.eps}"
        return f"{groups}, affine={self.affine}, bias={self.bias is not None}"


class _Channels(_Affine):
    """Statistics of channels: the running ones are buffers, moved in place while training."""

    dimensions: ClassVar[tuple[int, ...]]  # of the inputs that fit
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def _make(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: tuple[bool, bool],
        track_running_stats: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine[0]
        self.track_running_stats = track_running_stats
        self._scale(num_features, *affine, device, dtype)
        made = {"dtype": dtype, "device": device}
        track = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **made) if track else None)
        self.register_buffer("running_var", ones(num_features, **made) if track else None)
        self.register_buffer("num_batches_tracked", zeros((), dtype=int64) if track else None)

    def reset_running_stats(self) -> None:
        """Forget the batches seen."""
        if self.running_mean is not None and self.running_var is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Forget the batches seen, and put weight and bias back to ones and zeros."""
        self.reset_running_stats()
        super().reset_parameters()

    def _checked(self, input: Tensor) -> Tensor:
        if input.value.ndim not in self.dimensions:
            wanted = " or ".join(map(str, self.dimensions))
            raise ShapeError(
                f"{type(self).__name__}: expected {wanted} dimensions, got shape "
                f"{tuple(input.value.shape)}"
            )
        return input

    def extra_repr(self) -> str:
        bias = f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        rate = f"eps={self.eps}, momentum={self.momentum}"
        return f"{self.num_features}, {rate}, affine={self.affine}, {bias}"


class _BatchNorm(_Channels):
    """``momentum=None`` gives every batch the same weight in the running statistics."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        tracked = track_running_stats, device, dtype
        self._make(num_features, eps, momentum, (affine, bias), *tracked)

    def forward(self, input: Tensor) -> Tensor:
        batch = self.training or self.running_mean is None
        running = self.running_mean, self.running_var
        if self.training and not self.track_running_stats:
            running = None, None
        momentum = self._count() if self.training and self.track_running_stats else 0.0
        scale = self.weight, self.bias
        return F.batch_norm(self._checked(input), *running, *scale, batch, momentum, self.eps)

    def _count(self) -> Any:
        """Count one more batch; return how far the running statistics move towards it."""
        if self.num_batches_tracked is None:
            return self.momentum or 0.0
        self.num_batches_tracked.add_(1)
        if self.momentum is not None:
            return self.momentum
        assert self.running_mean is not None
        return reciprocal(as_dtype(self.num_batches_tracked, self.running_mean.value.dtype))


class BatchNorm1d(_BatchNorm):
    """Normalise each channel of (N, C) or (N, C, L) over the batch."""

    dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalise each channel of (N, C, H, W) over the batch.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> norm = nn.BatchNorm2d(3)
    >>> norm(dg.ones(2, 3, 4, 4)).shape, norm.num_batches_tracked.item()
    ((2, 3, 4, 4), 1)
    """

    dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalise each channel of (N, C, D, H, W) over the batch."""

    dimensions = (5,)


class _InstanceNorm(_Channels):
    """Statistics of each channel of each image; by default neither tracked nor scaled."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        tracked = track_running_stats, device, dtype
        self._make(num_features, eps, momentum, (affine, bias), *tracked)

    def forward(self, input: Tensor) -> Tensor:
        alone = self._checked(input).value.ndim == self.dimensions[0]
        self._check_channels(input, 0 if alone else 1)
        running = self.running_mean, self.running_var
        use = self.training or not self.track_running_stats
        options = self.weight, self.bias, use, self.momentum or 0.0, self.eps
        out = F.instance_norm(unsqueeze(input, 0) if alone else input, *running, *options)
        return squeeze(out, 0) if alone else out

    def _check_channels(self, input: Tensor, axis: int) -> None:
        shape = tuple(input.value.shape)
        if shape[axis] != self.num_features and self.affine:
            raise ShapeError(
                f"{type(self).__name__}: input of shape {shape} has {shape[axis]} channels, "
                f"not {self.num_features}"
            )


class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each (C, L) or of (N, C, L)."""

    dimensions = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalise each channel of each (C, H, W) or of (N, C, H, W)."""

    dimensions = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalise each channel of each (C, D, H, W) or of (N, C, D, H, W)."""

    dimensions = (4, 5)


class LocalResponseNorm(Formula):
    """Divide by a power of the mean square of ``size`` neighbouring channels."""

    function = staticmethod(F.local_response_norm)
    options = table(size=REQUIRED, alpha=1e-4, beta=0.75, k=1.0)
    shown = "{size}, alpha={alpha}, beta={beta}, k={k}"


def _shape(given: Any) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(given)
