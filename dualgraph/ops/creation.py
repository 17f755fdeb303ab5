"""Tensors from nothing: constants, ranges, and random numbers keyed by seed, op and element."""

from math import ceil, prod
from typing import Any

import numpy as np

from ..core.dispatch import apply, literal, state
from ..core.op import NONDIFF, defop
from ..core.types import Aval, Shape, float32, float64, int64, numpy_dtype, weak_dtype
from ..errors import DTypeError, ShapeError, at_user_line
from ..kernels.elementwise import Elementwise, LoopTable
from .build import Tensor, as_number, is_tensor, need, sizes
from .elementwise import add, lt, mul
from .reductions import expand
from .shape import select


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor filled with a number, whose type gives the dtype when none is named."""
    number = as_number(fill_value)
    wanted = weak_dtype(number) if dtype is None else numpy_dtype(dtype)
    shape = sizes((size,))
    if min(shape, default=0) < 0:
        raise ShapeError(at_user_line(f"a new tensor cannot have the negative extent in {shape}"))
    return _fresh(expand(literal(number, wanted), shape), requires_grad)


def _fresh(x: Tensor, requires_grad: bool) -> Tensor:
    """Return memory of its own: a literal and its expansions are shared."""
    return state.frontend.fresh(x, requires_grad)


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros, float32 unless a dtype is named."""
    return full(sizes(size), 0.0, dtype=dtype or float32, requires_grad=requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones, float32 unless a dtype is named."""
    return full(sizes(size), 1.0, dtype=dtype or float32, requires_grad=requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Return zeros of the input's shape and (unless named) dtype."""
    return zeros(input.value.shape, dtype=dtype or input.value.dtype)


def ones_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Return ones of the input's shape and (unless named) dtype."""
    return ones(input.value.shape, dtype=dtype or input.value.dtype)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None) -> Tensor:
    """Return a number in the input's shape and (unless named) dtype."""
    return full(input.value.shape, fill_value, dtype=dtype or input.value.dtype)


# --- values that depend on the element's index ---------------------------------------------------


def _indexed(name: str, expression: str, inputs: str, integer: str = "") -> Any:
    """Register an op ``out[i] = expression(i, inputs)`` with static shape and dtype."""
    letters = "".join("t" if n in ("start", "step") else "l" for n in inputs.split())
    spec = Elementwise(expression, f"l{letters}->t", integer)
    table = LoopTable(name, spec)

    def infer(*avals: Any, shape: Shape, dtype: np.dtype) -> Aval:
        return Aval(shape, dtype)

    def kernel(*arrays: np.ndarray, shape: Shape, dtype: np.dtype) -> np.ndarray:
        index = np.arange(prod(shape)).reshape(shape)
        return table[dtype.char](index, *arrays, out=...)

    rules = (NONDIFF,) * len(inputs.split())
    return defop(name, inputs=inputs, infer=infer, kernel=kernel, lower=spec, vjp=rules)


_ARANGE = _indexed("arange", "{x} + {s}({i}) * {y}", "start step", "iadd({x}, imul({s}({i}), {y}))")
_UNIFORM = _indexed("uniform", "uniform_{s}({i}, {x}, {y})", "counter seed")
_NORMAL = _indexed("normal", "normal_{s}({i}, {x}, {y})", "counter seed")


def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None) -> Tensor:
    """Return ``start, start + step, ...`` below ``end``; int64 for ints, float32 with a float.

    Element i is ``start + i * step``, computed in the result's dtype.
    """
    if end is None:
        start, end = 0, start
    start, end, step = as_number(start), as_number(end), as_number(step)
    need(step != 0, "arange: step must not be 0")
    count = max(0, ceil((end - start) / step))
    floats = any(isinstance(v, float) for v in (start, end, step))
    wanted = numpy_dtype(dtype) if dtype is not None else (float32 if floats else int64)
    return apply(
        _ARANGE, literal(start, wanted), literal(step, wanted), shape=(count,), dtype=wanted
    )


def _random(op: Any, size: Any, dtype: Any, generator: Any, requires_grad: bool) -> Tensor:
    wanted = float32 if dtype is None else numpy_dtype(dtype)
    if wanted not in (float32, float64):
        raise DTypeError(at_user_line(f"{op.name}: dtype must be floating, got {wanted.name}"))
    counter, seed = (generator or default_generator()).draw()
    out = apply(op, counter, seed, shape=sizes(size), dtype=wanted)
    return _fresh(out, requires_grad)


def default_generator() -> Any:
    """Return the generator that the random functions use when none is given."""
    return state.frontend.generator()


def rand(*size: Any, dtype: Any = None, generator: Any = None, requires_grad: bool = False):
    """Return uniform numbers in [0, 1), with as many random bits as the mantissa holds."""
    return _random(_UNIFORM, size, dtype, generator, requires_grad)


def randn(*size: Any, dtype: Any = None, generator: Any = None, requires_grad: bool = False):
    """Return standard normal numbers (Box and Muller on Philox bits)."""
    return _random(_NORMAL, size, dtype, generator, requires_grad)


def rand_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Return uniform numbers in the input's shape and (unless named) dtype."""
    return rand(input.value.shape, dtype=dtype or input.value.dtype)


def randn_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Return standard normal numbers in the input's shape and (unless named) dtype."""
    return randn(input.value.shape, dtype=dtype or input.value.dtype)


def bernoulli(input: Tensor, *, generator: Any = None) -> Tensor:
    """Return 1 with the probability in ``input`` and 0 otherwise, in the input's dtype."""
    if not is_tensor(input) or input.value.dtype.kind != "f":
        raise DTypeError(at_user_line("bernoulli: expected a floating tensor of probabilities"))
    dtype = input.value.dtype
    draw = rand(input.value.shape, dtype=dtype, generator=generator)
    return add(mul(lt(draw, input), literal(1.0, dtype)), literal(0.0, dtype))


class Generator:
    """A random stream: an int64 tensor ``[counter, seed]`` that is state like any parameter.

    >>> import dualgraph as dg
    >>> g = dg.Generator().manual_seed(7)
    >>> a = dg.rand(2, generator=g)
    >>> bool((a == dg.rand(2, generator=g.manual_seed(7))).all())
    True
    """

    def __init__(self, tensor: Any = None) -> None:
        start = state.frontend.tensor(np.zeros(2, np.int64))
        self.state = state.frontend.fresh(start, False) if tensor is None else tensor

    def manual_seed(self, seed: int) -> "Generator":
        """Start the stream of this seed from its beginning and return the generator."""
        wrapped = (int(seed) + 2**63) % 2**64 - 2**63
        state.frontend.assign(self.state, np.array([0, wrapped], np.int64))
        return self

    def initial_seed(self) -> int:
        """Return the seed of the stream."""
        return int(self.state.numpy()[1])

    def get_state(self) -> Any:
        """Return a copy of ``[counter, seed]``."""
        return self.state.clone()

    def set_state(self, saved: Any) -> "Generator":
        """Continue from a state that `get_state` returned."""
        state.frontend.assign(self.state, saved.numpy())
        return self

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return (counter, seed) as 0-d tensors for one random op, and advance the counter."""
        now = self.state.clone()
        self.state.add_(state.frontend.tensor(np.array([1, 0], np.int64)))
        return select(now, 0, 0), select(now, 0, 1)
