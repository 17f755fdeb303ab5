"""Memory that tensors share or do not share, and integers that wrap: equal in both frontends."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, AxisError, DTypeError, GradError, ShapeError, TraceError
from tests.bits import assert_bits_equal

ENDS = (2**63 - 1, -(2**63), 5, -1)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x + 1) < x,
        lambda x: (x - 1) > x,
        lambda x: dg.maximum(x + 1, x),
        lambda x: (x * -1) < 0,
        lambda x: (x + 3 + 4) < x,
        lambda x: -x < x,
        lambda x: abs(x) < 0,
        lambda x: dg.cumsum(x, 0) < x,
        lambda x: (x + 1).sum(),
        lambda x: x.prod(),
        lambda x: x**3,
        lambda x: dg.scatter_add(x, 0, dg.zeros(4, dtype="int64"), x),
    ],
)
def test_int64_wraps_in_fused_code_as_in_eager(function: Callable[..., Any]) -> None:
    x = dg.tensor(ENDS)
    assert_bits_equal(dg.compile(function)(x), function(x))


def test_int64_addition_wraps() -> None:
    assert (dg.tensor([2**63 - 1]) + 1).tolist() == [-(2**63)]


def test_an_overwritten_tensor_leaves_its_history() -> None:
    for write in (lambda y: y.zero_(), lambda y: y.fill_(3.0), lambda y: y.copy_(dg.ones(2))):
        w = dg.tensor([1.0, 2.0], requires_grad=True)
        y = w * 2
        write(y)
        (y + w).sum().backward()
        assert w.grad.tolist() == [1.0, 1.0]


def test_a_view_older_than_a_recorded_change_has_its_gradient() -> None:
    w = dg.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def older(x: Any) -> Any:
        a = x * 1
        v = a[:2]
        a.mul_(w)
        return dg.autograd.grad(v.sum(), w)[0]

    x = dg.tensor([5.0, 6.0, 7.0])
    assert older(x).tolist() == [5.0, 6.0, 0.0]
    assert_bits_equal(dg.compile(older)(x), older(x))


def test_a_plain_view_joins_the_tape_in_place() -> None:
    w = dg.ones(2, requires_grad=True)
    base = dg.zeros(3)
    base[:2].add_(w)
    assert base.requires_grad
    assert dg.autograd.grad((base * dg.tensor([2.0, 3.0, 4.0])).sum(), w)[0].tolist() == [2.0, 3.0]


def test_a_detached_tensor_still_follows_its_memory() -> None:
    w = dg.ones(2, requires_grad=True)
    a = w * 1
    d = a.detach()
    a.mul_(3)
    assert (d * 1).tolist() == [3.0, 3.0]


def test_a_reshape_that_copies_shares_nothing() -> None:
    def function(x: Any) -> Any:
        y = x.t().reshape(-1)
        x.add_(1)
        return y

    assert function(dg.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist() == [1.0, 3.0, 2.0, 4.0]
    with pytest.raises(TraceError, match="depends on strides"):
        dg.compile(function)(dg.ones(2, 2))


def test_a_copying_reshape_has_a_version_of_its_own() -> None:
    w = dg.ones(2, 2, requires_grad=True)
    a = w * 1
    b = a.t().reshape(-1)
    c = b * b
    a.add_(1)
    c.sum().backward()
    assert w.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]


@pytest.mark.parametrize("name", ["sum", "prod", "amax", "amin", "mean"])
def test_a_reduction_of_a_scalar_is_a_tensor_of_its_own(name: str) -> None:
    x = dg.tensor(5.0)
    getattr(x, name)().add_(1)
    assert x.item() == 5.0


def test_flip_and_rounding_of_integers_copy() -> None:
    x = dg.arange(3)
    x.flip(0).add_(1)
    dg.floor(x).add_(1)
    assert x.tolist() == [0, 1, 2]


def test_read_only_memory_is_never_written() -> None:
    array = np.ones(3)
    x = dg.from_numpy(array)
    array.flags.writeable = False
    for run in (lambda x: x.add_(1), dg.compile(lambda x: x.add_(1).sum())):
        with pytest.raises(GradError, match="cannot be changed in place"):
            run(x)
    assert array.tolist() == [1.0, 1.0, 1.0]


def test_an_index_into_an_empty_axis_is_out_of_range() -> None:
    function = dg.compile(lambda x, i: dg.gather(x, 0, i))
    with pytest.raises(AxisError, match="index 0 is out of range"):
        function(dg.zeros(0), dg.tensor([0]))


def test_an_index_into_a_constant_is_checked() -> None:
    with pytest.raises(AxisError, match="index 7 is out of range"):
        dg.compile(lambda i: dg.gather(dg.zeros(3), 0, i))(dg.tensor([7]))


def test_a_trace_does_not_keep_its_first_arguments() -> None:
    w = dg.ones(3, requires_grad=True)
    function = dg.compile(lambda x: (x * w).sum())
    x = dg.ones(3)
    function(x).backward()
    seen = weakref.ref(x)
    del x
    gc.collect()
    assert seen() is None


def test_a_parameter_counts_the_changes_of_its_tensor() -> None:
    t = dg.ones(2)
    p = nn.Parameter(t)
    y = (p * p).sum()
    t.add_(1)
    with pytest.raises(GradError, match="modified in place"):
        y.backward()


@pytest.mark.parametrize("dtypes", [("float64", "float32"), ("int64", "float32")])
def test_matmul_does_not_convert(dtypes: tuple[str, str]) -> None:
    a, b = (dg.ones(2, 2, dtype=d) for d in dtypes)
    with pytest.raises(DTypeError, match="one floating dtype"):
        a @ b


def test_bitwise_operators_do_not_take_floats() -> None:
    assert (~dg.tensor([True, False])).tolist() == [False, True]
    assert (dg.tensor([True]) & True).tolist() == [True]
    for wrong in (lambda x: ~x, lambda x: x & x, lambda x: x | 1, lambda x: x ^ x):
        with pytest.raises(DTypeError, match="logical_"):
            wrong(dg.tensor([1.0, 2.0]))


def test_comparison_with_other_things_is_python_s() -> None:
    x = dg.ones(2)
    assert (x == None) is False  # noqa: E711
    assert x != "a"
    assert x not in ["a", None]


def test_a_scalar_can_be_formatted() -> None:
    assert f"{dg.tensor(0.123456):.2f}" == "0.12"
    assert f"{dg.tensor([1.0])}" == "tensor([1.])"


@pytest.mark.parametrize(
    "function",
    [
        lambda w: dg.ones(2, 3) @ w,
        lambda w: dg.max(w.reshape(1, 3), 1)[0],
    ],
)
def test_results_that_are_no_views_can_be_changed_in_place(function: Callable[..., Any]) -> None:
    def run(w: Any) -> Any:
        y = function(w)
        y.mul_(2)
        return y.sum()

    w = dg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    grads = [dg.autograd.grad(f(w), w)[0] for f in (run, dg.compile(run))]
    assert_bits_equal(*grads)


@pytest.mark.parametrize(
    "function",
    [lambda w: dg.logsumexp(w, 0), lambda w: dg.softmax(w, 0), lambda w: dg.softmax(w.sum(), 0)],
)
def test_a_saved_result_cannot_be_changed_unseen(function: Callable[..., Any]) -> None:
    def run(w: Any) -> Any:
        y = function(w)
        y.mul_(2)
        return y.sum()

    w = dg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for f in (run, dg.compile(run)):
        with pytest.raises(GradError, match="in place"):
            dg.autograd.grad(f(w), w)


@pytest.mark.parametrize("number", [1e30, float("nan"), float("-inf")])
def test_a_number_that_does_not_fit_is_refused(number: float) -> None:
    with pytest.raises(ArgumentError, match="does not fit into int64"):
        dg.full((2,), number, dtype="int64")


def test_a_negative_extent_is_named() -> None:
    with pytest.raises(ShapeError, match="negative extent"):
        dg.zeros(2, -1)
