"""`autograd.Function`: ops of the user's own, in both frontends, as in PyTorch."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph.autograd import once_differentiable
from dualgraph.errors import ArgumentError, GradError
from tests.bits import assert_bits_equal


def functions(api: Any) -> tuple[Any, Any]:
    """Return two Functions: one with a saved output and a number, one with several outputs."""

    class Exp(api.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, k: float) -> Any:
            y = api.exp(x) * k
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (y,) = ctx.saved_tensors
            return g * y, None

    class Both(api.autograd.Function):
        @staticmethod
        def forward(x: Any, y: Any) -> Any:
            return x * y, x + y, api.sign(x)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.mark_non_differentiable(output[2])

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any, _: Any) -> Any:
            x, y = ctx.saved_tensors
            return a * y + b, a * x + b

    return Exp, Both


def run(api: Any, x: Any, y: Any) -> tuple[Any, ...]:
    """Return a value, its gradients, and gradients of the gradients."""
    exp, both = functions(api)
    p, q, _ = both.apply(x, y)
    z = (exp.apply(p, 2.0) * q).sum()
    first = api.autograd.grad(z, (x, y), create_graph=True)
    return z, *first, *api.autograd.grad((first[0] * first[1]).sum(), (x, y))


def leaves(api: Any) -> tuple[Any, Any]:
    """Return two float64 leaves."""
    return (
        api.tensor([0.1, 0.2], dtype=api.float64, requires_grad=True),
        api.tensor([0.3, -0.4], dtype=api.float64, requires_grad=True),
    )


def test_equals_the_ops_it_is_made_of() -> None:
    """First and second derivatives, against the same formula in plain ops."""
    x, y = leaves(dg)
    z = (dg.exp(x * y) * 2.0 * (x + y)).sum()
    first = dg.autograd.grad(z, (x, y), create_graph=True)
    wanted = z, *first, *dg.autograd.grad((first[0] * first[1]).sum(), (x, y))
    for a, b in zip(run(dg, x, y), wanted, strict=True):
        assert a.tolist() == pytest.approx(b.tolist(), rel=1e-13)


def test_equals_pytorch() -> None:
    """The same classes there."""
    torch = pytest.importorskip("torch")
    for a, b in zip(run(dg, *leaves(dg)), run(torch, *leaves(torch)), strict=True):
        assert a.tolist() == pytest.approx(b.tolist(), rel=1e-13)


def test_traced() -> None:
    """Inside of a compiled function, and with the backward outside of it."""
    x, y = leaves(dg)
    assert_bits_equal(list(dg.compile(lambda x, y: run(dg, x, y))(x, y)), list(run(dg, x, y)))
    _, both = functions(dg)
    dg.compile(lambda x, y: both.apply(x, y)[0])(x, y).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == (y.tolist(), x.tolist())


def test_names_and_edges() -> None:
    """grad_fn is named after the class; a second backward is refused."""
    x, y = leaves(dg)
    exp, both = functions(dg)
    out = exp.apply(x, 1.0)
    assert out.grad_fn.name() == "ExpBackward"
    parts = both.apply(x, y)
    assert parts[1].grad_fn.name() == "BothBackward"
    assert [p.requires_grad for p in parts] == [True, True, False]
    out.sum().backward()
    with pytest.raises(GradError, match="second time"):
        out.sum().backward()


class Half(dg.autograd.Function):
    """Half of an input in place, and an unchanged input."""

    @staticmethod
    def forward(ctx: Any, x: Any, same: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(0.5), same

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        return g * 0.5, h * 3


def test_in_place_and_unchanged_inputs() -> None:
    """A dirty input is the output; an input that is returned is another tensor."""
    x, y = leaves(dg)
    z = x * 1
    out, same = Half.apply(z, y)
    assert out is z
    assert same is not y
    (out + same).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([0.5, 0.5], [3.0, 3.0])


def test_absent_gradients() -> None:
    """Zeros by default, None on request."""
    seen = []

    class Two(dg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, fill: bool) -> Any:
            ctx.set_materialize_grads(fill)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            seen.append(None if b is None else b.tolist())
            return a, None

    for fill in (True, False):
        Two.apply(dg.ones(2, requires_grad=True), fill)[0].sum().backward()
    assert seen == [[0.0, 0.0], None]


def test_once_differentiable() -> None:
    """The first derivative works, the second says why it does not."""

    class Square(dg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * x * 2

    x = dg.tensor(3.0, requires_grad=True)
    y = Square.apply(x)
    (first,) = dg.autograd.grad(y * y, x, create_graph=True)
    assert first.item() == 108.0
    with pytest.raises(GradError, match="once_differentiable"):
        first.backward()


def test_a_saved_tensor_that_was_changed() -> None:
    """In place, between forward and backward."""
    exp, _ = functions(dg)
    out = exp.apply(dg.ones(2, requires_grad=True), 1.0)
    out.add_(1)
    with pytest.raises(GradError, match="ExpBackward needs for backward was modified in place"):
        out.sum().backward()


def test_wrong_number_of_gradients() -> None:
    """Says how many there were and how many there should be."""

    class Wrong(dg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    x, y = leaves(dg)
    with pytest.raises(ArgumentError, match="returned 1 gradients for 2 inputs"):
        Wrong.apply(x, y).sum().backward()
