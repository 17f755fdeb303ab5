"""The cross entropy of a linear layer's outputs."""

from math import prod

from ....errors import ShapeError
from ....ops.build import Tensor, need, need_tensors
from ....ops.contract.matmul import linear
from ....ops.shape.views import reshape
from .classes import cross_entropy


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: None = None,
) -> Tensor:
    """Return `cross_entropy` of the classes that a linear map gives.

    Shapes: input (in,) or (N, in), linear_weight (C, in) or (C, d1, ..., in), linear_bias without
    the last of them; target as `cross_entropy` has it for logits (N, C, d1, ...). ``options`` of
    chunks do not exist: nothing but None is taken.
    """
    need_tensors("linear_cross_entropy", input, linear_weight, target)
    need(options is None, "linear_cross_entropy: there is one way to compute it: options=None")
    x, w = input.shape, linear_weight.shape
    bias = w[:-1] if linear_bias is None else linear_bias.shape
    fits = len(x) in (1, 2) and len(w) >= 2 and x[-1] == w[-1] and tuple(bias) == tuple(w[:-1])
    if not fits or (len(w) > 2 and len(x) == 1):
        raise ShapeError(
            f"linear_cross_entropy: input {tuple(x)}, linear_weight {tuple(w)} and linear_bias "
            f"{tuple(bias)} do not fit: expected (N, in), (C, ..., in) and (C, ...)"
        )
    logits_shape = (*x[:-1], *w[:-1])
    soft = tuple(target.value.shape) == logits_shape
    need(
        not soft or ignore_index is None,
        "linear_cross_entropy: ignore_index is for class indices, not for probabilities",
    )
    count = prod(w[:-1])
    flat = None if linear_bias is None else reshape(linear_bias, (count,))
    logits = linear(input, reshape(linear_weight, (count, w[-1])), flat)
    return cross_entropy(
        reshape(logits, logits_shape),
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
