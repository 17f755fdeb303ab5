"""Dropout layers; the functions are in `functional.dropout`."""

from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError
from . import functional as F
from .module import Module

Tensor = Any


class _Dropout(Module):
    """What the layers share: the probability, and the function that they call."""

    function: Callable[..., Tensor]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ArgumentError(f"{type(self).__name__}: p must lie in [0, 1], got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """While training, zero elements with probability p and scale the others by 1 / (1 - p)."""

    function = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """While training, zero whole channels of (N, C, L) with probability p."""

    function = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """While training, zero whole channels of (N, C, H, W) with probability p."""

    function = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """While training, zero whole channels of (N, C, D, H, W) with probability p."""

    function = staticmethod(F.dropout3d)


class AlphaDropout(_Dropout):
    """Dropout that keeps the mean and the variance of what SELU gives."""

    function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels."""

    function = staticmethod(F.feature_alpha_dropout)
