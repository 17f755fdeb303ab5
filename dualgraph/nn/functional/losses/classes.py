"""Losses of classes: cross entropy, negative log-likelihood, and the margin losses."""

from ....core.dispatch import apply, compose, literal
from ....core.op import NONDIFF, defcomposite, refuse
from ....core.types import FLOATING, INTEGER, category, int64
from ....errors import DTypeError, ShapeError
from ....ops.build import Tensor, as_dtype, elementwise, in_float32, need, need_index
from ....ops.create.creation import arange, zeros_like
from ....ops.elementwise.elementary import relu
from ....ops.elementwise.pointwise import (
    add,
    div,
    eq,
    gt,
    logical_and,
    logical_not,
    lt,
    mul,
    neg,
    square,
    sub,
    where,
)
from ....ops.index.indexing import gather, index_select, scatter_add
from ....ops.reduce.reductions import sum as sum_
from ....ops.reduce.rowwise import log_softmax
from ....ops.reduce.scans import cumsum
from ....ops.shape.views import reshape, squeeze, unsqueeze
from .common import check_floating, check_reduction, check_same_shape, check_tensors, reduced

# x is a class, y the one that is ignored; a literal in each place costs nothing
_SAFE = elementwise(
    "counted_class", "select({x} == {y}, {s}(0), {x})", "tt->t", vjp=(NONDIFF, NONDIFF)
)
_COUNTED = elementwise(
    "counted_weight",
    "select({x} == {y}, {s}(0), {z})",
    "llt->t",
    vjp=(NONDIFF, NONDIFF, lambda g, x, y: apply(_COUNTED, x, y, g)),
)
_SPREAD = elementwise(
    "spread_to_class",
    "select({x} == {y}, {z}, {s}(0))",
    "llt->t",
    vjp=(NONDIFF, NONDIFF, lambda g, x, y: apply(_SPREAD, x, y, g)),
)


def _nll(
    x: Tensor,
    target: Tensor,
    scale: Tensor,
    axis: int,
    ignore_index: int,
    reduction: str,
    weighted: bool,
) -> Tensor:
    ignored = literal(ignore_index, int64)
    safe = apply(_SAFE, target, ignored)
    picked = squeeze(gather(x, axis, unsqueeze(safe, axis)), axis)
    if weighted:
        picked = mul(picked, scale)
    loss = apply(_COUNTED, target, ignored, neg(picked))
    if reduction == "none":
        return loss
    total = sum_(loss)
    return total if reduction == "sum" else div(total, _count(target, scale, ignore_index))


def _count(target: Tensor, scale: Tensor, ignore_index: int) -> Tensor:
    """Return the sum of the weights of the targets that are not ignored."""
    return sum_(apply(_COUNTED, target, literal(ignore_index, int64), scale))


def _nll_vjp(
    g: Tensor,
    shape: tuple[int, ...],
    target: Tensor,
    scale: Tensor,
    axis: int,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """Return minus the cotangent times the weight at each target's class, 0 elsewhere."""
    if reduction == "mean":
        g = div(g, _count(target, scale, ignore_index))
    each = apply(_COUNTED, target, literal(ignore_index, int64), neg(mul(g, scale)))
    if not each.value.ndim and target.value.ndim:
        each = reshape(each, (1,) * target.value.ndim)
    classes = reshape(arange(shape[axis]), (-1,) + (1,) * (len(shape) - axis - 1))
    return apply(_SPREAD, classes, unsqueeze(target, axis), unsqueeze(each, axis))


_NLL = defcomposite(
    "nll_loss",
    inputs="x target scale",
    forward=_nll,
    vjp=(
        lambda g, x_shape, target, scale, *, axis, ignore_index, reduction: _nll_vjp(
            g, x_shape, target, scale, axis, ignore_index, reduction
        ),
        NONDIFF,
        refuse("the class weights of a loss are not trained, in PyTorch neither; detach() them"),
    ),
)


@in_float32
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the negative log-likelihood of classes under softmax(input).

    Shapes: input (C,), (N, C) or (N, C, d1, ...) of logits; target the same without the class
    axis, integer class indices, or of the input's shape, probabilities of the classes. ``weight``
    (C,) scales each class, and the mean divides by the weights of the targets. Targets equal to
    ``ignore_index`` count nothing. ``label_smoothing`` mixes in that much of the uniform
    distribution (Szegedy et al. 2016). Raises `ShapeError` and `DTypeError`; `AxisError` for a
    class outside of 0..C-1.

    >>> import dualgraph as dg
    >>> cross_entropy(dg.zeros(2, 4), dg.tensor([0, 3]))
    tensor(1.3863)
    """
    need(
        0.0 <= label_smoothing <= 1.0,
        f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}",
    )
    soft = _check_classes("cross_entropy", input, target, weight, reduction)
    likelihood = log_softmax(input, _class_axis(input))
    if soft:
        return _against_distribution(likelihood, target, weight, reduction, label_smoothing)
    if not label_smoothing:
        return _likelihood_loss(likelihood, target, weight, ignore_index, reduction)
    return _smoothed(likelihood, target, weight, ignore_index, reduction, label_smoothing)


@in_float32
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Return minus the log-probability of each target class; arguments as `cross_entropy`.

    The mean is weighted: it divides by the sum of the weights of the targets.
    """
    soft = _check_classes("nll_loss", input, target, weight, reduction)
    if soft:
        raise DTypeError("nll_loss: targets must be integer class indices")
    return _likelihood_loss(input, target, weight, ignore_index, reduction)


def _likelihood_loss(
    likelihood: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    target, dtype = as_dtype(target, int64), likelihood.value.dtype
    scale = literal(1.0, dtype) if weight is None else _weights_of(target, weight, ignore_index)
    axis = _class_axis(likelihood)
    static = {"axis": axis, "ignore_index": ignore_index, "reduction": reduction}
    return compose(_NLL, likelihood, target, scale, **static, weighted=weight is not None)


def _weights_of(target: Tensor, weight: Tensor, ignore_index: int) -> Tensor:
    """Return the weight of each target's class."""
    safe = apply(_SAFE, target, literal(ignore_index, int64))
    return reshape(index_select(weight, 0, reshape(safe, (-1,))), safe.value.shape)


def _smoothed(
    likelihood: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """Return (1 - s) * nll + s / C * (sum over classes of -w log p), divided as the nll is."""
    axis, dtype = _class_axis(likelihood), likelihood.value.dtype
    target = as_dtype(target, int64)
    hard = _likelihood_loss(likelihood, target, weight, ignore_index, "none")
    weighed = likelihood if weight is None else mul(likelihood, _along(weight, likelihood))
    ignored = literal(ignore_index, int64)
    every = apply(_COUNTED, target, ignored, neg(sum_(weighed, axis)))
    classes = likelihood.value.shape[axis]
    loss = add(mul(hard, 1.0 - smoothing), mul(every, smoothing / classes))
    if reduction != "mean":
        return reduced("cross_entropy", loss, reduction)
    scale = literal(1.0, dtype) if weight is None else _weights_of(target, weight, ignore_index)
    return div(sum_(loss), _count(target, scale, ignore_index))


def _against_distribution(
    likelihood: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    """Return minus the sum over classes of target * log p; the mean is over the targets."""
    axis = _class_axis(likelihood)
    classes = likelihood.value.shape[axis]
    if smoothing:
        target = add(mul(target, 1.0 - smoothing), smoothing / classes)
    weighed = likelihood if weight is None else mul(likelihood, _along(weight, likelihood))
    return reduced("cross_entropy", neg(sum_(mul(weighed, target), axis)), reduction)


def _class_axis(x: Tensor) -> int:
    return 1 if x.value.ndim > 1 else 0


def _along(weight: Tensor, x: Tensor) -> Tensor:
    """Return the weights of the classes in a shape that broadcasts along the class axis."""
    return reshape(weight, (-1,) + (1,) * (x.value.ndim - _class_axis(x) - 1))


def _check_classes(
    name: str, input: Tensor, target: Tensor, weight: Tensor | None, reduction: str
) -> bool:
    """Return whether targets are probabilities; raise unless every shape and dtype fits."""
    check_tensors(name, input=input, target=target, weight=weight)
    check_reduction(name, reduction)
    shape, dtype = tuple(input.value.shape), target.value.dtype
    soft = category(dtype) == FLOATING and target.value.shape == shape
    if category(input.value.dtype) != FLOATING or not (soft or category(dtype) == INTEGER):
        raise DTypeError(
            f"{name}: needs floating scores and integer class indices, got "
            f"{input.value.dtype.name} {shape} and {dtype.name} {tuple(target.value.shape)}"
        )
    axis = _class_axis(input)
    if not shape or not (soft or target.value.shape == shape[:axis] + shape[axis + 1 :]):
        raise ShapeError(
            f"{name}: scores of shape {shape} do not fit targets of shape "
            f"{tuple(target.value.shape)}: expected (N, C) and (N,), or (C,) and ()"
        )
    _check_weight(name, weight, shape[axis])
    return soft


def _check_weight(name: str, weight: Tensor | None, classes: int) -> None:
    if weight is not None and tuple(weight.value.shape) != (classes,):
        raise ShapeError(
            f"{name}: weight has shape {tuple(weight.value.shape)}, expected ({classes},)"
        )


# --- margins ------------------------------------------------------------------------------------


@in_float32
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over classes j of max(0, margin - x[y] + x[j])**p, the target y left out.

    ``input`` is (N, C) or (C,), ``target`` (N,) or () of class indices, ``p`` 1 or 2; ``weight``
    (C,) scales each sample by its target's. Source: Crammer and Singer (2001).
    """
    name = "multi_margin_loss"
    check_floating(name, input=input)
    check_tensors(name, target=target, weight=weight)
    check_reduction(name, reduction)
    need(p in (1, 2), f"{name}: p must be 1 or 2, got {p}")
    need(input.value.ndim in (1, 2), f"{name}: input must be (N, C) or (C,), got {input.shape}")
    single = input.value.ndim == 1
    rows, classes = (1 if single else input.value.shape[0]), input.value.shape[-1]
    if target.value.size != rows or target.value.ndim > 1:
        raise ShapeError(
            f"{name}: targets of shape {tuple(target.value.shape)} do not fit an input of "
            f"shape {tuple(input.value.shape)}"
        )
    _check_weight(name, weight, classes)
    x, at = reshape(input, (rows, classes)), reshape(need_index(name, target), (rows, 1))
    excess = relu(add(sub(x, gather(x, 1, at)), margin))
    excess = excess if p == 1 else square(excess)
    others = where(eq(arange(classes), at), 0.0, excess)
    if weight is not None:
        others = mul(others, reshape(index_select(weight, 0, reshape(at, (-1,))), (rows, 1)))
    loss = div(sum_(others, 1), float(classes))
    return reduced(name, reshape(loss, ()) if single else loss, reduction)


@in_float32
def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return sum over targets y and other classes j of max(0, 1 - x[y] + x[j]) / C.

    ``input`` is (N, C) or (C,); each row of ``target``, of the same shape, lists class indices and
    ends at the first negative number.
    """
    name = "multilabel_margin_loss"
    check_floating(name, input=input)
    check_tensors(name, target=target)
    check_same_shape(name, input, target)
    check_reduction(name, reduction)
    need(input.value.ndim in (1, 2), f"{name}: input must be (N, C) or (C,), got {input.shape}")
    single, classes = input.value.ndim == 1, input.value.shape[-1]
    x, target = (reshape(t, (-1, classes)) for t in (input, as_dtype(target, int64)))
    listed = eq(cumsum(lt(target, 0), 1), 0)
    safe = where(listed, target, 0)
    wanted = gt(scatter_add(zeros_like(safe), 1, safe, as_dtype(listed, int64)), 0)
    margins = relu(
        add(sub(unsqueeze(x, 1), unsqueeze(gather(x, 1, safe), 2)), 1.0)
    )  # (N, target, class)
    pairs = logical_and(unsqueeze(listed, 2), logical_not(unsqueeze(wanted, 1)))
    loss = div(sum_(where(pairs, margins, 0.0), (1, 2)), float(classes))
    return reduced(name, reshape(loss, ()) if single else loss, reduction)
