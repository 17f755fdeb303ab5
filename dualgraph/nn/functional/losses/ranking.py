"""Losses that compare: hinge, ranking, triplet and cosine embedding."""

from collections.abc import Callable
from math import inf

from ....errors import ShapeError
from ....ops.build import Tensor, in_float32, need
from ....ops.elementwise.elementary import pow, sqrt
from ....ops.elementwise.pointwise import (
    abs,
    add,
    clamp,
    div,
    eq,
    minimum,
    mul,
    ne,
    neg,
    square,
    sub,
    where,
)
from ....ops.reduce.reductions import amax, sum as sum_
from .common import check_floating, check_reduction, check_tensors, reduced

_TINY = 1e-12  # keeps the norms of `cosine_embedding_loss` from zero, as in PyTorch


@in_float32
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, *, reduction: str = "mean"
) -> Tensor:
    """Return the input where the target is 1, and max(0, margin - input) where it is -1."""
    check_floating("hinge_embedding_loss", input=input)
    check_tensors("hinge_embedding_loss", target=target)
    apart = where(ne(target, 1), clamp(sub(margin, input), min=0), 0.0)
    near = where(ne(target, -1), input, 0.0)
    return reduced("hinge_embedding_loss", add(apart, near), reduction)


@in_float32
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, margin - target * (input1 - input2)): target 1 wants the first larger.

    Raises `ShapeError` unless the three have equal ranks.
    """
    name = "margin_ranking_loss"
    check_floating(name, input1=input1, input2=input2)
    check_tensors(name, target=target)
    _check_ranks(name, input1, input2, target)
    loss = clamp(add(mul(neg(target), sub(input1, input2)), margin), min=0)
    return reduced(name, loss, reduction)


@in_float32
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, margin + d(anchor, positive) - d(anchor, negative)), d the p-norm distance.

    Distances run along the last axis, ``eps`` is added to each difference. With ``swap`` the
    distance of positive and negative counts where it is smaller than the anchor's. Source: Balntas
    et al., "Learning shallow convolutional feature descriptors with triplet losses" (2016).
    """
    name = "triplet_margin_loss"
    need(margin > 0, f"{name}: margin must be positive, got {margin}")

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return _distance(x, y, p, eps)

    return _triplet(name, anchor, positive, negative, distance, margin, swap, reduction)


@in_float32
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return the triplet loss under any distance of two tensors; the 2-norm's when none is given.

    Arguments as `triplet_margin_loss`.
    """
    name = "triplet_margin_with_distance_loss"
    need(margin > 0, f"{name}: margin must be positive, got {margin}")
    distance = distance_function or (lambda x, y: _distance(x, y, 2, 1e-6))
    return _triplet(name, anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    name: str,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    check_floating(name, anchor=anchor, positive=positive, negative=negative)
    _check_ranks(name, anchor, positive, negative)
    check_reduction(name, reduction)
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(name, clamp(add(sub(near, far), margin), min=0), reduction)


def _distance(x: Tensor, y: Tensor, p: float, eps: float) -> Tensor:
    """Return the p-norm of x - y + eps along the last axis; its slope at 0 is 0."""
    apart = abs(add(sub(x, y), eps))
    if p == inf:
        return amax(apart, -1)
    if p == 1:
        return sum_(apart, -1)
    total = sum_(square(apart) if p == 2 else pow(apart, p), -1)
    zero = eq(total, 0)
    safe = where(zero, 1.0, total)
    return where(zero, 0.0, sqrt(safe) if p == 2 else pow(safe, 1.0 / p))


@in_float32
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Return 1 - cos(input1, input2) for target 1, and max(0, cos - margin) for target -1.

    Inputs are (N, D) with targets (N,), or (D,) with a target ().
    """
    name = "cosine_embedding_loss"
    check_floating(name, input1=input1, input2=input2)
    check_tensors(name, target=target)
    if target.value.ndim > 1 or input1.value.ndim != target.value.ndim + 1:
        raise ShapeError(
            f"{name}: targets of shape {tuple(target.value.shape)} do not fit inputs of shape "
            f"{tuple(input1.value.shape)}: expected (N,) and (N, D), or () and (D,)"
        )
    norms = mul(*(add(sum_(square(x), -1), _TINY) for x in (input1, input2)))
    cosine = div(sum_(mul(input1, input2), -1), sqrt(norms))
    like = where(eq(target, 1), sub(1.0, cosine), 0.0)
    unlike = where(eq(target, -1), clamp(sub(cosine, margin), min=0), 0.0)
    return reduced(name, add(like, unlike), reduction)


def _check_ranks(name: str, *tensors: Tensor) -> None:
    shapes = [tuple(t.value.shape) for t in tensors]
    if len({len(shape) for shape in shapes}) > 1:
        said = ", ".join(map(str, shapes))
        raise ShapeError(f"{name}: the ranks of the shapes {said} must be equal")
