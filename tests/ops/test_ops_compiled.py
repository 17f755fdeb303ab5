"""Compiled results equal eager results in every bit: every row and sample, forward and backward.

Also the edge values, through forward and backward; what is compiled is one function that returns
the outputs and the gradients of their weighted sum.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import assert_bits_equal
from tests.ops.op_row import EDGES, FLOATS, Row
from tests.ops.op_table import ROWS, Case, cases

DTYPES = ("float32", "float64", "int64", "uint8", "bool")
COMPILED = [c for c in cases(DTYPES) if c.row.compiled]


def parameter(case: Case) -> Any:
    """Return a case for parametrize; a kernel costs 0.1 s: CI sees all but float32 once a row."""
    row = case.row
    first = next(s for s in row.samples if case.dtype in (s.only or row.dtypes))
    again = case.dtype != "float32" and case.sample is not first
    return pytest.param(case, id=str(case), marks=pytest.mark.exhaustive if again else ())


FORWARD = [
    parameter(c)
    for c in COMPILED
    if not (c.row.differentiable and c.dtype in FLOATS)  # those are in BOTH
]
BOTH = [parameter(c) for c in COMPILED if c.row.differentiable and c.dtype in FLOATS]
EDGE_ROWS = [
    pytest.param(row, dtype, id=f"{row.name}-{dtype}")
    for row in ROWS
    if row.edges
    for dtype in FLOATS
    if dtype in row.dtypes
]
Function = Callable[..., Any]


def listed(out: Any) -> list[Any]:
    """Return one output or several as a list."""
    return list(out) if isinstance(out, tuple | list) else [out]


def forward_of(row: Row, kwargs: dict[str, Any]) -> Function:
    """Return the function of tensors that a row stands for."""
    run = row.run
    return lambda *tensors: run(dg, list(tensors), kwargs)


def with_gradients(forward: Function) -> Function:
    """Return a function of (weights, tensors) that gives outputs and gradients."""

    def function(weights: list[Any], *tensors: Any) -> tuple[list[Any], tuple[Any, ...]]:
        outputs = listed(forward(*tensors))
        moving = [y for y in outputs if y.requires_grad]
        wanted = [t for t in tensors if t.requires_grad]
        if not moving:
            return outputs, ()
        total = None
        for y, w in zip(moving, weights, strict=True):
            part = (y * w).sum()
            total = part if total is None else total + part
        return outputs, dg.autograd.grad(total, wanted, allow_unused=True)

    return function


def leaves(arrays: list[np.ndarray]) -> list[Any]:
    """Return tensors on copies with the same strides; the floating ones require grad."""
    tensors = [dg.from_numpy(a) for a in arrays]
    return [t.requires_grad_() if t.is_floating_point() else t for t in tensors]


def weights_for(outputs: list[Any]) -> list[Any]:
    """Return random weights for the outputs that have gradients."""
    rng = np.random.default_rng(5)
    return [
        dg.tensor(np.asarray(rng.uniform(0.5, 1.5, y.shape)).astype(y.dtype.name))
        for y in outputs
        if y.requires_grad
    ]


def check_forward(row: Row, kwargs: dict[str, Any], arrays: list[np.ndarray], label: str) -> None:
    """Compare eager and compiled without gradients; the second call compiles nothing."""
    function = forward_of(row, kwargs)
    compiled = dg.compile(function)
    tensors = [dg.from_numpy(a) for a in arrays]
    expected = listed(function(*tensors))
    assert_bits_equal(listed(compiled(*tensors)), expected, label)
    assert_bits_equal(listed(compiled(*tensors)), expected, f"second call of {label}")
    assert len(compiled.traces) == 1


def check_both(row: Row, kwargs: dict[str, Any], arrays: list[np.ndarray], label: str) -> None:
    """Compare eager and compiled outputs and gradients."""
    forward = forward_of(row, kwargs)
    tensors = leaves(arrays)
    weights = weights_for(listed(forward(*tensors)))
    function = with_gradients(forward)
    outputs, gradients = function(weights, *tensors)
    compiled_outputs, compiled_gradients = dg.compile(function)(weights, *tensors)
    assert_bits_equal(compiled_outputs, outputs, f"output of {label}")
    assert_bits_equal(list(compiled_gradients), list(gradients), f"gradient of {label}")


@pytest.mark.parametrize("case", FORWARD)
def test_forward(case: Case) -> None:
    """Ops without gradients: the same bits, dtypes and shapes, in any memory layout."""
    check_forward(case.row, case.sample.kwargs, case.arrays(), str(case))


@pytest.mark.parametrize("case", BOTH)
def test_forward_and_backward(case: Case) -> None:
    """Ops with gradients: outputs and the gradients of all floating inputs."""
    check_both(case.row, case.sample.kwargs, case.arrays(), str(case))


@pytest.mark.parametrize(("row", "dtype"), EDGE_ROWS)
def test_edge_values(row: Row, dtype: str) -> None:
    """Zeros of both signs, infinities, NaN, subnormals, huge numbers, in all pairs."""
    edges = EDGES[dtype]
    pairs = np.array(list(itertools.product(edges, edges)), dtype).T.copy()
    tried = set()
    for sample in row.samples:
        kinds = len(sample.args), tuple(sample.kwargs.items())
        if any(a.dtype for a in sample.args) or kinds in tried or len(sample.args) > 2:
            continue
        tried.add(kinds)
        arrays = [edges] if len(sample.args) == 1 else list(pairs)
        check = check_both if row.differentiable else check_forward
        check(row, sample.kwargs, arrays, f"{row.name} {sample.label}")
    assert tried


def test_one_kernel_serves_all_shapes() -> None:
    """A new shape is traced anew, but compiles no new kernel."""
    function = dg.compile(lambda x, y: dg.tanh(x * y) + x)
    function(dg.ones(4, 8), dg.ones(4, 8))
    function(dg.ones(16), dg.ones(16))
    function(dg.ones(3, 5), dg.ones(3, 5))
    assert len(function.traces) == 3
    assert [t.program.cost.compiled for t in function.traces[1:]] == [0, 0]
    assert len({k.name for t in function.traces for k in t.program.kernels}) == 1


def test_results_are_not_overwritten() -> None:
    """The first call's result stays when the function is called again."""
    function = dg.compile(lambda x: (x * 2, x + 1))
    first = function(dg.tensor([1.0, 2.0]))
    second = function(dg.tensor([5.0, 6.0]))
    assert [t.tolist() for t in first] == [[2.0, 4.0], [2.0, 3.0]]
    assert [t.tolist() for t in second] == [[10.0, 12.0], [6.0, 7.0]]


def test_an_input_that_is_returned_is_the_input() -> None:
    """Eager returns the tensor itself; so does compiled."""
    x = dg.tensor([1.0])
    same, other = dg.compile(lambda x: (x, x + 1))(x)
    assert same is x
    assert other.tolist() == [2.0]


@pytest.mark.parametrize("dtype", FLOATS)
def test_second_derivatives(dtype: str) -> None:
    """A gradient of a gradient inside of the traced function."""

    def function(x: Any, w: Any) -> Any:
        y = (dg.tanh(x @ w) * dg.exp(-x.square()).sum(1, keepdim=True)).sum()
        first = dg.autograd.grad(y, [x, w], create_graph=True)
        return first, dg.autograd.grad((first[0] * x).sum() + first[1].square().sum(), [x, w])

    rng = np.random.default_rng(0)
    x = dg.tensor(rng.normal(size=(5, 4)).astype(dtype), requires_grad=True)
    w = dg.tensor(rng.normal(size=(4, 3)).astype(dtype), requires_grad=True)
    assert_bits_equal(dg.compile(function)(x, w), function(x, w))


@pytest.mark.parametrize("name", ["add_", "mul_", "sub_", "div_", "exp_", "relu_", "clamp_"])
def test_in_place_on_an_argument(name: str) -> None:
    """An in-place op inside of the traced function changes the argument, as eagerly."""
    args = {"clamp_": (0.0, 0.5)}.get(name, () if name in ("exp_", "relu_") else (3.0,))

    def function(x: Any) -> Any:
        y = x * 2
        getattr(x, name)(*args)
        return y, x + 1

    eager, traced = dg.tensor([0.5, -1.0, 2.0]), dg.tensor([0.5, -1.0, 2.0])
    expected = function(eager)
    assert_bits_equal(dg.compile(function)(traced), expected)
    assert_bits_equal(traced, eager)
