"""Norms of the elements over axes."""

import math
from typing import Any

from ...core.dispatch import compose
from ...core.op import defcomposite
from ...core.types import numpy_dtype
from ..build import (
    Tensor,
    as_dtype,
    as_number,
    in_float32,
    need,
    need_floating,
    need_tensor,
    normal_axes,
)
from ..elementwise.elementary import pow, sqrt
from ..elementwise.pointwise import (
    abs,
    div,
    eq,
    isnan,
    logical_and,
    logical_or,
    mul,
    ne,
    sign,
    square,
    where,
)
from .reductions import amax, amin, kept, sum


def _norm(x: Tensor, p: float, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    if p == 2:
        return sqrt(sum(square(x), axes, keepdim))
    if p == 1:
        return sum(abs(x), axes, keepdim)
    if p == 0:
        return as_dtype(sum(ne(x, 0), axes, keepdim), x.value.dtype)
    if math.isinf(p):
        return (amax if p > 0 else amin)(abs(x), axes, keepdim)
    return pow(sum(pow(abs(x), p), axes, keepdim), 1.0 / p)


def _norm_vjp(g: Tensor, x: Tensor, out: Tensor, p: float, axes: tuple[int, ...]) -> Tensor | None:
    """Return the cotangent of x: a subgradient that is 0 where the norm is 0."""
    g, out = kept(g, x.value.shape, axes), kept(out, x.value.shape, axes)
    if p == 0:
        return None
    if p == 1:
        return mul(g, sign(x))
    if math.isinf(p):
        return _extreme_norm_vjp(g, x, out, axes)
    zero = eq(out, 0)
    safe = where(zero, 1.0, out)
    if p == 2:
        return mul(g, where(zero, 0.0, div(x, safe)))
    return mul(_power_slope(x, p), where(zero, 0.0, div(g, pow(safe, p - 1))))


def _power_slope(x: Tensor, p: float) -> Tensor:
    """Return d |x|**p / dx / p, and 0 at 0."""
    if p > 2:
        return mul(x, pow(abs(x), p - 2))
    zero = eq(x, 0)
    return where(zero, 0.0, mul(sign(x), pow(abs(where(zero, 1.0, x)), p - 1)))


def _extreme_norm_vjp(g: Tensor, x: Tensor, out: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Share the cotangent evenly among the elements that attain the extreme."""
    size = abs(x)
    found = logical_or(eq(size, out), logical_and(isnan(size), isnan(out)))
    mask = as_dtype(found, x.value.dtype)
    return mul(sign(x), mul(div(mask, sum(mask, axes, True)), g))


_NORM = defcomposite(
    "norm",
    inputs="x",
    forward=_norm,
    vjp=(lambda g, x, out, *, p, axes: _norm_vjp(g, x, out, p, axes),),
)


def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """Return the p-norm of the elements over axes: ``sum(|x|**p) ** (1/p)``.

    ``"fro"`` is 2; 0 counts what is not zero, inf and -inf take the largest and the smallest size.
    Floating tensors only. The gradient is 0 where the norm is 0.
    """
    need_tensor("norm", input)
    x = input if dtype is None else as_dtype(input, numpy_dtype(dtype))
    need_floating("norm", x)
    if p in ("fro", None):
        p = 2
    need(not isinstance(p, str), f"norm: p is a number, inf, -inf or 'fro', got {p!r}")
    return norm_over(x, float(as_number(p)), dim, keepdim)


@in_float32
def norm_over(x: Tensor, p: float, dim: Any, keepdim: bool) -> Tensor:
    """Return the p-norm over the axes that ``dim`` names, all for None."""
    axes = normal_axes(dim, x.value.ndim)
    return compose(_NORM, x, p=p, axes=axes, keepdim=bool(keepdim))
