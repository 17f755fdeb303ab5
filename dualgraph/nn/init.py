"""Starting values of parameters, drawn from the default generator, with PyTorch's formulas.

Every function overwrites its tensor in place, records nothing, and returns the tensor. What a
``generator`` of one's own is for the rest of the package, it is here.
"""

from collections.abc import Callable
from math import erf, sqrt
from typing import Any

import numpy as np

from ..eager.construct import tensor as make_tensor
from ..eager.modes import no_grad
from ..errors import ShapeError
from ..linalg import qr
from ..ops.build import need
from ..ops.create.creation import rand, randn
from ..ops.create.ranges import eye
from ..ops.elementwise.pointwise import add, clamp, mul, sign
from ..ops.elementwise.special import erfinv
from ..ops.random.distributions import randperm
from ..ops.shape.diagonals import diag
from ..ops.shape.views import reshape, t

Tensor = Any

# after which the variance of activations is kept: He et al. 2015, and PyTorch's table
_GAINS: dict[str, Callable[[float], float]] = {
    **{name: lambda slope: 1.0 for name in ("linear", "sigmoid")},
    **{f"conv{n}d": lambda slope: 1.0 for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": lambda slope: 1.0 for n in (1, 2, 3)},
    "tanh": lambda slope: 5.0 / 3,
    "relu": lambda slope: sqrt(2.0),
    "leaky_relu": lambda slope: sqrt(2.0 / (1 + slope**2)),
    "selu": lambda slope: 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much to widen the starting values before an activation.

    ``param`` is the negative slope of ``"leaky_relu"``.

    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    need(nonlinearity in _GAINS, f"calculate_gain knows {', '.join(_GAINS)}, not {nonlinearity!r}")
    return _GAINS[nonlinearity](0.01 if param is None else param)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Overwrite with uniform numbers in [a, b) and return the tensor."""
    need(a <= b, f"uniform_: there is nothing in [{a}, {b})")
    draw = rand(tensor.value.shape, dtype=tensor.value.dtype, generator=generator)
    return _overwrite(tensor, add(mul(draw, b - a), a))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Overwrite with normal numbers and return the tensor."""
    draw = randn(tensor.value.shape, dtype=tensor.value.dtype, generator=generator)
    return _overwrite(tensor, add(mul(draw, std), mean))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Overwrite with normal numbers, given that they lie in [a, b]: the inverse distribution."""
    low, high = (erf((edge - mean) / std / sqrt(2.0)) for edge in (a, b))
    draw = rand(tensor.value.shape, dtype=tensor.value.dtype, generator=generator)
    normal = erfinv(add(mul(draw, high - low), low))
    return _overwrite(tensor, clamp(add(mul(normal, std * sqrt(2.0)), mean), a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Overwrite every element with one number and return the tensor."""
    return _overwrite(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Overwrite with zeros and return the tensor."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Overwrite with ones and return the tensor."""
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """Overwrite a matrix with ones on the diagonal and zeros elsewhere."""
    _need_axes("eye_", tensor, (2,))
    return _overwrite(tensor, eye(*tensor.value.shape, dtype=tensor.value.dtype))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Overwrite the weight of a convolution so that it keeps as many channels as it can.

    Raises `ShapeError` unless it has 3 to 5 axes, `ArgumentError` unless the groups divide axis 0.
    """
    _need_axes("dirac_", tensor, (3, 4, 5))
    shape = tuple(tensor.value.shape)
    need(shape[0] % groups == 0, f"dirac_: {shape[0]} channels do not make {groups} groups")
    values = np.zeros(shape, tensor.value.dtype)
    centre = tuple(n // 2 for n in shape[2:])
    each = shape[0] // groups
    for channel in range(min(each, shape[1])):
        values[(slice(channel, None, each), channel, *centre)] = 1
    return _overwrite(tensor, make_tensor(values))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Overwrite with numbers in [-l, l), l = gain sqrt(6 / (fan_in + fan_out)) (Glorot 2010)."""
    limit = gain * sqrt(6.0 / max(sum(fans(tensor)), 1))
    return uniform_(tensor, -limit, limit, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Overwrite with normal numbers of deviation gain sqrt(2 / (fan_in + fan_out))."""
    return normal_(tensor, 0.0, gain * sqrt(2.0 / max(sum(fans(tensor)), 1)), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Overwrite with numbers in [-l, l), l = gain sqrt(3 / fan) (He et al. 2015).

    ``a`` is the negative slope of the rectifier that follows; `Linear` uses sqrt(5), which makes
    l = 1 / sqrt(fan_in). Raises `ShapeError` for fewer than two axes.
    """
    limit = sqrt(3.0) * _kaiming(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -limit, limit, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Overwrite with normal numbers of deviation gain / sqrt(fan) (He et al. 2015)."""
    return normal_(tensor, 0.0, _kaiming(tensor, a, mode, nonlinearity), generator)


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    need(mode in ("fan_in", "fan_out"), f"mode is fan_in or fan_out, not {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / sqrt(max(fan, 1))


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Overwrite with orthonormal rows or columns (whichever are fewer), times ``gain``.

    Axes behind the first count as one. Source: Saxe et al. 2013; the signs make it uniform.
    """
    fans(tensor)
    shape = tuple(tensor.value.shape)
    rows, columns = shape[0], int(np.prod(shape[1:]))
    if not rows * columns:
        return tensor
    dtype = tensor.value.dtype
    tall = randn(max(rows, columns), min(rows, columns), dtype=dtype, generator=generator)
    q, r = qr(tall)
    q = mul(q, sign(diag(r)))
    return _overwrite(tensor, mul(reshape(t(q) if rows < columns else q, shape), gain))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Overwrite a matrix with normal numbers, a part ``sparsity`` of each column zero.

    Source: Martens 2010.
    """
    _need_axes("sparse_", tensor, (2,))
    rows, columns = tensor.value.shape
    none = int(np.ceil(sparsity * rows))
    kept = np.ones((rows, columns), tensor.value.dtype)
    for column in range(columns):
        kept[randperm(rows, generator=generator).numpy()[:none], column] = 0
    normal_(tensor, 0.0, std, generator)
    return _overwrite(tensor, mul(tensor.detach(), make_tensor(kept)))


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight of shape (out, in, ...)."""
    shape = tuple(tensor.value.shape)
    if len(shape) < 2:
        raise ShapeError(f"fan in and out need two axes or more, got shape {shape}")
    field = 1
    for extent in shape[2:]:
        field *= extent
    return shape[1] * field, shape[0] * field


def _need_axes(name: str, tensor: Tensor, counts: tuple[int, ...]) -> None:
    shape = tuple(tensor.value.shape)
    if len(shape) not in counts:
        wanted = " or ".join(map(str, counts))
        raise ShapeError(f"{name}: expected {wanted} axes, got shape {shape}")


def _overwrite(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        return tensor.copy_(values)
