"""Losses as modules; the formulas are in `functional`."""

from typing import Any

from . import functional as F
from .module import Module

Tensor = Any


class MSELoss(Module):
    """The squared difference of two tensors of one shape: mean, sum, or each element."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class CrossEntropyLoss(Module):
    """The negative log-likelihood of int64 classes (N,) under softmax of logits (N, C).

    Options as in `functional.cross_entropy`; ``weight`` becomes a buffer.
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )
