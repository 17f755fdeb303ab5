"""Norms of vectors and matrices, and the condition number."""

from math import inf
from typing import Any

from ..core.dispatch import compose
from ..core.op import NONDIFF, defcomposite
from ..core.types import numpy_dtype
from ..errors import ArgumentError, ShapeError, at_user_line
from .build import Tensor, as_dtype, in_float32, need, need_floating, normal_axes, normal_axis
from .elementwise import abs, div, eq, mul, ne, pow, sign, sqrt, square, where
from .matrices import need_matrix, need_square, need_tensors
from .reductions import amax, amin, sum
from .shape import permute, reshape
from .solving import inv
from .spectral import svdvals

Axes = tuple[int, ...]


def _kept(y: Tensor, x: Tensor, axes: Axes) -> Tensor:
    shape = tuple(1 if i in axes else e for i, e in enumerate(x.value.shape))
    return reshape(y, shape)


def _safe_quotient(g: Tensor, y: Tensor) -> Tensor:
    """Return g / y, and 0 where y is 0: the norm of zeros has the gradient 0."""
    return where(eq(y, 0), 0.0, div(g, y))


_EUCLIDEAN = defcomposite(
    "norm_2",
    inputs="x",
    forward=lambda x, axes, keepdim: sqrt(sum(square(x), axes, keepdim)),
    vjp=(
        lambda g, x, out, *, axes, keepdim: mul(
            x, _safe_quotient(_kept(g, x, axes), _kept(out, x, axes))
        ),
    ),
)


_COUNT = defcomposite(
    "norm_0",
    inputs="x",
    forward=lambda x, axes, keepdim: as_dtype(sum(ne(x, 0), axes, keepdim), x.value.dtype),
    vjp=(NONDIFF,),
)


def _p_norm(x: Tensor, p: float, axes: Axes, keepdim: bool) -> Tensor:
    return pow(sum(pow(abs(x), p), axes, keepdim), 1.0 / p)


def _p_norm_vjp(g: Tensor, x: Tensor, out: Tensor, p: float, axes: Axes) -> Tensor:
    """Return g x |x|^(p-2) / norm^(p-1), 0 for x = 0 where that is finite or p < 1."""
    scale = _safe_quotient(_kept(g, x, axes), pow(_kept(out, x, axes), p - 1.0))
    slope = mul(x, pow(abs(x), p - 2.0)) if p >= 2 else mul(sign(x), pow(abs(x), p - 1.0))
    return mul(where(eq(x, 0), 0.0, slope), scale)


_P_NORM = defcomposite(
    "norm_p",
    inputs="x",
    forward=_p_norm,
    vjp=(lambda g, x, out, *, p, axes, keepdim: _p_norm_vjp(g, x, out, p, axes),),
)


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
        raise ArgumentError(at_user_line(f"linalg.vector_norm: ord is a number, not {ord!r}"))
    if not x.value.ndim:
        return vector_norm(reshape(x, (1,)), ord, 0)
    axes = normal_axes(dim, x.value.ndim)
    match float(ord):
        case 2.0:
            return compose(_EUCLIDEAN, x, axes=axes, keepdim=keepdim)
        case 1.0:
            return sum(abs(x), axes, keepdim)
        case 0.0:
            return compose(_COUNT, x, axes=axes, keepdim=keepdim)
        case p if p in (inf, -inf):
            return _extreme(x, p, axes, keepdim)
        case p:
            return compose(_P_NORM, x, p=p, axes=axes, keepdim=keepdim)


def _extreme(x: Tensor, p: float, axes: Axes, keepdim: bool) -> Tensor:
    return (amax if p > 0 else amin)(abs(x), axes, keepdim)


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
        raise ArgumentError(at_user_line(f"linalg.matrix_norm: dim must be two axes, got {dim!r}"))
    if dtype is not None:
        A = as_dtype(A, numpy_dtype(dtype))
    first, second = (normal_axis(d, A.value.ndim) for d in dim)
    need(first != second, f"linalg.matrix_norm: dim {tuple(dim)} names an axis twice")
    if ord == "fro":
        return vector_norm(A, 2, (first, second), keepdim)
    out = _of_last_axes(_with_last(A, first, second), ord)
    return _kept(out, A, (first, second)) if keepdim else out


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
        at_user_line(f"linalg.matrix_norm: ord {ord!r} is none of 'fro', 'nuc', inf, 1, 2, negated")
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
        raise ShapeError(
            at_user_line(f"linalg.norm: ord {ord!r} needs one axis or two, got {count}; give dim")
        )
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
