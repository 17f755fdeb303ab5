"""What losses share: argument checks and the last step, the reduction."""

import warnings
from typing import Any

from ....core.types import broadcast_shapes
from ....errors import DTypeError, ShapeError
from ....ops.build import Tensor, is_tensor, need
from ....ops.elementwise.pointwise import div, mul
from ....ops.reduce.reductions import mean, sum as sum_

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(name: str, reduction: str) -> None:
    """Raise `ArgumentError` unless the reduction is one of the three."""
    need(reduction in REDUCTIONS, f"{name}: reduction is mean, sum or none, not {reduction!r}")


def reduced(name: str, loss: Tensor, reduction: str) -> Tensor:
    """Return the mean, the sum, or each element."""
    check_reduction(name, reduction)
    if reduction == "none":
        return loss
    return mean(loss) if reduction == "mean" else sum_(loss)


def weighted(name: str, loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Return the reduction of ``loss * weight``; the mean divides by the sum of the weights."""
    if weight is None:
        return reduced(name, loss, reduction)
    total = reduced(name, mul(loss, weight), "sum" if reduction == "mean" else reduction)
    return div(total, sum_(weight)) if reduction == "mean" else total


def check_tensors(name: str, **given: Any) -> None:
    """Raise `DTypeError` for an argument that is no tensor; None is an absent one."""
    for argument, x in given.items():
        if x is not None and not is_tensor(x):
            raise DTypeError(
                f"{name}: {argument} must be a Tensor, got {type(x).__name__}; "
                "convert arrays and lists with dualgraph.tensor(...)"
            )


def check_floating(name: str, **given: Tensor) -> None:
    """Raise `DTypeError` unless each argument is a floating tensor."""
    check_tensors(name, **given)
    for argument, x in given.items():
        if x.value.dtype.kind != "f":
            raise DTypeError(
                f"{name}: {argument} must be floating, got {x.value.dtype.name}; cast it first"
            )


def check_same_shape(name: str, input: Tensor, target: Tensor) -> None:
    """Raise `ShapeError` unless the two have one shape."""
    shapes = tuple(input.value.shape), tuple(target.value.shape)
    if shapes[0] != shapes[1]:
        raise ShapeError(
            f"{name}: input has shape {shapes[0]}, target has shape {shapes[1]}: they must be "
            "equal; reshape one of them"
        )


def check_pair(name: str, input: Tensor, target: Tensor) -> None:
    """Warn, as PyTorch does, when input and target have to be broadcast; raise if they cannot."""
    check_tensors(name, input=input, target=target)
    shapes = tuple(input.value.shape), tuple(target.value.shape)
    if shapes[0] == shapes[1]:
        return
    broadcast_shapes(*shapes)
    warnings.warn(
        f"{name}: the target has shape {shapes[1]}, the input has shape {shapes[0]}: they are "
        "broadcast, which is nearly always a mistake; reshape one of them",
        UserWarning,
        stacklevel=3,
    )
