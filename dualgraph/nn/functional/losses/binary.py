"""Losses of yes and no: binary cross entropy and the logistic margin losses."""

from ....core.dispatch import apply
from ....errors import ShapeError
from ....ops.build import Tensor, aligned, elementwise, in_float32
from ....ops.elementwise.elementary import log, log1p, sigmoid
from ....ops.elementwise.pointwise import add, clamp, div, mul, neg, sub
from ....ops.reduce.reductions import mean
from .common import check_floating, check_reduction, check_same_shape, check_tensors, reduced

_LEAST = "select({f} < {s}(-100), {s}(-100), {f})"
_BCE = elementwise(
    "binary_cross_entropy",
    f"({{y}} - {{s}}(1)) * {_LEAST.replace('{f}', 'log1p_{s}(-{x})')}"
    f" - {{y}} * {_LEAST.replace('{f}', 'log_{s}({x})')}",
    "tt->t",
    vjp=(
        lambda g, x, y: div(mul(g, sub(x, y)), clamp(mul(sub(1.0, x), x), min=1e-12)),
        lambda g, x: mul(g, sub(log1p(neg(x)), log(x))),
    ),
)  # the logarithms are at least -100; the derivative's denominator is at least 1e-12
_BCE_LOGITS = elementwise(
    "binary_cross_entropy_with_logits",
    "({s}(1) - {y}) * {x} + (({z} - {s}(1)) * {y} + {s}(1))"
    " * (log1p_{s}(exp_{s}(-abs({x}))) + select({x} < 0, -{x}, {s}(0)))",
    "ttt->t",
    vjp=(
        lambda g, x, y, z: mul(g, _logits_slope(x, y, z)),
        lambda g, x, z: mul(g, sub(mul(sub(z, 1.0), softplus(neg(x))), x)),
        lambda g, x, y: mul(g, mul(y, softplus(neg(x)))),
    ),
)  # z weighs the positive class
_SOFTPLUS = elementwise(
    "log1p_exp",
    "log1p_{s}(exp_{s}(-abs({x}))) + select({x} < 0, {s}(0), {x})",
    "t->t",
    vjp=(lambda g, x: mul(g, sigmoid(x)),),
)


def _logits_slope(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return (z y + 1 - y) sigmoid(x) - z y."""
    positive = mul(z, y)
    return sub(mul(sub(add(positive, 1.0), y), sigmoid(x)), positive)


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + exp(x)) without overflow."""
    return apply(_SOFTPLUS, x)


@in_float32
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """Return -(target log input + (1 - target) log(1 - input)) with logarithms of at least -100.

    ``input`` holds probabilities; target has its shape and dtype; ``weight`` broadcasts to it. An
    input outside of [0, 1] gives NaN (PyTorch raises). Raises `ShapeError` and `DTypeError`.
    """
    name = "binary_cross_entropy"
    check_floating(name, input=input, target=target)
    check_same_shape(name, input, target)
    check_tensors(name, weight=weight)
    loss = apply(_BCE, *aligned(input, target))
    return reduced(name, loss if weight is None else mul(loss, weight), reduction)


@in_float32
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return the binary cross entropy of sigmoid(input), stable for large inputs.

    ``pos_weight`` (broadcast) scales the loss of positive targets, ``weight`` every element.
    Raises `ShapeError` unless input and target have one shape.

    >>> import dualgraph as dg
    >>> binary_cross_entropy_with_logits(dg.tensor([0.0, 200.0]), dg.tensor([1.0, 0.0]))
    tensor(100.3466)
    """
    name = "binary_cross_entropy_with_logits"
    check_floating(name, input=input, target=target)
    check_same_shape(name, input, target)
    check_tensors(name, weight=weight, pos_weight=pos_weight)
    loss = apply(_BCE_LOGITS, *aligned(input, target, 1.0 if pos_weight is None else pos_weight))
    if loss.value.shape != input.value.shape:
        raise ShapeError(
            f"{name}: pos_weight of shape {getattr(pos_weight, 'shape', ())} does not "
            f"broadcast to the input's {tuple(input.value.shape)}"
        )
    return reduced(name, loss if weight is None else mul(loss, weight), reduction)


@in_float32
def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return log(1 + exp(-target * input)) for targets 1 and -1, without overflow."""
    check_floating("soft_margin_loss", input=input)
    check_tensors("soft_margin_loss", target=target)
    check_same_shape("soft_margin_loss", input, target)
    return reduced("soft_margin_loss", softplus(mul(neg(target), input)), reduction)


@in_float32
def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """Return the binary cross entropy of sigmoid(input), averaged over the last axis, reduced.

    ``input`` and ``target`` are (N, C) or (C,); ``weight`` broadcasts to them.
    """
    name = "multilabel_soft_margin_loss"
    check_floating(name, input=input)
    check_tensors(name, target=target, weight=weight)
    check_reduction(name, reduction)
    loss = add(mul(target, softplus(neg(input))), mul(sub(1, target), softplus(input)))
    loss = loss if weight is None else mul(loss, weight)
    return reduced(name, mean(loss, -1), reduction)
