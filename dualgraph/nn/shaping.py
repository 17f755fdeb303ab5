"""Layers that rearrange, resize or compare: functions with options."""

from typing import Any

from ..ops.shape.axes import unflatten
from ..ops.shape.views import flatten
from . import functional as F
from .formula import REQUIRED, Formula, table

Tensor = Any


class Flatten(Formula):
    """Join the axes from ``start_dim`` to ``end_dim`` into one."""

    function = staticmethod(flatten)
    options = table(start_dim=1, end_dim=-1)
    shown = "start_dim={start_dim}, end_dim={end_dim}"


class Unflatten(Formula):
    """Cut one axis into several: the inverse of `Flatten`."""

    options = table(dim=REQUIRED, unflattened_size=REQUIRED)
    shown = "dim={dim}, unflattened_size={unflattened_size}"

    def forward(self, input: Tensor) -> Tensor:
        return unflatten(input, self.dim, self.unflattened_size)


class Upsample(Formula):
    """Other extents by interpolation; options as in `functional.interpolate`."""

    function = staticmethod(F.interpolate)
    options = table(
        size=None,
        scale_factor=None,
        mode="nearest",
        align_corners=None,
        recompute_scale_factor=None,
    )

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        given = options["scale_factor"]
        if isinstance(given, tuple):
            given = tuple(map(float, given))
        return {**options, "scale_factor": float(given) if isinstance(given, int) else given}

    def extra_repr(self) -> str:
        which = "size" if self.scale_factor is None else "scale_factor"
        return f"{which}={getattr(self, which)!r}, mode={self.mode!r}"


class _Upsampling(Upsample):
    options = table(size=None, scale_factor=None)
    mode = "nearest"
    align_corners: bool | None = None

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        fixed = {"mode": type(self).mode, "align_corners": type(self).align_corners}
        return {**super().settled(options), **fixed}

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners)


class UpsamplingNearest2d(_Upsampling):
    """`Upsample` with the nearest element."""


class UpsamplingBilinear2d(_Upsampling):
    """`Upsample` with bilinear interpolation and aligned corners."""

    mode = "bilinear"
    align_corners = True


class PixelShuffle(Formula):
    """(N, C r**2, H, W) as (N, C, H r, W r)."""

    function = staticmethod(F.pixel_shuffle)
    options = table(upscale_factor=REQUIRED)
    shown = "upscale_factor={upscale_factor}"


class PixelUnshuffle(Formula):
    """(N, C, H r, W r) as (N, C r**2, H, W)."""

    function = staticmethod(F.pixel_unshuffle)
    options = table(downscale_factor=REQUIRED)
    shown = "downscale_factor={downscale_factor}"


class ChannelShuffle(Formula):
    """The channels of ``groups`` groups in turns."""

    function = staticmethod(F.channel_shuffle)
    options = table(groups=REQUIRED)
    shown = "groups={groups}"


class CosineSimilarity(Formula):
    """The cosines of the angles of vectors along an axis."""

    function = staticmethod(F.cosine_similarity)
    options = table(dim=1, eps=1e-8)


class PairwiseDistance(Formula):
    """The p-norm of the difference of two tensors along the last axis."""

    function = staticmethod(F.pairwise_distance)
    options = table(p=2.0, eps=1e-6, keepdim=False)

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"norm" if k == "p" else k: v for k, v in options.items()}

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
