"""Distances and similarities of vectors, and the bilinear map."""

from ...core.types import broadcast_shapes
from ...errors import ShapeError
from ..build import Tensor, aligned, as_dtype, in_float32, need, need_floating, need_tensors
from ..elementwise.pointwise import add, div, maximum, mul, sub
from ..index.indexing import index_select
from ..linalg.matrices import need_equal_dtypes
from ..linalg.matrix_norms import vector_norm
from ..reduce.reductions import expand, sum
from ..shape.diagonals import triu_indices
from ..shape.views import permute, reshape, unsqueeze
from .matmul import matmul

_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist",
          "donot_use_mm_for_euclid_dist")  # fmt: skip


@in_float32
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = _MODES[0]) -> Tensor:
    """Return the p-norm distances of all pairs of rows: (..., P, M) and (..., R, M) to (..., P, R).

    Always computed from the differences, which is exact for near points (``compute_mode`` changes
    nothing). The gradient of a distance of 0 is 0.
    """
    need_tensors("cdist", x1, x2)
    need_floating("cdist", x1)
    need_equal_dtypes("cdist", x1, x2)
    need(compute_mode in _MODES, f"cdist: compute_mode {compute_mode!r} is none of {_MODES}")
    need(p >= 0, f"cdist: p must not be negative, got {p}")
    a, b = tuple(x1.value.shape), tuple(x2.value.shape)
    if min(len(a), len(b)) < 2 or a[-1] != b[-1]:
        raise ShapeError(f"cdist: needs (..., P, M) and (..., R, M), got shapes {a} and {b}")
    return vector_norm(sub(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)


@in_float32
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Return the p-norm distances of all pairs of rows i < j of (N, M), in that order.

    The gradient of a distance of 0 is 0.

    >>> import dualgraph as dg
    >>> pdist(dg.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]]))
    tensor([5., 3., 4.])
    """
    need_tensors("pdist", input)
    need_floating("pdist", input)
    need(p >= 0, f"pdist: p must not be negative, got {p}")
    if input.value.ndim != 2:
        raise ShapeError(f"pdist: needs a matrix (N, M), got shape {tuple(input.value.shape)}")
    first, second = triu_indices(input.value.shape[0], input.value.shape[0], 1)
    rows = index_select(input, 0, first), index_select(input, 0, second)
    return vector_norm(sub(*rows), p, -1)


@in_float32
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Return the p-norm of ``x1 - x2 + eps`` along the last axis."""
    need_tensors("pairwise_distance", x1, x2)
    return vector_norm(add(sub(x1, x2), eps), p, -1, keepdim)


@in_float32
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return the cosines of the angles of vectors along an axis of the broadcast operands.

    Norms below ``eps`` count as eps.
    """
    need_tensors("cosine_similarity", x1, x2)
    x1, x2 = aligned(x1, x2)
    need_floating("cosine_similarity", x1)
    shape = broadcast_shapes(tuple(x1.value.shape), tuple(x2.value.shape))
    x1, x2 = expand(x1, shape), expand(x2, shape)
    return sum(mul(_unit(x1, dim, eps), _unit(x2, dim, eps)), dim)


def _unit(x: Tensor, dim: int, eps: float) -> Tensor:
    """Return x / max(norm, eps), differentiated as if the norm were not bounded."""
    norm = vector_norm(x, 2, dim, True)
    bound = as_dtype(eps, x.value.dtype)
    return div(x, add(norm, sub(maximum(norm, bound), norm).detach()))


@in_float32
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input1' W_o input2 + bias_o`` for every output o.

    Shapes: input1 (..., i), input2 (..., j), weight (o, i, j), bias (o), result (..., o).
    """
    need_tensors("bilinear", input1, input2, weight)
    a, b, w = (tuple(x.value.shape) for x in (input1, input2, weight))
    if len(w) != 3 or a[:-1] != b[:-1] or (a[-1:], b[-1:]) != (w[1:2], w[2:]):
        raise ShapeError(
            "bilinear: needs (..., i), (..., j) and a weight (o, i, j), got shapes "
            f"{a}, {b} and {w}"
        )
    o, i, j = w
    rows = reshape(input1, (-1, i)) if input1.value.size else reshape(input1, (0, i))
    table = reshape(permute(weight, (1, 0, 2)), (i, o * j))
    mixed = reshape(matmul(rows, table), (rows.value.shape[0], o, j))
    out = matmul(mixed, reshape(input2, (rows.value.shape[0], j, 1)))
    out = reshape(out, (*a[:-1], o))
    return out if bias is None else add(out, bias)
