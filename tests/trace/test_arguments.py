"""Trees of arguments and results, other values than tensors, shapes and layouts."""

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError
from tests.bits import assert_bits_equal


def test_keyword_arguments_in_any_order() -> None:
    f = dg.compile(lambda x, y, scale=1.0: (x - y) * scale)
    a, b = dg.tensor([5.0]), dg.tensor([3.0])
    assert f(x=a, y=b).tolist() == [2.0]
    assert f(y=b, x=a).tolist() == [2.0]
    assert f(a, y=b, scale=3.0).tolist() == [6.0]
    assert f(a, b, scale=4.0).tolist() == [8.0]


def test_trees_in_and_out() -> None:
    def function(tree: Any) -> Any:
        (a, b), c = tree["pair"], tree["deep"]["deeper"][0]["deepest"]
        return {"sum": a + b, "more": (c * 2, [a, None, "text"])}

    f = dg.compile(function)

    def call() -> Any:
        deep = {"deeper": [{"deepest": dg.tensor([3.0])}]}
        return f({"pair": (dg.tensor([1.0]), dg.tensor([2.0])), "deep": deep})

    for _ in range(3):
        out = call()
    assert out["sum"].tolist() == [3.0]
    assert out["more"][0].tolist() == [6.0]
    assert out["more"][1][1:] == [None, "text"]
    assert len(f.traces) == 1


Pair = namedtuple("Pair", "a b")


def test_named_tuples_do_not_retrace() -> None:
    f = dg.compile(lambda p: Pair(p.a + p.b, p.b))
    for i in range(3):
        out = f(Pair(dg.tensor([1.0]), dg.tensor([float(i)])))
    assert isinstance(out, Pair)
    assert out.a.tolist() == [3.0]
    assert len(f.traces) == 1


@pytest.mark.parametrize(
    "values",
    [(np.float32(2), np.float32(2), np.float32(3)), (slice(0, 1), slice(0, 1), slice(0, 2))],
    ids=["numpy scalar", "slice"],
)
def test_values_that_count_by_value(values: tuple) -> None:
    def function(x: Any, v: Any) -> Any:
        return x[v] if isinstance(v, slice) else x * v

    f = dg.compile(function)
    x = dg.tensor([1.0, 2.0])
    for v in values:
        assert_bits_equal(f(x, v), function(x, v))
    assert len(f.traces) == 2


def test_a_changed_python_argument_names_its_reason() -> None:
    f = dg.compile(lambda x, n: x * n)
    assert f(dg.tensor(2.0), 3).item() == 6.0
    assert f(dg.tensor(2.0), 4).item() == 8.0
    assert f.traces[-1].reason.startswith("other arguments are new")


def test_a_changed_shape_names_its_reason() -> None:
    f = dg.compile(lambda x: x * 2)
    f(dg.ones(2))
    f(dg.ones(3))
    assert f.traces[-1].reason.startswith("tensors are new: float32 (3,) after ")


@pytest.mark.parametrize("changed", [False, True])
def test_a_tensor_made_inside_is_new_at_every_call(changed: bool) -> None:
    def function(x: Any) -> Any:
        total = dg.tensor([1.0])
        if changed:
            total.add_(x)
        return total

    f = dg.compile(function)
    x = dg.tensor([2.0])
    first = f(x)
    assert_bits_equal(first, function(x))
    first.add_(10.0)
    assert_bits_equal(f(x), function(x))


def test_a_generator_made_inside_is_new_at_every_call() -> None:
    function = lambda x: x + dg.rand(4, generator=dg.Generator())  # noqa: E731
    f = dg.compile(function)
    x = dg.zeros(4)
    assert_bits_equal([f(x), f(x)], [function(x), function(x)])


def test_an_array_in_the_closure_that_is_mutated() -> None:
    array = np.ones(3, np.float32)
    f = dg.compile(lambda x: x + dg.tensor(array))
    x = dg.zeros(3)
    assert f(x).tolist() == [1.0, 1.0, 1.0]
    array[1] = 5.0
    assert f(x).tolist() == [1.0, 5.0, 1.0]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
def test_zero_size_arguments(shape: tuple) -> None:
    def function(x: Any) -> Any:
        y = dg.tanh(x * 2).reshape(-1, shape[-1]) if 0 not in shape[-1:] else dg.exp(x)
        grads = dg.autograd.grad((y * y).sum(), x)
        return y, x.sum(), x.sum(0), dg.cat([x, x]), x.prod(-1), grads

    x = dg.zeros(*shape, requires_grad=True)
    assert_bits_equal(dg.compile(function)(x), function(x))


def test_a_matrix_product_over_nothing() -> None:
    f = dg.compile(lambda a, b: a @ b + 1)
    assert_bits_equal(f(dg.zeros(2, 0), dg.zeros(0, 3)), dg.ones(2, 3))
    assert f(dg.zeros(0, 2), dg.zeros(2, 3)).shape == (0, 3)


def test_zero_dimensional_arguments() -> None:
    function = lambda x, n: (dg.exp(x) * n, x.sum(), x.reshape(1) + n, dg.stack([x, x]))  # noqa: E731
    x, n = dg.tensor(0.3), dg.tensor(2)
    assert_bits_equal(dg.compile(function)(x, n), function(x, n))


def test_arguments_in_any_layout() -> None:
    def function(x: Any, y: Any) -> Any:
        return x * 2 + y, x @ y.t(), (x * y).sum(0), x.reshape(-1)

    f = dg.compile(function)
    whole = np.random.default_rng(0).normal(size=(8, 12)).astype(np.float32)
    layouts = [whole[:4, :6], whole[::2, ::2], whole.T[:8:2, :6], whole[3::-1, 5::-1]]
    for a in layouts:
        for b in layouts:
            x, y = dg.from_numpy(a), dg.from_numpy(b)
            assert_bits_equal(f(x, y), function(x, y))
    assert len(f.traces) == 1


def test_a_strided_argument_that_is_changed() -> None:
    f = dg.compile(lambda x: x.mul_(2.0))
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    f(dg.from_numpy(array[:, ::2]))
    assert array[:, ::2].tolist() == [[0, 4], [8, 12], [16, 20]]
    assert array[:, 1::2].tolist() == [[1, 3], [5, 7], [9, 11]]


def test_an_argument_that_starts_to_require_grad() -> None:
    f = dg.compile(lambda x: x * 2)
    x = dg.tensor([1.0])
    assert not f(x).requires_grad
    x.requires_grad_()
    f(x).backward()
    assert x.grad.tolist() == [2.0]


class Part:
    """A node of a tree or of a chain, that may know its parent."""

    def __init__(self, label: int, *parts: "Part", linked: bool = False) -> None:
        self.label, self.parts = label, list(parts)
        for part in parts if linked else ():
            part.parent = self


@pytest.mark.parametrize("linked", [False, True])
def test_a_change_deep_inside_of_an_argument_is_seen(linked: bool) -> None:
    def total(part: Part, x: Any) -> Any:
        return sum((total(p, x) for p in part.parts), x * part.label)

    leaf = root = Part(1)
    for _ in range(8):
        root = Part(0, root, Part(2), linked=linked)
    f, x = dg.compile(total), dg.tensor(1.0)
    assert f(root, x).item() == f(root, x).item() == 17.0
    assert len(f.traces) == 1
    leaf.label = 5
    assert f(root, x).item() == 21.0


def test_a_change_deep_inside_of_a_closure_is_seen() -> None:
    table = [[[[[[1.0]]]]]]
    f, x = dg.compile(lambda x: x * table[0][0][0][0][0][0]), dg.tensor(2.0)
    assert f(x).item() == f(x).item() == 2.0
    assert len(f.traces) == 1
    table[0][0][0][0][0][0] = 3.0
    assert f(x).item() == 6.0


def test_a_chain_of_any_length_is_an_argument() -> None:
    def last(part: Part, x: Any) -> Any:
        while part.parts:
            part = part.parts[0]
        return x * part.label

    end = chain = Part(1)
    for _ in range(5000):
        chain = Part(0, chain)
    f, x = dg.compile(last), dg.tensor(2.0)
    assert f(chain, x).item() == 2.0
    end.label = 3
    assert f(chain, x).item() == 6.0


def test_the_strides_of_an_argument_are_guarded() -> None:
    """What eager refuses for a tensor that is not contiguous, a trace does not answer otherwise."""
    f = dg.compile(lambda x: (x.as_strided((2, 2), (1, 2)), x.is_contiguous()))
    x = dg.arange(4).reshape(2, 2)
    assert f(x)[0].tolist() == [[0, 2], [1, 3]]
    with pytest.raises(ArgumentError, match=r"call contiguous\(\) first"):
        f(x.t())
    g = dg.compile(lambda x: (x + 1, x.is_contiguous()))
    assert [g(x)[1], g(x.t())[1], g(x)[1]] == [True, False, True]
    assert "other strides of argument 0" in g.traces[1].reason
