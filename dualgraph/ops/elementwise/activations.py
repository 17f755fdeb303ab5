"""Gates: activations that weigh the input by a function of itself; see also `rectifiers`.

Each is one record with one expression, so that eager runs one loop; derivatives at kinks are
PyTorch's.
"""

from math import pi, sqrt
from typing import Any

from ...core.dispatch import apply
from ...core.op import NONDIFF
from ...errors import ShapeError
from ..build import (
    Tensor,
    as_dtype,
    as_floating,
    changed,
    elementwise,
    in_float32,
    need,
    need_floating,
    normal_axis,
)
from ..public import NETWORK, Surface, public
from ..reduce.rowwise import softmax
from ..shape.views import narrow
from .elementary import erfc, exp, sigmoid, tanh
from .pointwise import (
    abs as abs_,
    add,
    div,
    ge,
    gt,
    le,
    logical_and,
    lt,
    mul,
    neg,
    square,
    sub,
    where,
)

# --- smooth gates -------------------------------------------------------------------------------

_ROOT_HALF, _ROOT_TWO_OVER_PI = sqrt(0.5), sqrt(2.0 / pi)
_PEAK = 1.0 / sqrt(2.0 * pi)  # of the normal density
_GELU = elementwise(
    "gelu",
    f"{{x}} * ({{s}}(0.5) * erfc_{{s}}({{x}} * {{s}}({-_ROOT_HALF!r})))",
    "t->t",
    vjp=(lambda g, x: mul(g, _gelu_slope(x)),),
)
_INNER = f"({{x}} + {{x}} * {{x}} * {{x}} * {{s}}(0.044715)) * {{s}}({2 * _ROOT_TWO_OVER_PI!r})"
_GELU_TANH = elementwise(
    "gelu_tanh",
    f"{{x}} * sigmoid_{{s}}({_INNER})",
    "t->t",
    vjp=(lambda g, x: mul(g, _gelu_tanh_slope(x)),),
)  # (1 + tanh u)/2 = sigmoid(2 u), which does not cancel below 0
_SILU = elementwise(
    "silu", "{x} * sigmoid_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, _silu_slope(x)),)
)
_MISH = elementwise(
    "mish",
    "{x} * tanh_{s}(log1p_{s}(exp_{s}({x})))",
    "t->t",
    vjp=(lambda g, x: mul(g, _mish_slope(x)),),
)
_SOFTPLUS = elementwise(
    "softplus",
    "select({x} * {y} > {z}, {x}, log1p_{s}(exp_{s}({x} * {y})) / {y})",
    "ttt->t",
    vjp=(
        lambda g, x, y, z: where(gt(mul(x, y), z), g, mul(g, sigmoid(mul(x, y)))),
        NONDIFF,
        NONDIFF,
    ),
)
_LOGSIGMOID = elementwise(
    "logsigmoid",
    "-(log1p_{s}(exp_{s}(-abs({x}))) - select({x} > 0, {s}(0), {x}))",
    "t->t",
    vjp=(lambda g, x: mul(g, sigmoid(neg(x))),),
)  # min(x, 0) - log(1 + e**-|x|), which neither over- nor underflows


def _gelu_slope(x: Tensor) -> Tensor:
    """Return Phi(x) + x phi(x)."""
    area = mul(erfc(mul(x, -_ROOT_HALF)), 0.5)
    return add(area, mul(mul(x, exp(mul(square(x), -0.5))), _PEAK))


def _gelu_tanh_slope(x: Tensor) -> Tensor:
    """Return s + x s (1 - s) u', s = sigmoid(u), u = 2 sqrt(2/pi) (x + 0.044715 x**3)."""
    squared = square(x)
    inner = mul(add(x, mul(mul(squared, x), 0.044715)), 2 * _ROOT_TWO_OVER_PI)
    s = sigmoid(inner)
    slope = mul(add(mul(squared, 3 * 0.044715), 1.0), 2 * _ROOT_TWO_OVER_PI)
    return add(s, mul(mul(mul(x, s), sub(1.0, s)), slope))


def _silu_slope(x: Tensor) -> Tensor:
    """Return s (1 + x (1 - s)), s = sigmoid(x)."""
    s = sigmoid(x)
    return mul(s, add(mul(x, sub(1.0, s)), 1.0))


def _mish_slope(x: Tensor) -> Tensor:
    """Return t + x s (1 - t**2), t = tanh(softplus(x)), s = sigmoid(x)."""
    t = tanh(softplus(x))
    return add(t, mul(mul(x, sigmoid(x)), sub(1.0, square(t))))


@public(NETWORK)
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016).

    ``approximate="tanh"`` takes x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))).
    """
    need(approximate in ("none", "tanh"), f"gelu: approximate is none or tanh, not {approximate!r}")
    need_floating("gelu", input)
    return apply(_GELU if approximate == "none" else _GELU_TANH, input)


@public(NETWORK)
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * sigmoid(x), also called swish."""
    if inplace:
        return changed(input, silu)
    need_floating("silu", input)
    return apply(_SILU, input)


@public(NETWORK)
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * tanh(softplus(x)) (Misra 2019)."""
    if inplace:
        return changed(input, mish)
    need_floating("mish", input)
    return apply(_MISH, input)


@public(NETWORK)
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ``log(1 + e**(beta * x)) / beta``, and x where ``beta * x`` is above the threshold."""
    need_floating("softplus", input)
    dtype = input.value.dtype
    return apply(_SOFTPLUS, input, as_dtype(beta, dtype), as_dtype(threshold, dtype))


@public(NETWORK)
def logsigmoid(input: Tensor) -> Tensor:
    """Return log(sigmoid(x)) without cancellation."""
    need_floating("logsigmoid", input)
    return apply(_LOGSIGMOID, input)


@public(NETWORK)
@in_float32
def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + abs(x)); integers become float32."""
    return div(input, add(abs_(input), 1))


@public(NETWORK)
@in_float32
def tanhshrink(input: Tensor) -> Tensor:
    """Return x - tanh(x); integers become float32."""
    x = as_floating(input)
    return sub(x, tanh(x))


@public(NETWORK)
def softmin(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return softmax of the negated input along one axis."""
    return softmax(neg(input), dim, dtype)


@public(NETWORK)
@in_float32
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return a * sigmoid(b), a and b the halves of an axis of even extent (Dauphin et al. 2017)."""
    need_floating("glu", input)
    axis = normal_axis(dim, input.value.ndim)
    extent = input.value.shape[axis] if input.value.ndim else 1
    if extent % 2:
        raise ShapeError(f"glu: dim {dim} has extent {extent}, which cannot be halved")
    half = extent // 2
    return mul(narrow(input, axis, 0, half), sigmoid(narrow(input, axis, half, half)))


# --- piecewise linear gates ---------------------------------------------------------------------

_HARDSWISH = elementwise(
    "hardswish",
    "{x} * select({x} < {s}(-3), {s}(0), select({x} > {s}(3), {s}(6), {x} + {s}(3))) / {s}(6)",
    "t->t",
    vjp=(lambda g, x: _hardswish_vjp(g, x),),
)
_HARDSIGMOID = elementwise(
    "hardsigmoid",
    "select({x} < {s}(-3), {s}(0), select({x} > {s}(3), {s}(6), {x} + {s}(3))) / {s}(6)",
    "t->t",
    vjp=(lambda g, x: where(logical_and(gt(x, -3), lt(x, 3)), div(g, 6.0), 0.0),),
)
_HARDSHRINK = elementwise(
    "hardshrink",
    "select(({x} >= -{y}) & ({x} <= {y}), {s}(0), {x})",
    "tt->t",
    vjp=(lambda g, x, y: _outside(g, x, y), NONDIFF),
)
_SOFTSHRINK = elementwise(
    "softshrink",
    "select({x} > {y}, {x} - {y}, select({x} < -{y}, {x} + {y}, {x} * {s}(0)))",
    "tt->t",
    vjp=(lambda g, x, y: _outside(g, x, y), NONDIFF),
)


def _hardswish_vjp(g: Tensor, x: Tensor) -> Tensor:
    inner = where(lt(x, 3), mul(g, add(div(x, 3.0), 0.5)), g)
    return where(le(x, -3), 0.0, inner)


def _outside(g: Tensor, x: Tensor, limit: Tensor) -> Tensor:
    return where(logical_and(ge(x, neg(limit)), le(x, limit)), 0.0, g)


@public(NETWORK)
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * relu6(x + 3) / 6 (Howard et al. 2019)."""
    if inplace:
        return changed(input, hardswish)
    need_floating("hardswish", input)
    return apply(_HARDSWISH, input)


@public(NETWORK)
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return relu6(x + 3) / 6."""
    if inplace:
        return changed(input, hardsigmoid)
    need_floating("hardsigmoid", input)
    return apply(_HARDSIGMOID, input)


@public(Surface(also=("nn.functional.hardshrink",), in_place=False))
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return the input, and 0 where it lies in [-lambd, lambd]."""
    need_floating("hardshrink", input)
    return apply(_HARDSHRINK, input, as_dtype(lambd, input.value.dtype))


@public(NETWORK)
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return the input moved by lambd towards 0, and 0 where it lies in [-lambd, lambd]."""
    need(lambd >= 0, f"softshrink: lambd must not be negative, got {lambd}")
    need_floating("softshrink", input)
    return apply(_SOFTSHRINK, input, as_dtype(lambd, input.value.dtype))
