"""Losses as plain functions of tensors, made only of public ops."""

from ...core.types import FLOATING, INTEGER, category
from ...errors import DTypeError, ShapeError, at_user_line
from ...ops.build import Tensor, need
from ...ops.elementwise import (
    add,
    cast,
    div,
    mul,
    ne,
    neg,
    square,
    sub,
    where,
)
from ...ops.indexing import gather, index_select
from ...ops.reductions import log_softmax, mean, sum as sum_
from ...ops.shape import reshape, squeeze, unsqueeze


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the squared differences, as their mean, their sum, or each (``"none"``).

    Raises `ShapeError` unless the shapes are equal: broadcasting here is nearly always a mistake.
    """
    if tuple(input.value.shape) != tuple(target.value.shape):
        raise ShapeError(
            at_user_line(
                f"mse_loss: input has shape {tuple(input.value.shape)}, target has shape "
                f"{tuple(target.value.shape)}; reshape one of them"
            )
        )
    return _reduced("mse_loss", square(sub(input, target)), reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the negative log-likelihood of classes under softmax(input).

    Shapes: input (C,), (N, C) or (N, C, d1, ...) of logits; target the same without the class
    axis, int64 class indices. ``weight`` (C,) scales each class. Targets equal to ``ignore_index``
    count nothing (unlike PyTorch, no index is ignored by default: -100 is out of range).
    ``label_smoothing`` mixes in that much of the uniform distribution.
    Raises `ShapeError` and `DTypeError`; `AxisError` for a class outside of 0..C-1.

    >>> import dualgraph as dg
    >>> cross_entropy(dg.zeros(2, 4), dg.tensor([0, 3]))
    tensor(1.3863)
    """
    need(0.0 <= label_smoothing <= 1.0, "cross_entropy: label_smoothing must lie in [0, 1]")
    _check_classes("cross_entropy", input, target, weight)
    likelihood = log_softmax(input, _class_axis(input))
    if not label_smoothing:
        return nll_loss(likelihood, target, weight, ignore_index, reduction)
    return _smoothed(likelihood, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return minus the log-probability of each target class; arguments as `cross_entropy`.

    The mean is weighted: it divides by the sum of the weights of the targets.
    """
    _check_classes("nll_loss", input, target, weight)
    picked, scale = _picked(input, target, weight, ignore_index)
    return _weighted("nll_loss", neg(picked), scale, reduction)


def _smoothed(
    likelihood: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int | None,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """Return (1 - s) * nll + s / C * (sum over classes of -w log p), divided as the nll is."""
    axis = _class_axis(likelihood)
    picked, scale = _picked(likelihood, target, weight, ignore_index)
    classes = likelihood.value.shape[axis]
    weighed = likelihood if weight is None else mul(likelihood, _along(weight, likelihood))
    every = sum_(weighed, axis)
    if ignore_index is not None:
        every = where(ne(target, ignore_index), every, 0.0)
    hard = picked if scale is None else mul(picked, scale)
    loss = neg(add(mul(hard, 1.0 - smoothing), mul(every, smoothing / classes)))
    if reduction != "mean" or scale is None:
        return _reduced("cross_entropy", loss, reduction)
    return div(sum_(loss), sum_(scale))


def _picked(
    likelihood: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None
) -> tuple[Tensor, Tensor | None]:
    """Return the log-probability of each target, and its weight (None: all are 1)."""
    axis, dtype = _class_axis(likelihood), likelihood.value.dtype
    counted = None if ignore_index is None else ne(target, ignore_index)
    safe = target if counted is None else where(counted, target, 0)
    picked = squeeze(gather(likelihood, axis, unsqueeze(safe, axis)), axis)
    if counted is None and weight is None:
        return picked, None
    if weight is None:
        return picked, cast(counted, dtype)
    scale = reshape(index_select(weight, 0, reshape(safe, (-1,))), safe.value.shape)
    return picked, scale if counted is None else where(counted, scale, 0.0)


def _weighted(name: str, loss: Tensor, scale: Tensor | None, reduction: str) -> Tensor:
    if scale is None:
        return _reduced(name, loss, reduction)
    total = _reduced(name, mul(loss, scale), "sum" if reduction == "mean" else reduction)
    return div(total, sum_(scale)) if reduction == "mean" else total


def _reduced(name: str, loss: Tensor, reduction: str) -> Tensor:
    need(
        reduction in ("mean", "sum", "none"),
        f"{name}: reduction is mean, sum or none, not {reduction!r}",
    )
    if reduction == "none":
        return loss
    return mean(loss) if reduction == "mean" else sum_(loss)


def _class_axis(x: Tensor) -> int:
    return 1 if x.value.ndim > 1 else 0


def _along(weight: Tensor, x: Tensor) -> Tensor:
    """Return the weights of the classes in a shape that broadcasts along the class axis."""
    axis = _class_axis(x)
    return reshape(weight, (-1,) + (1,) * (x.value.ndim - axis - 1))


def _check_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    """Raise unless target holds integer classes in the input's shape without the class axis."""
    shape, dtype = tuple(input.value.shape), target.value.dtype
    if category(input.value.dtype) != FLOATING or category(dtype) != INTEGER:
        raise DTypeError(
            at_user_line(
                f"{name}: needs floating scores and integer class indices, got "
                f"{input.value.dtype.name} and {dtype.name}"
            )
        )
    axis = _class_axis(input)
    if not shape or tuple(target.value.shape) != shape[:axis] + shape[axis + 1 :]:
        raise ShapeError(
            at_user_line(
                f"{name}: scores of shape {shape} do not fit targets of shape "
                f"{tuple(target.value.shape)}: expected (N, C) and (N,), or (C,) and ()"
            )
        )
    if weight is not None and tuple(weight.value.shape) != (shape[axis],):
        raise ShapeError(
            at_user_line(
                f"{name}: weight has shape {tuple(weight.value.shape)}, expected ({shape[axis]},)"
            )
        )
