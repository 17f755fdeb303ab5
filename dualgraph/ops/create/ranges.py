"""Ranges with a given number of points, and small matrices made of ranges."""

from typing import Any

from ...core.dispatch import literal
from ...core.types import default_float, float64, int64, numpy_dtype
from ..arguments import check_options, need_int
from ..build import Tensor, as_dtype, need, need_tensor
from ..elementwise.elementary import pow
from ..elementwise.pointwise import add, eq, lt, mul, sub, where
from ..reduce.reductions import expand
from ..shape.views import reshape
from .creation import arange, plain_number, steps_from


def _points(start: float, end: float, steps: int) -> Tensor:
    """Return float64 points, each reckoned from the nearer end, as PyTorch does."""
    if steps < 2:
        return steps_from(start, 1.0, steps, True, float64)
    index = steps_from(0.0, 1.0, steps, True, float64)
    step = literal((end - start) / (steps - 1), float64)
    rising = add(literal(start, float64), mul(step, index))
    falling = sub(literal(end, float64), mul(step, sub(float(steps - 1), index)))
    return where(lt(index, float(steps // 2)), rising, falling)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return ``steps`` points at equal distances from ``start`` to ``end``, both included.

    Computed in float64 and rounded once; integer dtypes are truncated. Options as for `full`.
    """
    return _spaced("linspace", start, end, steps, None, dtype, device, requires_grad, options)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return ``base`` to the power of `linspace`: from base**start to base**end."""
    return _spaced("logspace", start, end, steps, base, dtype, device, requires_grad, options)


def _spaced(
    name: str,
    start: Any,
    end: Any,
    steps: Any,
    base: Any,
    dtype: Any,
    device: Any,
    requires_grad: bool,
    options: dict[str, Any],
) -> Tensor:
    check_options(name, device, options)
    count = need_int(name, "steps", steps)
    need(count >= 0, f"{name}: steps must not be negative, got {count}")
    out = _points(float(plain_number(start)), float(plain_number(end)), count)
    if base is not None:
        out = pow(literal(float(base), float64), out)
    out = as_dtype(out, default_float() if dtype is None else numpy_dtype(dtype))
    return out.detach().requires_grad_() if requires_grad else out


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return the n x m matrix (n x n without m) with ones on the diagonal and zeros elsewhere."""
    check_options("eye", device, options)
    rows = need_int("eye", "n", n)
    columns = rows if m is None else need_int("eye", "m", m)
    need(min(rows, columns) >= 0, f"eye: extents must not be negative, got {rows} and {columns}")
    out = as_dtype(
        eq(reshape(arange(rows), (rows, 1)), arange(columns)),
        default_float() if dtype is None else numpy_dtype(dtype),
    )
    return out.requires_grad_() if requires_grad else out


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the matrix whose columns are powers of a vector, the highest first.

    There are N columns, as many as elements without N. Integers and bools give int64.
    """
    need(need_tensor("vander", x).value.ndim == 1, "vander: takes a vector")
    columns = x.value.size if N is None else need_int("vander", "N", N)
    need(columns >= 0, f"vander: N must not be negative, got {columns}")
    x = x if x.value.dtype.kind == "f" else as_dtype(x, int64)
    powers = arange(columns) if increasing else arange(columns - 1, -1, -1)
    column = reshape(x, (x.value.size, 1))
    return pow(expand(column, (x.value.size, columns)), as_dtype(powers, x.value.dtype))
