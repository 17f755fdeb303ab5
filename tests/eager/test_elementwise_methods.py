"""Operators, aliases and in-place forms of the element-wise ops; comparison of whole tensors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import TraceError
from tests.bits import array_of, assert_bits_equal

F = dg.nn.functional
ALIASES = {
    "absolute": "abs", "negative": "neg", "multiply": "mul", "subtract": "sub", "divide": "div",
    "fix": "trunc", "clip": "clamp", "sgn": "sign", "greater": "gt", "less": "lt",
    "not_equal": "ne", "greater_equal": "ge", "less_equal": "le",
}  # fmt: skip


@pytest.mark.parametrize("name", ALIASES)
def test_aliases(name: str) -> None:
    """PyTorch's second names, as functions and as methods."""
    assert getattr(dg, name) is getattr(dg, ALIASES[name])
    assert getattr(dg.Tensor, name) is getattr(dg.Tensor, ALIASES[name])


REFLECTED: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "//": (lambda x: 7 // x, [3, 7, -4]),
    "%": (lambda x: 7 % x, [1, 0, -1]),
    "**": (lambda x: 2**abs(x), [4, 2, 4]),
    "&": (lambda x: 6 & x, [2, 0, 6]),
    "|": (lambda x: 6 | x, [6, 7, -2]),
    "^": (lambda x: 6 ^ x, [4, 7, -8]),
    "<<": (lambda x: 3 << x, [12, 6, 0]),
    ">>": (lambda x: 9 >> x, [2, 4, 0]),
    "-": (lambda x: 1 - x, [-1, 0, 3]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFLECTED)
def test_reflected_operators(name: str) -> None:
    """A number on the left."""
    function, expected = REFLECTED[name]
    x = dg.tensor([2, 1, -2])
    assert function(x).tolist() == expected
    assert_bits_equal(dg.compile(function)(x), function(x))


def test_in_place_operators() -> None:
    """Each writes into the tensor's memory."""
    array = np.array([5, 9, 14], np.int64)
    first = x = dg.from_numpy(array)
    x //= 2
    x %= 5
    x **= 2
    x |= 8
    x ^= 1
    x &= 13
    x <<= 2
    x >>= 1
    assert x is first
    assert array.tolist() == [26, 18, 26]
    assert (+x).tolist() == array.tolist()


def test_masks() -> None:
    """For bools the operators are logical; with an integer they promote."""
    mask = dg.tensor([True, False])
    assert (mask & True).tolist() == [True, False]
    assert (False | mask).tolist() == [True, False]
    assert (mask & 3).tolist() == [1, 0]
    mask ^= True
    assert mask.tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64"])
def test_shifts_beyond_the_width(dtype: str) -> None:
    """Every bit is moved out: 0, or the sign."""
    width = 8 * np.dtype(dtype).itemsize
    x = dg.tensor([100, 100, 100], dtype=dtype)
    counts = dg.tensor([width - 1, width, 127], dtype=dtype)
    assert (x << counts).tolist() == [0, 0, 0]
    assert (x >> counts).tolist() == [0, 0, 0]
    if dtype != "uint8":
        assert (-x >> counts).tolist() == [-1, -1, -1]
        assert (-x >> -counts).tolist() == [-1, -1, -1]
        assert (x << -counts).tolist() == [0, 0, 0]


IN_PLACE: dict[str, Callable[[Any], Any]] = {
    "sin_": lambda y: y.sin_(),
    "div_": lambda y: y.div_(2.5),
    "pow_": lambda y: y.pow_(3),
    "fmod_": lambda y: y.fmod_(0.7),
    "addcmul_": lambda y: y.addcmul_(y, y, value=0.5),
    "lerp_": lambda y: y.lerp_(y * 2, 0.3),
    "elu": lambda y: F.elu(y, 0.5, inplace=True),
    "silu": lambda y: F.silu(y, inplace=True),
    "mish": lambda y: F.mish(y, inplace=True),
    "relu6": lambda y: F.relu6(y, inplace=True),
    "hardswish": lambda y: F.hardswish(y, True),
    "leaky_relu_": lambda y: F.leaky_relu_(y, 0.2),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_with_gradients(name: str) -> None:
    """An in-place op on the tape has the gradient of its out-of-place form, twice too."""

    def run(x: Any) -> Any:
        y = IN_PLACE[name](x * 1.5)
        (first,) = dg.autograd.grad((y * y).sum(), [x], create_graph=True)
        second = dg.autograd.grad(first.sum(), [x], allow_unused=True)
        return y, first, second

    x = dg.tensor([-0.7, 0.3, 1.2, -2.0], requires_grad=True)
    eager = run(x)
    assert_bits_equal(eager[0].detach(), IN_PLACE[name]((x * 1.5).detach()))
    assert_bits_equal(dg.compile(run)(x), eager)
    step = 1e-3
    moved = [(IN_PLACE[name]((x.detach() + by) * 1.5)).square() for by in (step, -step)]
    slope = array_of(moved[0] - moved[1]) / (2 * step)
    np.testing.assert_allclose(array_of(eager[1].detach()), slope, rtol=2e-2, atol=2e-3)


def test_what_was_saved_before_an_in_place_op_is_still_guarded() -> None:
    """Only the in-place op itself keeps a copy; an earlier op that needs the old value fails."""
    x = dg.ones(2, requires_grad=True)
    y = x * 2
    z = y * y
    y.sin_()
    with pytest.raises(dg.errors.GradError, match="MulBackward0"):
        (z + y).sum().backward()


def test_equality_of_whole_tensors() -> None:
    """Python bools; shapes count for equal, NaN only where asked."""
    x, nan = dg.tensor([1.0, 2.0]), dg.tensor([float("nan")])
    assert dg.equal(x, dg.tensor([1.0, 2.0])) is True
    assert x.equal(dg.tensor([1.0, 2.5])) is False
    assert dg.equal(x, dg.ones(3)) is False
    assert dg.allclose(x, x + 1e-6) is True
    assert x.allclose(x + 0.1) is False
    assert x.allclose(x + 0.1, atol=0.2) is True
    assert not dg.allclose(nan, nan)
    assert dg.allclose(nan, nan, equal_nan=True)
    inf = dg.tensor([float("inf"), -float("inf")])
    assert dg.isclose(inf, -inf).tolist() == [False, False]
    assert dg.isclose(inf, inf).tolist() == [True, True]


@pytest.mark.parametrize("name", ["equal", "allclose"])
def test_a_trace_has_no_python_bool(name: str) -> None:
    """The error names the way out."""
    x = dg.ones(2)
    with pytest.raises(TraceError, match=name):
        dg.compile(lambda x: getattr(dg, name)(x, x * 2))(x)


def test_sign_of_nan() -> None:
    """It counts as plus, eagerly and compiled, whatever its bits."""

    def f(x: Any) -> Any:
        nan = x / x
        return dg.signbit(nan), dg.copysign(dg.ones(2), -nan), dg.copysign(dg.ones(2), nan)

    x = dg.zeros(2)
    assert [t.tolist() for t in f(x)] == [[False] * 2, [1.0, 1.0], [1.0, 1.0]]
    assert_bits_equal(dg.compile(f)(x), f(x))


def test_where_as_a_method() -> None:
    """``x.where(condition, other)`` keeps x where the condition holds; numbers are allowed."""
    x, mask = dg.tensor([1.0, 2.0]), dg.tensor([True, False])
    assert x.where(mask, 0.0).tolist() == [1.0, 0.0]
    assert dg.where(mask, 1, 2).tolist() == [1, 2]
    assert dg.where(mask, 1, 2.5).tolist() == [1.0, 2.5]
    assert dg.where(mask, dg.tensor(1.0), x).tolist() == [1.0, 2.0]


def test_bools() -> None:
    """What PyTorch gives for bools: themselves, or int64."""
    mask = dg.tensor([True, False])
    assert dg.sign(mask).tolist() == [True, False]
    assert dg.square(mask).dtype is dg.int64
    assert dg.heaviside(mask, dg.tensor([True, True])).tolist() == [True, True]
    assert dg.fmax(mask, ~mask).tolist() == [True, True]


def test_float16() -> None:
    """Computed in float32, rounded once per function, the same in both frontends."""

    def function(x: Any) -> list[Any]:
        y = [F.gelu(x), F.elu(x, 0.5), F.softplus(x), F.softsign(x), dg.addcmul(x, x, x, value=0.3)]
        return [*y, x % 0.7, dg.lerp(x, -x, 0.3), dg.round(x, decimals=1)]

    x = dg.tensor(np.linspace(-3, 3, 37).astype(np.float16))
    eager = function(x)
    assert {t.dtype for t in eager} == {dg.float16}
    assert_bits_equal(dg.compile(function)(x), eager)
    assert_bits_equal(eager[3], F.softsign(x.float()).half())
