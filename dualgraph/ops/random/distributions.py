"""Random numbers of other kinds, made from the uniform and normal streams or drawn by routines."""

from math import pi
from typing import Any

import numpy as np

from ...core.dispatch import apply, literal, state
from ...core.op import NONDIFF, defop
from ...core.types import Aval, bool_, float32, float64, int64, numpy_dtype
from ...errors import DTypeError, ShapeError
from ...numerics.facts.routine import Routine
from ..arguments import check_options, need_int
from ..build import Tensor, as_dtype, as_number, is_tensor, need, need_tensor, sizes
from ..create.creation import bernoulli, default_generator, fresh, indexed, rand, randn
from ..elementwise.elementary import cos, exp, floor, log1p, sin
from ..elementwise.pointwise import add, div, mul, neg, sub

_BELOW = indexed("randint", "below_i8({i}, {x}, {y}, {z})", "counter seed range")
_POISSON = indexed("poisson", "poisson_{s}({i}, {x}, {y}, {z})", "counter seed rate")


def _drawn(generator: Any) -> tuple[Tensor, Tensor]:
    return (generator or default_generator()).draw()


# --- integers -----------------------------------------------------------------------------------


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return integers in [low, high), int64 unless a dtype is named: ``randint(high, size)`` too.

    Raises `ArgumentError` when there is no integer between the bounds.
    """
    check_options("randint", device, options)
    if isinstance(high, tuple | list):
        high, size = None, high
    if high is None:
        low, high = 0, low
    need(size is not None, "randint: give a size, as in randint(low, high, (2, 3))")
    wanted = int64 if dtype is None else numpy_dtype(dtype)
    out = fresh(as_dtype(_integers(low, high, sizes((size,)), generator), wanted))
    return out.requires_grad_() if requires_grad else out


def _integers(low: Any, high: Any, shape: tuple[int, ...], generator: Any) -> Tensor:
    first, last = need_int("randint", "low", low), need_int("randint", "high", high)
    need(first < last, f"randint: expects low < high, got low={first} and high={last}")
    if min(shape, default=0) < 0:
        raise ShapeError(f"a new tensor cannot have the negative extent in {shape}")
    word = (last - first + 2**63) % 2**64 - 2**63  # the bits of an unsigned word
    counter, seed = _drawn(generator)
    out = apply(_BELOW, counter, seed, literal(word, int64), shape=shape, dtype=int64)
    return add(out, literal(first, int64)) if first else out


def randint_like(
    input: Tensor, low: int, high: Any = None, *, dtype: Any = None, **options: Any
) -> Tensor:
    """Return integers in [low, high) in the input's shape and (unless named) dtype."""
    shape = need_tensor("randint_like", input).value.shape
    bounds = (low, high) if high is not None else (0, low)
    return randint(*bounds, shape, dtype=dtype or input.value.dtype, **options)


_PERMUTATION = defop(
    "randperm",
    inputs="counter seed",
    infer=lambda counter, seed, n: Aval((n,), int64),
    lower=Routine("randperm"),
    vjp=(NONDIFF, NONDIFF),
)


def randperm(
    n: int,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return the integers below n in random order, int64 unless a dtype is named."""
    check_options("randperm", device, options)
    need(need_int("randperm", "n", n) >= 0, f"randperm: n must not be negative, got {n}")
    out = apply(_PERMUTATION, *_drawn(generator), n=int(n))
    out = as_dtype(out, int64 if dtype is None else numpy_dtype(dtype))
    return out.requires_grad_() if requires_grad else out


def _infer_choose(p: Any, counter: Any, seed: Any, many: int, replacement: bool) -> Aval:
    return Aval((p.shape[0], many), int64)


_CHOOSE = defop(
    "multinomial",
    inputs="p counter seed",
    infer=_infer_choose,
    lower=Routine("multinomial"),
    vjp=(NONDIFF, NONDIFF, NONDIFF),
)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Tensor:
    """Return categories (int64) drawn with the weights in the last axis of a vector or matrix.

    The weights need not add up to 1. Weights that are negative, infinite, NaN, or all 0 raise
    `ArgumentError`; while a function is traced they are not looked at.

    >>> import dualgraph as dg
    >>> dg.multinomial(dg.tensor([0.0, 1.0, 0.0]), 3, replacement=True)
    tensor([1, 1, 1])
    """
    p = need_tensor("multinomial", input).detach()
    many = need_int("multinomial", "num_samples", num_samples)
    if p.value.dtype.kind != "f":
        raise DTypeError(f"multinomial: weights must be floating, got {p.value.dtype.name}")
    need(p.value.ndim in (1, 2), f"multinomial: takes a vector or a matrix, got {p.value.ndim}-D")
    count = p.value.shape[-1]
    need(many > 0 and count > 0, f"multinomial: cannot draw {many} samples of {count} categories")
    need(
        replacement or many <= count,
        f"multinomial: cannot draw {many} samples of {count} categories without replacement",
    )
    if not state.tracing:
        _check_weights(p.value)
    rows = as_dtype(p, float32) if p.value.dtype.itemsize < 4 else p
    rows = rows.reshape(-1 if p.value.ndim == 2 else 1, count)
    out = apply(_CHOOSE, rows, *_drawn(generator), many=many, replacement=bool(replacement))
    return out if p.value.ndim == 2 else out.reshape(many)


def _check_weights(p: np.ndarray) -> None:
    need(
        bool(((p >= 0) & (p < np.inf)).all() and p.any(-1).all()),
        "multinomial: each row of weights must be finite, not negative, and not all zero",
    )


# --- distributions --------------------------------------------------------------------------------


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, **options: Any
) -> Tensor:
    """Return normal numbers with means and standard deviations that are numbers or tensors.

    Two numbers need a size. Raises `ArgumentError` for a negative deviation that is a number.
    """
    need(is_tensor(std) or as_number(std) >= 0, f"normal: std must not be negative, got {std}")
    tensors = [x.detach() for x in (mean, std) if is_tensor(x)]
    if not tensors:
        need(size is not None, "normal: two numbers need a size")
        draw = randn(size, generator=generator, **options)
        return _with_grad(_scaled(draw.detach(), mean, std), draw)
    need(size is None, "normal: a size goes with two numbers")
    shape = np.broadcast_shapes(*(x.value.shape for x in tensors))
    draw = randn(shape, dtype=tensors[0].value.dtype, generator=generator, **options)
    bounds = [x.detach() if is_tensor(x) else x for x in (mean, std)]
    return _scaled(draw, *bounds)


def _with_grad(x: Tensor, draw: Tensor) -> Tensor:
    return x.requires_grad_() if draw.tracked else x


def _scaled(draw: Tensor, mean: Any, std: Any) -> Tensor:
    return add(mul(draw, std), mean)


def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Return Poisson numbers with the rates in ``input``, in its shape and dtype.

    Raises `DTypeError` unless the rates are floating. A negative rate gives 0.
    """
    rate = need_tensor("poisson", input).detach()
    if rate.value.dtype.kind != "f":
        raise DTypeError(f"poisson: rates must be floating, got {rate.value.dtype.name}")
    wide = as_dtype(rate, float32) if rate.value.dtype.itemsize < 4 else rate
    drawn = _drawn(generator)
    out = apply(_POISSON, *drawn, wide, shape=rate.value.shape, dtype=wide.value.dtype)
    return as_dtype(out, rate.value.dtype)


# --- what the in-place methods write -------------------------------------------------------------


def _uniform(name: str, x: Tensor, generator: Any) -> Tensor:
    """Return uniform numbers for a floating tensor, in float32 or float64."""
    dtype = x.value.dtype
    if dtype.kind != "f":
        raise DTypeError(f"{name} needs a floating tensor, got {dtype.name}")
    return rand(x.value.shape, dtype=max(dtype, float32), generator=generator)


def uniform(input: Tensor, from_: float = 0, to: float = 1, *, generator: Any = None) -> Tensor:
    """Return numbers in [from, to)."""
    need(from_ <= to, f"uniform_: expects from <= to, got {from_} and {to}")
    return add(mul(_uniform("uniform_", input, generator), to - from_), from_)


def gaussian(input: Tensor, mean: float = 0, std: float = 1, *, generator: Any = None) -> Tensor:
    """Return normal numbers."""
    need(std >= 0, f"normal_: std must not be negative, got {std}")
    draw = randn(input.value.shape, dtype=input.value.dtype, generator=generator)
    return _scaled(draw, mean, std)


def log_normal(input: Tensor, mean: float = 1, std: float = 2, *, generator: Any = None) -> Tensor:
    """Return numbers whose logarithms are normal."""
    need(std > 0, f"log_normal_: std must be positive, got {std}")
    return exp(gaussian(input, mean, std, generator=generator))


def exponential(input: Tensor, lambd: float = 1, *, generator: Any = None) -> Tensor:
    """Return waiting times: -log(1 - u) / lambd for uniform u."""
    need(lambd > 0, f"exponential_: lambd must be positive, got {lambd}")
    return div(neg(log1p(neg(_uniform("exponential_", input, generator)))), lambd)


def geometric(input: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Return how many trials it takes to succeed: 1 + floor(log(1 - u) / log(1 - p))."""
    need(0 < p < 1, f"geometric_: p must lie between 0 and 1, got {p}")
    u = rand(input.value.shape, dtype=float64, generator=generator)
    return add(floor(div(log1p(neg(u)), log1p(literal(-p, float64)))), 1.0)


def cauchy(input: Tensor, median: float = 0, sigma: float = 1, *, generator: Any = None) -> Tensor:
    """Return median + sigma tan(pi (u - 1/2)) for uniform u."""
    need(sigma > 0, f"cauchy_: sigma must be positive, got {sigma}")
    angle = mul(sub(_uniform("cauchy_", input, generator), 0.5), pi)
    return add(mul(div(sin(angle), cos(angle)), sigma), median)


def coin(input: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Return 1 with the probability p, a number or a tensor that broadcasts, and 0 otherwise."""
    if is_tensor(p):
        return bernoulli(p.detach().expand(input.value.shape), generator=generator)
    return bernoulli(input, p, generator=generator)


def integers(input: Tensor, from_: int = 0, to: Any = None, *, generator: Any = None) -> Tensor:
    """Return integers in [from, to), or below ``from`` alone; by default all that the dtype holds.

    For floats these are the integers up to the largest 2**k below which every integer is exact.
    """
    if to is None and from_:
        from_, to = 0, from_
    high = _most(input.value.dtype) + 1 if to is None else to
    return as_dtype(_integers(from_, high, input.value.shape, generator), input.value.dtype)


def _most(dtype: np.dtype) -> int:
    if dtype == bool_:
        return 1
    return 2 ** (np.finfo(dtype).nmant + 1) if dtype.kind == "f" else int(np.iinfo(dtype).max)
