"""Random programs over the op set, and the check that every way to run them gives the same bits.

A program is a list of steps in SSA form over input tensors. `programs` is a Hypothesis strategy;
`check` runs one program eagerly, in the reference interpreter after the trace and after each pass,
and compiled, forward and backward, and compares outputs, gradients and changed inputs bit for bit.
A program prints as Python, so that a failure can be pasted into a file.

Try tens of thousands: ``python -m tests.programs --examples 20000``.
"""

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

import dualgraph as dg
from dualgraph.config import settings
from dualgraph.errors import DualgraphError
from dualgraph.graph import interpreter
from dualgraph.graph.pipeline import PIPELINE
from dualgraph.kernels.native import stats
from tests.bits import assert_bits_equal
from tests.op_table import EDGES, LAYOUTS

Shape = tuple[int, ...]
Draw = Callable[..., Any]

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
    """Inputs, steps, and which values are returned; ``backward`` also returns gradients."""

    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    backward: bool

    def __call__(self, *tensors: Any) -> tuple[list[Any], Any]:
        """Run on tensors of either frontend."""
        values = list(tensors)
        for step in self.steps:
            values.append(step.run(values))
        outputs = [values[i] for i in self.outputs]
        return outputs, self._gradients(tensors, outputs) if self.backward else ()

    def _gradients(self, tensors: tuple[Any, ...], outputs: list[Any]) -> Any:
        moving = [y for y in outputs if y.requires_grad]
        wanted = [t for t in tensors if t.requires_grad]
        if not moving or not wanted:
            return ()
        total = moving[0].sum().double()
        for y in moving[1:]:
            total = total + y.sum()
        return list(dg.autograd.grad(total, wanted, allow_unused=True))

    def __str__(self) -> str:
        lines = [f"v{i} = {x!r}" for i, x in enumerate(self.inputs)]
        lines += [f"v{len(self.inputs) + i} = {s}" for i, s in enumerate(self.steps)]
        tail = f"return {', '.join(f'v{i}' for i in self.outputs)}"
        return "\n".join([*lines, tail + (" and gradients" if self.backward else "")])

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

# --- drawing one --------------------------------------------------------------------------------

FLOATS = ("float32", "float64")
EXTENTS = (1, 2, 3, 3, 5, 0, 17, 130)
NUMBERS = (2, 3, 0.5, -1.5, 0, -0.0, 1, 4.0, 0.1)


class Builder:
    """Grows a program; keeps the value of every step, so that shapes and dtypes are known."""

    def __init__(self, draw: Draw, dtype: str) -> None:
        self.draw = draw
        self.dtype = dtype
        self.inputs: list[Input] = []
        self.steps: list[Step] = []
        self.values: list[Any] = []

    def pick(self, test: Callable[[Any], bool]) -> int | None:
        """Draw one of the values that pass a test, the latest ones first in shrinking."""
        found = [i for i, v in enumerate(self.values) if test(v)]
        return self.draw(st.sampled_from(found[::-1])) if found else None

    def choose(self, options: Any) -> Any:
        """Draw one of some options."""
        return self.draw(st.sampled_from(options))

    def add_input(self, shape: Shape, dtype: str, high: int | None = None) -> int:
        """Append an input (before any step)."""
        floating = dtype in FLOATS
        self.inputs.append(
            Input(
                shape,
                dtype,
                self.choose(("rows", "rows", "rows", "columns", "steps", "reversed")),
                self.draw(st.integers(0, 999)),
                floating and self.draw(st.booleans()),
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
    return v.numel() <= 4000


def broadcasts(a: Shape, b: Shape) -> bool:
    """Tell whether two shapes have a common one that is not too large."""
    try:
        return math.prod(np.broadcast_shapes(a, b)) <= 4000
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
    assert other is not None
    b.add(name, (at, other) if b.draw(st.booleans()) else (other, at))


def power(b: Builder) -> None:
    """Draw a power with a number or a tensor."""
    at = b.pick(is_float)
    if at is not None and b.draw(st.booleans()):
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
    assert other is not None
    if b.draw(st.booleans()):
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
    assert x is not None
    shape = np.broadcast_shapes(shape, b.values[x].shape)
    y = b.pick(lambda v: broadcasts(v.shape, shape))
    assert y is not None
    b.add("where", (condition, x, y))


def clamp(b: Builder) -> None:
    """Draw bounds."""
    at = b.pick(is_float)
    if at is not None:
        b.add("clamp", (at,), b.choose((-1.0, 0.0, None)), b.choose((0.5, 1.0)))


def conversion(b: Builder) -> None:
    """Draw a cast, a copy, or a detach."""
    at = b.pick(anything)
    assert at is not None
    name = b.choose(("cast", "cast", "clone", "detach"))
    if name == "cast":
        b.add("cast", (at,), b.choose((*FLOATS, "int64", "int32", "bool", "uint8")))
    else:
        b.add(name, (at,))


def dims_of(b: Builder, ndim: int) -> Any:
    """Draw None, one axis, or several."""
    if not ndim or b.choose((True, False, False)):
        return None
    return b.choose(tuple(range(-ndim, ndim)) + ((tuple({0, ndim - 1}),)))


def reduction(b: Builder) -> None:
    """Draw a reduction, or an op along one axis."""
    at = b.pick(anything)
    assert at is not None
    v, keepdim = b.values[at], b.draw(st.booleans())
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
    assert at is not None
    v = b.values[at]
    name = b.choose(("reshape", "permute", "unsqueeze", "squeeze", "flip", "getitem", "piece"))
    if name == "reshape":
        b.add(name, (at,), b.choose(factors(v.numel())))
    elif name == "permute":
        b.add(name, (at,), b.draw(st.permutations(range(v.ndim))))
    elif name == "unsqueeze":
        b.add(name, (at,), b.draw(st.integers(-v.ndim - 1, v.ndim)))
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
        dim = b.draw(st.integers(0, len(shape) - 1))
        count = max(1, -(-shape[dim] // size))
        b.add(name, (at,), size, dim, b.draw(st.integers(0, min(count, 3) - 1)))
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
        b.add(name, (at,), (2, *shape) if b.draw(st.booleans()) else shape)
    elif name == "stack" or v.ndim:
        same = b.pick(lambda u: u.shape == v.shape)
        assert same is not None
        parts = (at, same) if b.draw(st.booleans()) else (at, same, at)
        b.add(name, parts, b.draw(st.integers(0, v.ndim - (name == "cat"))))


def product(b: Builder) -> None:
    """Draw a matrix product whose extents fit, transposing an operand where that helps."""
    at = b.pick(lambda v: is_float(v) and v.ndim >= 1)
    if at is None:
        return
    x = b.values[at]

    def fits(v: Any) -> bool:
        inner = v.shape[-2] if v.ndim > 1 else v.shape[-1] if v.ndim else -1
        lead = broadcasts(x.shape[:-2], v.shape[:-2])
        return v.dtype is x.dtype and inner == x.shape[-1] and lead and v.numel() <= 4000

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
        source = b.pick(lambda v: v.ndim > 1 and v.shape[0] >= high and v.numel() <= 4000)
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
    other = b.pick(
        lambda v: v.dtype is target.dtype
        and broadcasts(v.shape, target.shape)
        and np.broadcast_shapes(v.shape, target.shape) == target.shape
    )
    assert other is not None
    b.add(b.choose(IN_PLACE), (at, other))


FAMILIES = (
    unary, unary, binary, binary, binary, power, logical, where, clamp, conversion, reduction,
    reduction, reshaping, reshaping, growing, product, indexing, in_place,
)  # fmt: skip


@st.composite
def programs(draw: Draw, longest: int = 8) -> Program:
    """Draw a program of up to so many steps."""
    dtype = draw(st.sampled_from((*FLOATS, "float32", "int64")))
    b = Builder(draw, dtype)
    rank = draw(st.integers(0, 3))
    shape = tuple(draw(st.lists(st.sampled_from(EXTENTS), min_size=rank, max_size=rank)))
    if math.prod(shape) > 4000:
        shape = shape[:1]
    b.add_input(shape, dtype)
    for _ in range(draw(st.integers(0, 2))):
        kept = tuple(draw(st.sampled_from((e, e, 1))) for e in shape)
        b.add_input(kept[draw(st.integers(0, len(kept))) :], dtype)
    if draw(st.booleans()):
        b.add_input((draw(st.sampled_from((1, 3, 4))),), "int64", high=draw(st.integers(1, 3)))
    for _ in range(draw(st.integers(1, longest))):
        draw(st.sampled_from(FAMILIES))(b)
    count = len(b.values)
    last = st.lists(st.integers(0, count - 1), max_size=2)
    return Program(
        tuple(b.inputs), tuple(b.steps), (count - 1, *draw(last)), draw(st.sampled_from((True, True, False)))
    )


# --- checking one -------------------------------------------------------------------------------


def check(program: Program) -> None:
    """Fail unless eager, interpreter, every pass, and compiled agree in every bit."""
    hypothesis.note(str(program))
    eager = [x.tensor() for x in program.inputs]
    compiled = dg.compile(program.__call__)
    traced = [x.tensor() for x in program.inputs]
    try:
        expected = program(*eager)
    except DualgraphError as error:
        _check_error(compiled, traced, error)
        return
    trace = compiled.prepare(*traced)
    _check_passes(trace, traced, [y for part in expected for y in part if y is not None])
    for call in ("first", "second"):
        tensors = traced if call == "first" else [x.tensor() for x in program.inputs]
        actual = compiled(*tensors)
        assert_bits_equal(list(actual), list(expected), f"{call} call: (outputs, gradients)")
        assert_bits_equal(tensors, eager, f"{call} call: inputs")
    assert len(compiled.traces) == 1, "the second call traced again"


def _check_error(compiled: Any, tensors: list[Any], error: DualgraphError) -> None:
    try:
        compiled(*tensors)
    except type(error):
        return
    raise AssertionError(f"eager raises {error!r}, compiled does not") from error


def _check_passes(trace: Any, tensors: list[Any], outputs: list[Any]) -> None:
    arrays = [np.array(source.fetch(tensors)) for source in trace.sources]
    graph = trace.captured
    expected = interpreter.run(graph, arrays)
    for output, y in zip(trace.outputs, outputs, strict=True):
        if output.kind == "fresh":
            at = output.position
            assert_bits_equal(expected[at], y, f"interpreter: output {at}")
    for step in PIPELINE:
        graph = step(graph)
        found = interpreter.run(graph, arrays)
        assert_bits_equal(found, expected, f"after {step.__name__}")


def search(examples: int, longest: int = 8, seed: int | None = None) -> None:
    """Try many programs, and say how many kernels that took."""
    start, before = time.perf_counter(), stats.compiled

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=True,
    )
    @hypothesis.given(programs(longest))
    def run(program: Program) -> None:
        check(program)

    (hypothesis.seed(seed)(run) if seed is not None else run)()
    took, made = time.perf_counter() - start, stats.compiled - before
    print(f"{examples} programs, {made} kernels compiled, {took:.1f} s: no bit differs")


def main() -> None:
    """Read the command line and search."""
    parser = argparse.ArgumentParser(description=search.__doc__)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--longest", type=int, default=8)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    settings.checks = True
    search(options.examples, options.longest, options.seed)


if __name__ == "__main__":
    main()
