"""Layers with and without parameters."""

from math import sqrt
from typing import Any

from ..errors import ShapeError, at_user_line
from ..ops.creation import ones, zeros
from ..ops.shape import flatten
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
        self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(zeros(out_features, in_features, dtype=dtype))
        self.bias = Parameter(zeros(out_features, dtype=dtype)) if bias else None
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
                at_user_line(
                    f"Linear: input of shape {shape} does not fit a weight of shape "
                    f"{tuple(self.weight.shape)}: the last axis must be {self.in_features}"
                )
            )
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        sizes = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"{sizes}, bias={self.bias is not None}"


class Identity(Module):
    """Return the input."""

    def forward(self, input: Tensor) -> Tensor:
        return input


class ReLU(Module):
    """max(x, 0) of each element."""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input)


class Tanh(Module):
    """tanh(x) of each element."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class Sigmoid(Module):
    """1 / (1 + exp(-x)) of each element."""

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class GELU(Module):
    """x * Phi(x) of each element; ``approximate="tanh"`` for the approximation."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Flatten(Module):
    """Join the axes from ``start_dim`` to ``end_dim`` into one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class LayerNorm(Module):
    """Normalise the last axes to mean 0 and variance 1, then scale and shift each element."""

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        affine = elementwise_affine
        self.weight = Parameter(ones(self.normalized_shape, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(self.normalized_shape, dtype=dtype)) if affine else None

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = self.weight is not None
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"
