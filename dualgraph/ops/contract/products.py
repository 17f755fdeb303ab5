"""Products made of `matmul` and `mul`: scaled sums, chains, outer and Kronecker products."""

from typing import Any

from ...core.dispatch import apply, literal
from ...core.op import defop
from ...core.types import Aval, bool_
from ...errors import DTypeError, ShapeError
from ...numerics.facts.routine import Routine
from ..build import (
    Tensor,
    as_dtype,
    in_float32,
    is_tensor,
    need,
    need_tensor,
    need_tensors,
    normal_axis,
)
from ..elementwise.pointwise import add, clone, mul, sub, where
from ..linalg.matrices import mT, need_square
from ..reduce.reductions import expand, sum
from ..shape.diagonals import diagonal as diagonal_view
from ..shape.views import cat, narrow, permute, reshape, stack, unbind, unsqueeze
from .matmul import bmm, dot, matmul, mm

# --- vectors ------------------------------------------------------------------------------------


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix and a vector."""
    need_tensors("mv", input, vec)
    a, b = tuple(input.value.shape), tuple(vec.value.shape)
    need(len(a) == 2 and len(b) == 1, f"mv: needs a matrix and a vector, got shapes {a} and {b}")
    return matmul(input, vec)


@in_float32
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Return the inner product of two vectors (real numbers: the same as `dot`)."""
    return dot(input, other)


@in_float32
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return the inner products along an axis of the broadcast operands."""
    need_tensors("linalg.vecdot", x, y)
    both = mul(x, y)
    return as_dtype(sum(both, dim), both.value.dtype)


def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return the sums of products over the last axes; with a 0-d operand, the product.

    Shapes: (..., k) and (*, k) give (..., *).
    """
    need_tensors("inner", input, other)
    a, b = tuple(input.value.shape), tuple(other.value.shape)
    if not (a and b):
        return mul(input, other)
    if a[-1] != b[-1]:
        raise ShapeError(f"inner: the last axes of shapes {a} and {b} must be equal")
    return tensordot(input, other, ([-1], [-1]))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the products of all pairs of elements of two vectors."""
    need_tensors("outer", input, vec2)
    a, b = tuple(input.value.shape), tuple(vec2.value.shape)
    need(len(a) == len(b) == 1, f"outer: needs two vectors, got shapes {a} and {b}")
    return mul(unsqueeze(input, 1), unsqueeze(vec2, 0))


ger = outer


@in_float32
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return the cross products along an axis of extent 3; the operands broadcast.

    >>> import dualgraph as dg
    >>> dg.linalg.cross(dg.tensor([1, 0, 0]), dg.tensor([0, 1, 0]))
    tensor([0, 0, 1])
    """
    need_tensors("linalg.cross", input, other)
    shapes = tuple(input.value.shape), tuple(other.value.shape)
    need(
        len(shapes[0]) == len(shapes[1]),
        f"linalg.cross: needs operands of equal rank, got shapes {shapes[0]} and {shapes[1]}",
    )
    axis = normal_axis(dim, len(shapes[0]))
    if not all(s and s[axis] == 3 for s in shapes):
        raise ShapeError(f"linalg.cross: dim {dim} of shapes {shapes[0]} and {shapes[1]} must be 3")
    (a, b, c), (x, y, z) = unbind(input, axis), unbind(other, axis)
    parts = ((b, z, c, y), (c, x, a, z), (a, y, b, x))
    return stack([sub(mul(p, q), mul(r, s)) for p, q, r, s in parts], axis)


# --- scaled sums --------------------------------------------------------------------------------


def _combined(name: str, input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """Return ``beta * input + alpha * product``; an input times 0 is not read."""
    dtype = product.value.dtype
    if input.value.dtype != dtype:
        raise DTypeError(
            f"{name}: dtypes {input.value.dtype.name} and {dtype.name} differ; cast one"
        )
    whole = dtype.kind == "f" or not (isinstance(beta, float) or isinstance(alpha, float))
    need(whole, f"{name}: beta and alpha must be integers for {dtype.name} tensors")
    shape = product.value.shape
    expand(input, shape)  # raises unless it fits
    scaled = product if alpha == 1 else mul(product, alpha)
    if beta == 0:  # the gradient of the input is 0, and there is one
        return where(literal(True, bool_), scaled, input)
    return add(input if beta == 1 else mul(input, beta), scaled)


@in_float32
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return ``beta * input + alpha * (mat1 @ mat2)`` for matrices; the input broadcasts."""
    need_tensors("addmm", input, mat1, mat2)
    return _combined("addmm", input, mm(mat1, mat2), beta, alpha)


@in_float32
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return ``beta * input + alpha * (mat @ vec)``; the input broadcasts."""
    need_tensors("addmv", input, mat, vec)
    return _combined("addmv", input, mv(mat, vec), beta, alpha)


@in_float32
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return ``beta * input + alpha * outer(vec1, vec2)``; the input broadcasts."""
    need_tensors("addr", input, vec1, vec2)
    return _combined("addr", input, outer(vec1, vec2), beta, alpha)


@in_float32
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """Return ``beta * input + alpha * (batch1 @ batch2)`` for batches; the input broadcasts."""
    need_tensors("baddbmm", input, batch1, batch2)
    return _combined("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@in_float32
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """Return ``beta * input`` plus alpha times the sum of the products over the batch.

    The batch is contracted with the inner axis, in one chain of fma.
    """
    need_tensors("addbmm", input, batch1, batch2)
    a, b = tuple(batch1.value.shape), tuple(batch2.value.shape)
    need(
        len(a) == len(b) == 3 and a[0] == b[0],
        f"addbmm: both operands must be batches of equal length, got shapes {a} and {b}",
    )
    return _combined("addbmm", input, tensordot(batch1, batch2, ([0, 2], [0, 1])), beta, alpha)


# --- several matrices ---------------------------------------------------------------------------


def _cheapest(sizes: list[int]) -> list[list[int]]:
    """Return where to cut each subchain of a matrix chain (Cormen et al., section 15.2)."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            prices = [
                cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            ]
            cost[i][j] = min(prices)
            cut[i][j] = i + prices.index(cost[i][j])
    return cut


def multi_dot(tensors: Any) -> Tensor:
    """Return the product of two or more matrices in the cheapest order (the first of equals).

    The first and the last may be vectors.
    """
    chain = list(tensors)
    need(len(chain) >= 2, f"linalg.multi_dot: needs at least 2 tensors, got {len(chain)}")
    need_tensors("linalg.multi_dot", *chain)
    first, last = chain[0].value.ndim == 1, chain[-1].value.ndim == 1
    chain[0] = unsqueeze(chain[0], 0) if first else chain[0]
    chain[-1] = unsqueeze(chain[-1], 1) if last else chain[-1]
    for i, x in enumerate(chain):
        shape = tuple(x.value.shape)
        need(len(shape) == 2, f"linalg.multi_dot: tensor {i} of shape {shape} is no matrix")
    cut = _cheapest([*(x.value.shape[0] for x in chain), chain[-1].value.shape[1]])

    def product(i: int, j: int) -> Tensor:
        return chain[i] if i == j else mm(product(i, cut[i][j]), product(cut[i][j] + 1, j))

    out = product(0, len(chain) - 1)
    kept = [e for e, gone in zip(out.value.shape, (first, last), strict=True) if not gone]
    return reshape(out, tuple(kept)) if first or last else out


def chain_matmul(*matrices: Any) -> Tensor:
    """Return the product of matrices in the cheapest order; see `linalg.multi_dot`."""
    chain = matrices[0] if len(matrices) == 1 and not is_tensor(matrices[0]) else matrices
    return clone(chain[0]) if len(chain) == 1 else multi_dot(chain)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Return the sums of products over pairs of axes, the others kept in order.

    ``dims`` is how many last axes of ``a`` meet first axes of ``b``, or two lists of axes.

    >>> import dualgraph as dg
    >>> dg.tensordot(dg.ones(2, 3, 4), dg.ones(4, 3, 5), ([1, 2], [1, 0])).shape
    (2, 5)
    """
    need_tensors("tensordot", a, b)
    x, y = tuple(a.value.shape), tuple(b.value.shape)
    first, second = _paired_axes(dims, len(x), len(y))
    left = [i for i in range(len(x)) if i not in first]
    right = [i for i in range(len(y)) if i not in second]
    for i, j in zip(first, second, strict=True):
        if x[i] != y[j]:
            raise ShapeError(f"tensordot: axis {i} of shape {x} and axis {j} of shape {y} differ")
    inner = 1
    for i in first:
        inner *= x[i]
    kept = (*(x[i] for i in left), *(y[j] for j in right))
    rows = reshape(permute(a, (*left, *first)), (_count(x, left), inner))
    columns = reshape(permute(b, (*second, *right)), (inner, _count(y, right)))
    return reshape(matmul(rows, columns), kept)


def _count(shape: tuple[int, ...], axes: list[int]) -> int:
    total = 1
    for axis in axes:
        total *= shape[axis]
    return total


def _paired_axes(dims: Any, rank: int, other: int) -> tuple[list[int], list[int]]:
    if is_tensor(dims):
        dims = dims.tolist()
    if isinstance(dims, int):
        need(
            0 <= dims <= min(rank, other),
            f"tensordot: {dims} axes to contract, but the tensors have {rank} and {other}",
        )
        return list(range(rank - dims, rank)), list(range(dims))
    need(
        isinstance(dims, tuple | list) and len(dims) == 2,
        f"tensordot: dims must be an int or two lists of axes, got {dims!r}",
    )
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    need(len(first) == len(second), f"tensordot: the lists of axes in {dims!r} differ in length")
    one, two = [normal_axis(d, rank) for d in first], [normal_axis(d, other) for d in second]
    need(
        len(set(one)) == len(one) and len(set(two)) == len(two),
        f"tensordot: dims {dims!r} name an axis twice",
    )
    return one, two


def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return the Kronecker product; the tensor of lower rank gets axes of extent 1 in front."""
    need_tensors("kron", input, other)
    rank = max(input.value.ndim, other.value.ndim)
    a = (1,) * (rank - input.value.ndim) + tuple(input.value.shape)
    b = (1,) * (rank - other.value.ndim) + tuple(other.value.shape)
    x = reshape(input, tuple(e for extent in a for e in (extent, 1)))
    y = reshape(other, tuple(e for extent in b for e in (1, extent)))
    return reshape(mul(x, y), tuple(p * q for p, q in zip(a, b, strict=True)))


# --- diagonals ----------------------------------------------------------------------------------


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return the view of a diagonal of the matrices in two axes, as a new last axis."""
    return diagonal_view(need_tensor("linalg.diagonal", A), offset, dim1, dim2)


@in_float32
def trace(input: Tensor) -> Tensor:
    """Return the sum of the diagonal of a matrix; integers and bools sum as int64."""
    need_tensors("trace", input)
    need(input.value.ndim == 2, f"trace: needs a matrix, got shape {tuple(input.value.shape)}")
    return sum(diagonal_view(input))


# --- the exponential ----------------------------------------------------------------------------


def _exp_vjp(g: Tensor, x: Tensor) -> Tensor:
    """Return the upper right block of exp [[X', g], [0, X']]: the adjoint of the derivative.

    Al-Mohy and Higham, "Computing the Frechet derivative of the matrix exponential" (2009).
    """
    n = x.value.shape[-1]
    top = cat([mT(x), g], -1)
    bottom = cat([mul(x, 0.0), mT(x)], -1)
    both = matrix_exp(cat([top, bottom], -2))
    return narrow(narrow(both, -2, 0, n), -1, n, n)


_EXP = defop(
    "matrix_exp",
    inputs="x",
    infer=lambda x: Aval(tuple(x.shape), x.dtype),
    lower=Routine("matrix_exp"),
    vjp=(lambda g, x: _exp_vjp(g, x),),
)


@in_float32
def matrix_exp(A: Tensor) -> Tensor:
    """Return the exponentials of square matrices (..., n, n), by scaling and squaring."""
    need_square("linalg.matrix_exp", A)
    return apply(_EXP, A)
