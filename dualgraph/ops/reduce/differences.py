"""Differences of neighbours, and areas by the trapezoidal rule."""

from typing import Any

from ...core.types import bool_, int64
from ..build import Tensor, as_dtype, in_float32, need, need_tensor, normal_axis
from ..elementwise.pointwise import add, clone, div, logical_xor, mul, sub
from ..shape.views import cat, narrow, reshape
from .reductions import sum
from .scans import cumsum


def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None
) -> Tensor:
    """Return the n-th differences along an axis; for bools, where neighbours differ.

    ``prepend`` and ``append`` are joined to the input first.

    >>> import dualgraph as dg
    >>> dg.diff(dg.tensor([1, 4, 9, 16]))
    tensor([3, 5, 7])
    """
    need_tensor("diff", input)
    need(input.value.ndim > 0, "diff: the input needs at least one dimension")
    need(isinstance(n, int) and n >= 0, f"diff: n must be an int that is not negative, got {n!r}")
    axis = normal_axis(dim, input.value.ndim)
    parts = [p for p in (prepend, input, append) if p is not None]
    x = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(min(n, x.value.shape[axis])):
        x = _difference(x, axis)
    return clone(x) if x is input else x


def _difference(x: Tensor, axis: int) -> Tensor:
    extent = max(x.value.shape[axis] - 1, 0)
    later, earlier = (
        narrow(x, axis, min(1, x.value.shape[axis]), extent),
        narrow(x, axis, 0, extent),
    )
    return logical_xor(later, earlier) if x.value.dtype == bool_ else sub(later, earlier)


def _neighbours(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return the views without the first and without the last element along an axis."""
    n = x.value.shape[axis]
    count = max(n - 1, 0)
    return narrow(x, axis, n - count, count), narrow(x, axis, 0, count)


def _pairs(name: str, y: Tensor, x: Any, dx: Any, dim: int) -> tuple[Tensor, Any, int]:
    """Return the sums of neighbours, the steps between them (broadcast), and the axis."""
    need_tensor(name, y)
    need(x is None or dx is None, f"{name}: give x or dx, not both")
    need(y.value.ndim > 0, f"{name}: y needs at least one dimension")
    axis = normal_axis(dim, y.value.ndim)
    y = y if y.value.dtype.kind == "f" else as_dtype(y, int64)  # sums of small integers would wrap
    sums = add(*_neighbours(y, axis))
    if x is None:
        return sums, 1 if dx is None else dx, axis
    return sums, _steps(name, x, y, axis), axis


def _steps(name: str, x: Tensor, y: Tensor, axis: int) -> Tensor:
    need_tensor(name, x)
    n, inner = y.value.shape[axis], y.value.ndim - 1 - axis
    along = -1 if x.value.ndim == 1 else axis - y.value.ndim
    need(
        0 < x.value.ndim <= y.value.ndim and x.value.shape[along] == n,
        f"{name}: x of shape {x.value.shape} does not give the {n} places of y along dim {axis}",
    )
    steps = diff(x, dim=along)
    if x.value.ndim == 1:
        steps = reshape(steps, (-1 if n > 1 else 0, *(1,) * inner))
    return steps


@in_float32
def trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """Return the area under y along an axis by the trapezoidal rule.

    The places are ``x`` (a vector, or a tensor that broadcasts to y), or ``dx`` apart (1).
    """
    sums, steps, axis = _pairs("trapezoid", y, x, dx, dim)
    return _half(sum(mul(sums, steps), axis))


@in_float32
def cumulative_trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """Return the running areas under y along an axis: one element less than y."""
    sums, steps, axis = _pairs("cumulative_trapezoid", y, x, dx, dim)
    return _half(cumsum(mul(sums, steps), axis))


trapz = trapezoid


def _half(x: Tensor) -> Tensor:
    return div(x, 2.0)
