"""Where elements are not zero: results whose shape depends on values."""

from typing import Any

import numpy as np

from ...core.dispatch import state
from ..build import Tensor, need_tensor


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return the int64 positions of what is not zero: (count, axes), rows in row-major order.

    ``as_tuple`` gives one vector for each axis instead, as an index takes them. The shape depends
    on values, so that a traced function cannot call this (`TraceError`): use `where`,
    `masked_fill`, or sums over ``where(...)`` there.

    >>> import dualgraph as dg
    >>> dg.nonzero(dg.tensor([0, 5, 7]))
    tensor([[1],
            [2]])
    """
    need_tensor("nonzero", input)
    found = np.nonzero(np.atleast_1d(state.frontend.concrete(input, "nonzero()")))
    if as_tuple:
        return tuple(state.frontend.tensor(a) for a in found)
    rows = np.stack(found, 1) if input.value.ndim else np.empty((len(found[0]), 0), np.int64)
    return state.frontend.tensor(rows)


def argwhere(input: Tensor) -> Tensor:
    """Return the int64 positions of what is not zero: (count, axes), as `nonzero` does."""
    return nonzero(input)
