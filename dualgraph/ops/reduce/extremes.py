"""Extremes with their positions: max, min, aminmax, and the running cummax and cummin."""

from collections.abc import Callable
from typing import Any

from ...core.dispatch import apply, compose
from ...core.op import NONDIFF, Op, defcomposite
from ...core.types import bool_, int64, uint8
from ...numerics.facts.routine import Line
from ..build import Tensor, as_dtype, in_float32, is_tensor, named, need, need_tensor
from ..elementwise.pointwise import div, eq, isnan, logical_and, logical_or, maximum, minimum, where
from ..results import MinMax, ValuesIndices, choose, chosen, locate, located
from .reductions import amax, amin, argmax, argmin, sum
from .scans import line_op


def of_all(name: str, forward: Callable[[Tensor], Tensor]) -> Op:
    """Register an op that picks one of all elements; those that equal it share the cotangent."""
    return defcomposite(
        name, inputs="x", forward=forward, vjp=(lambda g, x, out: _shared(g, x, out),)
    )


def _shared(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    """Share the cotangent evenly among the elements that are the result (NaN among NaN)."""
    same = logical_or(eq(x, out), logical_and(isnan(x), isnan(out)))
    return where(same, div(g, sum(as_dtype(same, g.value.dtype))), 0.0)


def _ordered(x: Tensor) -> Tensor:
    """Return bools as numbers, which have an order."""
    return as_dtype(x, uint8) if x.value.dtype == bool_ else x


_MAX, _MIN = of_all("max", amax), of_all("min", amin)
_MAX_ALONG = chosen("max", lambda x, axis: argmax(_ordered(x), axis, True))
_MIN_ALONG = chosen("min", lambda x, axis: argmin(_ordered(x), axis, True))


def _extreme(of_all: Op, along: Op, input: Tensor, dim: Any, keepdim: bool) -> Any:
    need_tensor(of_all.name, input)
    return compose(of_all, input) if dim is None else choose(along, input, dim, keepdim)


@in_float32
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the largest element, or (values, indices) along one axis, or the larger operand.

    ``max(x, dim)`` takes the first of equal elements, and its gradient goes there; over all
    elements equal ones share the gradient. A NaN wins. ``max(x, y)`` is `maximum`.

    >>> import dualgraph as dg
    >>> dg.max(dg.tensor([[1.0, 5.0], [7.0, 2.0]]), 1).indices
    tensor([1, 0])
    """
    if other is not None or is_tensor(dim):
        return maximum(input, dim if other is None else other)
    return _extreme(_MAX, _MAX_ALONG, input, dim, keepdim)


@in_float32
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the smallest element, or (values, indices) along one axis, or the smaller operand.

    As `max`: the first of equals, or all of them in equal shares; a NaN wins.
    """
    if other is not None or is_tensor(dim):
        return minimum(input, dim if other is None else other)
    return _extreme(_MIN, _MIN_ALONG, input, dim, keepdim)


@in_float32
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Return the smallest and the largest element, over all axes or one, as (min, max)."""
    need_tensor("aminmax", input)
    need(not isinstance(dim, tuple | list), "aminmax: dim must be one axis or None")
    return MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim))


def _running(name: str, doc: str) -> Callable[[Tensor, int], ValuesIndices]:
    last = line_op(f"{name}_position", Line(name, output=int64), vjp=NONDIFF)
    op = located(name, lambda x, axis: apply(last, _ordered(x), axis=axis))

    @in_float32
    def function(input: Tensor, dim: int) -> ValuesIndices:
        need_tensor(name, input)
        return locate(op, input, dim)

    return named(function, name, doc)


cummax = _running("cummax", "Return the largest element so far and its last position; NaN stays.")
cummin = _running("cummin", "Return the smallest element so far and its last position; NaN stays.")
