"""All parameters as one vector, and back."""

from collections.abc import Iterable
from typing import Any

from ...eager.modes import no_grad
from ...errors import ShapeError
from ...ops.shape.views import cat, narrow, reshape


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """Return the elements of all parameters, one behind the other, as one vector.

    >>> from dualgraph import nn
    >>> parameters_to_vector(nn.Linear(2, 3).parameters()).shape
    (9,)
    """
    return cat([reshape(p, (-1,)) for p in parameters], 0)


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Copy the parts of a vector into the parameters, in place. Raises `ShapeError`."""
    given = list(parameters)
    counts = [p.numel() for p in given]
    if tuple(vec.value.shape) != (sum(counts),):
        raise ShapeError(
            f"vector_to_parameters: the parameters hold {sum(counts)} elements, the vector has "
            f"shape {tuple(vec.value.shape)}"
        )
    start = 0
    with no_grad():
        for parameter, count in zip(given, counts, strict=True):
            parameter.copy_(reshape(narrow(vec, 0, start, count), parameter.shape))
            start += count
