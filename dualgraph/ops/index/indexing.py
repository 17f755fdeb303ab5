"""Reading and writing along one axis at int64 positions: the records, and the plainest functions.

`GATHER` reads with an index for each element, `SELECT` whole rows with a vector of positions. The
scatter ops combine a source into a copy of x at an index of either form. Whatever meets at one
place does so in row-major order of the source, in both frontends and with any number of threads:
sums of duplicates have one order, and of several assignments the last one stays.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from ...core.dispatch import apply, compose
from ...core.op import NONDIFF, Op, defcomposite, defop
from ...core.types import Aval, Shape
from ...errors import AxisError, DTypeError, ShapeError
from ...numerics.facts.data import Gather, Position
from ...numerics.facts.routine import Routine
from ..build import Tensor, as_dtype, in_float32, need, need_index, need_tensors, normal_axis
from ..create.creation import arange, full, ones, ones_like, zeros
from ..elementwise.pointwise import div, eq, logical_and, mul, where
from ..reduce.reductions import amax, expand
from ..shape.overlay import overlay
from ..shape.views import reshape, strided_slice, unsqueeze


def check_shapes(name: str, x: Any, index: Any, axis: int) -> None:
    """Raise unless the index has x's rank and is no larger beside the axis."""
    if index.dtype != np.int64:
        raise DTypeError(f"{name}: index must be int64, got {index.dtype.name}")
    fits = len(x.shape) == len(index.shape) and all(
        i <= e for d, (i, e) in enumerate(zip(index.shape, x.shape, strict=True)) if d != axis
    )
    if not fits:
        raise ShapeError(
            f"{name}: index of shape {tuple(index.shape)} does not fit a tensor of shape "
            f"{tuple(x.shape)} along dim {axis}: equal ranks, and no larger on other axes"
        )


def check_range(name: str, index: np.ndarray, extent: int, low: int = 0) -> None:
    """Raise `AxisError` for a position outside of low..extent-1."""
    if not index.size:
        return
    if low == 0:  # read as unsigned, what is negative is large
        outside = np.maximum.reduce(index.view(np.uint64), axis=None) >= extent
    else:
        outside = index.min() < low or index.max() >= extent
    if outside:
        bad = int(index[(index < low) | (index >= extent)].flat[0])
        raise AxisError(f"{name}: index {bad} is out of range for an axis of extent {extent}")


# --- positions ----------------------------------------------------------------------------------


def _position_kernel(x: np.ndarray, extent: int, of: str) -> np.ndarray:
    check_range(of, x, extent, -extent)
    return np.where(x < 0, x + extent, x)


POSITION = defop(
    "position",
    inputs="x",
    infer=lambda x, extent, of: Aval(tuple(x.shape), x.dtype),
    kernel=_position_kernel,
    lower=Position(),
    vjp=(NONDIFF,),
)


def position(name: str, index: Tensor, extent: int) -> Tensor:
    """Return an index counted from the front; raise `AxisError` outside of -extent..extent-1."""
    return apply(POSITION, need_index(name, index), extent=extent, of=name)


# --- reading ------------------------------------------------------------------------------------


def _infer_gather(x: Any, index: Any, axis: int) -> Aval:
    check_shapes("gather", x, index, axis)
    return Aval(tuple(index.shape), x.dtype)


def _gather_kernel(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    check_shapes("gather", x, index, axis)
    check_range("gather", index, x.shape[axis])
    before, after = _other_places(index.shape, axis)
    return x[(*before, index, *after)]


@lru_cache(maxsize=256)
def _other_places(shape: Shape, axis: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the positions along the axes before and after, shaped to broadcast."""
    places = [
        np.arange(e).reshape((-1,) + (1,) * (len(shape) - d - 1)) for d, e in enumerate(shape)
    ]
    return places[:axis], places[axis + 1 :]


def gathered_from(g: Tensor, index: Tensor, axis: int, shape: Shape) -> Tensor:
    """Return the cotangent of what was gathered from: g where the index points, added up."""
    return combined(zeros(shape, dtype=g.value.dtype), SCATTER_ADD, index, g, axis)


GATHER = defop(
    "gather",
    inputs="x index",
    infer=_infer_gather,
    kernel=_gather_kernel,
    lower=Gather(),
    vjp=(lambda g, x_shape, index, *, axis: gathered_from(g, index, axis, x_shape), NONDIFF),
)


def _select_rows(x: Tensor, index: Tensor, axis: int) -> Tensor:
    shape, count = x.value.shape, index.value.size
    line = tuple(count if d == axis else 1 for d in range(len(shape)))
    wanted = (*shape[:axis], count, *shape[axis + 1 :])
    return apply(GATHER, x, expand(reshape(index, line), wanted), axis=axis)


SELECT = defcomposite(
    "index_select",
    inputs="x index",
    forward=_select_rows,
    vjp=(lambda g, x_shape, index, *, axis: gathered_from(g, index, axis, x_shape), NONDIFF),
)


def read(x: Tensor, index: Tensor, axis: int) -> Tensor:
    """Return rows for a vector of positions, elements for an index of x's rank."""
    if index.value.ndim == 1 and x.value.ndim > 1:
        return compose(SELECT, x, index, axis=axis)
    return apply(GATHER, x, index, axis=axis)


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return ``input[index[i, j], j]`` (dim 0) or ``input[i, index[i, j]]`` (dim 1), and so on.

    ``index`` is an integer tensor of the output's shape. Raises `AxisError` for an index outside
    of the axis (negative ones too), `ShapeError` when the shapes do not fit.
    """
    need_tensors("gather", input, index)
    axis = normal_axis(dim, input.value.ndim)
    index = need_index("gather", index)
    if input.value.ndim == 0:
        at = reshape(index, (index.value.size,))
        return reshape(apply(GATHER, reshape(input, (1,)), at, axis=0), index.value.shape)
    return apply(GATHER, input, index, axis=axis)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices of an axis at the positions of a 1-D integer tensor.

    Raises `AxisError` for a position outside of the axis, negative ones too.
    """
    need_tensors("index_select", input, index)
    axis = normal_axis(dim, input.value.ndim)
    index = vector("index_select", index)
    if input.value.ndim == 0:
        return reshape(apply(GATHER, reshape(input, (1,)), index, axis=0), ())
    return compose(SELECT, input, index, axis=axis)


def vector(name: str, index: Tensor) -> Tensor:
    """Return a 0-d or 1-D integer tensor as an int64 vector."""
    index = need_index(name, index)
    need(index.value.ndim <= 1, f"{name}: index must be 1-D, got {index.value.ndim}-D")
    return reshape(index, (index.value.size,))


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """Return an int64 tensor with a new last axis: 1 at the class, 0 elsewhere.

    ``num_classes=-1`` takes the largest class plus one, which needs concrete values. Raises
    `AxisError` for a class that is negative, or not below ``num_classes``.
    """
    need_tensors("one_hot", input)
    index = need_index("one_hot", input)
    if num_classes == -1:
        num_classes = max(0, int(amax(index).item())) + 1
    zero = zeros((*index.value.shape, num_classes), dtype=np.int64)
    index = unsqueeze(index, -1)
    return scatter_add(zero, -1, index, ones_like(index))


# --- writing ------------------------------------------------------------------------------------


def _scatter_op(name: str, combine: str, *, of_x: Any, of_source: Any) -> Op:
    """Register an op ``out = x; out[index] = combine(out[index], source)`` along an axis."""

    def infer(x: Any, index: Any, source: Any, axis: int) -> Aval:
        if source.dtype != x.dtype:
            raise DTypeError(f"{name}: {x.dtype.name} and {source.dtype.name} must be equal")
        around = (*x.shape[:axis], source.shape[axis], *x.shape[axis + 1 :])
        fits = len(x.shape) == len(source.shape) and tuple(source.shape) == around
        if not fits or tuple(index.shape) not in (around, (around[axis],)):
            raise ShapeError(
                f"{name}: index of shape {tuple(index.shape)} and source of shape "
                f"{tuple(source.shape)} do not fit a tensor of shape {tuple(x.shape)} "
                f"along dim {axis}"
            )
        return Aval(tuple(x.shape), x.dtype)

    def check(x: np.ndarray, index: np.ndarray, source: np.ndarray, axis: int) -> None:
        check_range(name, index, x.shape[axis])

    return defop(
        name,
        inputs="x index source",
        infer=infer,
        lower=Routine(f"scatter_{combine}", may_fail=True, updates=True, check=check),
        vjp=(of_x, NONDIFF, of_source),
    )


SCATTER_ADD = _scatter_op(
    "scatter_add", "add", of_x=lambda g: g, of_source=lambda g, index, *, axis: read(g, index, axis)
)
SCATTER = _scatter_op(
    "scatter",
    "assign",
    of_x=lambda g, index, source_shape, *, axis: apply(
        SCATTER, g, index, zeros(source_shape, dtype=g.value.dtype), axis=axis
    ),
    of_source=lambda g, index, source_shape, *, axis: where(
        _winners(index, g.value.shape, source_shape, axis), read(g, index, axis), 0.0
    ),
)
SCATTER_MUL = _scatter_op(
    "scatter_mul",
    "mul",
    of_x=lambda g, index, source, *, axis: mul(
        g, apply(SCATTER_MUL, ones(g.value.shape, dtype=g.value.dtype), index, source, axis=axis)
    ),
    of_source=lambda g, x, index, source, *, axis: _factor_vjp(g, x, index, source, axis),
)
SCATTER_MAX = _scatter_op(
    "scatter_max",
    "max",
    of_x=lambda g, x, index, source, out, *, axis: _extreme_vjp(g, x, index, source, out, axis)[0],
    of_source=lambda g, x, index, source, out, *, axis: _extreme_vjp(
        g, x, index, source, out, axis
    )[1],
)
SCATTER_MIN = _scatter_op(
    "scatter_min",
    "min",
    of_x=lambda g, x, index, source, out, *, axis: _extreme_vjp(g, x, index, source, out, axis)[0],
    of_source=lambda g, x, index, source, out, *, axis: _extreme_vjp(
        g, x, index, source, out, axis
    )[1],
)


def _winners(index: Tensor, shape: Shape, source_shape: Shape, axis: int) -> Tensor:
    """Return which assignments stay: each writes its number, and reads what is there at last."""
    rows = index.value.ndim == 1
    numbers = reshape(arange(index.value.size), index.value.shape)
    slots = full((shape[axis],) if rows else shape, -1, dtype=np.int64)
    along = 0 if rows else axis
    left = apply(SCATTER, slots, index, numbers, axis=along)
    stays = eq(apply(GATHER, left, index, axis=along), numbers)
    line = tuple(e if d == axis else 1 for d, e in enumerate(source_shape))
    return reshape(stays, line) if rows else stays


def _factor_vjp(g: Tensor, x: Tensor, index: Tensor, source: Tensor, axis: int) -> Tensor:
    """Return g * (product of the other factors at the place), also where one factor is zero."""
    zero = eq(source, 0)
    none = zeros(x.value.shape, dtype=x.value.dtype)
    as_number = as_dtype(zero, x.value.dtype)
    count = read(apply(SCATTER_ADD, none, index, as_number, axis=axis), index, axis)
    safe = where(zero, 1.0, source)
    product = read(apply(SCATTER_MUL, x, index, safe, axis=axis), index, axis)
    alone = logical_and(zero, eq(count, 1))
    others = where(eq(count, 0), div(product, safe), where(alone, product, 0.0))
    return mul(read(g, index, axis), others)


def _extreme_vjp(
    g: Tensor, x: Tensor, index: Tensor, source: Tensor, out: Tensor, axis: int
) -> tuple[Tensor, Tensor]:
    """Share the cotangent evenly among x and the sources that attain the extreme."""
    dtype = x.value.dtype
    own = as_dtype(eq(x, out), dtype)
    others = as_dtype(eq(source, read(out, index, axis)), dtype)
    share = div(g, apply(SCATTER_ADD, own, index, others, axis=axis))
    return mul(own, share), mul(others, read(share, index, axis))


@in_float32
def combined(x: Tensor, op: Op, index: Tensor, source: Tensor, axis: int) -> Tensor:
    """Apply a scatter op; an index for each element may be smaller than x beside the axis."""
    shape = x.value.shape
    region = tuple(shape[d] if d == axis else e for d, e in enumerate(index.value.shape))
    if index.value.ndim == 1 or region == shape:
        return apply(op, x, index, source, axis=axis)
    part = apply(op, corner(x, region), index, source, axis=axis)
    return overlay(x, part, (0,) * len(shape), (1,) * len(shape))


def corner(x: Tensor, shape: Shape) -> Tensor:
    """Return the view of the first elements along every axis."""
    return strided_slice(x, (0,) * len(shape), shape, (1,) * len(shape))


def scatter_elements(
    name: str, op: Op, input: Tensor, dim: int, index: Tensor, src: Tensor
) -> Tensor:
    """Check the operands of a scatter with an index for each element, and apply it."""
    need_tensors(name, input, index, src)
    axis = normal_axis(dim, input.value.ndim)
    index = need_index(name, index)
    if input.value.ndim == 0 and index.value.ndim <= 1 and src.value.ndim <= 1:
        one = [reshape(v, (v.value.size,)) for v in (input, index, src)]
        return reshape(scatter_elements(name, op, one[0], 0, one[1], one[2]), ())
    check_shapes(name, input.value, index.value, axis)
    check_shapes(name, src.value, index.value, -1)
    return combined(input, op, index, corner(src, index.value.shape), axis)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Return the input with ``src`` added at the indices, duplicates in row-major order."""
    return scatter_elements("scatter_add", SCATTER_ADD, input, dim, index, src)
