"""Scalar functions against mpmath: error bars, exceptional values, equal bits in every loop."""

import functools
import math
import platform
import re

import mpmath as mp
import numpy as np
import pytest
from numba import njit

from dualgraph.numerics import bessel, elementary, gamma, intrinsics, normal, special
from dualgraph.numerics.scalar import scalar
from dualgraph.targets.cpu.memory import POINTER, STACK
from tests.ops import special_references

SPECIAL = special.SCALARS | gamma.SCALARS | normal.SCALARS | bessel.SCALARS
SCALARS = elementary.SCALARS | SPECIAL
BINARY = {"pow", *special_references.BINARY}
UNARY = sorted({name for name, _ in SCALARS} - BINARY)
SINGLE = {
    "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "log", "log10", "log1p", "log2", "rsqrt",
    "sigmoid", "tanh",
}  # fmt: skip  # computed in float32; the others round a float64 once
DTYPES = ("float32", "float64")
BARS = {"float32": 1.0, "float64": 2.0}
SPECIAL_BAR = 4.0
NAN, INF = float("nan"), float("inf")
PRECISION, LEAST, GREATEST = (
    {"float32": 24, "float64": 53},
    {"float32": -149, "float64": -1074},
    {"float32": 128, "float64": 1024},
)


def bar(name, dtype):
    loose = (name, dtype) in SPECIAL or name in ("sinc", "logaddexp", "logaddexp2")
    return SPECIAL_BAR if loose else BARS[dtype]


# --- running a scalar function -------------------------------------------------------------------


@functools.cache
def loop_of(function, dtype, arity=1):
    """A plain loop over raw pointers, as a fused kernel has it."""
    pointer = POINTER[dtype]

    if arity == 1:

        @njit("void(int64, int64, int64, int64)", error_model="numpy")
        def loop(a, b, out, n):
            x, y = pointer(a), pointer(out)
            for i in range(n):
                y[i] = function(x[i])
    else:

        @njit("void(int64, int64, int64, int64)", error_model="numpy")
        def loop(a, b, out, n):
            x, y, z = pointer(a), pointer(b), pointer(out)
            for i in range(n):
                z[i] = function(x[i], y[i])

    return loop


def evaluate(name, x, y=None):
    """The function ``name`` on arrays, through the vectorised loop."""
    function, arity = SCALARS[name, x.dtype.name], 1 if y is None else 2
    x = np.ascontiguousarray(x)
    y = x if y is None else np.ascontiguousarray(y)
    out = np.empty_like(x)
    loop = loop_of(function, x.dtype.name, arity)
    loop(x.ctypes.data, y.ctypes.data, out.ctypes.data, x.size)
    return out


# --- references ----------------------------------------------------------------------------------


def _log(x, base=None):
    if x == 0:
        return -mp.inf
    if x < 0:
        return mp.nan
    return mp.log(x) if base is None else mp.log(x) / mp.log(base)


def _finite(function):
    return lambda x: mp.nan if mp.isinf(x) else function(x)


def _erfinv(x):
    if abs(x) >= 1:
        return mp.inf * x if abs(x) == 1 else mp.nan
    if abs(x) < mp.mpf(2) ** -60:
        return x * mp.sqrt(mp.pi) / 2
    return mp.erfinv(x)


REFERENCE = {
    "cos": _finite(mp.cos),
    "erf": lambda x: mp.erf(x) if abs(x) < 30 else mp.sign(x),
    "erfc": lambda x: mp.erfc(x) if abs(x) < 30 else mp.mpf(2 if x < 0 else 0),
    "erfinv": _erfinv,
    "exp": mp.exp,
    "exp2": lambda x: mp.mpf(2) ** x,
    "expm1": lambda x: mp.expm1(x) if x < 800 else mp.inf,
    "log": _log,
    "log10": lambda x: _log(x, 10),
    "log1p": lambda x: mp.log1p(x) if x > -1 else _log(x + 1),
    "log2": lambda x: _log(x, 2),
    "rsqrt": lambda x: mp.inf if x == 0 else mp.nan if x < 0 else 1 / mp.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)) if abs(x) < 2000 else mp.mpf(int(x > 0)),
    "sin": _finite(mp.sin),
    "tanh": mp.tanh,
    **special_references.UNARY,
}
# Good to far below a float32's ULP, and fast: for the dense scan.
DOUBLE = {
    "cos": np.cos,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))),
    "sin": np.sin,
    "tan": np.tan,
    "tanh": np.tanh,
}


def ulps(got, exact, dtype):
    """|got - exact| in units of the last place of ``exact``, one by one."""

    def one(value, target):
        if mp.isnan(target) or value != value:
            return 0.0 if mp.isnan(target) and value != value else INF
        top = mp.mpf(2) ** GREATEST[dtype]
        value, target = (max(min(v, top), -top) for v in (mp.mpf(value), target))
        exponent = mp.frexp(target)[1] if target else LEAST[dtype]
        place = max(min(exponent, GREATEST[dtype]) - PRECISION[dtype], LEAST[dtype])
        return float(abs(value - target) / mp.mpf(2) ** place)

    return np.array([one(g, e) for g, e in zip(got.tolist(), exact, strict=True)])


def ulps_float32(got, exact):
    """The same for float32 results against float64 references, in arrays."""
    top = 2.0**128
    with np.errstate(all="ignore"):
        value = np.clip(got.astype(np.float64), -top, top)
        target = np.clip(exact, -top, top)
        place = np.ldexp(1.0, np.maximum(np.frexp(target)[1] - 24, -149))
        distance = np.abs(value - target) / place
    both_nan, one_nan = np.isnan(exact) & np.isnan(got), np.isnan(exact) | np.isnan(got)
    return np.where(one_nan, np.where(both_nan, 0, INF), distance)


def samples(name, dtype, n):
    """Arguments by regimes: ordinary, tiny, large, all bit patterns, around what is delicate."""
    rng = np.random.default_rng(20240607)
    words = rng.integers(0, 2**64, n, dtype=np.uint64)
    parts = [
        rng.normal(size=n) * 3,
        rng.uniform(-1.2, 1.2, n),
        rng.uniform(-1e-3, 1e-3, n),
        rng.uniform(-40, 40, n),
        rng.uniform(-750, 750, n),
        rng.uniform(-1080, 1030, n),
        rng.uniform(0.5, 2, n),
        2.0 ** rng.uniform(-1074, 1023, n),
        2.0 ** rng.uniform(-149, 127, n),
        1 + rng.normal(size=n) * 1e-8,
        -1 + 2.0 ** rng.uniform(-53, 0, n),
        np.nan_to_num(words.view(np.float64)),
    ]
    if name in (
        "sin",
        "cos",
        "tan",
    ):  # next to multiples of pi/2; the last two are the nearest there are
        parts += [np.round(2.0 ** rng.uniform(0, 50, n)) * (np.pi / 2)]
        parts += [np.array([6381956970095103 * 2.0**797, 5319372648326541 * 2.0**416])]
    if name == "erfinv":
        parts = [*parts[1:3], parts[-2], np.tanh(parts[0]), 2.0 ** rng.uniform(-1074, 0, n)]
    parts += [rng.uniform(low, high, count * n) for low, high, count in REGIMES.get(name, ())]
    if name == "acosh":
        parts += [1 + 2.0 ** rng.uniform(-52, 3, 4 * n)]
    with np.errstate(over="ignore"):
        x = np.concatenate(parts).astype(dtype)
    low, high = LIMITS.get(name, (-INF, INF))
    return x[(x >= low) & (x <= high)]


GAMMA = ((0, 10, 4), (-6, 0, 4), (0.9, 2.1, 1), (-0.6, 0.1, 1))
NORMAL = ((-40, 0, 1), (-9, 9, 3))
BESSEL = ((-12, 12, 4), (0, 40, 1))
REGIMES = {
    "asin": ((-1, 1, 4),), "acos": ((-1, 1, 4),), "atanh": ((-1, 1, 4),), "logit": ((0, 1, 6),),
    "ndtri": ((0, 1, 6),), "sinc": ((-4, 4, 2),), "erfcx": ((-27, 3, 3),), "acosh": ((1, 4, 2),),
    "lgamma": GAMMA, "digamma": GAMMA, "trigamma": GAMMA, "ndtr": NORMAL, "log_ndtr": NORMAL,
    "i0": BESSEL, "i0e": BESSEL, "i1": BESSEL, "i1e": BESSEL,
}  # fmt: skip  # (low, high, how many times n more arguments)
SLOWER = {"trigamma": 4, "zeta": 4}  # mpmath needs 2 ms for one: fewer arguments, by this factor
LIMITS = dict.fromkeys(("lgamma", "digamma", "trigamma"), (-10000000000.0, INF))
LIMITS |= dict.fromkeys(("i0", "i1"), (-715.0, 715.0))  # mpmath takes its time beyond


def next_to_a_zero(name, x, exact):
    """The zeros of lgamma and digamma between the poles: the error is absolute there."""
    if name not in ("lgamma", "digamma"):
        return np.zeros(x.shape, bool)
    return (x < 0) & (np.abs(np.array(exact, dtype=float)) < 1)


@pytest.fixture(autouse=True)
def _precision():
    with mp.workprec(180), np.errstate(all="ignore"):
        yield


# --- accuracy ------------------------------------------------------------------------------------


def worst(name, dtype, n=120):
    """The largest error of a function of one argument and where it occurs."""
    x = samples(name, dtype, n // SLOWER.get(name, 1))
    got = evaluate(name, x)
    exact = [REFERENCE[name](mp.mpf(v)) if v == v else mp.nan for v in x.tolist()]
    errors = ulps(got, exact, dtype)
    # 1/sqrt(-0) is -inf; a real-valued reference does not see the sign of zero
    errors[(x == 0) | next_to_a_zero(name, x, exact)] = 0
    at = int(np.argmax(errors))
    return float(errors[at]), float(x[at])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_error_bar_against_mpmath(name, dtype):
    error, at = worst(name, dtype)
    assert error <= bar(name, dtype), f"{name}({at!r})"


def scan_float32(name, stride):
    """The largest error over every stride-th of all 2^32 float32 numbers."""
    words = np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32)
    x = words.view(np.float32)
    if name in DOUBLE:
        exact = DOUBLE[name](x.astype(np.float64))
    else:  # the float64 functions are tested above, and their error is 2^-29 of a float32 ULP
        exact = evaluate(name, x.astype(np.float64))
    errors = ulps_float32(evaluate(name, x), exact)
    at = int(np.argmax(errors))
    return float(errors[at]), float(x[at])


@pytest.mark.parametrize("name", sorted({*SINGLE, "sin", "cos", "tan"}))
def test_error_bar_over_all_of_float32(name):
    error, at = scan_float32(name, stride=997)
    assert error <= bar(name, "float32"), f"{name}({at!r})"


def power_samples(dtype, n):
    rng = np.random.default_rng(7)
    big = 220.0 if dtype == "float32" else 1800.0
    pairs = [
        (np.abs(rng.normal(size=n)), rng.normal(size=n) * 5),
        (2.0 ** rng.uniform(-1074, 1023, n), rng.uniform(-1.1, 1.1, n)),
        (2.0 ** rng.uniform(-149, 127, n), rng.uniform(-1.1, 1.1, n)),
        (1 + rng.normal(size=n) * 1e-5, rng.normal(size=n) * 3e6),
        (rng.uniform(0.6, 1.6, n), rng.uniform(-big, big, n)),
        (1 + rng.normal(size=n) * 1e-14, rng.normal(size=n) * 1e16),
    ]
    x, y = (np.concatenate(column).astype(dtype) for column in zip(*pairs, strict=True))
    keep = (x > 0) & np.isfinite(x)
    return x[keep], y[keep]


def worst_power(dtype, n=250):
    x, y = power_samples(dtype, n)
    exact = [mp.mpf(a) ** mp.mpf(b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    errors = ulps(evaluate("pow", x, y), exact, dtype)
    at = int(np.argmax(errors))
    return float(errors[at]), (float(x[at]), float(y[at]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_error_bar_of_pow(dtype):
    error, at = worst_power(dtype)
    assert error <= BARS[dtype], f"pow{at!r}"


def pairs(name, dtype, n):
    """Arguments of the functions of two."""
    rng = np.random.default_rng(11)
    x = [rng.normal(size=n) * 3, 2.0 ** rng.uniform(-1074, 1023, n), rng.uniform(-1, 1, n)]
    y = [rng.normal(size=n) * 3, 2.0 ** rng.uniform(-1074, 1023, n), rng.uniform(-30, 30, n)]
    if name == "zeta":
        x = [rng.integers(2, 30, n), rng.integers(2, 8, n), rng.uniform(1.01, 40, n)]
        y = [2.0 ** rng.uniform(-20, 30, n), rng.uniform(-40, 0, n), rng.uniform(0, 30, n)]
    if name.startswith("logaddexp"):  # the zeros lie where the operands are negative
        x, y = [np.abs(v) for v in x], [np.abs(v) for v in y]
    with np.errstate(over="ignore"):
        a, b = (np.concatenate(column).astype(dtype) for column in (x, y))
    keep = np.isfinite(a) & np.isfinite(b)
    return a[keep], b[keep]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(special_references.BINARY))
def test_error_bar_of_functions_of_two(name, dtype):
    x, y = pairs(name, dtype, 150 // SLOWER.get(name, 1))
    reference = special_references.BINARY[name]
    exact = [reference(mp.mpf(a), mp.mpf(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    errors = ulps(evaluate(name, x, y), exact, dtype)
    if name == "zeta":  # odd orders have zeros halfway between the poles
        errors[(y < 0) & (np.abs(y - np.floor(y) - 0.5) < 0.1)] = 0
    at = int(np.argmax(errors))
    assert errors[at] <= bar(name, dtype), f"{name}({x[at]!r}, {y[at]!r})"


# --- exceptional values --------------------------------------------------------------------------

AT = (0.0, -0.0, INF, -INF, NAN)
EXCEPTIONAL = {
    "acos": (math.pi / 2, math.pi / 2, NAN, NAN, NAN),
    "acosh": (NAN, NAN, INF, NAN, NAN),
    "asin": (0.0, -0.0, NAN, NAN, NAN),
    "asinh": (0.0, -0.0, INF, -INF, NAN),
    "atan": (0.0, -0.0, math.pi / 2, -math.pi / 2, NAN),
    "atanh": (0.0, -0.0, NAN, NAN, NAN),
    "cos": (1.0, 1.0, NAN, NAN, NAN),
    "cosh": (1.0, 1.0, INF, INF, NAN),
    "digamma": (-INF, INF, INF, NAN, NAN),
    "erf": (0.0, -0.0, 1.0, -1.0, NAN),
    "erfc": (1.0, 1.0, 0.0, 2.0, NAN),
    "erfcx": (1.0, 1.0, 0.0, INF, NAN),
    "erfinv": (0.0, -0.0, NAN, NAN, NAN),
    "exp": (1.0, 1.0, INF, 0.0, NAN),
    "exp2": (1.0, 1.0, INF, 0.0, NAN),
    "expm1": (0.0, -0.0, INF, -1.0, NAN),
    "i0": (1.0, 1.0, INF, INF, NAN),
    "i0e": (1.0, 1.0, 0.0, 0.0, NAN),
    "i1": (0.0, -0.0, INF, -INF, NAN),
    "i1e": (0.0, -0.0, 0.0, -0.0, NAN),
    "lgamma": (INF, INF, INF, INF, NAN),
    "log": (-INF, -INF, INF, NAN, NAN),
    "log10": (-INF, -INF, INF, NAN, NAN),
    "log1p": (0.0, -0.0, INF, NAN, NAN),
    "log2": (-INF, -INF, INF, NAN, NAN),
    "log_ndtr": (-math.log(2), -math.log(2), -0.0, -INF, NAN),
    "logit": (-INF, -INF, NAN, NAN, NAN),
    "ndtr": (0.5, 0.5, 1.0, 0.0, NAN),
    "ndtri": (-INF, -INF, NAN, NAN, NAN),
    "rsqrt": (INF, -INF, 0.0, NAN, NAN),
    "sigmoid": (0.5, 0.5, 1.0, 0.0, NAN),
    "sin": (0.0, -0.0, NAN, NAN, NAN),
    "sinc": (1.0, 1.0, NAN, NAN, NAN),
    "sinh": (0.0, -0.0, INF, -INF, NAN),
    "tan": (0.0, -0.0, NAN, NAN, NAN),
    "tanh": (0.0, -0.0, 1.0, -1.0, NAN),
    "trigamma": (INF, INF, 0.0, NAN, NAN),
}
EXACT = [
    ("exp2", [-3.0, 10.0, 0.5 - 0.5, 127.0], [0.125, 1024.0, 1.0, 2.0**127]),
    ("log2", [0.125, 1.0, 1024.0, 2.0**-149], [-3.0, 0.0, 10.0, -149.0]),
    ("log", [1.0, -1.0, -(2.0**-149)], [0.0, NAN, NAN]),
    ("log10", [1.0, 10.0, 1000.0], [0.0, 1.0, 3.0]),
    ("log1p", [-1.0, -2.0], [-INF, NAN]),
    ("rsqrt", [4.0, 0.25, 2.0**-148, -1.0], [0.5, 2.0, 2.0**74, NAN]),
    ("erfinv", [1.0, -1.0, 2.0, -1.5], [INF, -INF, NAN, NAN]),
    ("acos", [1.0, 1.5, -1.5], [0.0, NAN, NAN]),
    ("asin", [1.5, -1.5], [NAN, NAN]),
    ("acosh", [1.0, 0.75, -2.0], [0.0, NAN, NAN]),
    ("atanh", [1.0, -1.0, 1.5, -2.0], [INF, -INF, NAN, NAN]),
    ("logit", [0.5, 1.0, 1.5, -0.25], [0.0, INF, NAN, NAN]),
    ("ndtri", [0.5, 1.0, 1.5, -0.25], [0.0, INF, NAN, NAN]),
    ("sinc", [1.0, -2.0, 3.0, 0.5], [0.0, 0.0, 0.0, 2 / math.pi]),
    ("lgamma", [1.0, 2.0, -1.0, -2.0], [0.0, 0.0, INF, INF]),
    ("digamma", [-1.0, -2.0], [NAN, NAN]),
    ("trigamma", [-1.0, -2.0], [INF, INF]),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_exceptional_values(name, dtype):
    np.testing.assert_array_equal(
        same_zero(evaluate(name, np.array(AT, dtype))),
        same_zero(np.array(EXCEPTIONAL[name], dtype)),
    )


def same_zero(x):
    """Make the sign of zero visible to a comparison, and all NaN alike."""
    return [f"{v!r}" for v in x.tolist()]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "x", "y"), EXACT)
def test_exact_values(name, x, y, dtype):
    assert same_zero(evaluate(name, np.array(x, dtype))) == same_zero(np.array(y, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "tanh", "expm1", "log1p", "tan", "asin", "atan",
                                  "sinh", "asinh", "atanh"])  # fmt: skip
def test_subnormals_are_their_own_image(name, dtype):
    x = np.array([1, 2, 3, 1000, -1, -77], dtype) * np.finfo(dtype).smallest_subnormal
    assert evaluate(name, x).tobytes() == x.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_pow_follows_c99(dtype):
    values = [0.0, 1, 2, 3, 0.5, 2.5, 4, 1e30, INF, 5e-324, 1e-40]
    grid = np.array([*values, *[-v for v in values], NAN], dtype)
    x, y = (a.ravel().copy() for a in np.meshgrid(grid, grid))
    got = evaluate("pow", x, y)
    want = np.power(x.astype(np.float64), y.astype(np.float64)).astype(dtype)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    finite = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got[finite]), np.signbit(want[finite]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["atan2", "hypot"])
def test_points_follow_c99(name, dtype):
    """Signs of zeros, infinities, NaN, and what would over- or underflow when squared."""
    top, tiny = np.finfo(dtype).max / 2, np.finfo(dtype).tiny
    values = np.array([0.0, 1.0, 3.0, top, tiny, tiny / 8, INF], dtype)
    grid = np.concatenate([values, -values, np.array([NAN], dtype)])
    x, y = (a.ravel().copy() for a in np.meshgrid(grid, grid))
    got, function = evaluate(name, x, y), {"atan2": np.arctan2, "hypot": np.hypot}[name]
    want = function(x, y)
    np.testing.assert_allclose(got, want, rtol=2 * np.finfo(dtype).eps)
    there = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got[there]), np.signbit(want[there]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["logaddexp", "logaddexp2"])
def test_sums_of_exponentials_at_infinity(name, dtype):
    values = np.array([0.0, -INF, INF, NAN], dtype)
    x, y = (a.ravel().copy() for a in np.meshgrid(values, values))
    want = {"logaddexp": np.logaddexp, "logaddexp2": np.logaddexp2}[name](x, y)
    np.testing.assert_allclose(evaluate(name, x, y), want, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zeta_where_it_has_no_value(dtype):
    cases = [(1, 2, INF), (0.5, 2, NAN), (2, 0, INF), (3, -2, INF), (2.5, -0.5, NAN),
             (3, INF, 0), (3, NAN, NAN), (NAN, 1, NAN)]  # fmt: skip
    x, y, want = (np.array(column, dtype) for column in zip(*cases, strict=True))
    np.testing.assert_array_equal(evaluate("zeta", x, y), want)


# --- equal bits, whatever the loop ---------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({name for name, _ in SCALARS}))
def test_vector_and_scalar_code_give_equal_bits(name, dtype):
    """Element by element (the loop's scalar remainder) and at once (its vectors)."""
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(size=200) * 3, 2.0 ** rng.uniform(-149, 127, 100), AT])
    x = x.astype(dtype)
    y = np.roll(x, 7) if name in BINARY else None
    whole = evaluate(name, x, y)
    single = [evaluate(name, x[i : i + 1], None if y is None else y[i : i + 1]) for i in range(305)]
    np.testing.assert_array_equal(whole, np.concatenate(single))
    np.testing.assert_array_equal(
        np.signbit(whole)[whole == 0], np.signbit(np.concatenate(single))[whole == 0]
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({name for name, _ in SCALARS}))
def test_loop_is_vectorised_and_calls_nothing(name, dtype):
    loop = loop_of(SCALARS[name, dtype], dtype, 2 if name in BINARY else 1)
    (assembly,) = loop.inspect_asm().values()
    libm = r"\b(?:exp\w*|log\w*|a?(?:sin|cos|tan)h?|atan2|pow|erfc?|[lt]gamma|hypot|fma|rint)f?\b"
    assert not re.search(rf"(?:call\w*|movabs\w*|bl)\s.*{libm}", assembly)
    # zeta sums a dozen powers in a loop of its own, which vectors would not make faster
    if platform.machine() in ("x86_64", "AMD64") and name != "zeta":
        kind = "ps" if dtype == "float32" and name in SINGLE else "pd"
        assert re.search(rf"vfn?m(?:add|sub)\d+{kind}\s.*%[yz]mm", assembly)


def test_fastmath_of_a_caller_does_not_leak_into_the_function():
    @scalar
    def residue(a, b):
        return (a + b) - a

    @njit("float64(float64, float64)", fastmath=True)
    def fast(a, b):
        return residue(a, b)

    @njit("float64(float64, float64)")
    def exact(a, b):
        return residue(a, b)

    assert fast(1e30, 1.0) == exact(1e30, 1.0) == 0.0


def test_every_function_has_both_precisions_and_a_reference():
    names = {name for name, _ in SCALARS}
    assert set(SCALARS) == {(name, dtype) for name in names for dtype in DTYPES}
    assert set(REFERENCE) == set(EXCEPTIONAL) == set(UNARY)


def test_calling_from_python_is_a_named_error():
    with pytest.raises(TypeError, match="compiled code only"):
        elementary.exp_f4(np.float32(1))


# --- intrinsics ----------------------------------------------------------------------------------


def test_pointers_and_stack_buffers():
    reals, flags, stack = POINTER["float32"], POINTER["bool"], STACK["float64"]

    @njit(error_model="numpy")
    def kernel(a, b, n):
        x, positive, scratch = reals(a), flags(b), stack(8)
        for i in range(n):
            scratch[i] = x[i]
        for i in range(n):
            positive[i] = np.uint8(scratch[i] > 0)

    x = np.array([1, -1, 0, 2, -3, NAN, INF, -INF], np.float32)
    out = np.zeros(8, bool)
    kernel(x.ctypes.data, out.ctypes.data, 8)
    np.testing.assert_array_equal(out, x > 0)


def test_instructions_keep_types_and_bits():
    fma, horner, select = intrinsics.fma, intrinsics.horner, intrinsics.select
    bits_f4, from_bits_f4 = intrinsics.bits_f4, intrinsics.from_bits_f4
    iadd, ishl, rint = intrinsics.iadd, intrinsics.ishl, intrinsics.rint
    coefficients = (np.float32(1), np.float32(2), np.float32(3))

    @njit
    def kernel(x, y):
        word = bits_f4(x)
        return (
            fma(y, y, -(y * y)),
            horner(x, coefficients),
            select(x > y, x, y),
            from_bits_f4(iadd(word, ishl(iadd(word, -word), 3))),
            rint(x),
        )

    y = np.float64(1 + 2**-30)
    residue, polynomial, larger, same, nearest = kernel(np.float32(2.5), np.float32(2.25))
    assert (polynomial, larger, same, nearest) == (24.75, 2.5, 2.5, 2.0)
    assert kernel.nopython_signatures[0].return_type.types[0].name == "float32"
    assert residue == 0
    assert njit(lambda y: fma(y, y, -(y * y)))(y) == 2.0**-60


@pytest.mark.parametrize("size", [1, 2, 3, 31])
def test_table_of_selects(size):
    values = np.arange(size) * 1.5
    table = intrinsics.table_of("test", values)
    look_up = njit(lambda i: table(i))
    assert [look_up(i) for i in range(size)] == values.tolist()
