"""Diagonals and triangles of matrices."""

from typing import Any

import numpy as np

from ...core.dispatch import apply, literal, state
from ...core.op import defop
from ...core.tensor import Call
from ...core.types import Aval, Shape, numpy_dtype
from ...numerics.view import DiagonalView
from ..arguments import check_options, need_int
from ..build import Tensor, need, need_tensor, normal_axis
from ..create.creation import arange
from ..elementwise.pointwise import clone, ge, where
from .views import EMBED, OVERWRITE, PERMUTE, permute, reshape


def _reach(rows: int, columns: int, offset: int) -> int:
    """Return the length of a diagonal."""
    return max(0, min(rows + min(offset, 0), columns - max(offset, 0)))


def _infer_diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Aval:
    shape = tuple(x.shape)
    kept = tuple(e for d, e in enumerate(shape) if d not in (dim1, dim2))
    return Aval((*kept, _reach(shape[dim1], shape[dim2], offset)), x.dtype)


def _diagonal_kernel(x: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    out = np.diagonal(x, offset, dim1, dim2)
    out.flags.writeable = x.flags.writeable  # NumPy gives a view that it protects
    return out


DIAGONAL = defop(
    "diagonal",
    inputs="x",
    infer=_infer_diagonal,
    kernel=_diagonal_kernel,
    lower=DiagonalView(),
    vjp=(
        lambda g, x_shape, *, offset, dim1, dim2: _placed(
            g, x_shape[dim1], x_shape[dim2], offset, dim1, dim2
        ),
    ),
    put=lambda x, value, offset, dim1, dim2: _replaced(x, value, offset, dim1, dim2),
)


def _replaced(x: Tensor, value: Tensor, offset: int, dim1: int, dim2: int) -> Call:
    """Return what x becomes with other values on a diagonal: every (columns + 1)-th element."""
    shape = x.value.shape
    order = (*(d for d in range(len(shape)) if d not in (dim1, dim2)), dim1, dim2)
    square = permute(x, order)
    *batch, rows, columns = square.value.shape
    length, none = value.value.shape[-1], (0,) * len(batch)
    start = offset if offset > 0 else -offset * columns
    flat = apply(
        OVERWRITE,
        reshape(square, (*batch, rows * columns)),
        value,
        starts=(*none, start if length else 0),
        lengths=(*batch, length),
        steps=(*(1 for _ in batch), columns + 1),
    )
    back = tuple(order.index(d) for d in range(len(shape)))
    return Call(PERMUTE, (reshape(flat, (*batch, rows, columns)),), {"dims": back})


def _placed(x: Tensor, rows: int, columns: int, offset: int, dim1: int, dim2: int) -> Tensor:
    """Return zeros with the last axis of x on a diagonal of the axes dim1 and dim2.

    The diagonal of a row-major matrix is every (columns + 1)-th element.
    """
    *batch, length = x.value.shape
    start = offset if offset > 0 else -offset * columns
    none = (0,) * len(batch)
    flat = apply(
        EMBED,
        x,
        shape=(*batch, rows * columns),
        starts=(*none, start if length else 0),
        steps=(*(1 for _ in batch), columns + 1),
    )
    square = reshape(flat, (*batch, rows, columns))
    return permute(square, _places(len(batch), dim1, dim2))


def _places(batch: int, dim1: int, dim2: int) -> Shape:
    """Return the order of axes that puts the last two at dim1 and dim2."""
    rest = iter(range(batch))
    last = {dim1: batch, dim2: batch + 1}
    return tuple(last[d] if d in last else next(rest) for d in range(batch + 2))


def _two_axes(name: str, ndim: int, dim1: int, dim2: int) -> tuple[int, int]:
    a, b = normal_axis(dim1, ndim), normal_axis(dim2, ndim)
    need(ndim >= 2 and a != b, f"{name}: needs two different axes, got dims {dim1} and {dim2}")
    return a, b


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return the view of a diagonal of two axes as a new last axis.

    ``offset`` counts to the right of the main diagonal, negative ones below it.
    """
    a, b = _two_axes("diagonal", need_tensor("diagonal", input).value.ndim, dim1, dim2)
    return apply(DIAGONAL, input, offset=need_int("diagonal", "offset", offset), dim1=a, dim2=b)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return square matrices with the last axis on a diagonal and zeros elsewhere."""
    ndim = need_tensor("diag_embed", input).value.ndim
    need(ndim >= 1, "diag_embed: a 0-d tensor has no axis to put on a diagonal")
    a, b = _two_axes("diag_embed", ndim + 1, dim1, dim2)
    extent = input.value.shape[-1] + abs(need_int("diag_embed", "offset", offset))
    return _placed(input, extent, extent, offset, a, b)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the square matrix with a vector on a diagonal, or a diagonal of a matrix, copied."""
    ndim = need_tensor("diag", input).value.ndim
    need(ndim in (1, 2), f"diag: takes a vector or a matrix, got {ndim} axes")
    if ndim == 1:
        return diag_embed(input, diagonal)
    return clone(apply(DIAGONAL, input, offset=diagonal, dim1=0, dim2=1))


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return the square matrix with all elements on a diagonal."""
    return diag_embed(reshape(need_tensor("diagflat", input), (input.value.size,)), offset)


def _below(rows: int, columns: int, diagonal: int) -> Tensor:
    """Return where the column is at most the row plus ``diagonal``, as bools."""
    return ge(reshape(arange(diagonal, rows + diagonal), (rows, 1)), arange(columns))


def _triangle(name: str, input: Tensor, diagonal: int, lower: bool) -> Tensor:
    shape = need_tensor(name, input).value.shape
    need(len(shape) >= 2, f"{name}: the tensor needs 2 axes or more, got shape {shape}")
    shift = need_int(name, "diagonal", diagonal)
    mask = _below(shape[-2], shape[-1], shift if lower else shift - 1)
    zero = literal(0, input.value.dtype)
    return where(mask, input, zero) if lower else where(mask, zero, input)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the last two axes' lower triangle, zeros above; ``diagonal`` counts to the right."""
    return _triangle("tril", input, diagonal, True)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the last two axes' upper triangle, zeros below; ``diagonal`` counts to the right."""
    return _triangle("triu", input, diagonal, False)


def _indices(name: str, mask: np.ndarray, dtype: object, device: Any, options: dict) -> Tensor:
    check_options(name, device, options)
    found = np.stack(np.nonzero(mask)).astype(numpy_dtype(dtype or "int64"))
    return state.frontend.copied(state.frontend.tensor(found), donated=True)


def _named_triangle(name: str, row: Any, col: Any, offset: Any, more: int = 0) -> np.ndarray:
    rows, columns = need_int(name, "row", row), need_int(name, "col", col)
    need(rows >= 0 and columns >= 0, f"{name}: negative size ({rows}, {columns})")
    return np.tri(rows, columns, need_int(name, "offset", offset) + more, bool)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, **options: Any
) -> Tensor:
    """Return the rows and columns of a lower triangle, shape (2, count), in row-major order."""
    mask = _named_triangle("tril_indices", row, col, offset)
    return _indices("tril_indices", mask, dtype, device, options)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, **options: Any
) -> Tensor:
    """Return the rows and columns of an upper triangle, shape (2, count), in row-major order."""
    mask = ~_named_triangle("triu_indices", row, col, offset, -1)
    return _indices("triu_indices", mask, dtype, device, options)
