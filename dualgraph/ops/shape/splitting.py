"""More ways to cut tensors into views along an axis."""

from itertools import pairwise
from typing import Any

import numpy as np

from ...core.dispatch import state
from ..arguments import need_int
from ..build import Tensor, is_tensor, need, need_tensor, normal_axis
from .views import narrow, split

Parts = tuple[Tensor, ...]


def split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> Parts:
    """Cut along an axis into views of listed sizes, which add up to its extent."""
    return split(need_tensor("split_with_sizes", input), list(split_sizes), dim)


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> Parts:
    """Cut along an axis into so many views of nearly equal size, or before listed positions.

    A tensor of positions needs concrete values: raises `TraceError` while a function is traced.
    """
    ndim = need_tensor("tensor_split", input).value.ndim
    need(ndim > 0, "tensor_split: a 0-d tensor cannot be cut")
    axis = normal_axis(dim, ndim)
    extent = input.value.shape[axis]
    given = _listed(indices_or_sections)
    if isinstance(given, int):
        need(given > 0, f"tensor_split: the number of sections must be positive, got {given}")
        most = max(extent, _MOST_EMPTY)
        need(given <= most, f"tensor_split: cannot cut dim {axis} into {given} parts, only {most}")
        each, more = divmod(extent, given)
        cuts = [i * each + min(i, more) for i in range(1, given)]
    else:
        cuts = [_position(c, extent) for c in given]
    bounds = [0, *cuts, extent]
    return tuple(narrow(input, axis, a, max(b - a, 0)) for a, b in pairwise(bounds))


_MOST_EMPTY = 2**16  # views of nothing that may be made


def _listed(given: Any) -> Any:
    if is_tensor(given):
        given = state.frontend.concrete(given, "tensor_split() at a tensor of positions").tolist()
    if isinstance(given, tuple | list):
        return [need_int("tensor_split", "a position", c) for c in given]
    return need_int("tensor_split", "the number of sections", given)


def _position(cut: int, extent: int) -> int:
    """Return a position as a slice takes it: counted from the end, and never outside."""
    return int(np.clip(cut + extent if cut < 0 else cut, 0, extent))


def _cut(name: str, input: Tensor, given: Any, axis: int) -> Parts:
    extent = input.value.shape[axis]
    if isinstance(given, int):
        need(
            given > 0 and extent % given == 0,
            f"{name}: the extent {extent} of dim {axis} is not divisible into {given} parts",
        )
    return tensor_split(input, given, axis)


def hsplit(input: Tensor, indices_or_sections: Any) -> Parts:
    """Cut along the second axis (a vector along its only one) into equal parts or at positions."""
    ndim = need_tensor("hsplit", input).value.ndim
    need(ndim >= 1, "hsplit: the tensor needs 1 axis or more")
    return _cut("hsplit", input, indices_or_sections, min(1, ndim - 1))


def vsplit(input: Tensor, indices_or_sections: Any) -> Parts:
    """Cut along the first axis into equal parts or at positions."""
    need(need_tensor("vsplit", input).value.ndim >= 2, "vsplit: the tensor needs 2 axes or more")
    return _cut("vsplit", input, indices_or_sections, 0)


def dsplit(input: Tensor, indices_or_sections: Any) -> Parts:
    """Cut along the third axis into equal parts or at positions."""
    need(need_tensor("dsplit", input).value.ndim >= 3, "dsplit: the tensor needs 3 axes or more")
    return _cut("dsplit", input, indices_or_sections, 2)
