"""Sorting: the order is an op, sorted values are gathered by it; both are results of one tape node.

Every sort is stable, whatever the arguments say, so that the bits are defined. As in PyTorch NaN
counts as larger than everything.
"""

from typing import Any

from ...core.dispatch import apply
from ...core.op import NONDIFF, defop
from ...core.types import Aval, int64
from ...errors import ShapeError
from ...numerics.facts.routine import Line, Routine
from ..build import Tensor, in_float32, need, need_tensor
from ..elementwise.pointwise import clone
from ..index.indexing import gather
from ..reduce.scans import line_op
from ..results import (
    ValuesIndices,
    choose,
    chosen,
    locate,
    located,
    with_axis,
    without_axis,
)
from ..shape.views import narrow, unsqueeze


def _infer_argsort(x: Any, axis: int, descending: bool) -> Aval:
    if x.shape[axis] >= 2**31:
        raise ShapeError(f"argsort: shape {tuple(x.shape)} is too long to sort")
    return Aval(tuple(x.shape), int64)


_ARGSORT = defop(
    "argsort",
    inputs="x",
    infer=_infer_argsort,
    lower=Routine("argsort"),
    vjp=(NONDIFF,),
)


def order_of(x: Tensor, axis: int, descending: bool = False) -> Tensor:
    """Return the stable order of a tensor that has axes."""
    return apply(_ARGSORT, x, axis=axis, descending=bool(descending))


def _infer_smallest(x: Any, axis: int, count: int, descending: bool) -> Aval:
    shape = tuple(x.shape)
    return Aval((*shape[:axis], count, *shape[axis + 1 :]), int64)


_SMALLEST = defop(
    "smallest",
    inputs="x",
    infer=_infer_smallest,
    lower=Routine("smallest"),
    vjp=(NONDIFF,),
)
_FEW = 64  # up to here, and an eighth of the line, insertion beats sorting


def first_of(x: Tensor, axis: int, count: int, descending: bool = False) -> Tensor:
    """Return the first positions of the stable order, by whichever way is faster."""
    if 0 < count <= _FEW and 8 * count <= x.value.shape[axis]:
        return apply(_SMALLEST, x, axis=axis, count=count, descending=bool(descending))
    return clone(narrow(order_of(x, axis, descending), axis, 0, count))


_SORT = located("sort", order_of)
_TOPK = located("topk", first_of)


@in_float32
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> ValuesIndices:
    """Return (values, indices) in ascending or descending order along an axis.

    Equal elements stay in their order, also without ``stable``; NaN counts as the largest.

    >>> import dualgraph as dg
    >>> dg.sort(dg.tensor([3.0, 1.0, 2.0])).indices
    tensor([1, 2, 0])
    """
    need_tensor("sort", input)
    return locate(_SORT, input, dim, descending=bool(descending))


@in_float32
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return the int64 indices that sort a tensor along an axis; always a stable order."""
    need_tensor("argsort", input)
    x, axis = with_axis(input, dim)
    return without_axis(order_of(x, axis, descending), input)


def msort(input: Tensor) -> Tensor:
    """Return the tensor sorted along its first axis."""
    return sort(input, 0).values


@in_float32
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> ValuesIndices:
    """Return the k largest (or smallest) elements along an axis and their indices.

    They always come sorted; among equals the first positions are taken.
    """
    need_tensor("topk", input)
    x, axis = with_axis(input, dim)
    extent = x.value.shape[axis]
    fits = isinstance(k, int) and 0 <= k <= extent
    need(fits, f"topk: k must be an int from 0 to the extent {extent}, got {k!r}")
    whole = x if k != 1 else input  # of a 0-d tensor, only one element is 0-d again
    return locate(_TOPK, whole, axis, count=int(k), descending=bool(largest))


_KTHVALUE = chosen(
    "kthvalue", lambda x, axis, k: clone(narrow(first_of(x, axis, k), axis, k - 1, 1))
)


@in_float32
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Return the k-th smallest element along an axis (k counts from 1) and its index."""
    need_tensor("kthvalue", input)
    x, axis = with_axis(input, dim)
    extent = x.value.shape[axis]
    fits = isinstance(k, int) and 1 <= k <= extent
    need(fits, f"kthvalue: k must be an int from 1 to the extent {extent}, got {k!r}")
    return choose(_KTHVALUE, input, dim, keepdim, k=int(k))


# Where the most frequent element of a sorted line stands.
_LONGEST_RUN = line_op(
    "longest_run", Line("longest_run", scalar_output=True, output=int64), vjp=NONDIFF
)


def _most_frequent(x: Tensor, axis: int) -> Tensor:
    order = order_of(x, axis)
    last = unsqueeze(apply(_LONGEST_RUN, gather(x, axis, order), axis=axis), axis)
    return gather(order, axis, last)


_MODE = chosen("mode", _most_frequent)


@in_float32
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Return the most frequent element along an axis and its last index.

    Of equally frequent elements it is the smallest; every NaN is an element of its own.
    """
    need_tensor("mode", input)
    return choose(_MODE, input, dim, keepdim)
