"""Named results of ops that give values and where they stand."""

from typing import Any, NamedTuple

from ..core.tensor import owned
from .build import Tensor, normal_axis
from .index.indexing import gather
from .shape.views import reshape, squeeze


class ValuesIndices(NamedTuple):
    """Elements and their int64 positions along the axis."""

    values: Any
    indices: Any


class MinMax(NamedTuple):
    """The smallest and the largest element."""

    min: Any
    max: Any


def with_axis(input: Tensor, dim: int) -> tuple[Tensor, int]:
    """Return the tensor, a 0-d one as a vector of one element, and the axis."""
    axis = normal_axis(dim, input.value.ndim)
    return (input if input.value.ndim else reshape(input, (1,))), axis


def without_axis(x: Tensor, like: Tensor) -> Tensor:
    """Undo `with_axis` on a result of the full shape."""
    return x if like.value.ndim else reshape(x, ())


def chosen(input: Tensor, axis: int, indices: Tensor, like: Tensor, keepdim: bool) -> ValuesIndices:
    """Return the elements at indices of extent 1 along the axis; ``like`` is the user's tensor.

    The tape keeps the indices, so that they stay a view: changing them in place is then noticed.
    """
    values = gather(input, axis, indices)
    if keepdim and like.value.ndim:
        return ValuesIndices(values, indices)
    return ValuesIndices(owned(squeeze(values, axis)), squeeze(indices, axis))
