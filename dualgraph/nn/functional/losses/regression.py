"""Losses between numbers: squared, absolute, Huber, and negative log-likelihoods."""

from math import log as log_of, pi, prod
from typing import Any

from ....core.dispatch import apply, compose
from ....core.op import NONDIFF, defcomposite
from ....errors import ArgumentError, ShapeError
from ....ops.build import Tensor, aligned, elementwise, in_float32, is_tensor, need
from ....ops.create.creation import full_like
from ....ops.elementwise.elementary import exp, log
from ....ops.elementwise.pointwise import abs, add, clamp, div, eq, le, mul, neg, square, sub, where
from ....ops.reduce.reductions import sum as sum_
from ....ops.shape.views import unsqueeze
from .common import (
    check_pair,
    check_reduction,
    check_tensors,
    reduced,
    weighted,
)


def _mse(x: Tensor, y: Tensor, reduction: str) -> Tensor:
    return reduced("mse_loss", square(sub(x, y)), reduction)


def _mse_vjp(g: Tensor, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    difference = sub(x, y)
    count = max(prod(difference.value.shape), 1) if reduction == "mean" else 1
    return mul(mul(g, 2.0 / count), difference)


_MSE = defcomposite(
    "mse_loss",
    inputs="x y",
    forward=_mse,
    vjp=(
        lambda g, x, y, *, reduction: _mse_vjp(g, x, y, reduction),
        lambda g, x, y, *, reduction: _mse_vjp(g, y, x, reduction),
    ),
)
_HUBER = elementwise(
    "huber",
    "select(abs({x}) < {y}, {s}(0.5) * {x} * {x}, {y} * (abs({x}) - {s}(0.5) * {y}))",
    "tt->t",
    vjp=(lambda g, x, y: mul(g, clamp(x, neg(y), y)), NONDIFF),
)
_FLOOR = elementwise(
    "variance_floor", "select({x} < {y}, {y}, {x})", "tt->t", vjp=(lambda g: g, NONDIFF)
)


@in_float32
def mse_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Return the squared differences: their mean, their sum, or each (``"none"``).

    Shapes that differ are broadcast with a warning. ``weight``, of the input's shape, scales each
    difference; the mean then divides by the sum of the weights.

    >>> import dualgraph as dg
    >>> mse_loss(dg.tensor([1.0, 2.0]), dg.tensor([0.0, 4.0]))
    tensor(2.5000)
    """
    check_pair("mse_loss", input, target)
    if weight is not None:
        return _weighted("mse_loss", square(sub(input, target)), input, weight, reduction)
    x, y = aligned(input, target)
    return compose(_MSE, x, y, reduction=reduction)


@in_float32
def l1_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Return the absolute differences, reduced; arguments as `mse_loss`. The slope at 0 is 0."""
    check_pair("l1_loss", input, target)
    return _weighted("l1_loss", abs(sub(input, target)), input, weight, reduction)


@in_float32
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Return d**2 / 2 for differences d up to ``delta`` and delta (|d| - delta / 2) beyond.

    ``weight``, of the input's shape, scales each loss; the mean divides by the number of elements.
    Source: Huber, "Robust estimation of a location parameter" (1964). Raises `ArgumentError`
    unless ``delta`` is positive.
    """
    check_pair("huber_loss", input, target)
    need(delta > 0, f"huber_loss: delta must be positive, got {delta}")
    loss = apply(_HUBER, *aligned(sub(input, target), float(delta)))
    _check_weight("huber_loss", input, weight)
    return reduced("huber_loss", loss if weight is None else mul(loss, weight), reduction)


@in_float32
def smooth_l1_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Return the Huber loss with ``delta=beta`` divided by beta: slope 1 beyond it.

    ``beta=0`` is the absolute difference. Raises `ArgumentError` for a negative one.
    """
    check_pair("smooth_l1_loss", input, target)
    need(beta >= 0, f"smooth_l1_loss: beta must not be negative, got {beta}")
    difference = sub(input, target)
    if beta == 0:
        return reduced("smooth_l1_loss", abs(difference), reduction)
    loss = div(apply(_HUBER, *aligned(difference, float(beta))), float(beta))
    return reduced("smooth_l1_loss", loss, reduction)


def _weighted(
    name: str, loss: Tensor, input: Tensor, weight: Tensor | None, reduction: str
) -> Tensor:
    _check_weight(name, input, weight)
    return weighted(name, loss, weight, reduction)


def _check_weight(name: str, input: Tensor, weight: Tensor | None) -> None:
    check_tensors(name, weight=weight)
    if weight is not None and tuple(weight.value.shape) != tuple(input.value.shape):
        raise ShapeError(
            f"{name}: weight has shape {tuple(weight.value.shape)}, the input has shape "
            f"{tuple(input.value.shape)}: they must be equal"
        )


# --- likelihoods --------------------------------------------------------------------------------


@in_float32
def kl_div(
    input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """Return target (log target - input), the pointwise Kullback-Leibler divergence.

    ``input`` holds log-probabilities, ``target`` probabilities (log-probabilities when
    ``log_target``). ``reduction="batchmean"`` divides the sum by the first extent, which is the
    divergence as it is defined; ``"mean"`` divides by all elements.
    """
    check_tensors("kl_div", input=input, target=target)
    if log_target:
        loss = mul(exp(target), sub(target, input))
    else:
        loss = sub(_entropy(target), mul(target, input))
    if reduction == "batchmean":
        batch = input.value.shape[0] if input.value.ndim else 1
        return div(sum_(loss), float(batch))
    return reduced("kl_div", loss, reduction)


def _entropy(p: Tensor) -> Tensor:
    """Return p log p, and 0 at 0."""
    zero = eq(p, 0)
    return where(zero, 0.0, mul(p, log(where(zero, 1.0, p))))


@in_float32
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return (log var + (input - target)**2 / var) / 2, with log(2 pi) / 2 when ``full``.

    ``var`` is a number or a tensor of variances in the input's shape, or with the last axis absent
    or of extent 1. It is raised to ``eps`` where it is smaller, without effect on its gradient.
    Source: Nix and Weigend, "Estimating the mean and variance" (1994). A negative variance is an
    error in PyTorch; here it counts as ``eps``, because compiled code cannot look at it.
    """
    check_tensors("gaussian_nll_loss", input=input, target=target)
    check_reduction("gaussian_nll_loss", reduction)
    need(eps > 0, f"gaussian_nll_loss: eps must be positive, got {eps}")
    var = apply(_FLOOR, *aligned(_variance(input, var), float(eps)))
    loss = mul(add(log(var), div(square(sub(input, target)), var)), 0.5)
    if full:
        loss = add(loss, 0.5 * log_of(2.0 * pi))
    return reduced("gaussian_nll_loss", loss, reduction)


def _variance(input: Tensor, var: Any) -> Tensor:
    """Return the variances in a shape that broadcasts along the input's last axis."""
    if not is_tensor(var):
        if var < 0:
            raise ArgumentError(f"gaussian_nll_loss: var is negative: {var}")
        return full_like(input, float(var))
    shape, have = tuple(input.value.shape), tuple(var.value.shape)
    if have == shape:
        return var
    if have == shape[:-1]:
        return unsqueeze(var, -1)
    fits = len(have) == len(shape) and sum(a != b for a, b in zip(have, shape, strict=True)) == 1
    if fits and 1 in [a for a, b in zip(have, shape, strict=True) if a != b]:
        return var
    raise ShapeError(
        f"gaussian_nll_loss: var of shape {have} does not fit an input of shape {shape}: the "
        "same shape, or its last axis absent or of extent 1"
    )


@in_float32
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Return exp(input) - target * input, the Poisson likelihood of counts without its constant.

    With ``log_input=False`` the input is the rate: input - target log(input + eps). ``full`` adds
    Stirling's approximation of log(target!) where the target is above 1.
    """
    check_tensors("poisson_nll_loss", input=input, target=target)
    check_reduction("poisson_nll_loss", reduction)
    if log_input:
        loss = sub(exp(input), mul(target, input))
    else:
        loss = sub(input, mul(target, log(add(input, eps))))
    return reduced("poisson_nll_loss", add(loss, _stirling(target)) if full else loss, reduction)


def _stirling(count: Tensor) -> Tensor:
    """Return n log n - n + log(2 pi n) / 2 above 1, and 0 up to it."""
    small = le(count, 1)
    n = where(small, 1.0, count)
    value = add(sub(mul(n, log(n)), n), mul(log(mul(n, 2.0 * pi)), 0.5))
    return where(small, 0.0, value)
