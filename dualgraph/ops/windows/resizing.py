"""Resampling along axes, shuffles of pixels and channels, and padding."""

from math import prod

from ...core.dispatch import apply, literal
from ...core.op import NONDIFF, defop
from ...core.types import Aval, Shape
from ...errors import ShapeError
from ...numerics.facts.routine import Routine
from ..build import Tensor, as_dtype, need
from ..elementwise.pointwise import clone
from ..reduce.reductions import expand
from ..shape.views import EMBED, cat, flip, narrow, permute, reshape, strided_slice

# --- resampling ---------------------------------------------------------------------------------


def _with_extent(shape: Shape, axis: int, extent: int) -> Shape:
    return (*shape[:axis], extent, *shape[axis + 1 :])


_RESAMPLE = defop(
    "resample",
    inputs="x index weight",
    lower=Routine("resample"),
    infer=lambda x, index, weight, *, axis: Aval(
        _with_extent(tuple(x.shape), axis, index.shape[0]), x.dtype
    ),
    vjp=(
        lambda g, x_shape, index, weight, *, axis: apply(
            _RESAMPLE_INPUT, g, index, weight, axis=axis, extent=x_shape[axis]
        ),
        NONDIFF,
        NONDIFF,
    ),
)
_RESAMPLE_INPUT = defop(
    "resample_input",
    inputs="y index weight",
    lower=Routine("resample_input"),
    infer=lambda y, index, weight, *, axis, extent: Aval(
        _with_extent(tuple(y.shape), axis, extent), y.dtype
    ),
    vjp=(
        lambda g, index, weight, *, axis, extent: apply(_RESAMPLE, g, index, weight, axis=axis),
        NONDIFF,
        NONDIFF,
    ),
)


def resample(input: Tensor, axis: int, index: Tensor, weight: Tensor) -> Tensor:
    """Return sums of ``weight[o, t] * input[index[o, t]]`` over t, along one axis.

    ``index`` holds valid int64 positions, ``weight`` is of the input's dtype; no gradient for it.
    """
    return apply(_RESAMPLE, input, index, weight, axis=axis)


# --- shuffles -----------------------------------------------------------------------------------


def _image_shape(name: str, input: Tensor, least: int = 3) -> Shape:
    shape = tuple(input.value.shape)
    if len(shape) < least:
        raise ShapeError(f"{name}: expected at least {least} dimensions, got shape {shape}")
    return shape


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Return (..., C, H * r, W * r) from (..., C * r * r, H, W) (Shi et al. 2016)."""
    *lead, channels, h, w = _image_shape("pixel_shuffle", input)
    r = upscale_factor
    fits = r > 0 and channels % (r * r) == 0
    need(fits, f"pixel_shuffle: {channels} channels are no multiple of {r} * {r}")
    n = len(lead)
    parts = reshape(input, (*lead, channels // (r * r), r, r, h, w))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return _own(permute(parts, order), (*lead, channels // (r * r), h * r, w * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Return (..., C * r * r, H / r, W / r) from (..., C, H, W): undoes `pixel_shuffle`."""
    *lead, channels, h, w = _image_shape("pixel_unshuffle", input)
    r = downscale_factor
    fits = r > 0 and h % r == 0 and w % r == 0
    need(fits, f"pixel_unshuffle: extents {h} and {w} are no multiples of {r}")
    n = len(lead)
    parts = reshape(input, (*lead, channels, h // r, r, w // r, r))
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return _own(permute(parts, order), (*lead, channels * r * r, h // r, w // r))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Return (N, C, ...) with the channels of the groups interleaved (Zhang et al. 2018)."""
    n, channels, *rest = _image_shape("channel_shuffle", input)
    fits = groups > 0 and channels % groups == 0
    need(fits, f"channel_shuffle: {channels} channels cannot be cut into {groups} groups")
    parts = reshape(input, (n, groups, channels // groups, *rest))
    order = (0, 2, 1, *range(3, 3 + len(rest)))
    return _own(permute(parts, order), (n, channels, *rest))


def _own(x: Tensor, shape: Shape) -> Tensor:
    """Return x in another shape and in memory of its own: reshape alone may give a view."""
    return clone(reshape(x, shape))


# --- padding ------------------------------------------------------------------------------------

Sides = tuple[tuple[int, int], ...]


def cropped(input: Tensor, sides: Sides) -> Tensor:
    """Cut off what negative sides say."""
    shape = input.value.shape
    starts = tuple(max(0, -a) for a, _ in sides)
    lengths = tuple(e + min(0, a) + min(0, b) for e, (a, b) in zip(shape, sides, strict=True))
    if min(lengths, default=0) < 0:
        raise ShapeError(f"pad: {sides} cuts off more than the shape {shape} has")
    return strided_slice(input, starts, lengths, (1,) * len(shape))


def pad_constant(input: Tensor, sides: Sides, value: bool | int | float) -> Tensor:
    """Return the input with (before, after) elements of a value added to each axis."""
    x = cropped(input, sides)
    grow = tuple((max(0, a), max(0, b)) for a, b in sides)
    shape = x.value.shape
    if not any(a or b for a, b in grow):
        return clone(x)
    full = tuple(e + a + b for e, (a, b) in zip(shape, grow, strict=True))
    if value == 0 and prod(shape):
        starts = tuple(a for a, _ in grow)
        return apply(EMBED, x, shape=full, starts=starts, steps=(1,) * len(shape))
    fill = literal(value, x.value.dtype)
    for axis, (before, after) in enumerate(grow):
        own = x.value.shape
        blocks = [expand(fill, _with_extent(own, axis, n)) for n in (before, after)]
        if before or after:
            x = cat([blocks[0], x, blocks[1]], axis)
    return as_dtype(x, input.value.dtype)


def pad_reflect(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Mirror the elements beside the first and the last one."""
    extent = x.value.shape[axis]
    need(
        before < extent and after < extent,
        f"pad: reflect by {(before, after)} needs more elements than dim {axis} has ({extent})",
    )
    head = [flip(narrow(x, axis, 1, before), axis)] if before > 0 else []
    tail = [flip(narrow(x, axis, extent - 1 - after, after), axis)] if after > 0 else []
    return _joined(x, axis, before, after, head, tail)


def pad_replicate(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Repeat the first and the last element."""
    shape = x.value.shape
    need(shape[axis] > 0, f"pad: replicate of dim {axis} without elements")
    first, last = narrow(x, axis, 0, 1), narrow(x, axis, shape[axis] - 1, 1)
    head = [expand(first, _with_extent(shape, axis, before))] if before > 0 else []
    tail = [expand(last, _with_extent(shape, axis, after))] if after > 0 else []
    return _joined(x, axis, before, after, head, tail)


def pad_circular(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Repeat the axis in a circle, at most once around."""
    extent = x.value.shape[axis]
    need(
        before <= extent and after <= extent,
        f"pad: circular by {(before, after)} goes more than once around dim {axis} ({extent})",
    )
    x = cropped(x, _at(x, axis, min(before, 0), min(after, 0)))
    left = x.value.shape[axis]
    head = [narrow(x, axis, left - before, before)] if before > 0 else []
    tail = [narrow(x, axis, 0, after)] if after > 0 else []
    return cat([*head, x, *tail], axis)


def _at(x: Tensor, axis: int, before: int, after: int) -> Sides:
    return tuple((before, after) if d == axis else (0, 0) for d in range(x.value.ndim))


def _joined(
    x: Tensor, axis: int, before: int, after: int, head: list[Tensor], tail: list[Tensor]
) -> Tensor:
    return cat([*head, cropped(x, _at(x, axis, before, after)), *tail], axis)
