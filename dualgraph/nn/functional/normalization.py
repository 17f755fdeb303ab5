"""Normalization layers as plain functions of tensors, made only of public ops."""

from math import inf, prod
from typing import Any

import numpy as np

from ...core.types import float16, float32
from ...eager.modes import no_grad
from ...errors import ShapeError
from ...ops.build import (
    Tensor,
    as_dtype,
    in_float32,
    in_float32_mixed,
    need,
    need_floating,
    normal_axes,
)
from ...ops.elementwise.elementary import pow, rsqrt, sqrt
from ...ops.elementwise.pointwise import abs, add, clamp, div, eq, mul, ne, square, sub, where
from ...ops.reduce.reductions import amax, mean, sum as sum_
from ...ops.reduce.rowwise import standardize
from ...ops.shape.views import reshape
from ...ops.windows.convolution import per_axis
from ...ops.windows.pooling import avg_pool
from ...ops.windows.resizing import pad_constant


@in_float32_mixed
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
    axes = _last_axes("layer_norm", input, normalized_shape)
    out = standardize(input, len(axes), eps) if input.value.size else input
    return _affine(out, weight, bias)


@in_float32_mixed
def rms_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Return x / sqrt(mean(x**2) + eps) over the last axes, scaled (Zhang and Sennrich 2019).

    ``eps=None`` is the machine epsilon of the dtype. Raises `ShapeError` unless the last axes are
    ``normalized_shape``.
    """
    axes = _last_axes("rms_norm", input, normalized_shape)
    small = float(np.finfo(input.value.dtype).eps) if eps is None else eps
    out = mul(input, rsqrt(add(mean(square(input), axes, keepdim=True), small)))
    return _affine(out, weight, None)


def _last_axes(name: str, input: Tensor, normalized_shape: Any) -> tuple[int, ...]:
    """Return the axes that ``normalized_shape`` names, which must be the last ones."""
    need_floating(name, input)
    wanted = normalized_shape if isinstance(normalized_shape, tuple | list) else [normalized_shape]
    shape, count = tuple(input.value.shape), len(wanted)
    if not count or shape[-count:] != tuple(wanted):
        raise ShapeError(f"{name}: shape {shape} does not end in {tuple(wanted)}")
    return tuple(range(-count, 0))


def _affine(out: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    out = out if weight is None else mul(out, weight)
    return out if bias is None else add(out, bias)


# --- statistics of channels ---------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return (x - mean) / sqrt(var + eps) for each channel (Ioffe and Szegedy 2015).

    Shapes: input (N, C, ...), all others (C,). When training, mean and variance are those of the
    batch, and the running ones move towards them by ``momentum``, in place (the variance with
    n - 1 in its denominator); otherwise the running ones are used. Raises `ShapeError`.
    """
    need_floating("batch_norm", input)
    if input.value.dtype is float16:  # the running statistics stay what they are
        wide = as_dtype(input, float32)
        out = batch_norm(wide, running_mean, running_var, weight, bias, training, momentum, eps)
        return as_dtype(out, float16)
    shape = tuple(input.value.shape)
    if len(shape) < 2:
        raise ShapeError(f"batch_norm: expected (N, C, ...), got shape {shape}")
    line = (shape[1],) + (1,) * (len(shape) - 2)
    given = {"running_mean": running_mean, "running_var": running_var}
    _check_channels("batch_norm", shape[1], given | {"weight": weight, "bias": bias})
    if training:
        axes = (0, *range(2, len(shape)))
        out, centre, spread = _standardized("batch_norm", input, axes, eps)
        _move(running_mean, running_var, centre, spread, momentum, prod(shape) // shape[1])
    else:
        need(
            running_mean is not None and running_var is not None,
            "batch_norm: running_mean and running_var are needed unless training",
        )
        scale = rsqrt(add(reshape(running_var, line), eps))
        out = mul(sub(input, reshape(running_mean, line)), scale)
    return _affine(out, _in_line(weight, line), _in_line(bias, line))


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return (x - mean) / sqrt(var + eps) for each channel of each image (Ulyanov et al. 2016).

    Shapes: input (N, C, ...), all others (C,). The running statistics, when given, move towards
    the means over the images; without ``use_input_stats`` they are used. Raises `ShapeError`.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    need_floating("instance_norm", input)
    if input.value.dtype is float16:
        wide = as_dtype(input, float32)
        out = instance_norm(wide, running_mean, running_var, weight, bias, True, momentum, eps)
        return as_dtype(out, float16)
    shape = tuple(input.value.shape)
    if len(shape) < 3:
        raise ShapeError(f"instance_norm: expected (N, C, L, ...), got shape {shape}")
    line = (shape[1],) + (1,) * (len(shape) - 2)
    given = {"running_mean": running_mean, "running_var": running_var}
    _check_channels("instance_norm", shape[1], given | {"weight": weight, "bias": bias})
    axes = tuple(range(2, len(shape)))
    out, centre, spread = _standardized("instance_norm", input, axes, eps)
    _move(running_mean, running_var, centre, spread, momentum, prod(shape[2:]))
    return _affine(out, _in_line(weight, line), _in_line(bias, line))


@in_float32_mixed
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Return (x - mean) / sqrt(var + eps) over each group of channels (Wu and He 2018).

    Shapes: input (N, C, ...), weight and bias (C,). Raises `ShapeError`, `ArgumentError`.
    """
    need_floating("group_norm", input)
    shape = tuple(input.value.shape)
    if len(shape) < 2:
        raise ShapeError(f"group_norm: expected (N, C, ...), got shape {shape}")
    n, channels = shape[:2]
    whole = isinstance(num_groups, int) and num_groups > 0 and channels % num_groups == 0
    need(whole, f"group_norm: {channels} channels cannot be cut into {num_groups!r} groups")
    _check_channels("group_norm", channels, {"weight": weight, "bias": bias})
    grouped = reshape(input, (n, num_groups, prod(shape[1:]) // num_groups))
    out = reshape(standardize(grouped, 1, eps), shape) if input.value.size else input
    line = (channels,) + (1,) * (len(shape) - 2)
    return _affine(out, _in_line(weight, line), _in_line(bias, line))


def _check_channels(name: str, channels: int, given: dict[str, Tensor | None]) -> None:
    for label, x in given.items():
        if x is not None and tuple(x.value.shape) != (channels,):
            raise ShapeError(f"{name}: {label} has shape {tuple(x.value.shape)}, not ({channels},)")


def _in_line(x: Tensor | None, line: tuple[int, ...]) -> Tensor | None:
    return None if x is None else reshape(x, line)


def _standardized(
    name: str, input: Tensor, axes: tuple[int, ...], eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the standardized input, and the mean and the variance over the axes."""
    shape = tuple(input.value.shape)
    if prod(shape[a] for a in axes) == 1:
        raise ShapeError(f"{name}: shape {shape} has one value a channel: its variance is nothing")
    centre = mean(input, axes, keepdim=True)
    centred = sub(input, centre)
    spread = mean(square(centred), axes, keepdim=True)
    return mul(centred, rsqrt(add(spread, eps))), centre, spread


def _move(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    centre: Tensor,
    spread: Tensor,
    momentum: float,
    count: int,
) -> None:
    """Move the running statistics, in place, towards those of batches of ``count`` values."""
    with no_grad():
        if running_mean is not None:
            _approach(running_mean, centre, momentum)
        if running_var is not None:
            _approach(running_var, mul(spread, count / (count - 1)), momentum)


def _approach(running: Tensor, now: Tensor, momentum: float) -> None:
    channels = running.value.shape[0]
    each = reshape(now, (-1, channels))
    each = mean(each, 0) if each.value.shape[0] != 1 else reshape(each, (channels,))
    running.copy_(add(mul(running, 1.0 - momentum), mul(each, momentum)))


# --- norms of vectors and neighbourhoods --------------------------------------------------------


@in_float32
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Return x / (k + alpha * mean of x**2 over ``size`` channels)**beta (Krizhevsky et al. 2012).

    Shapes: input (N, C, ...) with at least 3 dimensions. Raises `ShapeError`.
    """
    shape = tuple(input.value.shape)
    if len(shape) < 3:
        raise ShapeError(f"local_response_norm: needs at least 3 dimensions, got shape {shape}")
    per_axis("local_response_norm", "size", size, 1, 1)
    if 0 in shape:
        return input
    squares = reshape(square(input), (shape[0], 1, shape[1], prod(shape[2:])))
    sides = ((0, 0), (0, 0), (size // 2, (size - 1) // 2), (0, 0))
    near = avg_pool(2, pad_constant(squares, sides, 0), (size, 1), 1, 0, False, True)
    return div(input, pow(add(mul(reshape(near, shape), alpha), k), beta))


@in_float32
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """Return the input divided by its p-norm over ``dim``, or by eps where that is larger."""
    need_floating("normalize", input)
    axes = normal_axes(dim, input.value.ndim)
    return div(input, clamp(_norm(input, p, axes), min=eps))


def _norm(x: Tensor, p: float, axes: tuple[int, ...]) -> Tensor:
    """Return the p-norm over axes, which are kept; its derivative at 0 is 0."""
    if p == inf:
        return amax(abs(x), axes, keepdim=True)
    if p == 0:
        return sum_(ne(x, 0), axes, keepdim=True, dtype=x.value.dtype)
    if p == 1:
        return sum_(abs(x), axes, keepdim=True)
    zero = eq(x, 0)
    terms = square(x) if p == 2 else where(zero, 0.0, pow(where(zero, 1.0, abs(x)), p))
    total = sum_(terms, axes, keepdim=True)
    nothing = eq(total, 0)
    some = where(nothing, 1.0, total)
    return where(nothing, 0.0, sqrt(some) if p == 2 else pow(some, 1.0 / p))
