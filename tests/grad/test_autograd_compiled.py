"""Backward through compiled functions from outside: every use gives the bits of an eager run.

A use takes ``wrap`` (`compile`, or nothing) and two leaves, calls wrapped functions, and gives
tensors, plain values, or the kind of the error that it met.
"""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import func
from dualgraph.autograd import functional, grad, gradcheck, gradgradcheck
from dualgraph.autograd.graph import save_on_cpu, saved_tensors_hooks
from dualgraph.errors import DualgraphError
from dualgraph.utils.checkpoint import checkpoint
from tests.grad.test_autograd_programs import compare, leaves

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
USES: dict[str, Callable[[Wrap, Any, Any], Any]] = {}


def use(function: Callable[[Wrap, Any, Any], Any]) -> Any:
    """Put a function into the table, under its name."""
    USES[function.__name__] = function
    return function


def one(x: Any, w: Any) -> Any:
    """A function with one output, a scalar."""
    return (x.exp() * w).sum()


def two(x: Any, w: Any) -> Any:
    """A function with a vector and a scalar that have nothing in common."""
    return x * w.exp(), (x * x).sum()


def attempt(function: Callable[[], Any]) -> Any:
    """Return what a function gives, or the kind of its error."""
    try:
        return function()
    except DualgraphError as error:
        return type(error).__name__


@use
def accumulate_and_retain(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(one)
    f(x, w).backward()
    y = f(x, w)
    y.backward(retain_graph=True)
    y.backward()
    return x.grad, w.grad, attempt(y.backward)


@use
def create_graph(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(one)
    (g,) = grad(f(x, w), x, create_graph=True)
    (h,) = grad(g.sum(), x, create_graph=True)
    return g, h, grad(h.sum(), (x, w))


@use
def vectors(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(lambda x, w: x * w)
    f(x, w).backward(w.detach())
    return x.grad, w.grad, attempt(f(x, w).backward)


@use
def outputs_one_by_one(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(two)
    a, b = f(x, w)
    b.backward()  # frees nothing that the other needs
    first = x.grad.clone(), w.grad
    a.sum().backward()
    second = attempt(b.backward), attempt(a.sum().backward)
    a, b = f(x, w)
    dg.autograd.backward([a, b], [w.detach(), None])
    return first, second, x.grad, w.grad


@use
def outputs_that_share(wrap: Wrap, x: Any, w: Any) -> Any:
    def f(x: Any, w: Any) -> Any:
        h = (x * w).exp()
        return h.sum(), (h * 2).sum(), x + w

    a, b, c = wrap(f)(x, w)
    a.backward()
    c.sum().backward()
    c.sum().backward()  # an addition saves nothing
    return attempt(b.backward), x.grad, w.grad


@use
def chosen(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(two)
    a, b = f(x, w)
    b.backward(inputs=[x], retain_graph=True)
    unused = grad(b, (x, w), allow_unused=True, retain_graph=True)
    zeros = grad(b, (x, w), materialize_grads=True, retain_graph=True)
    return x.grad, w.grad, unused, zeros, grad(a.sum() + b, w), attempt(lambda: grad(b, (x, w)))


@use
def hooks(wrap: Wrap, x: Any, w: Any) -> Any:
    seen: list[Any] = []
    x.register_hook(lambda g: g * 10)
    w.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    a, b = wrap(two)(x, w)
    a.register_hook(lambda g: g * 3)
    a.retain_grad()
    ((a * a).sum() + b).backward()
    return a.grad, x.grad, w.grad, seen


@use
def hooks_inside(wrap: Wrap, x: Any, w: Any) -> Any:
    def f(x: Any, w: Any) -> Any:
        h = x * w
        h.register_hook(lambda g: g * 5)
        h.grad_fn.register_hook(lambda inputs, outputs: (inputs[0], inputs[1] + outputs[0]))
        return h.sin()

    return grad(wrap(f)(x, w).sum(), (x, w))


@use
def between_other_ops(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(two)
    before = x * 3
    a, b = f(x, w)
    c, d = f(a, w.sin())
    e, _ = f(x, x)
    (before + a + b + c * d + e + x.sin()).sum().backward()
    return x.grad, w.grad


@use
def outputs_changed_in_place(wrap: Wrap, x: Any, w: Any) -> Any:
    y = wrap(lambda x, w: (x * w).sin())(x, w)
    y.mul_(2)
    y.sum().backward()
    z = wrap(lambda x, w: (x * w).exp())(x, w)
    z.mul_(2)  # exp saved it
    return x.grad, attempt(z.sum().backward)


@use
def inputs_changed_in_place(wrap: Wrap, x: Any, w: Any) -> Any:
    h = x * 1
    y = wrap(lambda x, w: (x * w).sin())(h, w)
    h.mul_(2)
    return attempt(y.sum().backward)


@use
def modes(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(lambda x, w: dg.enable_grad()(one)(x, w))
    flags = []
    for mode in (dg.no_grad, dg.inference_mode, dg.enable_grad):
        with mode():
            flags.append(f(x, w).requires_grad)
    w.requires_grad_(False)
    f(x, w).backward()
    return flags, x.grad, w.grad


@use
def captured_leaves(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(lambda x: (x * w).sum())
    f(x).backward()
    w.requires_grad_(False)
    f(x).backward()
    return x.grad, w.grad


@use
def saved_hooks(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(one)
    with saved_tensors_hooks(lambda a: a.half(), lambda a: a.double()):  # changes what is kept
        y = f(x, w)
    y.backward()
    with save_on_cpu():
        z = f(x, w)
    return x.grad, w.grad, grad(z, (x, w)), grad(f(x, w), (x, w))


@use
def checkpoints(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(one)
    y = checkpoint(lambda x, w: f(x.sin(), w), x, w)
    z = wrap(lambda x, w: checkpoint(one, x.sin(), w))(x, w)
    return grad(y, (x, w)), grad(z, (x, w))


@use
def transforms(wrap: Wrap, x: Any, w: Any) -> Any:
    f, a, b = wrap(one), x.detach(), w.detach()
    twice = func.grad(lambda x: func.grad(f)(x, b).sum())
    outer = wrap(func.grad(one))(a, w)
    return (
        func.grad(f, argnums=(0, 1))(a, b),
        twice(a),
        functional.hessian(f, (a, b)),
        functional.vjp(f, (a, b), create_graph=True),
        wrap(func.hessian(one))(a, b),
        outer,
        grad(outer.sum(), w),
    )


@use
def checked(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(two)
    return gradcheck(f, (x, w)), gradgradcheck(f, (x, w))


@use
def stopped(wrap: Wrap, x: Any, w: Any) -> Any:
    def f(x: Any, w: Any) -> Any:
        with dg.no_grad():
            scale = w.exp()
        return (x * w.detach() * scale + w.data).sum()

    def inner(x: Any, w: Any) -> Any:
        z = x.detach().requires_grad_()
        (z * z * w.detach()).sum().backward()
        return z.grad

    return grad(wrap(f)(x, w), (x, w), allow_unused=True), wrap(inner)(x, w), x.grad


class Square(dg.autograd.Function):
    """A square times a number, and nothing for the second input."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, k: float) -> Any:
        ctx.save_for_backward(x)
        ctx.k = k
        return x * x * k

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 2 * ctx.saved_tensors[0] * ctx.k, None, None


@use
def functions(wrap: Wrap, x: Any, w: Any) -> Any:
    f = wrap(lambda x, w: Square.apply(x, w, 3.0).sum())
    f(x, w).backward()
    (g,) = grad(f(x, w), x, create_graph=True)
    return x.grad, w.grad, grad(g.sum(), x)


@use
def in_place_inside(wrap: Wrap, x: Any, w: Any) -> Any:
    def f(x: Any, w: Any) -> Any:
        h = x * 1
        h.mul_(w)
        h[0] = w[0]
        h.data += 1
        return (h * h).sum()

    return grad(wrap(f)(x, w), (x, w))


@use
def inputs_and_views_returned(wrap: Wrap, x: Any, w: Any) -> Any:
    def f(x: Any, w: Any) -> Any:
        h = x * w
        return x, x[1:], w.view(3, 1), h, h

    a, b, c, d, e = wrap(f)(x, w)
    (a.sum() + b.sum() * 2 + c.sum() * 3 + (d * e).sum()).backward()
    return a is x, d is e, x.grad, w.grad


@use
def nothing_is_kept(wrap: Wrap, x: Any, w: Any) -> Any:
    def f(x: Any, w: Any) -> Any:
        h = (x * w).exp()  # saved and returned
        return h, h.sum()

    h, y = wrap(f)(x, w)
    watched = weakref.ref(h), weakref.ref(y.grad_fn)
    gc.disable()
    try:
        del h, y
        return [r() is None for r in watched]
    finally:
        gc.enable()


@pytest.mark.parametrize("name", USES)
def test_as_eagerly(name: str) -> None:
    wanted = USES[name](lambda f: f, *leaves(dg))
    compare(USES[name](dg.compile, *leaves(dg)), wanted, name, exact=True)
