"""Rectifiers: activations made of linear pieces and of an exponential below zero.

The parameters of a record (slopes, bounds) are 0-d literals, which the compiler makes arguments of
the fused kernel. Derivatives at kinks are PyTorch's. ``inplace=True`` goes through the in-place
form and returns the input.
"""

from typing import Any

from ...core.dispatch import apply
from ...core.op import NONDIFF
from ...errors import ShapeError
from ..build import (
    Tensor,
    as_dtype,
    as_operand,
    changed,
    elementwise,
    in_float32,
    need,
    need_floating,
    refuse_bools,
)
from ..create.creation import rand_like
from ..public import NETWORK, Surface, as_function, public
from ..shape.views import reshape
from .elementary import exp, relu
from .pointwise import add, ge, gt, le, logical_or, mul, where

_PRELU = elementwise(
    "prelu",
    "select({x} > 0, {x}, {x} * {y})",
    "tt->t",
    vjp=(
        lambda g, x, y: where(gt(x, 0), g, mul(g, y)),
        lambda g, x: where(gt(x, 0), 0.0, mul(g, x)),
    ),
)
_ELU = elementwise(
    "elu",
    "select({x} <= 0, expm1_{s}({x} * {z}) * {y}, {x})",
    "ttt->t",
    vjp=(lambda g, x, y, z: _elu_vjp(g, x, mul(y, z), z), NONDIFF, NONDIFF),
)
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
_SELU = elementwise(
    "selu",
    f"select({{x}} <= 0, expm1_{{s}}({{x}}) * {{s}}({_SELU_ALPHA * _SELU_SCALE!r}), "
    f"{{x}} * {{s}}({_SELU_SCALE!r}))",
    "t->t",
    vjp=(lambda g, x: _elu_vjp(mul(g, _SELU_SCALE), x, _SELU_ALPHA, 1.0),),
)
_HARDTANH = elementwise(
    "hardtanh",
    "select({x} < {y}, {y}, select({x} > {z}, {z}, {x}))",
    "ttt->t",
    vjp=(lambda g, x, y, z: where(logical_or(le(x, y), ge(x, z)), 0.0, g), NONDIFF, NONDIFF),
)
_THRESHOLD = elementwise(
    "threshold",
    "select({x} <= {y}, {z}, {x})",
    "ttt->t",
    vjp=(lambda g, x, y: where(le(x, y), 0.0, g), NONDIFF, NONDIFF),
)


def _elu_vjp(g: Tensor, x: Tensor, slope: Any, rate: Any) -> Tensor:
    """Return g * slope * e**(rate * x) up to 0, and g above, where e**x might overflow."""
    below = le(x, 0)
    return where(below, mul(mul(g, slope), exp(mul(where(below, x, 0.0), rate))), g)


@public(NETWORK)
@in_float32
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return the input, times ``negative_slope`` where it is not positive."""
    if inplace:
        return changed(input, lambda x: leaky_relu(x, negative_slope))
    need_floating("leaky_relu", input)
    return apply(_PRELU, input, as_dtype(negative_slope, input.value.dtype))


@public(Surface(also=("nn.functional.prelu",), in_place=False))
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return the input, times a learned slope where it is not positive (He et al. 2015).

    ``weight`` has one element, or one for each channel (axis 1 of the input).
    """
    need_floating("prelu", input)
    need_floating("prelu", weight)
    shape, count = tuple(input.value.shape), weight.value.size
    channels = shape[1] if len(shape) > 1 else 1
    if count not in (1, channels) or weight.value.ndim > 1:
        raise ShapeError(
            f"prelu: a weight of shape {tuple(weight.value.shape)} does not fit an input of "
            f"shape {shape}: expected (1,) or ({channels},)"
        )
    slopes = (1, -1, *(1,) * (len(shape) - 2)) if count > 1 else ()
    return apply(_PRELU, input, reshape(as_dtype(weight, input.value.dtype), slopes))


@public(as_function("nn.functional.rrelu"))
@in_float32
def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Return the input, times a random slope in [lower, upper) where it is not positive.

    When not training the slope is the mean of both. Slopes come from the default generator.
    """
    if inplace:
        return changed(input, lambda x: rrelu(x, lower, upper, training))
    need_floating("rrelu", input)
    need(lower <= upper, f"rrelu: lower {lower} is above upper {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    return apply(_PRELU, input, add(mul(rand_like(input), upper - lower), lower))


@public(NETWORK)
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x above 0 and ``alpha * (e**x - 1)`` below (Clevert et al. 2016)."""
    if inplace:
        return changed(input, lambda x: elu(x, alpha))
    return _elu("elu", input, alpha, 1.0)


@public(as_function("nn.functional.celu"))
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x above 0 and ``alpha * (e**(x/alpha) - 1)`` below (Barron 2017)."""
    if inplace:
        return changed(input, lambda x: celu(x, alpha))
    need(alpha != 0, "celu: alpha must not be 0")
    return _elu("celu", input, alpha, 1.0 / alpha)


def _elu(name: str, x: Tensor, alpha: float, rate: float) -> Tensor:
    need_floating(name, x)
    dtype = x.value.dtype
    return apply(_ELU, x, as_dtype(alpha, dtype), as_dtype(rate, dtype))


@public(as_function("nn.functional.selu"))
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return elu with the two constants that keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    if inplace:
        return changed(input, selu)
    need_floating("selu", input)
    return apply(_SELU, input)


@public(NETWORK)
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """Return the input limited to [min_val, max_val]; the derivative on the bounds is 0."""
    if inplace:
        return changed(input, lambda x: hardtanh(x, min_val, max_val))
    need(min_val <= max_val, f"hardtanh: min_val {min_val} is above max_val {max_val}")
    return _bounded("hardtanh", input, min_val, max_val)


@public(NETWORK)
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the input limited to [0, 6]."""
    return changed(input, relu6) if inplace else _bounded("relu6", input, 0, 6)


def _bounded(name: str, input: Tensor, low: float, high: float) -> Tensor:
    x = as_operand(input)
    refuse_bools(name, "cast it first", x)
    dtype = x.value.dtype
    return apply(_HARDTANH, x, as_dtype(low, dtype), as_dtype(high, dtype))


@public(as_function("nn.functional.threshold"))
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return the input where it is above the threshold, and ``value`` elsewhere."""
    return _above(input, threshold, value, inplace)


def _above(input: Tensor, limit: float, value: float, inplace: bool = False) -> Tensor:
    """Do `threshold`, whose first parameter has its name."""
    if inplace:
        return changed(input, lambda x: _above(x, limit, value))
    x = as_operand(input)
    refuse_bools("threshold", "cast it first", x)
    dtype = x.value.dtype
    return apply(_THRESHOLD, x, as_dtype(limit, dtype), as_dtype(value, dtype))


# --- in-place forms -----------------------------------------------------------------------------


@public(as_function("nn.functional.relu_"))
def relu_(input: Tensor) -> Tensor:
    """Do `relu` in place and return the input."""
    return relu(input, inplace=True)


@public(NETWORK)
def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Do `leaky_relu` in place and return the input."""
    return leaky_relu(input, negative_slope, inplace=True)


@public(as_function("nn.functional.rrelu_"))
def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """Do `rrelu` in place and return the input."""
    return rrelu(input, lower, upper, training, inplace=True)


@public(NETWORK)
def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Do `elu` in place and return the input."""
    return elu(input, alpha, inplace=True)


@public(as_function("nn.functional.celu_"))
def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Do `celu` in place and return the input."""
    return celu(input, alpha, inplace=True)


@public(as_function("nn.functional.selu_"))
def selu_(input: Tensor) -> Tensor:
    """Do `selu` in place and return the input."""
    return selu(input, inplace=True)


@public(NETWORK)
def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Do `hardtanh` in place and return the input."""
    return hardtanh(input, min_val, max_val, inplace=True)


@public(as_function("nn.functional.threshold_"))
def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """Do `threshold` in place and return the input."""
    return _above(input, threshold, value, inplace=True)
