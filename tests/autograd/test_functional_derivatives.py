"""autograd.functional, func, gradcheck, checkpoint: against formulas, PyTorch, and themselves."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import func, nn
from dualgraph.autograd import functional, gradcheck, gradgradcheck
from dualgraph.errors import ArgumentError, GradError
from dualgraph.utils.checkpoint import checkpoint
from tests.bits import assert_bits_equal

X, Y = np.array([1.0, 2.0, 0.5]), np.array([3.0, -1.0, 2.0])


def scalar(x: Any, y: Any) -> Any:
    """A function with one output."""
    return (x * x * y).sum() + (x * x * x).sum()


def several(x: Any, y: Any) -> Any:
    """A function with two outputs."""
    return x * y, x.sum() * y


def numbers(result: Any) -> Any:
    """Return nested lists of numbers."""
    if isinstance(result, tuple | list):
        return [numbers(r) for r in result]
    return result.tolist()


def everything(api: Any, derivatives: Any) -> list[Any]:
    """Return what every function of a module ``functional`` gives."""
    inputs = tuple(api.tensor(v) for v in (X, Y))
    directions = tuple(api.tensor(v[::-1].copy()) for v in (X, Y))
    found = [
        derivatives.jacobian(several, inputs),
        derivatives.jacobian(lambda x: x * x, inputs[0]),
        derivatives.hessian(scalar, inputs),
        derivatives.hessian(lambda x: (x * x * x).sum(), inputs[0]),
        derivatives.vjp(several, inputs, directions),
        derivatives.jvp(several, inputs, directions),
        derivatives.hvp(scalar, inputs, directions),
        derivatives.vhp(scalar, inputs, directions),
    ]
    return numbers(found)


def test_functional_against_formulas() -> None:
    """The second derivative of x**3 and the Jacobian of x * y."""
    x, y = dg.tensor(X), dg.tensor(Y)
    assert_bits_equal(functional.hessian(lambda x: (x * x * x).sum(), x), np.diag(6 * X))
    in_x, in_y = functional.jacobian(lambda x, y: x * y, (x, y))
    assert numbers((in_x, in_y)) == numbers((np.diag(Y), np.diag(X)))
    with pytest.raises(ArgumentError, match="one tensor with one element"):
        functional.hessian(lambda x: x * x, x)


def test_functional_against_pytorch() -> None:
    """All of them, nested as there."""
    torch = pytest.importorskip("torch")
    assert everything(dg, functional) == everything(torch, torch.autograd.functional)


def test_functional_is_differentiable() -> None:
    """With create_graph the results are on the tape."""
    x = dg.tensor(X, requires_grad=True)
    jacobian = functional.jacobian(lambda x: x * x * x, x, create_graph=True)
    jacobian.sum().backward()
    assert_bits_equal(x.grad, 6 * X)


def test_functional_in_a_trace() -> None:
    """The same nodes, compiled."""
    f = lambda x, y: functional.hvp(scalar, (x, y), (y, x))  # noqa: E731
    x, y = dg.tensor(X), dg.tensor(Y)
    value, (a, b) = f(x, y)
    compiled, (c, d) = dg.compile(f)(x, y)
    assert_bits_equal((compiled, c, d), (value, a, b))


def test_func() -> None:
    """grad nests, chooses arguments, carries something along; vjp and jacrev."""
    x, y = dg.tensor(X), dg.tensor(Y)
    cube = lambda x: (x * x * x).sum()  # noqa: E731
    assert_bits_equal(func.grad(cube)(x), 3 * X * X)
    assert_bits_equal(func.grad(lambda x: func.grad(cube)(x).sum())(x), 6 * X)
    assert_bits_equal(func.grad(scalar, argnums=1)(x, y), X * X)
    in_x, in_y = func.grad(scalar, argnums=(0, 1))(x, y)
    assert_bits_equal(in_y, X * X)
    found, value = func.grad_and_value(scalar)(x, y)
    assert_bits_equal(found, in_x)
    assert value.item() == scalar(x, y).item()
    gradient, extra = func.grad(lambda x: (cube(x), "kept"), has_aux=True)(x)
    assert (gradient.tolist(), extra) == ((3 * X * X).tolist(), "kept")
    out, pull = func.vjp(lambda x: x * x, x)
    assert_bits_equal((out, pull(y)[0]), (X * X, 2 * X * Y))
    assert_bits_equal(func.jacrev(lambda x: x * x)(x), np.diag(2 * X))
    with pytest.raises(ArgumentError, match="argnums=2 for 1 arguments"):
        func.grad(cube, argnums=2)(x)


def test_functional_call() -> None:
    """Other tensors in the place of parameters, and theirs back afterwards."""
    layer = nn.Linear(3, 2)
    x = dg.tensor(X[None], dtype=dg.float32)
    other = {"weight": dg.ones(2, 3), "bias": dg.zeros(2)}
    before = layer(x)
    assert func.functional_call(layer, other, (x,)).tolist() == [[3.5, 3.5]]
    assert_bits_equal(layer(x), before)
    weight = other["weight"].requires_grad_()
    gradient = func.grad(lambda w: func.functional_call(layer, {"weight": w}, x).sum())(weight)
    assert gradient.tolist() == [X.tolist()] * 2
    with pytest.raises(ArgumentError, match="unexpected scale; missing weight, bias"):
        func.functional_call(layer, {"scale": x}, x, strict=True)


class Wrong(dg.autograd.Function):
    """A square with a wrong derivative."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0] * 2.5


def test_gradcheck() -> None:
    """Right rules pass, a wrong one is named with the entry."""
    x, y = (dg.tensor(v, requires_grad=True) for v in (X, Y))
    assert gradcheck(lambda a, b: (a * b).tanh(), (x, y))
    assert gradgradcheck(lambda a, b: (a * b).tanh(), (x, y))
    with pytest.raises(GradError, match=r"output 0 in input 0 is wrong in 3 of 9.*\[0, 0\]"):
        gradcheck(Wrong.apply, (x,))
    assert not gradcheck(Wrong.apply, (x,), raise_exception=False)
    with pytest.raises(GradError, match="must be float64"):
        gradcheck(dg.tanh, (dg.ones(2, requires_grad=True),))
    with pytest.raises(GradError, match="none of the inputs"):
        gradcheck(dg.tanh, (dg.ones(2),))


def test_checkpoint() -> None:
    """The same bits as without, random masks included; the tape keeps less."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
    x = dg.randn(5, 4, requires_grad=True)

    def gradients(call: Any) -> list[Any]:
        dg.manual_seed(3)
        out = call(x)
        found = dg.autograd.grad(out.square().sum(), [x, *model.parameters()])
        return [*found, dg.rand(2)]

    expected = gradients(model)
    assert_bits_equal(gradients(lambda x: checkpoint(model, x)), expected)
    compiled = dg.compile(lambda x: gradients_of(model, x))
    dg.manual_seed(3)
    assert_bits_equal(compiled(x), expected[0])


def gradients_of(model: Any, x: Any) -> Any:
    """Return the gradient of a checkpointed model in x."""
    return dg.autograd.grad(checkpoint(model, x).square().sum(), x)[0]


def test_checkpoint_of_a_function_that_changes() -> None:
    """It must save as many tensors the second time."""
    calls = []

    def fickle(x: Any) -> Any:
        calls.append(1)
        return x.exp() if len(calls) > 1 else x.exp().tanh()

    with pytest.raises(GradError, match="must do the same both times"):
        checkpoint(fickle, dg.ones(2, requires_grad=True)).sum().backward()
