"""Element-wise ops, forward and backward, over plain numbers and edge values."""

from typing import Any

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph import special
from tests.golden.inputs import edges, flags, leaf, real, whole, with_edges
from tests.golden.program import Mode, Part, Program, Results, families


def calls(space: Any, names: str, operands: str) -> dict[str, Part]:
    """Return the calls of functions by name, each with the same operands of the pool."""

    def part(function: Any) -> Part:
        return lambda p: function(*(getattr(p, o) for o in operands.split()))

    return {name: part(getattr(space, name)) for name in names.split()}


# --- one operand ---------------------------------------------------------------------------------

SMOOTH = calls(
    dg,
    """exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh
    atanh sqrt rsqrt reciprocal square sigmoid erf erfc erfinv sinc""",
    "x",
)
EXACT = {
    **calls(
        dg,
        """abs neg sign sgn positive floor ceil trunc round frac clone relu isnan isinf isfinite
        isposinf isneginf isreal signbit logical_not deg2rad rad2deg nan_to_num fix""",
        "x",
    ),
    "pow(2)": lambda p: p.x**2,
    "pow(3)": lambda p: p.x**3,
    "pow(-1)": lambda p: p.x**-1,
    "pow(0.5)": lambda p: p.x**0.5,
    "rpow": lambda p: 2.0**p.x,
    "add(number)": lambda p: p.x + 0.1,
    "mul(number)": lambda p: 3 * p.x,
    "rsub": lambda p: 1 - p.x,
    "rdiv": lambda p: 1 / p.x,
    "clamp": lambda p: dg.clamp(p.x, -0.5, 1.5),
    "clamp_min": lambda p: dg.clamp_min(p.x, 0.25),
    "clamp_max": lambda p: dg.clamp_max(p.x, 0.25),
    "round(decimals)": lambda p: dg.round(p.x, decimals=1),
    "contiguous": lambda p: p.x.reshape(4, -1).t().contiguous(),
}
ACTIVATIONS = {
    **calls(
        F,
        """relu relu6 leaky_relu elu celu selu gelu silu mish softplus softsign logsigmoid
        hardswish hardsigmoid hardtanh hardshrink softshrink tanhshrink""",
        "x",
    ),
    "gelu(tanh)": lambda p: F.gelu(p.x, approximate="tanh"),
    "prelu": lambda p: F.prelu(p.x, p.slope),
    "threshold": lambda p: F.threshold(p.x, 0.1, 20.0),
    "softplus(beta)": lambda p: F.softplus(p.x, 2.0, 1.0),
    "glu": lambda p: F.glu(p.x.reshape(2, -1), 1),
    "rrelu(eval)": lambda p: F.rrelu(p.x),
}
SPECIAL = {
    **calls(special, "gammaln digamma erfcx ndtr log_ndtr ndtri i0 i0e i1 i1e entr", "x"),
    "polygamma": lambda p: dg.polygamma(1, p.x),
    "mvlgamma": lambda p: dg.mvlgamma(p.x.abs() + 2, 2),
    "logit": lambda p: dg.logit(p.x, 1e-3),
    "zeta": lambda p: special.zeta(p.x.detach().abs() + 1.25, 0.75),
}

# --- two operands and more -----------------------------------------------------------------------

BINARY = {
    **calls(
        dg,
        """add sub mul div pow maximum minimum fmax fmin atan2 hypot copysign
        remainder fmod logaddexp logaddexp2 xlogy float_power rsub""",
        "x y",
    ),
    "floor_divide": lambda p: dg.floor_divide(p.x.detach(), p.y.detach()),
    "heaviside": lambda p: dg.heaviside(p.x.detach(), p.y.detach()),
    "xlog1py": lambda p: special.xlog1py(p.x, p.y),
    "div(floor)": lambda p: dg.div(p.x, p.y, rounding_mode="floor"),
    "div(trunc)": lambda p: dg.div(p.x, p.y, rounding_mode="trunc"),
    "true_divide": lambda p: dg.true_divide(p.x, p.y),
    "lerp": lambda p: dg.lerp(p.x, p.y, 0.25),
    "lerp(tensor)": lambda p: dg.lerp(p.x, p.y, p.z),
    "addcmul": lambda p: dg.addcmul(p.z, p.x, p.y, value=0.5),
    "addcdiv": lambda p: dg.addcdiv(p.z, p.x, p.y, value=0.5),
    "where": lambda p: dg.where(p.m, p.x, p.y),
    "masked_fill": lambda p: dg.masked_fill(p.x, p.m, 0.25),
    "add(alpha)": lambda p: dg.add(p.x, p.y, alpha=3),
    "clamp(tensor)": lambda p: dg.clamp(p.x, p.y, p.z),
    **calls(dg, "eq ne lt le gt ge isclose logical_and logical_or logical_xor", "x y"),
    "broadcast": lambda p: p.x.reshape(-1, 1) * p.y[:5] - p.z[:5],
    "scalar tensor": lambda p: p.x * p.y[0] + p.z[1],
}
INTEGER = {
    **calls(
        dg,
        """add sub mul maximum minimum floor_divide remainder fmod bitwise_and bitwise_or
        bitwise_xor eq lt logical_and div""",
        "i j",
    ),
    **calls(dg, "abs neg sign square bitwise_not logical_not sqrt", "i"),
    "bitwise_left_shift": lambda p: dg.bitwise_left_shift(p.i, p.small),
    "bitwise_right_shift": lambda p: dg.bitwise_right_shift(p.i, p.small),
    "ipow": lambda p: dg.pow(p.i, p.small),
    "div(trunc)": lambda p: dg.div(p.i, p.j, rounding_mode="trunc"),
    "clamp": lambda p: dg.clamp(p.i, 2, 5),
    "where": lambda p: dg.where(p.i > p.j, p.i, p.small),
    "float operand": lambda p: p.i * 0.5 + p.j.to(dg.float64),
}
SECOND = {
    **calls(dg, "exp log1p sin tanh atan sigmoid erf asinh", "u"),
    **calls(F, "gelu silu softplus mish elu logsigmoid", "u"),
    "lgamma": lambda p: dg.lgamma(p.u),
    "ndtri": lambda p: special.ndtri(p.u / 2 + 0.25),
    "pow": lambda p: p.u**p.v,
    "div": lambda p: p.v / p.u,
    "mul": lambda p: p.u * p.v * p.v,
    "hypot": lambda p: dg.hypot(p.u, p.v),
    "matmul": lambda p: p.u.reshape(3, 7) @ p.v.reshape(7, 3),
    "softmax": lambda p: dg.softmax(p.u.reshape(3, 7), 1),
    "prod": lambda p: p.u.reshape(3, 7).prod(0),
    "std": lambda p: p.u.reshape(3, 7).std(1),
    "cumprod": lambda p: p.u.reshape(3, 7).cumprod(1),
}


def unary_pool(dtype: str) -> dict[str, Any]:
    """So many plain numbers that a rounding seen once in a thousand is seen; edges; a slope."""
    return {"x": with_edges(1561, 1, -4, 4, dtype), "slope": leaf((1,), 2, 0.1, 0.4, dtype)}


def binary_pool(dtype: str) -> dict[str, Any]:
    """Plain numbers beside plain ones, and edges beside edges in another order."""
    n = 561 + len(edges(dtype))
    x = with_edges(561, 3, -4, 4, dtype)
    y = dg.cat([real((540,), 4, 0.5, 3.0, dtype), dg.tensor(edges(dtype)).flip(0),
                real((21,), 5, -3.0, 3.0, dtype)])  # fmt: skip
    return {"x": x, "y": y.requires_grad_(), "z": leaf((n,), 6, -1, 1, dtype), "m": flags((n,), 7)}


def integer_pool(dtype: str) -> dict[str, Any]:
    """Small integers with zeros among them, so that nothing wraps by accident alone."""
    low = 0 if dtype == "uint8" else -9
    return {
        "i": whole((45,), 8, low, 100, dtype),
        "j": whole((45,), 9, low, 7, dtype),
        "small": whole((45,), 10, 0, 4, dtype),
    }


DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


def casts(mode: Mode) -> Results:
    """Every pair of dtypes, from values that all of them hold."""
    x = whole((37,), 11, 0, 100)

    def run(x: Any) -> list[Any]:
        held = [x.to(getattr(dg, n)) for n in DTYPES]
        return [[t.to(getattr(dg, n)) for n in DTYPES] for t in held]

    rounded = mode.wrap(lambda x: [x.to(dg.float16), x.to(dg.float32), x.to(dg.float64)])
    halves = real((61,), 12, -70000, 70000, "float64")
    return dict(zip(DTYPES, mode.wrap(run)(x), strict=True)) | {"rounded": rounded(halves)}


def in_place(mode: Mode) -> Results:
    """What in-place forms leave behind, in the memory of a view too."""
    names = ("exp_", "sin_", "tanh_", "sqrt_", "neg_", "sigmoid_", "floor_", "square_", "log1p_")

    def run(x: Any, y: Any) -> list[Any]:
        for name in names:
            getattr(x[:, 1], name)()
            x.mul_(0.5).add_(y, alpha=0.25).clamp_(-3, 3)
        x[1:3, ::2] = y[1:3, ::2] * 2
        x[0] = 0.5
        x.masked_fill_(y > 1.5, 0.125)
        y.copy_(x.t().contiguous().reshape(y.shape))
        return [x.t().contiguous(), y.sub_(1).div_(3).pow_(2)]

    def activate(x: Any) -> Any:
        y = x * 1
        for function in (F.elu_, F.celu_, F.selu_, F.hardtanh_, F.leaky_relu_, F.rrelu_, F.relu_):
            function(y)
            y.add_(x, alpha=0.5)
        return [F.threshold_(y, 0.5, 0.25), *dg.autograd.grad(y.sum(), x)]

    x, y = real((6, 8), 13), real((6, 8), 14)
    return {
        "results": mode.wrap(run)(x, y),
        "arguments": [x, y],
        "activations": mode.wrap(activate)(leaf((23,), 17)),
    }


def twice(part: Part) -> Part:
    """Return the part's gradients for u and v as a part: what is pinned is the second order."""

    def second(p: Any) -> Any:
        y = part(p)
        grads = dg.autograd.grad(y.sum(), (p.u, p.v), create_graph=True, allow_unused=True)
        return [g for g in grads if g is not None]

    return second


PROGRAMS: dict[str, Program] = {
    **families(
        "elementwise.smooth",
        SMOOTH,
        unary_pool,
        float64=SMOOTH,
        float16=("exp", "log1p", "sin", "tanh", "rsqrt", "sigmoid", "erf"),
    ),
    **families(
        "elementwise.exact",
        EXACT,
        unary_pool,
        float64=("round", "frac", "pow(3)", "rpow", "mul(number)"),
        float16=("abs", "round", "trunc", "relu", "pow(2)", "rpow", "add(number)", "clamp"),
    ),
    **families(
        "elementwise.activations",
        ACTIVATIONS,
        unary_pool,
        float64=("gelu", "silu", "softplus", "mish", "hardswish"),
        float16=("gelu(tanh)", "silu", "leaky_relu", "elu", "prelu"),
    ),
    **families("elementwise.special", SPECIAL, unary_pool, float64=SPECIAL),
    **families(
        "elementwise.binary",
        BINARY,
        binary_pool,
        float64=("pow", "atan2", "hypot", "remainder", "fmod", "div(floor)", "logaddexp", "xlogy"),
        float16=("add", "mul", "div", "pow", "maximum", "remainder", "lerp", "where", "addcmul"),
    ),
    **families(
        "elementwise.integer",
        INTEGER,
        integer_pool,
        "int64",
        int32=("add", "mul", "floor_divide", "remainder", "ipow"),
        uint8=("add", "sub", "mul", "floor_divide", "bitwise_left_shift", "ipow", "neg", "div"),
    ),
    **families(
        "elementwise.second",
        {name: twice(part) for name, part in SECOND.items()},
        lambda dtype: {"u": leaf((21,), 15, 0.1, 0.9, dtype), "v": leaf((21,), 16, 0.5, 2, dtype)},
        float64=("exp", "tanh", "softplus", "pow"),
    ),
    "elementwise.casts": casts,
    "elementwise.in place": in_place,
}
