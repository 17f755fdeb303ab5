"""What the ops of linear algebra share: checks, identities, parts."""

from typing import Any

import numpy as np

from ...core.dispatch import in_grad_mode, state
from ...core.op import Op
from ...core.types import Shape, broadcast_shapes, float32, float64
from ...errors import DTypeError, ShapeError
from ..build import Tensor, as_dtype, need_tensor
from ..create.creation import arange
from ..elementwise.pointwise import eq
from ..reduce.reductions import expand
from ..shape.views import reshape, transpose, unsqueeze


def untaped(op: Op, *tensors: Tensor, **static: Any) -> tuple[Tensor, ...]:
    """Run an op whose results carry no gradient, because a rule elsewhere accounts for it."""
    return in_grad_mode(state.frontend.run, op, tensors, static, enabled=False)


# --- checks -------------------------------------------------------------------------------------


def need_matrix(name: str, x: Any) -> None:
    """Raise unless this is a float32 or float64 tensor with at least two axes."""
    need_tensor(name, x)
    if x.value.dtype not in (float32, float64):
        raise DTypeError(
            f"{name} needs a float32 or float64 tensor, got {x.value.dtype.name}; cast it first"
        )
    if x.value.ndim < 2:
        raise ShapeError(
            f"{name} needs a matrix or a batch of matrices, got shape {tuple(x.value.shape)}"
        )


def need_square(name: str, x: Any) -> None:
    """Raise unless this is a floating square matrix or a batch of them."""
    need_matrix(name, x)
    rows, columns = x.value.shape[-2:]
    if rows != columns:
        raise ShapeError(f"{name} needs square matrices, got {rows} by {columns} matrices")


def need_equal_dtypes(name: str, x: Tensor, y: Tensor) -> None:
    """Raise `DTypeError` unless both have one dtype."""
    a, b = x.value.dtype, y.value.dtype
    if a != b:
        raise DTypeError(f"{name}: dtypes {a.name} and {b.name} differ; cast one with .to(dtype)")


# --- parts of matrices --------------------------------------------------------------------------


def mT(x: Tensor) -> Tensor:
    """Return the transposed matrices."""
    return transpose(x, -2, -1)


def on_batch(x: Tensor, batch: Shape) -> Tensor:
    """Return matrices repeated over the axes of a batch."""
    return expand(x, (*batch, *x.value.shape[-2:]))


def common_batch(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return two batches of matrices over the same batch axes."""
    batch = broadcast_shapes(x.value.shape[:-2], y.value.shape[:-2])
    return on_batch(x, batch), on_batch(y, batch)


def identity(n: int, dtype: np.dtype) -> Tensor:
    """Return the identity matrix."""
    i = arange(n)
    return as_dtype(eq(unsqueeze(i, 1), i), dtype)


def columns_of(d: Tensor) -> Tensor:
    """Return vectors as matrices of one row, which scale columns."""
    shape = d.value.shape
    return reshape(d, (*shape[:-1], 1, shape[-1]))
