"""Indexing by integer tensors: gather, scatter_add, index_select, one_hot."""

from typing import Any

import numpy as np

from ..core.dispatch import apply
from ..core.op import NONDIFF, defop
from ..core.types import Aval
from ..errors import AxisError, DTypeError, ShapeError, at_user_line
from ..kernels import indexing
from .build import Tensor, need, need_index, normal_axis
from .creation import ones_like, zeros
from .reductions import amax, expand
from .shape import reshape, unsqueeze


def _check_shapes(name: str, x: Any, index: Any, axis: int) -> None:
    if index.dtype != np.int64:
        raise DTypeError(at_user_line(f"{name}: index must be int64, got {index.dtype.name}"))
    fits = len(x.shape) == len(index.shape) and all(
        i <= e for d, (i, e) in enumerate(zip(index.shape, x.shape, strict=True)) if d != axis
    )
    if not fits:
        raise ShapeError(
            at_user_line(
                f"{name}: index of shape {tuple(index.shape)} does not fit a tensor of shape "
                f"{tuple(x.shape)} along dim {axis}: equal ranks, and no larger on other axes"
            )
        )


def check_range(name: str, index: np.ndarray, extent: int) -> None:
    """Raise `AxisError` for a position outside of 0..extent-1."""
    if index.size and (index.min() < 0 or index.max() >= extent):
        bad = int(index[(index < 0) | (index >= extent)].flat[0])
        raise AxisError(
            at_user_line(f"{name}: index {bad} is out of range for an axis of extent {extent}")
        )


def _infer_gather(x: Any, index: Any, axis: int) -> Aval:
    _check_shapes("gather", x, index, axis)
    return Aval(tuple(index.shape), x.dtype)


def _gather_kernel(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    _infer_gather(x, index, axis)
    check_range("gather", index, x.shape[axis])
    return indexing.gather(x, index, axis)


_GATHER = defop(
    "gather",
    inputs="x index",
    infer=_infer_gather,
    kernel=_gather_kernel,
    lower=indexing.Gather(),
    vjp=(
        lambda g, x_shape, index, *, axis: apply(
            _SCATTER_ADD, zeros(x_shape, dtype=g.value.dtype), index, g, axis=axis
        ),
        NONDIFF,
    ),
)


def _infer_scatter_add(x: Any, index: Any, source: Any, axis: int) -> Aval:
    _check_shapes("scatter_add", x, index, axis)
    _check_shapes("scatter_add", source, index, -1)
    if source.dtype != x.dtype:
        raise DTypeError(
            at_user_line(f"scatter_add: {x.dtype.name} and {source.dtype.name} must be equal")
        )
    return Aval(tuple(x.shape), x.dtype)


def _scatter_add_kernel(
    x: np.ndarray, index: np.ndarray, source: np.ndarray, axis: int
) -> np.ndarray:
    _infer_scatter_add(x, index, source, axis)
    check_range("scatter_add", index, x.shape[axis])
    return indexing.scatter_add(x, index, source, axis)


_SCATTER_ADD = defop(
    "scatter_add",
    inputs="x index source",
    infer=_infer_scatter_add,
    kernel=_scatter_add_kernel,
    lower=indexing.ScatterAdd(),
    vjp=(
        lambda g: g,
        NONDIFF,
        lambda g, index, *, axis: apply(_GATHER, g, index, axis=axis),
    ),
)


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return ``input[index[i, j], j]`` (dim 0) or ``input[i, index[i, j]]`` (dim 1), and so on.

    ``index`` is an integer tensor of the output's shape. Raises `AxisError` for an index outside
    of the axis, `ShapeError` when the shapes do not fit.
    """
    axis = normal_axis(dim, input.value.ndim)
    return apply(_GATHER, input, need_index("gather", index), axis=axis)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Return the input with ``src`` added at the indices, duplicates in row-major order."""
    axis = normal_axis(dim, input.value.ndim)
    index = need_index("scatter_add", index)
    shape = tuple(index.value.shape)
    if src.value.shape != shape:
        need(src.value.ndim == len(shape), "scatter_add: index and src need equal ranks")
        src = src[tuple(slice(0, e) for e in shape)]
    return apply(_SCATTER_ADD, input, index, src, axis=axis)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices of an axis at the positions of a 1-D integer tensor."""
    axis = normal_axis(dim, input.value.ndim)
    index = need_index("index_select", index)
    need(index.value.ndim <= 1, f"index_select: index must be 1-D, got {index.value.ndim}-D")
    shape = list(input.value.shape)
    shape[axis] = index.value.size
    line = [1] * len(shape)
    line[axis] = index.value.size
    return apply(_GATHER, input, expand(reshape(index, line), shape), axis=axis)


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """Return an int64 tensor with a new last axis: 1 at the class, 0 elsewhere.

    ``num_classes=-1`` takes the largest class plus one, which needs concrete values.
    """
    index = need_index("one_hot", input)
    if num_classes == -1:
        num_classes = int(amax(index).item()) + 1
    zero = zeros((*index.value.shape, num_classes), dtype=np.int64)
    index = unsqueeze(index, -1)
    return scatter_add(zero, -1, index, ones_like(index))
