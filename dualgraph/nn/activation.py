"""Activations as modules: each row names its function, its options and what is printed."""

from typing import Any

from ..ops.build import need
from ..ops.create.creation import full
from . import functional as F, init as fill
from .formula import REQUIRED, Formula, table
from .module import Module
from .parameter import Parameter

Tensor = Any


class ReLU(Formula):
    """max(x, 0) of each element."""

    function = staticmethod(F.relu)
    options = table(inplace=False)


class ReLU6(Formula):
    """The input limited to [0, 6]."""

    function = staticmethod(F.relu6)
    options = table(inplace=False)


class Hardtanh(Formula):
    """The input limited to [min_val, max_val]."""

    function = staticmethod(F.hardtanh)
    options = table(min_val=-1.0, max_val=1.0, inplace=False)
    shown = "min_val={min_val}, max_val={max_val}"

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        low, high = options["min_val"], options["max_val"]
        need(low < high, f"Hardtanh: min_val {low} must be below max_val {high}")
        return options


class LeakyReLU(Formula):
    """x, or ``negative_slope`` x below zero."""

    function = staticmethod(F.leaky_relu)
    options = table(negative_slope=0.01, inplace=False)
    shown = "negative_slope={negative_slope}"


class RReLU(Formula):
    """`LeakyReLU` with slopes drawn from [lower, upper) while training, else their mean."""

    function = staticmethod(F.rrelu)
    options = table(lower=1.0 / 8, upper=1.0 / 3, inplace=False)
    shown = "lower={lower}, upper={upper}"

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class Threshold(Formula):
    """x where it is above ``threshold``, else ``value``."""

    function = staticmethod(F.threshold)
    options = table(threshold=REQUIRED, value=REQUIRED, inplace=False)
    shown = "threshold={threshold}, value={value}"


class ELU(Formula):
    """x, or alpha (exp(x) - 1) below zero."""

    function = staticmethod(F.elu)
    options = table(alpha=1.0, inplace=False)
    shown = "alpha={alpha}"


class CELU(Formula):
    """x, or alpha (exp(x / alpha) - 1) below zero."""

    function = staticmethod(F.celu)
    options = table(alpha=1.0, inplace=False)
    shown = "alpha={alpha}"


class SELU(Formula):
    """A scaled `ELU` that keeps mean 0 and variance 1."""

    function = staticmethod(F.selu)
    options = table(inplace=False)


class GELU(Formula):
    """x * Phi(x) of each element; ``approximate="tanh"`` for the approximation."""

    function = staticmethod(F.gelu)
    options = table(approximate="none")
    shown = "approximate={approximate!r}"


class SiLU(Formula):
    """x * sigmoid(x) of each element."""

    function = staticmethod(F.silu)
    options = table(inplace=False)


class Mish(Formula):
    """x * tanh(softplus(x)) of each element."""

    function = staticmethod(F.mish)
    options = table(inplace=False)


class Tanh(Formula):
    """tanh(x) of each element."""

    function = staticmethod(F.tanh)


class Sigmoid(Formula):
    """1 / (1 + exp(-x)) of each element."""

    function = staticmethod(F.sigmoid)


class _Quiet(Formula):
    """A row that never prints its options."""

    options = table(inplace=False)

    def extra_repr(self) -> str:
        return ""


class Hardsigmoid(_Quiet):
    """relu6(x + 3) / 6 of each element."""

    function = staticmethod(F.hardsigmoid)


class Hardswish(_Quiet):
    """x * relu6(x + 3) / 6 of each element."""

    function = staticmethod(F.hardswish)


class LogSigmoid(Formula):
    """log(sigmoid(x)) of each element."""

    function = staticmethod(F.logsigmoid)


class Softplus(Formula):
    """log(1 + exp(beta x)) / beta, and x where beta x is above the threshold."""

    function = staticmethod(F.softplus)
    options = table(beta=1.0, threshold=20.0)
    shown = "beta={beta}, threshold={threshold}"


class Softsign(Formula):
    """x / (1 + abs(x)) of each element."""

    function = staticmethod(F.softsign)


class Softshrink(Formula):
    """The input moved by ``lambd`` towards 0."""

    function = staticmethod(F.softshrink)
    options = table(lambd=0.5)
    shown = "{lambd}"


class Hardshrink(Formula):
    """The input, and 0 where it lies in [-lambd, lambd]."""

    function = staticmethod(F.hardshrink)
    options = table(lambd=0.5)
    shown = "{lambd}"


class Tanhshrink(Formula):
    """x - tanh(x) of each element."""

    function = staticmethod(F.tanhshrink)


class GLU(Formula):
    """a * sigmoid(b), a and b the halves of an axis."""

    function = staticmethod(F.glu)
    options = table(dim=-1)
    shown = "dim={dim}"


class _Normalizer(Formula):
    """A function along an axis; ``dim=None`` is 0 for 0, 1 or 3 dimensions, else 1."""

    options = table(dim=None)
    shown = "dim={dim}"

    def forward(self, input: Tensor) -> Tensor:
        dim = int(input.value.ndim not in (0, 1, 3)) if self.dim is None else self.dim
        return type(self).function(input, dim)


class Softmax(_Normalizer):
    """exp(x) / sum(exp(x)) along an axis."""

    function = staticmethod(F.softmax)


class LogSoftmax(_Normalizer):
    """log(softmax(x)) along an axis."""

    function = staticmethod(F.log_softmax)


class Softmin(_Normalizer):
    """softmax(-x) along an axis."""

    function = staticmethod(F.softmin)


class Softmax2d(Formula):
    """Softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, -3)


class PReLU(Module):
    """x, or ``weight`` x below zero; one weight, or one for each channel (axis 1)."""

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), init, dtype=dtype, device=device))

    def reset_parameters(self) -> None:
        """Put the weights back to ``init``."""
        fill.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
