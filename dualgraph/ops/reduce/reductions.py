"""Reductions and their transposes: sum and expand, extremes, products, positions, logsumexp.

A record reduces one contiguous group of axes in the canonical order
(`numerics.facts.reduction`); the public functions take any axes, innermost group first.
"""

import math
from typing import Any

import numpy as np

from ...core.dispatch import apply, compose, literal
from ...core.op import NONDIFF, Op, defcomposite, defop
from ...core.types import Aval, Shape, bool_, int64, numpy_dtype, uint8
from ...errors import DTypeError, ShapeError
from ...numerics.facts.reduction import Reduce, reduced_shape
from ...numerics.facts.routine import Line
from ...numerics.view import ExpandView
from ..build import (
    Tensor,
    as_dtype,
    as_floating,
    in_float32,
    need_floating,
    need_tensor,
    normal_axes,
    normal_axis,
    sizes,
)
from ..elementwise.elementary import exp, log
from ..elementwise.pointwise import add, clone, div, eq, isfinite, isinf, mul, ne, sub, where
from ..shape.views import reshape, unsqueeze
from .scans import accumulator, line_op, product_of_others

# --- expand, the transpose of sum ---------------------------------------------------------------


def _infer_expand(x: Any, shape: Shape) -> Aval:
    lead = len(shape) - len(x.shape)
    grown = zip(x.shape, shape[max(lead, 0) :], strict=False)
    if lead < 0 or min(shape, default=0) < 0 or [1 for a, b in grown if a not in (1, b)]:
        raise ShapeError(
            f"expand: cannot expand shape {tuple(x.shape)} to {shape}: only axes of extent 1 "
            "grow, and new axes come in front"
        )
    return Aval(shape, x.dtype)


EXPAND = defop(
    "expand",
    inputs="x",
    infer=_infer_expand,
    kernel=lambda x, shape: np.broadcast_to(x, shape),
    lower=ExpandView(),
    vjp=(lambda g: g,),  # the backward walk sums a broadcast cotangent
)


def expand(input: Tensor, *size: Any) -> Tensor:
    """Return a view with axes of extent 1 repeated; -1 keeps an extent.

    Raises `ShapeError` when another extent would change.
    """
    wanted, have = sizes(size), input.value.shape
    lead = len(wanted) - len(have)
    shape = tuple(have[i - lead] if e == -1 and i >= lead else e for i, e in enumerate(wanted))
    return input if shape == have else apply(EXPAND, input, shape=shape)


@in_float32
def sum_to(input: Tensor, shape: Shape) -> Tensor:
    """Sum the axes along which ``shape`` was broadcast to the input's shape."""
    lead = input.value.ndim - len(shape)
    axes = [
        i for i, e in enumerate(input.value.shape) if i < lead or (shape[i - lead] == 1 and e != 1)
    ]
    out = _reduce(_SUM, input, tuple(axes), keepdim=True) if axes else input
    return reshape(out, shape) if lead else out


# --- reductions ---------------------------------------------------------------------------------


def _reduction(name: str, spec: Reduce, *, vjp: Any) -> Op:
    def infer(x: Any, axes: tuple[int, ...], keepdim: bool) -> Aval:
        shape = tuple(x.shape)
        if not spec.identity and 0 in [shape[a] for a in axes]:
            raise ShapeError(f"{name}: shape {shape} has no elements along {axes} to choose from")
        return Aval(reduced_shape(shape, axes, keepdim), x.dtype)

    return defop(name, inputs="x", infer=infer, lower=spec, vjp=(vjp,))


_SUM = _reduction(
    "sum",
    Reduce(
        combine="iadd({a}, {b})",
        combine_float="{a} + {b}",
        neutral="{s}(-0.0)",
        identity="{s}(0)",
    ),
    vjp=lambda g, x_shape, *, axes, keepdim: expand(kept(g, x_shape, axes), x_shape),
)
_PROD = _reduction(
    "prod",
    Reduce(
        combine="imul({a}, {b})",
        combine_float="{a} * {b}",
        neutral="{s}(1)",
        identity="{s}(1)",
    ),
    vjp=lambda g, x, *, axes, keepdim: mul(kept(g, x.value.shape, axes), _others(x, axes)),
)


def _extreme_record(name: str, wins: str, end: str) -> Op:
    """Register amax or amin: a NaN wins, and the first of equals stays."""
    return _reduction(
        name,
        Reduce(
            combine=f"select({{a}} {wins} {{b}}, {{a}}, {{b}})",
            combine_float=f"select(({{a}} {wins} {{b}}) | ({{a}} != {{a}}), {{a}}, {{b}})",
            neutral=f"{{s}}({{{end}}})",
        ),
        vjp=lambda g, x, out, *, axes, keepdim: _extreme_vjp(
            kept(g, x.value.shape, axes), x, kept(out, x.value.shape, axes), axes
        ),
    )


AMAX, AMIN = _extreme_record("amax", ">=", "low"), _extreme_record("amin", "<=", "high")


def kept(y: Tensor, full: Shape, axes: tuple[int, ...]) -> Tensor:
    """Give a reduced tensor the reduced axes back, with extent 1."""
    shape = reduced_shape(full, axes, True)
    return y if y.value.shape == shape else reshape(y, shape)


def _extreme_vjp(g: Tensor, x: Tensor, out: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Share the cotangent evenly among the elements that attain the extreme."""
    mask = as_dtype(eq(x, out), x.value.dtype)
    return mul(mask, div(g, apply(_SUM, mask, axes=axes, keepdim=True)))


def _others(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return for each element the product of all others of its group of axes, zeros included."""
    shape, first = x.value.shape, axes[0]
    merged = (*shape[:first], math.prod(shape[a] for a in axes), *shape[axes[-1] + 1 :])
    return reshape(product_of_others(reshape(x, merged), first), shape)


def _groups(axes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Split sorted axes into contiguous groups, innermost first."""
    groups: list[list[int]] = []
    for axis in axes:
        if groups and groups[-1][-1] == axis - 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return [tuple(g) for g in reversed(groups)]


def _reduce(op: Op, x: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    if not axes:  # a 0-d tensor: the result is a tensor of its own
        return clone(x)
    for group in _groups(axes):
        x = apply(op, x, axes=group, keepdim=keepdim)
    return x


def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum over all axes, one, or several; bools and integers sum as int64.

    The order of the additions is fixed by shape, axes and dtype alone (`numerics.facts.reduction`).
    """
    return _total(accumulator("sum", input, dtype), _SUM, dim, keepdim)


@in_float32
def _total(x: Tensor, op: Op, dim: Any, keepdim: bool) -> Tensor:
    return _reduce(op, x, normal_axes(dim, x.value.ndim), keepdim)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum divided by the number of elements; floating tensors (or dtypes) only."""
    need_tensor("mean", input)
    input = input if dtype is None else as_dtype(input, numpy_dtype(dtype))
    need_floating("mean", input)
    return _mean(input, dim, keepdim)


@in_float32
def _mean(x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    axes = normal_axes(dim, x.value.ndim)
    return div(_reduce(_SUM, x, axes, keepdim), float(extent(x.value.shape, axes)))


def extent(shape: Shape, axes: tuple[int, ...]) -> int:
    """Return how many elements are reduced into one."""
    return math.prod(shape[a] for a in axes)


def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the product over all axes or some; bools and integers as int64."""
    return _total(accumulator("prod", input, dtype), _PROD, dim, keepdim)


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """Return the int64 number of elements that are not zero (a NaN is not)."""
    need_tensor("count_nonzero", input)
    return sum(ne(input, 0), dim)


@in_float32
def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return the largest element over axes; NaN wins; ties share the gradient evenly."""
    return _extreme(AMAX, input, dim, keepdim)


@in_float32
def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return the smallest element over axes; NaN wins; ties share the gradient evenly."""
    return _extreme(AMIN, input, dim, keepdim)


def _extreme(op: Op, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    need_tensor(op.name, input)
    axes = normal_axes(dim, input.value.ndim)
    if input.value.dtype != bool_:
        return _reduce(op, input, axes, keepdim)
    return as_dtype(_reduce(op, as_dtype(input, uint8), axes, keepdim), bool_)


def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return whether some element is not zero, as bool; for uint8, as uint8."""
    need_tensor("any", input)
    return _truth(ne(_count(ne(input, 0), dim, keepdim), 0), input)


def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return whether every element is not zero, as bool; for uint8, as uint8."""
    need_tensor("all", input)
    return _truth(eq(_count(eq(input, 0), dim, keepdim), 0), input)


def _count(x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """Count along axes; unlike in a sum, no axes (``()``) means none, not all."""
    return x if isinstance(dim, tuple | list) and not dim else sum(x, dim, keepdim)


def _truth(x: Tensor, of: Tensor) -> Tensor:
    return as_dtype(x, uint8) if of.value.dtype == uint8 else x


# --- positions ----------------------------------------------------------------------------------

_ARGMAX = line_op("argmax", Line("argmax", scalar_output=True, output=int64), vjp=NONDIFF)
_ARGMIN = line_op("argmin", Line("argmin", scalar_output=True, output=int64), vjp=NONDIFF)


def _arg(op: Op, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    need_tensor(op.name, input)
    if input.value.dtype == bool_:
        raise DTypeError(f"{op.name} is not defined for bool tensors; cast to int")
    ndim = input.value.ndim
    if dim is None:
        out = apply(op, reshape(input, (-1,) if input.value.size else (0,)), axis=0)
        return reshape(out, (1,) * ndim) if keepdim else out
    axis = normal_axis(dim, ndim)
    if ndim == 0:
        return apply(op, reshape(input, (1,)), axis=0)
    out = apply(op, input, axis=axis)
    return unsqueeze(out, axis) if keepdim else out


@in_float32
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the int64 index of the first largest element (of a NaN, if there is one)."""
    return _arg(_ARGMAX, input, dim, keepdim)


@in_float32
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the int64 index of the first smallest element (of a NaN, if there is one)."""
    return _arg(_ARGMIN, input, dim, keepdim)


# --- a composite with a rule of its own ---------------------------------------------------------


def _finite_max(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return the maximum over the axes, or 0 where it is infinite (inf - inf would be NaN)."""
    if not x.value.size:
        return literal(0.0, x.value.dtype)
    top = _reduce(AMAX, x, axes, keepdim=True)
    return where(isfinite(top), top, 0.0)


def _logsumexp(x: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    top = _finite_max(x, axes)
    out = add(log(_reduce(_SUM, exp(sub(x, top)), axes, keepdim=True)), top)
    return out if keepdim else reshape(out, reduced_shape(x.value.shape, axes, False))


def _logsumexp_vjp(g: Tensor, x: Tensor, out: Tensor, axes: tuple[int, ...]) -> Tensor:
    out = reshape(out, reduced_shape(x.value.shape, axes, True))
    # of what is infinite the equal elements are the cause; exp(x - NaN) stays NaN
    weight = where(isinf(out), as_dtype(eq(x, out), x.value.dtype), exp(sub(x, out)))
    return mul(reshape(g, out.value.shape), weight)


_LOGSUMEXP = defcomposite(
    "logsumexp",
    inputs="x",
    forward=_logsumexp,
    vjp=(lambda g, x, out, *, axes: _logsumexp_vjp(g, x, out, axes),),
)


@in_float32
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return log(sum(exp(input))) over axes without overflow; -inf for all -inf."""
    input = as_floating(input)
    axes = normal_axes(dim, input.value.ndim)
    return compose(_LOGSUMEXP, input, axes=axes, keepdim=keepdim)
