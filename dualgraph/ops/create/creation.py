"""Tensors from nothing: constants, ranges, and random numbers keyed by seed, op and element."""

import secrets
import threading
from math import ceil
from typing import Any

import numpy as np

from ...core.dispatch import apply, assign, literal, state
from ...core.op import NONDIFF, defop
from ...core.types import (
    Aval,
    Shape,
    default_float,
    float16,
    float32,
    float64,
    int64,
    numpy_dtype,
    weak_dtype,
)
from ...errors import ArgumentError, DTypeError, ShapeError, TraceError
from ...numerics.facts.elementwise import Elementwise
from ..arguments import check_device, check_options
from ..build import Tensor, as_dtype, as_number, is_tensor, need, need_tensor, sizes
from ..elementwise.elementary import floor
from ..elementwise.pointwise import lt, mul
from ..reduce.reductions import expand
from ..shape.views import select


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return a tensor filled with a number, whose type gives the dtype when none is named.

    The number may also be a 0-d tensor. ``device`` is None or the CPU, ``layout`` and
    ``pin_memory`` are accepted and ignored; so for all functions of this kind.
    """
    check_options("full", device, options)
    shape = sizes((size,))
    if min(shape, default=0) < 0:
        raise ShapeError(f"a new tensor cannot have the negative extent in {shape}")
    return fresh(expand(_fill(fill_value, dtype), shape), requires_grad=requires_grad)


def _fill(value: Any, dtype: Any) -> Tensor:
    if is_tensor(value):
        need(value.value.ndim == 0, "full: the value must be a number or a 0-d tensor")
        return value if dtype is None else as_dtype(value, numpy_dtype(dtype))
    number = as_number(value)
    return literal(number, weak_dtype(number) if dtype is None else numpy_dtype(dtype))


def fresh(x: Tensor, *, requires_grad: bool = False) -> Tensor:
    """Return memory of its own: a literal and its expansions are shared."""
    out = state.frontend.copied(x, donated=True)
    return out.requires_grad_() if requires_grad else out


def shape_of(size: tuple[Any, ...], options: dict[str, Any]) -> Shape:
    """Return the shape of ``f(2, 3)``, ``f((2, 3))`` or ``f(size=(2, 3))``."""
    return sizes((options.pop("size"),) if "size" in options and not size else size)


def zeros(*size: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Return zeros, in the default dtype unless one is named; options as for `full`."""
    return full(shape_of(size, options), 0.0, dtype=dtype or default_float(), **options)


def ones(*size: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Return ones, in the default dtype unless one is named; options as for `full`."""
    return full(shape_of(size, options), 1.0, dtype=dtype or default_float(), **options)


def empty(*size: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Return memory for values, in the default dtype unless one is named: here, always zeros."""
    return zeros(*size, dtype=dtype, **options)


def zeros_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return zeros of the input's shape and (unless named) dtype."""
    return full_like(input, 0.0, dtype=dtype, **options)


def ones_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return ones of the input's shape and (unless named) dtype."""
    return full_like(input, 1.0, dtype=dtype, **options)


def empty_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return memory for values of the input's shape and (unless named) dtype: here, zeros."""
    return full_like(input, 0.0, dtype=dtype, **options)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return a number in the input's shape and (unless named) dtype."""
    need_tensor("full_like", input)
    return full(input.value.shape, fill_value, dtype=dtype or input.value.dtype, **options)


# --- values that depend on the element's index ---------------------------------------------------


_NUMERIC = ("start", "step", "rate")  # inputs of the dtype of the result; others are int64


def indexed(name: str, expression: str, inputs: str, integer: str = "") -> Any:
    """Register an op ``out[i] = expression(i, inputs)`` with static shape and dtype."""
    letters = "".join("t" if n in _NUMERIC else "l" for n in inputs.split())
    spec = Elementwise(expression, f"l{letters}->t", integer)

    def infer(*avals: Any, shape: Shape, dtype: np.dtype) -> Aval:
        return Aval(shape, dtype)

    rules = (NONDIFF,) * len(inputs.split())
    return defop(name, inputs=inputs, infer=infer, lower=spec, vjp=rules)


_ARANGE = indexed("arange", "{x} + {s}({i}) * {y}", "start step", "iadd({x}, imul({s}({i}), {y}))")
_UNIFORM = indexed("uniform", "uniform_{s}({i}, {x}, {y})", "counter seed")
_NORMAL = indexed("normal", "normal_{s}({i}, {x}, {y})", "counter seed")


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return ``start, start + step, ...`` below ``end``; int64 for ints, default dtype for floats.

    Element i is ``start + i * step``, computed in int64 or float64 and rounded once. Raises
    `ArgumentError` when the step leads away from the end.
    """
    check_options("arange", device, options)
    if end is None:
        start, end = 0, start
    start, end, step = plain_number(start), plain_number(end), plain_number(step)
    need(step != 0, "arange: step must not be 0")
    need((end - start) * step >= 0, f"arange: step {step} leads from {start} away from {end}")
    count = ceil((end - start) / step)
    floats = any(isinstance(v, float) for v in (start, end, step))
    wanted = numpy_dtype(dtype) if dtype is not None else (default_float() if floats else int64)
    out = steps_from(start, step, count, floats or wanted.kind == "f", wanted)
    return out.requires_grad_() if requires_grad else out


def steps_from(start: Any, step: Any, count: int, floats: bool, dtype: np.dtype) -> Tensor:
    """Return ``start + i * step`` for i below ``count``, computed in float64 or int64."""
    exact = float64 if floats else int64
    first, each = literal(start, exact), literal(step, exact)
    return as_dtype(apply(_ARANGE, first, each, shape=(count,), dtype=exact), dtype)


def plain_number(x: Any) -> bool | int | float:
    """Return a Python number; a 0-d tensor is read, which a traced function cannot do."""
    return x.item() if is_tensor(x) else as_number(x)


def default_generator() -> "Generator":
    """Return the generator that the random functions use when none is given."""
    if streams.current is None or state.tracing:  # a trace captures the state of the default one
        return streams.default
    return streams.current


def draw(
    op: Any,
    shape: Shape,
    dtype: Any = None,
    *,
    generator: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return floating random numbers of one op, from the next counter of a generator."""
    check_options(op.name, device, options)
    wanted = default_float() if dtype is None else numpy_dtype(dtype)
    if wanted.kind != "f":
        raise DTypeError(f"{op.name}: dtype must be floating, got {wanted.name}")
    if min(shape, default=0) < 0:
        raise ShapeError(f"a new tensor cannot have the negative extent in {shape}")
    counter, seed = (generator or default_generator()).draw()
    exact = float32 if wanted.itemsize < 4 else wanted
    out = as_dtype(apply(op, counter, seed, shape=shape, dtype=exact), wanted)
    return fresh(out, requires_grad=requires_grad)


def rand(*size: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Return uniform numbers in [0, 1), with as many random bits as the mantissa holds.

    ``generator`` names the stream; the default dtype unless one is named; options as for `full`.
    """
    shape = shape_of(size, options)
    if dtype is None or numpy_dtype(dtype) != float16:
        return draw(_UNIFORM, shape, dtype, **options)
    eleven = floor(mul(draw(_UNIFORM, shape, float32, **options), 2048.0))  # more would round to 1
    return as_dtype(mul(eleven, 1 / 2048), float16)


def randn(*size: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Return standard normal numbers (Box and Muller on Philox bits); options as for `rand`."""
    return draw(_NORMAL, shape_of(size, options), dtype, **options)


def rand_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return uniform numbers in the input's shape and (unless named) dtype."""
    need_tensor("rand_like", input)
    return rand(input.value.shape, dtype=dtype or input.value.dtype, **options)


def randn_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return standard normal numbers in the input's shape and (unless named) dtype."""
    need_tensor("randn_like", input)
    return randn(input.value.shape, dtype=dtype or input.value.dtype, **options)


def bernoulli(input: Tensor, p: float | None = None, *, generator: Any = None) -> Tensor:
    """Return 1 with the probability in ``input`` and 0 otherwise, in the input's dtype.

    With ``p``, the same probability for every element; the input then only gives shape and dtype.
    """
    if not is_tensor(input) or (p is None and input.value.dtype.kind != "f"):
        raise DTypeError("bernoulli: expected a floating tensor of probabilities")
    need(p is None or 0 <= p <= 1, f"bernoulli: p must lie in [0, 1], got {p}")
    dtype = input.value.dtype
    chance = input if p is None else literal(p, float64)
    u = rand(input.value.shape, dtype=chance.value.dtype, generator=generator)
    return as_dtype(lt(u, chance), dtype)


class Generator:
    """A random stream: an int64 tensor ``[counter, seed]`` that is state like any parameter.

    >>> import dualgraph as dg
    >>> g = dg.Generator().manual_seed(7)
    >>> a = dg.rand(2, generator=g)
    >>> bool((a == dg.rand(2, generator=g.manual_seed(7))).all())
    True
    """

    def __init__(self, device: Any = None, *, tensor: Any = None) -> None:
        check_device("Generator", device)
        start = state.frontend.tensor(np.zeros(2, np.int64))
        self.state = state.frontend.copied(start, donated=True) if tensor is None else tensor

    def manual_seed(self, seed: int) -> "Generator":
        """Start the stream of this seed from its beginning and return the generator."""
        wrapped = (int(seed) + 2**63) % 2**64 - 2**63
        assign(self.state, np.array([0, wrapped], np.int64))
        return self

    def initial_seed(self) -> int:
        """Return the seed of the stream."""
        return int(self.state.numpy()[1])

    def get_state(self) -> Any:
        """Return a copy of ``[counter, seed]``."""
        return self.state.clone()

    def set_state(self, saved: Any) -> "Generator":
        """Continue from a state that `get_state` returned."""
        need_tensor("set_state", saved)
        if saved.value.shape != (2,) or saved.value.dtype != int64:
            got = f"{saved.value.dtype.name}{list(saved.value.shape)}"
            raise ArgumentError(f"a generator's state is int64[2], got {got}")
        self.state.copy_(saved)
        return self

    def seed(self) -> int:
        """Start from a seed of the operating system and return it; refused in a traced function."""
        if state.tracing:
            raise TraceError("seed() would be frozen into the graph: call it outside of it")
        found = secrets.randbits(63)
        self.manual_seed(found)
        return found

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return (counter, seed) as 0-d tensors for one random op, and advance the counter."""
        now = self.state.clone()
        self.state.add_(state.frontend.tensor(np.array([1, 0], np.int64)))
        return select(now, 0, 0), select(now, 0, 1)


class Streams(threading.local):
    """The generators of those random functions that are given none."""

    default: Generator  # set once there is a frontend
    current: Generator | None = None  # in place of the default one, in this thread


streams = Streams()
