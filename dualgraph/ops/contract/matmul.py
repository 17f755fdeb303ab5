"""Contractions: matmul from vectors to batches, and what is made of it."""

from math import prod
from typing import Any

from ...core.dispatch import apply, compose
from ...core.op import NONDIFF, defcomposite, defop
from ...core.tensor import owned
from ...core.types import Aval, bool_, broadcast_shapes, float16, float32, float64
from ...errors import DTypeError, ShapeError
from ...numerics.facts.contraction import Contraction
from ...numerics.facts.routine import Routine
from ..build import Tensor, as_dtype, in_float32, is_tensor, need
from ..elementwise.pointwise import add, mul
from ..reduce.reductions import expand, sum
from ..shape.views import reshape, transpose, unsqueeze


def _infer_matmul(x: Any, y: Any) -> Aval:
    a, b = tuple(x.shape), tuple(y.shape)
    if x.dtype != y.dtype or x.dtype.kind != "f":
        raise DTypeError(
            f"matmul: needs two tensors of one floating dtype, got {x.dtype.name}{list(a)} "
            f"and {y.dtype.name}{list(b)}; cast one with .to(dtype)"
        )
    if a[-1] != b[-2]:
        raise ShapeError(
            f"matmul: shapes {a} and {b} do not fit: the last axis of the first "
            f"({a[-1]}) must equal the next-to-last of the second ({b[-2]})"
        )
    return Aval((*broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1]), x.dtype)


_MATMUL = defop(
    "matmul",
    inputs="x y",
    infer=_infer_matmul,
    lower=Contraction(),
    vjp=(
        lambda g, y: apply(_MATMUL, g, transpose(y, -2, -1)),
        lambda g, x, y_shape: _right_vjp(g, x, y_shape),
    ),
    grad_name="Mm",
)  # d(XY) = dX Y + X dY


def _right_vjp(g: Tensor, x: Tensor, y_shape: tuple[int, ...]) -> Tensor:
    """Return X^T G; where one matrix served batches of rows, in one chain over all of them."""
    if len(y_shape) == 2 < x.value.ndim:
        x, g = _rows(x), _rows(g)
    return apply(_MATMUL, transpose(x, -2, -1), g)


def _rows(x: Tensor) -> Tensor:
    """Merge all axes but the last."""
    *outer, inner = x.value.shape
    return reshape(x, (prod(outer), inner))


def _infer_integer(x: Any, y: Any) -> Aval:
    return Aval((*x.shape[:-1], y.shape[-1]), x.dtype)


_INTEGER_MATMUL = defop(
    "integer_matmul",
    inputs="x y",
    infer=_infer_integer,
    lower=Routine("integer_matmul"),
    vjp=(NONDIFF, NONDIFF),
)


def _product(x: Tensor, y: Tensor) -> Tensor:
    """Multiply matrices or batches of them: integers wrap, float16 is summed in float32."""
    a, b = x.value, y.value
    if a.dtype == b.dtype and a.dtype.kind in "iu":
        shape = _infer_matmul(_as_float(a), _as_float(b)).shape
        batch = shape[:-2]
        x, y = expand(x, (*batch, *a.shape[-2:])), expand(y, (*batch, *b.shape[-2:]))
        return apply(_INTEGER_MATMUL, x, y)
    if a.dtype == b.dtype == float16:
        return as_dtype(_product(as_dtype(x, float32), as_dtype(y, float32)), float16)
    _infer_matmul(a, b)  # NumPy would convert
    return apply(_MATMUL, x, y)


def _as_float(aval: Any) -> Aval:
    return Aval(tuple(aval.shape), float32)


def _check_operands(x: Any, y: Any, name: str = "matmul") -> None:
    for operand in (x, y):
        if not is_tensor(operand):
            raise DTypeError(f"{name}: expected tensors, got {type(operand).__name__}")
    if not (x.value.ndim and y.value.ndim):
        raise ShapeError(
            f"{name}: both operands need at least 1 axis, got shapes {x.value.shape} and "
            f"{y.value.shape}; multiply by a scalar with *"
        )


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the matrix product; 1-D operands are vectors, further axes are batches.

    Each element is one ascending chain of fused multiply-adds; the product of two vectors is the
    sum of their products in the order of `sum`. Raises `ShapeError` and `DTypeError`.
    """
    _check_operands(input, other)
    x_ndim, y_ndim = input.value.ndim, other.value.ndim
    if x_ndim >= 2 and y_ndim >= 2:
        a, b = input.value, other.value
        if a.dtype is b.dtype and a.dtype in (float32, float64):
            return apply(_MATMUL, input, other)
        return _product(input, other)
    if x_ndim == y_ndim:
        return dot(input, other)
    x = unsqueeze(input, 0) if x_ndim == 1 else input
    y = unsqueeze(other, 1) if y_ndim == 1 else other
    out = _product(x, y)
    shape = out.value.shape
    return owned(reshape(out, shape[:-1] if y_ndim == 1 else (*shape[:-2], shape[-1])))


@in_float32
def dot(input: Tensor, other: Tensor) -> Tensor:
    """Return the inner product of two vectors of one length."""
    _check_operands(input, other, "dot")
    a, b = input.value, other.value
    if a.dtype != b.dtype:
        raise DTypeError(f"dot: dtypes {a.dtype.name} and {b.dtype.name} differ")
    if a.ndim != 1 or a.shape != b.shape:
        raise ShapeError(f"dot: needs two vectors of one length, got {a.shape} and {b.shape}")
    if a.dtype == bool_:
        raise DTypeError("dot is not defined for bool tensors; use (x & y).any()")
    return as_dtype(sum(mul(input, other)), a.dtype)


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices, without broadcasting."""
    _check_operands(input, mat2, "mm")
    need(input.value.ndim == 2 and mat2.value.ndim == 2, "mm: both operands must be matrices")
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of two equally long batches of matrices, without broadcasting."""
    _check_operands(input, mat2, "bmm")
    a, b = input.value.shape, mat2.value.shape
    need(
        len(a) == len(b) == 3 and a[0] == b[0],
        f"bmm: both operands must be batches of equal length, got shapes {a} and {b}",
    )
    return matmul(input, mat2)


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return add(matmul(x, transpose(weight, 0, 1)), bias)


def _weight_vjp(g: Tensor, x: Tensor) -> Tensor:
    """Return g^T x, with all batch axes merged into one contracted axis."""
    return matmul(transpose(_rows(g), 0, 1), _rows(x))


_LINEAR = defcomposite(
    "addmm",
    inputs="x weight bias",
    forward=_linear,
    vjp=(lambda g, weight: matmul(g, weight), lambda g, x: _weight_vjp(g, x), lambda g: g),
)  # d(x W^T + b) = dx W^T + x dW^T + db


@in_float32
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input @ weight.T + bias``.

    Shapes: input (..., in), weight (out, in), bias (out), result (..., out).
    """
    if bias is None or input.value.ndim < 2 or weight.value.ndim != 2 or not input.value.size:
        out = matmul(input, transpose(weight, 0, 1))
        return out if bias is None else add(out, bias)
    return compose(_LINEAR, input, weight, bias)
