"""Random programs over the op set, and the check that every way to run them gives the same bits.

A program is a list of steps in SSA form over input tensors. `programs` is a Hypothesis strategy;
`check` runs one program eagerly, in the reference interpreter after the trace and after each pass,
and compiled, forward and backward, and compares outputs, gradients and changed inputs bit for bit.
A program prints as Python, so that a failure can be pasted into a file.

Try tens of thousands: ``python -m tests.fuzz.programs --examples 20000``.
"""

import argparse
import itertools
import math
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

import dualgraph as dg
from dualgraph.api.results import Computed
from dualgraph.config import settings
from dualgraph.errors import DualgraphError, GradError, TraceError
from dualgraph.ir import interpreter
from dualgraph.passes.pipeline import PIPELINE
from dualgraph.targets.cpu.toolchain.native import stats
from tests.bits import assert_bits_equal
from tests.ops.op_row import EDGES, LAYOUTS

Shape = tuple[int, ...]

# --- what a program is --------------------------------------------------------------------------


@dataclass(frozen=True)
class Input:
    """A tensor argument: drawn from its seed; ``index`` inputs hold positions below ``high``."""

    shape: Shape
    dtype: str
    layout: str
    seed: int
    edges: bool
    requires_grad: bool
    high: int | None = None

    def array(self) -> np.ndarray:
        """Return the values, laid out in memory as drawn."""
        rng = np.random.default_rng(self.seed)
        layout = self.layout if self.shape else "rows"
        return LAYOUTS[layout](self.shape, lambda shape: self._values(rng, shape))

    def _values(self, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        if self.high is not None:
            return rng.integers(0, self.high, shape)
        if self.dtype == "bool":
            return rng.integers(0, 2, shape).astype(bool)
        if self.dtype not in EDGES:
            return np.asarray(rng.integers(-9, 10, shape)).astype(self.dtype)
        plain = np.asarray(rng.normal(size=shape) * 2).astype(self.dtype)
        if not self.edges:
            return plain
        return np.where(rng.random(shape) < 0.3, rng.choice(EDGES[self.dtype], shape), plain)

    def tensor(self) -> Any:
        """Return a new tensor of these values."""
        array = self.array()
        if self.layout == "rows":
            array = array.copy()
        out = dg.from_numpy(array)
        return out.requires_grad_() if self.requires_grad else out


@dataclass(frozen=True)
class Step:
    """One call: a method or function by name, the values that it takes, other arguments."""

    name: str
    inputs: tuple[int, ...]
    static: tuple[Any, ...] = ()

    def run(self, values: list[Any]) -> Any:
        """Compute the step's value."""
        return CALLS[self.name](*[values[i] for i in self.inputs], *self.static)

    def __str__(self) -> str:
        arguments = [f"v{i}" for i in self.inputs] + [repr(s) for s in self.static]
        return f"{self.name}({', '.join(arguments)})"


@dataclass(frozen=True)
class Program:
    """Inputs, steps, and which values are returned; ``backward`` says where gradients are taken.

    "inside": the function itself returns them; "outside": they are taken of what it returned;
    "none": it is called under no_grad.
    """

    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    backward: str

    def __call__(self, *tensors: Any) -> list[list[Any]]:
        """Run on tensors of either frontend."""
        values = list(tensors)
        for step in self.steps:
            values.append(step.run(values))
        outputs = [values[i] for i in self.outputs]
        return [outputs, self.gradients(tensors, outputs) if self.backward == "inside" else []]

    def gradients(self, tensors: Any, outputs: list[Any]) -> list[Any]:
        """Return the gradients of the sum of all outputs (None for unused inputs)."""
        moving = [y for y in outputs if y.requires_grad]
        wanted = [t for t in tensors if t.requires_grad]
        if not moving or not wanted:
            return []
        total = moving[0].sum().double()
        for y in moving[1:]:
            total = total + y.sum()
        return list(dg.autograd.grad(total, wanted, allow_unused=True))

    def __str__(self) -> str:
        lines = [f"v{i} = {x!r}" for i, x in enumerate(self.inputs)]
        lines += [f"v{len(self.inputs) + i} = {s}" for i, s in enumerate(self.steps)]
        tail = f"return {', '.join(f'v{i}' for i in self.outputs)}"
        return "\n".join([*lines, f"{tail}; gradients: {self.backward}"])

    __repr__ = __str__


def _getitem(x: Any, starts: Shape, stops: Shape, steps: Shape) -> Any:
    return x[tuple(slice(*part) for part in zip(starts, stops, steps, strict=True))]


CALLS: dict[str, Callable[..., Any]] = {
    "cast": lambda x, name: x.to(getattr(dg, name)),
    "detach": lambda x: x.detach(),
    "getitem": _getitem,
    "cat": lambda *xs: dg.cat(list(xs[:-1]), xs[-1]),
    "stack": lambda *xs: dg.stack(list(xs[:-1]), xs[-1]),
    "piece": lambda x, size, dim, at: dg.split(x, size, dim)[at],
    "expand": lambda x, shape: x.expand(shape),
    "permute": lambda x, dims: x.permute(dims),
    "reshape": lambda x, shape: x.reshape(shape),
    "gather": lambda x, index, dim: dg.gather(x, dim, index),
    "index_select": lambda x, index, dim: dg.index_select(x, dim, index),
    "scatter_add": lambda x, index, source, dim: dg.scatter_add(x, dim, index, source),
    "clamp": lambda x, low, high: dg.clamp(x, low, high),
}
FLOAT_UNARY = (
    "exp", "log", "sqrt", "rsqrt", "tanh", "sigmoid", "relu", "sin", "cos", "erf", "square",
    "reciprocal", "neg", "abs", "sign", "floor", "round", "expm1", "log1p",
)  # fmt: skip
INT_UNARY = ("neg", "abs", "sign", "square", "relu")
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum")
COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")
LOGICAL = ("logical_and", "logical_or", "logical_xor")
REDUCE = ("sum", "amax", "amin", "any", "all")
ALONG = ("argmax", "argmin")
NORMAL = ("softmax", "log_softmax")
IN_PLACE = ("add_", "mul_", "sub_", "copy_")
for _name in (*FLOAT_UNARY, *BINARY, *COMPARE, *LOGICAL, "where", "pow", "matmul", "clone"):
    CALLS[_name] = getattr(dg, _name)
for _name in (*REDUCE, *ALONG, *NORMAL, "mean", "prod", "cumsum", "logsumexp", "unsqueeze", "flip"):
    CALLS[_name] = getattr(dg, _name)
for _name in ("squeeze", "logical_not", "isnan", "isfinite"):
    CALLS[_name] = getattr(dg, _name)
for _name in (*IN_PLACE, "relu_", "zero_"):
    CALLS[_name] = getattr(dg.Tensor, _name)

UNARY_OF: dict[str, Callable[[Any], Any]] = {
    "cumprod": lambda x: x.cumprod(-1),
    "logcumsumexp": lambda x: dg.logcumsumexp(x, -1),
    "cummax": lambda x: dg.cummax(x, -1)[0],
    "cummin indices": lambda x: dg.cummin(x, 0)[1],
    "sort": lambda x: x.sort(-1, True)[0],
    "argsort": lambda x: x.argsort(0, stable=True),
    "topk": lambda x: x.topk(1, -1)[0],
    "median": lambda x: x.median(-1).values,
    "var": lambda x: x.var(-1, correction=0),
    "std": lambda x: x.std(0, correction=0, keepdim=True),
    "norm": lambda x: dg.linalg.vector_norm(x, 2, -1),
    "norm 3": lambda x: dg.linalg.vector_norm(x, 3, 0),
    "elu": lambda x: dg.nn.functional.elu(x),
    "gelu": lambda x: dg.nn.functional.gelu(x),
    "softplus": lambda x: dg.nn.functional.softplus(x),
    "hardswish": lambda x: dg.nn.functional.hardswish(x),
    "leaky_relu": lambda x: dg.nn.functional.leaky_relu(x, 0.3),
    "masked_fill": lambda x: x.masked_fill(x > 0.5, 2.0),
    "unfold": lambda x: x.unfold(-1, 2, 1),
    "as_strided": lambda x: x.contiguous().as_strided((2, 2), (1, 1)),
    "diagonal": lambda x: x.diagonal(dim1=0, dim2=-1),
    "gram": lambda x: dg.einsum("...i,...j->...ij", x, x),
    "gram sum": lambda x: dg.einsum("...i,...i->...", x, x),
    "avg_pool": lambda x: dg.avg_pool1d(x.reshape(1, 1, -1), 2),
    "max_pool": lambda x: dg.max_pool1d(x.reshape(1, 1, -1), 2),
    "conv": lambda x: dg.conv1d(x.reshape(1, 1, -1), x.reshape(1, 1, -1)[..., :2]),
    "set row": lambda x: _changed(x, lambda y: y.__setitem__((..., 0), 1.5)),
    "set from itself": lambda x: _changed(x, lambda y: y.__setitem__((..., 0), y[..., -1] * 2)),
    "view add": lambda x: _changed(x, lambda y: y[..., 1:].add_(1)),
    "view mul": lambda x: _changed(x, lambda y: y.diagonal(dim1=0, dim2=-1).mul_(2)),
    "transposed exp": lambda x: _changed(x, lambda y: y.transpose(0, -1)[:1].exp_()),
    "half": lambda x: (x.half() * 2).float(),
    "half sum": lambda x: x.half().sum(-1),
    "half softmax": lambda x: x.half().softmax(-1).to(x.dtype),
    "hooked": lambda x: _hooked(x),
    "scan": lambda x: dg.control.scan(_tanh_step, x[0], x[1:])[0],
    "scan, stacked": lambda x: dg.control.scan(_tanh_step, x[-1] * 2, x)[1],
    "scan, captured": lambda x: _scanned_back(x),
    "scan, pairs": lambda x: _scanned_pairs(x),
}
"""Calls on one floating tensor, of which the last extent is 2 or more and the rank at least 2."""

OF_INTS: dict[str, Callable[[Any], Any]] = {
    "invert": lambda x: ~x,
    "shift": lambda x: (x & 7) << 2,
    "bits": lambda x: (x | 5) ^ (x >> 1),
    "remainder": lambda x: dg.remainder(x, 3),
    "fmod": lambda x: dg.fmod(x, -3),
    "floor_divide": lambda x: x // 2,
    "int sort": lambda x: x.sort(-1)[0],
    "int cummax": lambda x: dg.cummax(x, -1)[0],
}


def _changed(x: Any, change: Callable[[Any], Any]) -> Any:
    y = x * 1
    change(y)
    return y


def _tanh_step(h: Any, x: Any) -> Any:
    h = dg.tanh(h * 0.5 + x)
    return h, h * x


def _scanned_back(x: Any) -> Any:
    weight = x.sum(0)

    def step(h: Any, row: Any) -> Any:
        h = dg.sigmoid(h * weight) - row * weight + h
        return h, (h.softmax(-1), row[..., :1])

    last, (rows, firsts) = dg.control.scan(step, x[0], x, reverse=True)
    return rows + firsts + last


def _scanned_pairs(x: Any) -> Any:
    def step(state: Any, row: Any) -> Any:
        n, a, b = state
        return (n + 1, b, a.detach() + row * n.to(row.dtype)), b.flip(-1)

    (_, a, b), rows = dg.control.scan(step, (dg.tensor(1), x[0], x[-1]), x)
    return rows.sum(0) + a * b


def _hooked(x: Any) -> Any:
    y = x * 3
    if y.requires_grad:
        y.register_hook(lambda g: g * 0.5)
    return y + 1


CALLS.update(UNARY_OF)
CALLS.update(OF_INTS)
CALLS["remainder of floats"] = dg.remainder
CALLS["scatter_reduce"] = lambda x, index, how: x.scatter_reduce(0, index, x[: len(index)], how)
CALLS["index_put"] = lambda x, index, add: x.index_put((index,), x[: len(index)] * 2, add)

# --- drawing one --------------------------------------------------------------------------------

BOTH = (False, True)
FLOATS = ("float32", "float64")
LARGEST = 4000  # elements
EXTENTS = (3, 2, 4, 5, 3, 1, 17, 130, 0)
NUMBERS = (2, 3, 0.5, -1.5, 0, -0.0, 1, 4.0, 0.1)


class Builder:
    """Grows a program; keeps the value of every step, so that shapes and dtypes are known.

    ``choose`` draws one of some options: through Hypothesis, or from a random generator.
    """

    def __init__(self, choose: Callable[[Any], Any]) -> None:
        self.choose = choose
        self.inputs: list[Input] = []
        self.steps: list[Step] = []
        self.values: list[Any] = []

    def pick(self, test: Callable[[Any], bool]) -> int | None:
        """Draw one of the values that pass a test, the latest ones first in shrinking."""
        found = [i for i, v in enumerate(self.values) if test(v)]
        return self.choose(found[::-1]) if found else None

    def add_input(self, shape: Shape, dtype: str, high: int | None = None) -> int:
        """Append an input (before any step)."""
        floating = dtype in FLOATS
        self.inputs.append(
            Input(
                shape,
                dtype,
                self.choose(("rows", "rows", "rows", "columns", "steps", "reversed")),
                self.choose(range(1000)),
                floating and self.choose(BOTH),
                floating and self.choose((True, True, False)),
                high,
            )
        )
        self.values.append(self.inputs[-1].tensor())
        return len(self.values) - 1

    def add(self, name: str, inputs: tuple[int, ...], *static: Any) -> None:
        """Append a step and compute it."""
        step = Step(name, inputs, static)
        self.values.append(step.run(self.values))
        self.steps.append(step)


def is_float(v: Any) -> bool:
    """Tell floating values."""
    return v.is_floating_point()


def is_bool(v: Any) -> bool:
    """Tell bool values."""
    return v.dtype is dg.bool


def is_number(v: Any) -> bool:
    """Tell values that are not bools."""
    return not is_bool(v)


def anything(v: Any) -> bool:
    """Every value."""
    return True


def small(v: Any) -> bool:
    """Values that may still be repeated or multiplied."""
    return v.numel() <= LARGEST


def broadcasts(a: Shape, b: Shape) -> bool:
    """Tell whether two shapes have a common one that is not too large."""
    try:
        return math.prod(np.broadcast_shapes(a, b)) <= LARGEST
    except ValueError:
        return False


def unary(b: Builder) -> None:
    """Draw an element-wise op with one operand."""
    at = b.pick(is_number)
    if at is not None:
        b.add(b.choose(FLOAT_UNARY if is_float(b.values[at]) else INT_UNARY), (at,))


def binary(b: Builder) -> None:
    """Draw an element-wise op with two operands, one of them perhaps a number."""
    at = b.pick(is_number)
    if at is None:
        return
    name = b.choose((*BINARY, *BINARY, *COMPARE))
    if b.choose((True, False, False)):
        number = b.choose(NUMBERS if is_float(b.values[at]) else (2, 3, 0, 1))
        b.add(name, (at,), number)
        return
    shape = b.values[at].shape
    other = b.pick(lambda v: is_number(v) and broadcasts(v.shape, shape))
    if other is None:
        return
    b.add(name, (at, other) if b.choose(BOTH) else (other, at))


def power(b: Builder) -> None:
    """Draw a power with a number or a tensor."""
    at = b.pick(is_float)
    if at is not None and b.choose(BOTH):
        b.add("pow", (at,), b.choose((2, 3, 0.5, -1, 0, 1.5)))
    elif at is not None:
        shape = b.values[at].shape
        b.add("pow", (at, b.pick(lambda v: is_float(v) and broadcasts(v.shape, shape)) or at))


def logical(b: Builder) -> None:
    """Draw an op on bools, or one that makes them."""
    at = b.pick(is_bool)
    if at is None:
        at = b.pick(is_float)
        if at is not None:
            b.add(b.choose(("isnan", "isfinite")), (at,))
        return
    shape = b.values[at].shape
    other = b.pick(lambda v: is_bool(v) and broadcasts(v.shape, shape))
    if other is None:
        return
    if b.choose(BOTH):
        b.add(b.choose(LOGICAL), (at, other))
    else:
        b.add("logical_not", (at,))


def where(b: Builder) -> None:
    """Draw a selection."""
    condition = b.pick(is_bool)
    if condition is None:
        return
    shape = b.values[condition].shape
    x = b.pick(lambda v: broadcasts(v.shape, shape))
    if x is None:
        return
    shape = np.broadcast_shapes(shape, b.values[x].shape)
    y = b.pick(lambda v: broadcasts(v.shape, shape))
    if y is None:
        return
    b.add("where", (condition, x, y))


def clamp(b: Builder) -> None:
    """Draw bounds."""
    at = b.pick(is_float)
    if at is not None:
        b.add("clamp", (at,), b.choose((-1.0, 0.0, None)), b.choose((0.5, 1.0)))


def conversion(b: Builder) -> None:
    """Draw a cast, a copy, or a detach."""
    at = b.pick(anything)
    if at is None:
        return
    name = b.choose(("cast", "cast", "clone", "detach"))
    if name == "cast":
        b.add("cast", (at,), b.choose((*FLOATS, "int64", "int32", "bool", "uint8")))
    else:
        b.add(name, (at,))


def dims_of(b: Builder, ndim: int) -> Any:
    """Draw None, one axis, or several."""
    if not ndim or b.choose((True, False, False)):
        return None
    return b.choose((*range(-ndim, ndim), tuple({0, ndim - 1})))


def reduction(b: Builder) -> None:
    """Draw a reduction, or an op along one axis."""
    at = b.pick(anything)
    if at is None:
        return
    v, keepdim = b.values[at], b.choose(BOTH)
    names = [*REDUCE]
    if is_float(v):
        names += ["sum", "mean", "logsumexp", *NORMAL, "cumsum", "prod"]
    if is_number(v):
        names += [*ALONG]
    name = b.choose(names)
    dim = dims_of(b, v.ndim)
    if name in ("amax", "amin", "logsumexp", *NORMAL, *ALONG) and 0 in v.shape:
        return
    if name in (*NORMAL, "cumsum", *ALONG) or (name == "prod" and isinstance(dim, tuple)):
        dim = dim[0] if isinstance(dim, tuple) else dim
    if name in (*NORMAL, "cumsum"):
        b.add(name, (at,), 0 if dim is None else dim)
    elif name == "logsumexp" and dim is None:
        b.add(name, (at,), tuple(range(v.ndim)), keepdim)
    else:
        b.add(name, (at,), dim, keepdim)


def factors(n: int) -> list[Shape]:
    """Return some shapes with n elements."""
    found: list[Shape] = [(n,), (1, n), (n, 1)]
    found += [(d, n // d) for d in (2, 3, 5) if n and n % d == 0]
    return [*found, ()] if n == 1 else found


def reshaping(b: Builder) -> None:
    """Draw a view of the same elements."""
    at = b.pick(anything)
    if at is None:
        return
    v = b.values[at]
    name = b.choose(("reshape", "permute", "unsqueeze", "squeeze", "flip", "getitem", "piece"))
    if name == "reshape":
        b.add(name, (at,), b.choose(factors(v.numel())))
    elif name == "permute":
        b.add(name, (at,), b.choose(tuple(itertools.permutations(range(v.ndim)))))
    elif name == "unsqueeze":
        b.add(name, (at,), b.choose(range(-v.ndim - 1, v.ndim + 1)))
    elif name == "squeeze":
        b.add(name, (at,))
    elif name == "flip":
        b.add(name, (at,), tuple({0, v.ndim - 1}) if v.ndim else ())
    elif v.ndim:
        slicing(b, at, name)


def slicing(b: Builder, at: int, name: str) -> None:
    """Draw a slice with steps, or one piece of a split."""
    shape = b.values[at].shape
    if name == "piece":
        size = b.choose((1, 2))
        dim = b.choose(range(len(shape)))
        count = max(1, -(-shape[dim] // size))
        b.add(name, (at,), size, dim, b.choose(range(min(count, 3))))
        return
    starts = tuple(b.choose((0, 0, 1)) for _ in shape)
    stops = tuple(b.choose((e, e, e - 1)) for e in shape)
    b.add(name, (at,), starts, stops, tuple(b.choose((1, 1, 2)) for _ in shape))


def growing(b: Builder) -> None:
    """Draw an expand, a cat or a stack."""
    at = b.pick(small)
    if at is None:
        return
    v = b.values[at]
    name = b.choose(("expand", "cat", "stack"))
    if name == "expand":
        shape = tuple(b.choose((2, 3)) if e == 1 else e for e in v.shape)
        b.add(name, (at,), (2, *shape) if b.choose(BOTH) else shape)
    elif name == "stack" or v.ndim:
        same = b.pick(lambda u: u.shape == v.shape)
        assert same is not None
        parts = (at, same) if b.choose(BOTH) else (at, same, at)
        b.add(name, parts, b.choose(range(v.ndim + (name == "stack"))))


def product(b: Builder) -> None:
    """Draw a matrix product whose extents fit, transposing an operand where that helps."""
    at = b.pick(lambda v: is_float(v) and v.ndim >= 1)
    if at is None:
        return
    x = b.values[at]

    def fits(v: Any) -> bool:
        inner = v.shape[-2] if v.ndim > 1 else v.shape[-1] if v.ndim else -1
        lead = broadcasts(x.shape[:-2], v.shape[:-2])
        return v.dtype is x.dtype and inner == x.shape[-1] and lead and v.numel() <= LARGEST

    other = b.pick(fits)
    if other is None and x.ndim >= 2:
        order = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
        b.add("permute", (at,), order)
        other = len(b.values) - 1
    if other is not None:
        b.add("matmul", (at, other))


def indexing(b: Builder) -> None:
    """Draw a gather, a selection, or a scatter with one of the index inputs."""
    found = [i for i, x in enumerate(b.inputs) if x.high is not None]
    if not found:
        return
    at = b.choose(found)
    index, high = b.values[at], b.inputs[at].high or 1
    source = b.pick(lambda v: v.ndim == 1 and v.shape[0] >= high)
    if source is None:
        source = b.pick(lambda v: v.ndim > 1 and v.shape[0] >= high and v.numel() <= LARGEST)
        if source is not None:
            b.add("index_select", (source, at), 0)
        return
    v = b.values[source]
    adds = b.pick(lambda u: u.dtype is v.dtype and u.shape == index.shape)
    name = b.choose(("gather", "index_select", "scatter_add"))
    if name != "scatter_add":
        b.add(name, (source, at), 0)
    elif adds is not None and is_number(v):
        b.add(name, (source, at, adds), 0)


def recipe(b: Builder) -> None:
    """Draw one of the calls on a single tensor: scans, sorting, windows, writes into views."""

    def wide(v: Any) -> bool:
        return v.ndim >= 2 and v.shape[-1] >= 2 and v.shape[0] >= 1 and 2 < v.numel() <= 600

    at = b.pick(lambda v: is_float(v) and v.dtype is not dg.float16 and wide(v))
    if at is not None and b.choose((True, True, True, False)):
        b.add(b.choose(tuple(UNARY_OF)), (at,))
        return
    at = b.pick(lambda v: v.dtype in (dg.int64, dg.int32, dg.uint8) and wide(v))
    if at is not None:
        b.add(b.choose(tuple(OF_INTS)), (at,))


def scattering(b: Builder) -> None:
    """Draw a write at one of the index inputs."""
    found = [i for i, x in enumerate(b.inputs) if x.high is not None]
    if not found:
        return
    at = b.choose(found)
    high, count = b.inputs[at].high or 1, b.values[at].shape[0]
    source = b.pick(lambda v: is_float(v) and v.ndim == 1 and v.shape[0] >= max(high, count))
    if source is None:
        return
    if b.choose(BOTH):
        how = b.choose(("sum", "prod", "amax", "amin", "mean"))
        b.add("scatter_reduce", (source, at), how)
    else:
        b.add("index_put", (source, at), True)


def in_place(b: Builder) -> None:
    """Draw a change of a value that is no view and has no views."""
    viewed = {id(v.base) for v in b.values if v.base is not None}

    def own(v: Any) -> bool:
        free = v.base is None and id(v) not in viewed and not (v.is_leaf and v.requires_grad)
        return is_float(v) and free

    at = b.pick(own)
    if at is None:
        return
    target = b.values[at]
    if b.choose((True, False, False)):
        b.add(b.choose(("relu_", "zero_")), (at,))
        return
    alone = at < len(b.inputs)  # an argument cannot be put on the tape of a compiled function
    other = b.pick(
        lambda v: (
            v.dtype is target.dtype
            and not (alone and v.requires_grad)
            and broadcasts(v.shape, target.shape)
            and np.broadcast_shapes(v.shape, target.shape) == target.shape
        )
    )
    if other is None:
        return
    b.add(b.choose(IN_PLACE), (at, other))


FAMILIES = (
    unary, unary, binary, binary, binary, power, logical, where, clamp, conversion, reduction,
    reduction, reshaping, reshaping, growing, product, indexing, in_place,
    recipe, recipe, recipe, scattering,
)  # fmt: skip


def grown(choose: Callable[[Any], Any], longest: int) -> Program:
    """Return a program of up to so many steps, all of whose choices are made by ``choose``."""
    b = Builder(choose)
    dtype = choose((*FLOATS, "float32", "int64"))
    shape = tuple(choose(EXTENTS) for _ in range(choose((2, 2, 1, 3, 0))))
    if math.prod(shape) > LARGEST:
        shape = shape[:1]
    b.add_input(shape, dtype)
    for _ in range(choose((1, 1, 2, 0))):
        kept = tuple(choose((e, e, 1)) for e in shape)
        b.add_input(kept[choose((0, 0, *range(len(kept) + 1))) :], dtype)
    if choose(BOTH):
        b.add_input((choose((3, 4, 1)),), "int64", high=choose((2, 3, 1)))
    for _ in range(choose(range(1, longest + 1))):
        choose(FAMILIES)(b)
    also = [choose(range(len(b.values))) for _ in range(choose((0, 0, 1, 2)))]
    outputs = (len(b.values) - 1, *also)
    backward = choose(("inside", "inside", "outside", "none"))
    return Program(tuple(b.inputs), tuple(b.steps), outputs, backward)


@st.composite
def programs(draw: Callable[..., Any], longest: int = 10) -> Program:
    """Draw a program; Hypothesis leans towards small ones, and shrinks what fails."""
    return grown(lambda options: draw(st.sampled_from(options)), longest)


def random_program(seed: int, longest: int = 10) -> Program:
    """Return a program drawn evenly from a seed."""
    return grown(random.Random(seed).choice, longest)


# --- checking one -------------------------------------------------------------------------------


def call(program: Program, function: Any, tensors: list[Any]) -> list[list[Any]]:
    """Run the program as ``function``; return outputs and gradients."""
    with dg.set_grad_enabled(program.backward != "none"):
        outputs, gradients = function(*tensors)
    if program.backward == "outside":
        gradients = program.gradients(tensors, outputs)
    return [outputs, gradients]


REFUSALS = (
    "merges axes of a tensor that is changed in place",  # a reshape may copy in eager
    "an in-place op would put",
)
"""What a trace may refuse by name although eager runs it: in-place ops through memory that a static
graph does not have."""


def check(program: Program) -> None:
    """Fail unless eager, interpreter, every pass, and compiled agree in every bit."""
    eager, traced = ([x.tensor() for x in program.inputs] for _ in range(2))
    compiled = dg.compile(program.__call__)
    try:
        expected = call(program, program, eager)
    except DualgraphError as error:
        _check_error(lambda: call(program, compiled, traced), error)
        return
    try:
        with dg.set_grad_enabled(program.backward != "none"):
            trace = compiled.prepare(*traced)
    except (GradError, TraceError) as error:
        if any(text in str(error) for text in REFUSALS):
            return
        raise
    _check_passes(trace, traced, expected)
    for label in ("first call", "second call"):
        tensors = traced if label == "first call" else [x.tensor() for x in program.inputs]
        assert_bits_equal(call(program, compiled, tensors), expected, f"{label}: results")
        assert_bits_equal(tensors, eager, f"{label}: inputs")
    assert len(compiled.traces) == 1, "the second call traced again"


def _check_error(run: Callable[[], Any], error: DualgraphError) -> None:
    try:
        run()
    except DualgraphError:
        return
    raise AssertionError(f"eager raises {error!r}, compiled does not") from error


def _check_passes(trace: Any, tensors: list[Any], results: list[list[Any]]) -> None:
    arrays = [np.array(source.fetch(tensors)) for source in trace.sources]
    graph = trace.captured
    expected = interpreter.run(graph, arrays)
    leaves = [y for part in results for y in part if y is not None]
    for result, y in zip(trace.results, leaves, strict=False):
        if isinstance(result, Computed):
            at = result.position
            assert_bits_equal(expected[at], y, f"interpreter: output {at}")
    for step in PIPELINE:
        graph = step(graph)
        found = interpreter.run(graph, arrays)
        assert_bits_equal(found, expected, f"after {step.__name__}")


def search(examples: int, longest: int, seed: int) -> int:
    """Check programs of consecutive seeds; print and shorten what fails, return how many did."""
    start, before, failed = time.perf_counter(), stats.compiled, 0
    for number in range(seed, seed + examples):
        program = random_program(number, longest)
        error = failure(program)
        if error is not None:
            failed += 1
            short = shortened(program)
            print(f"--- seed {number}\n{short}\n{failure(short) or error}\n", flush=True)
    took, made = time.perf_counter() - start, stats.compiled - before
    print(f"{examples} programs, {failed} failed, {made} kernels compiled, {took:.1f} s")
    return failed


def failure(program: Program) -> str | None:
    """Return what `check` raises, or None."""
    try:
        check(program)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def shortened(program: Program) -> Program:
    """Drop outputs and steps, and simplify inputs, as long as the program still fails alike."""
    kind = (failure(program) or "").partition(":")[0]

    def fails(candidate: Program) -> bool:
        return (failure(candidate) or "").partition(":")[0] == kind

    smaller = True
    while smaller:
        found = next((c for c in candidates(program) if fails(c)), None)
        smaller = found is not None
        program = found or program
    return program


def candidates(program: Program) -> Iterator[Program]:
    """Yield programs with one thing less."""
    first = len(program.inputs)
    for i in range(len(program.outputs)):
        if len(program.outputs) > 1:
            yield replace(program, outputs=program.outputs[:i] + program.outputs[i + 1 :])
    for output in program.outputs:
        if output > first:
            yield replace(program, outputs=(output - 1,))
    for k in reversed(range(len(program.steps))):
        for stand_in in {first + k - 1, *program.steps[k].inputs}:
            yield without(program, k, stand_in)
    for i, x in enumerate(program.inputs):
        for change in ({"layout": "rows"}, {"edges": False}, {"requires_grad": False}):
            smaller = replace(x, **change)
            if smaller != x:
                inputs = (*program.inputs[:i], smaller, *program.inputs[i + 1 :])
                yield replace(program, inputs=inputs)


def without(program: Program, k: int, stand_in: int) -> Program:
    """Return the program without step k; ``stand_in`` takes the place of its value."""
    gone = len(program.inputs) + k

    def moved(i: int) -> int:
        i = stand_in if i == gone else i
        return i - 1 if i > gone else i

    steps = [
        replace(s, inputs=tuple(moved(i) for i in s.inputs))
        for j, s in enumerate(program.steps)
        if j != k
    ]
    return replace(program, steps=tuple(steps), outputs=tuple(moved(i) for i in program.outputs))


def main() -> int:
    """Read the command line and search."""
    parser = argparse.ArgumentParser(description=search.__doc__)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--longest", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the first program")
    options = parser.parse_args()
    settings.checks = True
    return 1 if search(options.examples, options.longest, options.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
