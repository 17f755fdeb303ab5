"""Gradients in float64 against central finite differences along a random direction; second order.

Each op is called as ``sum(op(x) * w)`` with random weights ``w``; the derivative along a random
direction ``v`` is compared with ``(f(x + hv) - f(x - hv)) / 2h``, whose error is of the order of
``h**2`` plus ``eps / h``: about 1e-10 at h = 6e-6.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of, assert_bits_equal
from tests.ops.op_table import Case, cases

SMOOTH = [c for c in cases(("float64",), differentiable=True) if c.row.smooth]
CASES = [pytest.param(c, id=str(c)) for c in SMOOTH]
TWICE = [pytest.param(c, id=str(c)) for c in SMOOTH if c.row.twice]
Function = Callable[[list[np.ndarray]], float]


def is_float(x: np.ndarray) -> bool:
    """Tell arrays that can have a gradient."""
    return x.dtype.kind == "f"


def leaves(arrays: list[np.ndarray]) -> list[Any]:
    """Return tensors on the arrays (strides and all); the floating ones require grad."""
    tensors = [dg.from_numpy(a) for a in arrays]
    return [t.requires_grad_() if t.is_floating_point() else t for t in tensors]


def outputs_of(case: Case, tensors: list[Any]) -> list[Any]:
    """Return the op's floating outputs as a list."""
    out = case.row.run(dg, tensors, case.sample.kwargs)
    found = out if isinstance(out, tuple) else (out,)
    return [y for y in found if y.is_floating_point()]


def weights_like(outputs: list[Any]) -> list[Any]:
    """Return the same random weights at every call."""
    rng = np.random.default_rng(11)
    return [dg.tensor(np.asarray(rng.uniform(0.5, 1.5, y.shape))) for y in outputs]


def weighted(outputs: list[Any]) -> Any:
    """Return one number that depends on every output element."""
    parts = [(y * w).sum() for y, w in zip(outputs, weights_like(outputs), strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def directions(arrays: list[np.ndarray], seed: int) -> list[np.ndarray]:
    """Return a random direction for each array (zero for integers and bools)."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=a.shape) if is_float(a) else np.zeros(a.shape, a.dtype) for a in arrays]


def slope(f: Function, arrays: list[np.ndarray], along: list[np.ndarray], h: float) -> float:
    """Return the central difference of a function along a direction."""

    def moved(by: float) -> list[np.ndarray]:
        return [
            np.asarray(a + by * v) if is_float(a) else a for a, v in zip(arrays, along, strict=True)
        ]

    return (f(moved(h)) - f(moved(-h))) / (2 * h)


def gradients(case: Case, arrays: list[np.ndarray], create_graph: bool = False) -> list[Any]:
    """Return d weighted / d input for the floating inputs."""
    tensors = leaves(arrays)
    loss = weighted(outputs_of(case, tensors))
    wanted = [t for t in tensors if t.requires_grad]
    return [wanted, *dg.autograd.grad(loss, wanted, create_graph=create_graph)]


def along(values: list[np.ndarray], arrays: list[np.ndarray], seed: int) -> float:
    """Return the inner product of gradients with the direction of this seed."""
    moving = [v for v, a in zip(directions(arrays, seed), arrays, strict=True) if is_float(a)]
    return float(sum(np.sum(g * v) for g, v in zip(values, moving, strict=True)))


@pytest.mark.parametrize("case", CASES)
def test_gradient(case: Case) -> None:
    """First derivatives agree, and have the shape and dtype of their inputs."""
    arrays = case.arrays()

    def f(moved: list[np.ndarray]) -> float:
        tensors = [dg.tensor(a) for a in moved]
        return weighted(outputs_of(case, tensors)).item()

    wanted, *found = gradients(case, arrays)
    for tensor, gradient in zip(wanted, found, strict=True):
        assert (gradient.shape, gradient.dtype) == (tensor.shape, tensor.dtype)
        assert not gradient.requires_grad
    if not sum(a.size for a in arrays):
        return  # nothing to move, and the mean of nothing is NaN
    expected = slope(f, arrays, directions(arrays, 3), case.row.step)
    actual = along([array_of(g) for g in found], arrays, 3)
    assert actual == pytest.approx(expected, rel=case.row.rtol, abs=1e-8)


@pytest.mark.parametrize("case", TWICE)
def test_second_derivative(case: Case) -> None:
    """The derivative of the gradient along one direction agrees along another."""
    arrays = case.arrays()
    if not sum(a.size for a in arrays if is_float(a)):
        return  # no element to move

    def projected(tensors: list[Any], found: list[Any]) -> Any:
        moving = [v for v, a in zip(directions(arrays, 3), arrays, strict=True) if is_float(a)]
        parts = [(g * dg.tensor(np.asarray(v))).sum() for g, v in zip(found, moving, strict=True)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def f(moved: list[np.ndarray]) -> float:
        wanted, *found = gradients(case, moved)
        return projected(wanted, found).item()

    wanted, *found = gradients(case, arrays, create_graph=True)
    curve = projected(wanted, found)
    second = dg.autograd.grad(curve, wanted, allow_unused=True) if curve.requires_grad else ()
    values = [np.zeros(()) if g is None else array_of(g) for g in second]
    actual = along(values, arrays, 5) if values else 0.0
    expected = slope(f, arrays, directions(arrays, 5), case.row.step)
    assert actual == pytest.approx(expected, rel=case.row.rtol, abs=1e-7)


def test_broadcast_inputs_get_gradients_of_their_own_shape() -> None:
    """A cotangent is summed over the axes along which its input was repeated."""
    x = dg.ones(3, 1, requires_grad=True)
    y = dg.ones(4, requires_grad=True)
    z = dg.tensor(2.0, requires_grad=True)
    (x * y + z).sum().backward()
    assert_bits_equal(x.grad, np.full((3, 1), 4, np.float32))
    assert_bits_equal(y.grad, np.full(4, 3, np.float32))
    assert_bits_equal(z.grad, np.float32(12))


TIES = {
    "relu at zero": (lambda x: dg.relu(x), [0.0, -0.0], [0.0, 0.0]),
    "abs at zero": (lambda x: dg.abs(x), [0.0, -0.0], [0.0, 0.0]),
    "maximum of equals": (lambda x: dg.maximum(x, dg.tensor([1.0, 1.0])), [1.0, 2.0], [0.5, 1.0]),
    "minimum of equals": (lambda x: dg.minimum(x, dg.tensor([1.0, 1.0])), [1.0, 2.0], [0.5, 0.0]),
    "clamp on its bounds": (lambda x: x.clamp(-1, 1), [1.0, -1.0, 2.0], [1.0, 1.0, 0.0]),
    "amax of equals": (lambda x: x.amax(), [3.0, 1.0, 3.0, 3.0], [1 / 3, 0.0, 1 / 3, 1 / 3]),
    "amin of equals": (lambda x: x.amin(0), [3.0, 1.0, 1.0], [0.0, 0.5, 0.5]),
    "max takes the first": (lambda x: x.max(0)[0], [3.0, 1.0, 3.0], [1.0, 0.0, 0.0]),
    "prod with one zero": (lambda x: x.prod(), [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    "prod with two zeros": (lambda x: x.prod(), [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    "pow with exponent zero": (lambda x: x**0, [0.0, 2.0], [0.0, 0.0]),
    "sqrt at zero": (lambda x: dg.sqrt(x), [0.0], [np.inf]),
    "floor": (lambda x: dg.floor(x), [1.5], [0.0]),
    "sign": (lambda x: dg.sign(x), [1.5], [0.0]),
    "log_softmax of -inf": (lambda x: x.log_softmax(0)[:1], [0.0, -np.inf], [0.0, 0.0]),
    "logsumexp with -inf": (lambda x: x.logsumexp(0), [-np.inf, 1.0], [0.0, 1.0]),
    "relu of NaN": (lambda x: dg.relu(x), [np.nan], [1.0]),
    "clamp of NaN": (lambda x: x.clamp(0, 1), [np.nan], [0.0]),
    "abs of NaN": (lambda x: dg.abs(x), [np.nan], [0.0]),
    "gather takes twice": (lambda x: x.gather(0, dg.tensor([1, 1])), [5.0, 6.0], [0.0, 2.0]),
    "expand": (lambda x: x.expand(3, 2), [1.0, 2.0], [3.0, 3.0]),
}


@pytest.mark.parametrize("name", TIES)
def test_where_the_derivative_is_a_convention(name: str) -> None:
    """At kinks and ties, what PyTorch gives."""
    f, at, expected = TIES[name]
    x = dg.tensor(at, requires_grad=True)
    f(x).sum().backward()
    assert_bits_equal(np.abs(array_of(x.grad)), np.array(expected, np.float32))


def test_exponent_of_pow_at_zero_base() -> None:
    """d 0**y / dy is 0 for y >= 0, as PyTorch defines it."""
    y = dg.tensor([0.0, 1.0, 2.0], requires_grad=True)
    dg.pow(dg.zeros(3), y).sum().backward()
    assert_bits_equal(y.grad, np.zeros(3, np.float32))


def test_repeated_use_of_one_value() -> None:
    """A value used several times collects the sum of its cotangents, in one fixed order."""
    x = dg.tensor([1e8, 1.0, -1e8], requires_grad=True)
    y = x * 3
    (y * y + y.exp().clamp(max=10.0) + y.sum() * y).sum().backward()
    first = array_of(x.grad).copy()
    for _ in range(3):
        x.grad = None
        y = x * 3
        (y * y + y.exp().clamp(max=10.0) + y.sum() * y).sum().backward()
        assert_bits_equal(x.grad, first)


def test_cast_gives_the_cotangent_back_in_the_input_dtype() -> None:
    """A rounding to float32 counts as the identity."""
    x = dg.tensor([0.1, 0.7], dtype="float64", requires_grad=True)
    (x.float() * dg.tensor([3.0, 0.1])).sum().backward()
    assert_bits_equal(x.grad, np.array([3.0, np.float32(0.1)], np.float64))


def test_third_derivative() -> None:
    """create_graph nests: d3/dx3 of x**5 is 60 x**2."""
    x = dg.tensor(2.0, dtype="float64", requires_grad=True)
    y = x * x * x * x * x
    for _ in range(3):
        (y,) = dg.autograd.grad(y, x, create_graph=True)
    assert y.item() == 240.0
