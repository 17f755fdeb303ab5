"""Norms of vectors and matrices, and the condition number."""

from math import inf
from typing import Any

from ...core.types import numpy_dtype
from ...errors import ArgumentError, ShapeError
from ..build import Tensor, as_dtype, in_float32, need, need_floating, need_tensors, normal_axis
from ..elementwise.pointwise import abs, div, mul
from ..reduce.norms import norm_over
from ..reduce.reductions import amax, amin, kept, sum
from ..shape.views import permute
from .matrices import need_matrix, need_square
from .solving import inv
from .spectral import svdvals


def vector_norm(
    x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Return (sum |x|^ord)^(1/ord) over all axes or some; also for inf, -inf and 0 (a count).

    Floating tensors only, computed in ``dtype`` if given. The gradient of a norm that is 0 is 0.
    """
    need_tensors("linalg.vector_norm", x)
    need_floating("linalg.vector_norm", x)
    if dtype is not None:
        x = as_dtype(x, numpy_dtype(dtype))
    if isinstance(ord, str | bool):
        raise ArgumentError(f"linalg.vector_norm: ord is a number, not {ord!r}")
    return norm_over(x, float(ord), dim, keepdim)


@in_float32
def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """Return a norm of matrices: "fro", "nuc", or inf, -inf, 1, -1, 2, -2.

    1 and inf are the largest sums of columns and rows, 2 the largest singular value, "nuc" their
    sum; -1, -inf and -2 are the smallest.
    """
    need_matrix("linalg.matrix_norm", A)
    if not isinstance(dim, tuple | list) or len(dim) != 2:
        raise ArgumentError(f"linalg.matrix_norm: dim must be two axes, got {dim!r}")
    if dtype is not None:
        A = as_dtype(A, numpy_dtype(dtype))
    first, second = (normal_axis(d, A.value.ndim) for d in dim)
    need(first != second, f"linalg.matrix_norm: dim {tuple(dim)} names an axis twice")
    if ord == "fro":
        return vector_norm(A, 2, (first, second), keepdim)
    out = _of_last_axes(_with_last(A, first, second), ord)
    return kept(out, A.value.shape, (first, second)) if keepdim else out


def _with_last(A: Tensor, first: int, second: int) -> Tensor:
    others = [d for d in range(A.value.ndim) if d not in (first, second)]
    return permute(A, (*others, first, second))


def _of_last_axes(A: Tensor, ord: Any) -> Tensor:
    if ord == "nuc":
        return sum(svdvals(A), -1)
    if ord in (2, -2):
        return (amax if ord > 0 else amin)(svdvals(A), -1)
    if ord in (1, -1, inf, -inf):
        sums = sum(abs(A), -2 if ord in (1, -1) else -1)
        return (amax if ord > 0 else amin)(sums, -1)
    raise ArgumentError(
        f"linalg.matrix_norm: ord {ord!r} is none of 'fro', 'nuc', inf, 1, 2, negated"
    )


def norm(
    A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Return `vector_norm` or, for two axes and a given ``ord``, `matrix_norm`."""
    need_tensors("linalg.norm", A)
    axes = dim if isinstance(dim, tuple | list) or dim is None else (dim,)
    if ord is None:
        return vector_norm(A, 2, axes, keepdim, dtype=dtype)
    count = A.value.ndim if axes is None else len(axes)
    if count not in (1, 2):
        raise ShapeError(f"linalg.norm: ord {ord!r} needs one axis or two, got {count}; give dim")
    if count == 1 and not isinstance(ord, str):
        return vector_norm(A, ord, axes, keepdim, dtype=dtype)
    return matrix_norm(A, ord, axes or (-2, -1), keepdim, dtype=dtype)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """Return the condition number: by default the ratio of the extreme singular values.

    For another norm (see `matrix_norm`) that of A times that of its inverse.
    """
    need_matrix("linalg.cond", A)
    if p in (None, 2, -2):
        s = svdvals(A)
        top, bottom = s[..., 0], s[..., -1]
        return div(bottom, top) if p == -2 else div(top, bottom)
    need_square("linalg.cond", A)
    return mul(matrix_norm(A, p), matrix_norm(inv(A), p))
