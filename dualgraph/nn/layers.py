"""Layers made of products, and the one that does nothing."""

from math import sqrt
from typing import Any

from ..errors import ShapeError
from ..ops.create.creation import zeros
from . import functional as F, init
from .module import Module
from .parameter import Parameter

Tensor = Any


class Linear(Module):
    """``y = x @ weight.T + bias`` with x of shape (..., in_features).

    ``weight`` (out_features, in_features) and ``bias`` (out_features,) start uniform in
    [-l, l), l = 1 / sqrt(in_features), as PyTorch's. Raises `ShapeError` for another last extent.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> nn.Linear(4, 2)(dg.ones(3, 4)).shape
    (3, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        made = {"dtype": dtype, "device": device}
        self.weight = Parameter(zeros(out_features, in_features, **made))
        self.bias = Parameter(zeros(out_features, **made)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new starting values from the default generator."""
        init.kaiming_uniform_(self.weight, a=sqrt(5))
        if self.bias is not None:
            limit = 1.0 / sqrt(max(self.in_features, 1))
            init.uniform_(self.bias, -limit, limit)

    def forward(self, input: Tensor) -> Tensor:
        """Return the affine map of the last axis."""
        shape = tuple(input.value.shape)
        if shape[-1:] != (self.in_features,):
            raise ShapeError(
                f"Linear: input of shape {shape} does not fit a weight of shape "
                f"{tuple(self.weight.shape)}: the last axis must be {self.in_features}"
            )
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        sizes = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"{sizes}, bias={self.bias is not None}"


class Bilinear(Module):
    """``y_o = x1' W_o x2 + b_o`` with x1 (..., in1_features) and x2 (..., in2_features)."""

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        made = {"dtype": dtype, "device": device}
        self.weight = Parameter(zeros(out_features, in1_features, in2_features, **made))
        self.bias = Parameter(zeros(out_features, **made)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new starting values, uniform in [-l, l), l = 1 / sqrt(in1_features)."""
        limit = 1.0 / sqrt(max(self.in1_features, 1))
        init.uniform_(self.weight, -limit, limit)
        if self.bias is not None:
            init.uniform_(self.bias, -limit, limit)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}"
        return f"{sizes}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """Return the input; whatever the constructor is given is ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input
