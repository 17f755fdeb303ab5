"""More ways to join tensors, made of `cat`."""

from itertools import combinations as choices, combinations_with_replacement
from typing import Any

import numpy as np

from ...core.dispatch import apply, state
from ..arguments import need_int, several, tensor_list
from ..build import Tensor, aligned, need, need_tensor
from ..create.creation import zeros
from ..index.indexing import index_select
from ..reduce.reductions import expand
from .axes import atleast_1d, atleast_2d, atleast_3d
from .views import EMBED, cat, reshape, stack


def concat(tensors: Any, dim: int = 0) -> Tensor:
    """Join tensors along an existing axis: `cat`."""
    return cat(tensors, dim)


def concatenate(tensors: Any, axis: int = 0) -> Tensor:
    """Join tensors along an existing axis: `cat`."""
    return cat(tensors, axis)


def hstack(tensors: Any) -> Tensor:
    """Join along the second axis, vectors along their only one."""
    parts = [atleast_1d(x) for x in tensor_list("hstack", tensors)]
    return cat(parts, 0 if parts[0].value.ndim == 1 else 1)


def vstack(tensors: Any) -> Tensor:
    """Join along the first axis; vectors are rows."""
    return cat([atleast_2d(x) for x in tensor_list("vstack", tensors)], 0)


def row_stack(tensors: Any) -> Tensor:
    """Join along the first axis; vectors are rows: `vstack`."""
    return vstack(tensors)


def dstack(tensors: Any) -> Tensor:
    """Join along the third axis, which vectors and matrices get first."""
    return cat([atleast_3d(x) for x in tensor_list("dstack", tensors)], 2)


def column_stack(tensors: Any) -> Tensor:
    """Join along the second axis; vectors are columns."""
    parts = tensor_list("column_stack", tensors)
    return cat([x if x.value.ndim > 1 else reshape(x, (x.value.size, 1)) for x in parts], 1)


def block_diag(*tensors: Any) -> Tensor:
    """Return the matrix with these matrices on its diagonal and zeros elsewhere.

    A vector is a row, a 0-d tensor one element.
    """
    parts = [atleast_2d(x) for x in aligned(*several("block_diag", tensors))]
    need(all(x.value.ndim == 2 for x in parts), "block_diag: takes tensors of at most 2 axes")
    width, start, rows = sum(x.value.shape[1] for x in parts), 0, []
    for x in parts:
        height, own = x.value.shape
        rows.append(apply(EMBED, x, shape=(height, width), starts=(0, start), steps=(1, 1)))
        start += own
    return cat(rows, 0)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return views of vectors over the grid that they span, one for each coordinate.

    ``indexing="xy"`` exchanges the first two axes of the grid.
    """
    need(indexing in ("ij", "xy"), f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    lines = several("meshgrid", tensors)
    need(all(x.value.ndim <= 1 for x in lines), "meshgrid: takes vectors and 0-d tensors")
    need(
        len({x.value.dtype for x in lines}) == 1,
        f"meshgrid: the dtypes must be equal, got {[x.value.dtype.name for x in lines]}",
    )
    places = list(range(len(lines)))
    if indexing == "xy" and len(lines) > 1:
        places[:2] = 1, 0
    shape = [0] * len(lines)
    for x, place in zip(lines, places, strict=True):
        shape[place] = x.value.size
    return tuple(
        expand(reshape(x, tuple(e if d == place else 1 for d, e in enumerate(shape))), shape)
        for x, place in zip(lines, places, strict=True)
    )


def cartesian_prod(*tensors: Any) -> Tensor:
    """Return all combinations of the elements of vectors, one in each row; one vector as it is."""
    lines = several("cartesian_prod", tensors)
    if len(lines) == 1:
        return lines[0]
    return stack([reshape(x, (-1,)) for x in meshgrid(*lines)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return all choices of r elements of a vector, each in the vector's order, as rows."""
    need(need_tensor("combinations", input).value.ndim == 1, "combinations: takes a vector")
    need(need_int("combinations", "r", r) >= 0, f"combinations: r must not be negative, got {r}")
    if r == 0:
        return zeros(0, dtype=input.value.dtype)
    pick = combinations_with_replacement if with_replacement else choices
    rows = np.array(list(pick(range(input.value.size), r)), np.int64).reshape(-1, r)
    chosen = index_select(input, 0, state.frontend.tensor(rows.reshape(-1)))
    return reshape(chosen, rows.shape)
