"""Views inside of a trace: which of them eager would really give, and which it may copy."""

from ..core.op import Op
from ..core.tensor import Via
from ..errors import TraceError
from ..numerics.view import Layout

UNKNOWN_PART = Op(name="x[i]")
"""What a copy that stands for a view counts as: nobody knows which part it shows."""


class Shown(Via):
    """How a view was made inside of a trace, and the version of the memory that its node shows."""

    counter: list[int]  # of the changes of that memory
    version: int = 0


def refuse_doubtful(via: Via) -> None:
    """Raise where eager has a view, and a trace a copy or something that depends on strides."""
    source, op, static = via
    if op is UNKNOWN_PART:
        raise TraceError(
            "x[i] with a 0-d tensor i is a copy inside a traced function: it cannot be changed "
            "in place, nor be used after x was. Write x[i] = value, and read x[i] again"
        )
    if op is None or not op.may_copy:
        return
    shape = source.value.shape
    unmerged = Layout(shape, tuple(range(1, len(shape) + 1)), 0)  # no two axes step like one
    if op.lower.apply(unmerged, (), **static) is None:
        raise TraceError(
            f"{op.name} to {static} merges axes of a tensor that is changed in place: whether "
            "the two share memory depends on strides that a trace does not know. Take it after "
            "the change, or clone() it before"
        )
