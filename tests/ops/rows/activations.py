"""Rows of the activations of ``nn.functional``."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops import references as ref
from tests.ops.op_row import FLOATS, NUMBERS, Row, Sample, of, s

FEW = (s((3, 4)), s(()), s((0,)), s(of((3, 4), "columns")))
F = "nn.functional."


def linear(name: str, reference: Callable[..., Any], *samples: Sample, **more: Any) -> Row:
    """Return the row of an activation made of linear pieces: exact."""
    return Row(name, (*FEW, *samples), reference, edges=True, twice=False, **more)


def curved(name: str, reference: Callable[..., Any], *samples: Sample, **more: Any) -> Row:
    """Return the row of an activation with exponentials, whose reference computes in float64."""
    return Row(
        name,
        (*FEW, *samples),
        reference,
        edges=True,
        wide=more.pop("wide", True),
        ulps=(4, 8),
        why="an elementary function within 1 ULP, and a few roundings of sums and products",
        **more,
    )


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + e**-x) without overflow."""
    return np.where(x > 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))


def weighed(gate: Callable[..., Any]) -> Callable[..., Any]:
    """Return x times a gate that is rounded first."""
    return lambda x: x * gate(x.astype(np.float64)).astype(x.dtype)


def softplus(x: np.ndarray, beta: float = 1.0, threshold: float = 20.0) -> np.ndarray:
    """Return log(1 + e**(beta x)) / beta."""
    return np.where(x * beta > threshold, x, np.log1p(np.exp(x * beta)) / beta)


def elu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """Return alpha (e**x - 1) below 0."""
    return np.where(x <= 0, np.expm1(x) * alpha, x)


def celu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """Return alpha (e**(x/alpha) - 1) below 0."""
    return np.where(x <= 0, np.expm1(x / alpha) * alpha, x)


def selu(x: np.ndarray) -> np.ndarray:
    """Return the scaled elu."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def leaky(x: np.ndarray, negative_slope: float = 0.01) -> np.ndarray:
    """Scale what is not positive."""
    return np.where(x > 0, x, x * x.dtype.type(negative_slope))


def prelu(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Scale what is not positive, by channel."""
    slopes = weight.reshape((1, -1) + (1,) * (x.ndim - 2)) if x.ndim > 1 else weight.reshape(())
    return np.where(x > 0, x, x * slopes).reshape(x.shape)


def limited(x: np.ndarray, min_val: float = -1.0, max_val: float = 1.0) -> np.ndarray:
    """Limit on both sides; NaN stays."""
    return np.clip(x, x.dtype.type(min_val), x.dtype.type(max_val))


def six(x: np.ndarray) -> np.ndarray:
    """Return relu6(x + 3)."""
    low, high = x.dtype.type(0), x.dtype.type(6)
    return np.where(x < -3, low, np.where(x > 3, high, x + x.dtype.type(3)))


def softshrink(x: np.ndarray, lambd: float = 0.5) -> np.ndarray:
    """Move towards zero; what becomes zero keeps its sign."""
    by = x.dtype.type(lambd)
    return np.where(x > by, x - by, np.where(x < -by, x + by, x * x.dtype.type(0)))


def gelu(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    """Return x Phi(x), by erfc."""
    if approximate == "tanh":
        return x * sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return x * 0.5 * ref.elementwise(math.erfc)(x * -math.sqrt(0.5))


def glu(x: np.ndarray, dim: int = -1) -> np.ndarray:
    """Weigh one half by the other."""
    a, b = np.split(x, 2, dim)
    return a * sigmoid(b)


LINEAR = (
    linear(F + "relu6", lambda x: limited(x, 0, 6), dtypes=NUMBERS, domain=(-3, 9)),
    linear(
        F + "hardtanh",
        limited,
        s((37,), min_val=-0.5, max_val=0.25, only=FLOATS),
        s((37,), min_val=0, max_val=1, only=("uint8",)),
        dtypes=(*FLOATS, "int64"),
    ),
    linear(F + "leaky_relu", leaky, s((37,), negative_slope=0.3)),
    linear(F + "hardsigmoid", lambda x: six(x) / x.dtype.type(6), domain=(-5, 5)),
    linear(F + "hardswish", lambda x: x * six(x) / x.dtype.type(6), domain=(-5, 5)),
    linear(
        "hardshrink",
        lambda x, lambd=0.5: np.where(np.abs(x) <= x.dtype.type(lambd), x.dtype.type(0), x),
        s((37,), lambd=1.0),
    ),
    linear(F + "softshrink", softshrink, s((37,), lambd=1.0)),
    Row(
        "threshold",
        (
            s((3, 4), threshold=0.5, value=2.0, only=FLOATS),
            s((37,), threshold=0, value=-1, only=(*FLOATS, "int64")),
            s(of((3, 4), "columns"), threshold=1, value=7),
        ),
        lambda x, threshold, value: np.where(x <= threshold, x.dtype.type(value), x),
        dtypes=NUMBERS,
        edges=True,
        twice=False,
    ),
    Row(
        "prelu",
        (
            s((3, 4), (4,)),
            s((2, 3, 4), (3,)),
            s((5,), (1,)),
            s(of((3, 4), "columns"), of((4,), "steps")),
        ),
        prelu,
    ),
    Row(
        "rrelu",
        FEW,
        lambda x: leaky(x, (1 / 8 + 1 / 3) / 2),
        twice=False,
    ),
)
CURVED = (
    curved(F + "elu", elu, s((37,), alpha=0.5)),
    curved("celu", celu, s((37,), alpha=2.0)),
    curved("selu", selu),
    curved(F + "gelu", gelu, s((37,), approximate="tanh")),
    curved(F + "silu", weighed(sigmoid), wide=False),
    curved(F + "mish", weighed(lambda x: np.tanh(softplus(x, threshold=700.0))), wide=False),
    curved(F + "softplus", softplus, s((37,), beta=2.0, threshold=1.0)),
    curved(F + "softsign", lambda x: x / (1 + np.abs(x))),
    curved(F + "logsigmoid", lambda x: -(np.log1p(np.exp(-np.abs(x))) - np.minimum(x, 0))),
)
PAIRED = (
    Row(
        F + "tanhshrink",
        FEW,
        lambda x: x - np.tanh(x),
        wide=True,
        ulps=(4, 8),
        scaled=True,
        why="near 0 the difference cancels, as in PyTorch",
    ),
    Row(
        F + "glu",
        (s((3, 4)), s((4, 3), dim=0), s(of((3, 4, 2), "columns"), dim=1)),
        glu,
        wide=True,
        ulps=(4, 8),
        why="sigmoid is within 1 ULP, the product rounds",
    ),
    Row(
        F + "softmin",
        (s((3, 4), dim=1),),
        lambda x, dim: ref.softmax_reference(-x, dim),
        wide=True,
        ulps=(32, 64),
        why="as softmax",
    ),
)


def in_place(name: str, reference: Callable[..., Any], **static: Any) -> Row:
    """Return the row of an in-place form, called on a copy."""
    last = name.rpartition(".")[2]

    def call(api: Any, x: Any, **kw: Any) -> Any:
        owner = api.nn.functional if name.startswith(F) else api
        return getattr(owner, last)(x.clone(), **kw)

    return Row(
        name,
        (s((3, 4), **static),),
        reference,
        call=call,
        wide=True,
        ulps=(4, 8),
        why="an elementary function within 1 ULP, and a few roundings",
        twice=False,
    )


IN_PLACE = (
    in_place("relu_", lambda x: np.maximum(x, 0)),
    in_place("celu_", celu, alpha=2.0),
    in_place("selu_", selu),
    in_place("rrelu_", lambda x: leaky(x, (1 / 8 + 1 / 3) / 2)),
    in_place(
        "threshold_",
        lambda x, threshold, value: np.where(x <= 0.5, 2.0, x),
        threshold=0.5,
        value=2.0,
    ),
    in_place(F + "elu_", elu, alpha=0.5),
    in_place(F + "leaky_relu_", leaky, negative_slope=0.3),
    in_place(F + "hardtanh_", limited, min_val=-0.5, max_val=0.25),
)

ROWS: tuple[Row, ...] = (*LINEAR, *CURVED, *PAIRED, *IN_PLACE)
