"""Programs that use autograd in every documented way; each runs eagerly, compiled, and in PyTorch.

A program takes the module (dualgraph or torch) and two float64 leaves of three elements, and gives
tensors, Nones and plain values.
"""

import importlib
from collections.abc import Callable
from typing import Any

Program = Callable[[Any, Any, Any], Any]
PROGRAMS: dict[str, Program] = {}


def program(function: Program) -> Program:
    """Put a function into the table, under its name."""
    PROGRAMS[function.__name__] = function
    return function


def grad(t: Any, y: Any, inputs: Any, **options: Any) -> Any:
    """Return gradients."""
    return t.autograd.grad(y, inputs, **options)


@program
def accumulation(t: Any, x: Any, w: Any) -> Any:
    (x * w).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    w.grad = None
    (x * w.sin()).sum().backward()
    return x.grad, w.grad, x.grad is first


@program
def third_order(t: Any, x: Any, w: Any) -> Any:
    y = (x.sin() * w.exp()).sum()
    found = []
    for _ in range(3):
        y, g = grad(t, y.sum(), (x, w), create_graph=True)
        found += [y, g]
    return found


@program
def third_order_into_grad(t: Any, x: Any, w: Any) -> Any:
    (x**4 * w).sum().backward(create_graph=True)
    first, x.grad = x.grad, None
    first.sum().backward(create_graph=True)
    second, x.grad = x.grad, None
    second.sum().backward()
    return first, second, x.grad, w.grad


@program
def gradients_of_vectors(t: Any, x: Any, w: Any) -> Any:
    y = x * w
    y.backward(w.detach(), retain_graph=True)
    y.backward(gradient=t.ones(3, dtype=t.float32))  # cast, as in PyTorch
    return x.grad, w.grad


@program
def several_roots(t: Any, x: Any, w: Any) -> Any:
    h = x * w
    t.autograd.backward([h, h.sum()], [w.detach(), None])
    return x.grad, w.grad, grad(t, [x * 2, (x * w).sum()], x, grad_outputs=[w.detach(), None])


@program
def cotangents_that_require_grad(t: Any, x: Any, w: Any) -> Any:
    (g,) = grad(t, x.exp(), x, grad_outputs=w, create_graph=True)
    return g, *grad(t, g.sum(), (x, w))


@program
def unused_and_materialized(t: Any, x: Any, w: Any) -> Any:
    y = (x * x).sum()
    some = grad(t, y, (x, w), allow_unused=True, retain_graph=True)
    return *some, *grad(t, y, (x, w), materialize_grads=True)


@program
def batched_cotangents(t: Any, x: Any, w: Any) -> Any:
    return grad(t, x * w, (x, w), grad_outputs=t.eye(3, dtype=t.float64), is_grads_batched=True)


@program
def chosen_inputs(t: Any, x: Any, w: Any) -> Any:
    h = x * w
    (h * h).sum().backward(inputs=[x, h])
    return x.grad, w.grad, h.grad


@program
def intermediate_gradients(t: Any, x: Any, w: Any) -> Any:
    h = x * w
    return grad(t, (h * h).sum(), (h, x, w, x))


@program
def parts_without_gradient(t: Any, x: Any, w: Any) -> Any:
    y = x * w
    with t.no_grad():
        scale = y * 3
        with t.enable_grad():
            inner = x * 2
    z = (y * scale * inner * x.detach() * w.data).sum()
    return z, scale.requires_grad, inner.requires_grad, *grad(t, z, (x, w))


@program
def modes_as_decorators(t: Any, x: Any, w: Any) -> Any:
    class Layer:
        @t.no_grad()
        def frozen(self, x: Any) -> Any:
            return x * 3

        @staticmethod
        @t.set_grad_enabled(False)
        def fixed(x: Any) -> Any:
            return x * 4

    @t.no_grad
    def parts(x: Any) -> Any:
        for k in range(3):
            yield x * k

    @t.enable_grad()
    def recorded(x: Any) -> Any:
        return x * 5

    found = [Layer().frozen(x), Layer.fixed(x), *parts(x)]
    with t.no_grad():
        found.append(recorded(x))
    y = sum(f * w for f in found)
    return [f.requires_grad for f in found], t.is_grad_enabled(), *grad(t, y.sum(), (x, w))


@program
def switched_by_a_call(t: Any, x: Any, w: Any) -> Any:
    t.set_grad_enabled(False)
    y = x * w
    t.set_grad_enabled(True)
    z = (x * y).sum()
    return y.requires_grad, *grad(t, z, x)


@program
def double_use(t: Any, x: Any, w: Any) -> Any:
    h = x * x + x * w + x
    return grad(t, (h * h + h).sum(), (x, w))


@program
def data_is_written(t: Any, x: Any, w: Any) -> Any:
    p = x * 1
    p.data.mul_(2)
    p.data -= 1
    q = p.detach()
    q.add_(1)
    return p, (p * w).sum(), *grad(t, (p * w).sum(), (x, w))


@program
def retained(t: Any, x: Any, w: Any) -> Any:
    h = x * w
    h.retain_grad()
    h.register_hook(lambda g: g * 2)
    y = h.sin()
    y.retain_grad()
    y.mul_(3)
    (y * y).sum().backward()
    return h.grad, y.grad, x.grad, w.grad, h.retains_grad, x.retains_grad


@program
def hooks_of_tensors(t: Any, x: Any, w: Any) -> Any:
    h = x * w
    h.register_hook(lambda g: g * w.detach())
    middle = h.register_hook(lambda g: g * 1000)
    h.register_hook(lambda g: None)
    h.register_hook(lambda g: g + 1)
    middle.remove()
    return grad(t, (h * h).sum(), (x, w))


@program
def hooks_of_nodes(t: Any, x: Any, w: Any) -> Any:
    h = x * w
    h.register_hook(lambda g: g + 1)
    h.grad_fn.register_prehook(lambda outputs: (outputs[0] * 10,))
    h.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + outputs[0], inputs[1]))
    h.grad_fn.register_hook(lambda inputs, outputs: None)
    return grad(t, (h * h).sum(), (x, w))


@program
def a_hook_on_the_second_walk(t: Any, x: Any, w: Any) -> Any:
    h = x * w
    h.register_hook(lambda g: g * h)
    (g,) = grad(t, h.sum(), x, create_graph=True)
    return g, *grad(t, g.sum(), (x, w))


@program
def saved_as_something_else(t: Any, x: Any, w: Any) -> Any:
    with t.autograd.graph.saved_tensors_hooks(lambda a: a * 2, lambda a: a / 2):
        h = x.exp() * w
    with t.autograd.graph.save_on_cpu():
        y = h * h
    return grad(t, y.sum(), (x, w))


@program
def in_place(t: Any, x: Any, w: Any) -> Any:
    h = x * 1
    h.mul_(w).add_(1)
    h[0] = w[1] * 2
    h[1:].exp_()
    b = t.zeros(2, 3, dtype=t.float64)
    b[0] = h
    b[1].copy_(h * 2)
    b[:, 1].mul_(3)
    return b, *grad(t, (b * b).sum(), (x, w))


@program
def a_view_is_written(t: Any, x: Any, w: Any) -> Any:
    h = (x * w).reshape(1, 3)
    row, last = h[0], h[0, 2]
    h.mul_(2)
    row.add_(w)
    return row, last, *grad(t, (row * row).sum() + last, (x, w))


@program
def functions(t: Any, x: Any, w: Any) -> Any:
    class Scaled(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any, k: float, name: str) -> Any:
            assert name == "plain"
            out = x * w * k
            ctx.save_for_backward(x, w, out)
            ctx.k = k
            ctx.mark_non_differentiable()
            return out, x > 1, x + w

        @staticmethod
        def backward(ctx: Any, g: Any, _: Any, h: Any) -> Any:
            x, w, _ = ctx.saved_tensors
            gx = g * w * ctx.k + h if ctx.needs_input_grad[0] else None
            gw = g * x * ctx.k + h if ctx.needs_input_grad[1] else None
            return gx, gw, None, None

    a, big, b = Scaled.apply(x, w, 3.0, "plain")
    first = grad(t, (a * b).sum(), (x, w), create_graph=True)
    c, *_ = Scaled.apply(x, w.detach(), 2.0, "plain")
    return a, big.requires_grad, *first, *grad(t, first[0].sum(), (x, w)), *grad(t, c.sum(), x)


@program
def a_function_without_some_gradients(t: Any, x: Any, w: Any) -> Any:
    class First(t.autograd.Function):
        @staticmethod
        def forward(x: Any, w: Any) -> Any:
            return x * 2, w * 2

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.set_materialize_grads(False)

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            assert b is None
            return a * 2, None

    a, _ = First.apply(x * 1, w * 1)
    a.sum().backward()
    return x.grad, w.grad


@program
def a_function_in_place(t: Any, x: Any, w: Any) -> Any:
    class Tripled(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x.mul_(3)

        @staticmethod
        @t.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3

    h, k = x * 1, w * 1
    Tripled.apply(h)
    Tripled.apply(k[1:])
    return h, k, *grad(t, (h * k).sum(), (x, w))


@program
def a_function_that_differentiates(t: Any, x: Any, w: Any) -> Any:
    class Inner(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.detach().exp()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            with t.enable_grad():
                z = ctx.saved_tensors[0].detach().requires_grad_()
                y = z.exp()
            return grad(t, y, z, grad_outputs=g)

    return grad(t, (Inner.apply(x) * w).sum(), (x, w))


@program
def functional(t: Any, x: Any, w: Any) -> Any:
    f = t.autograd.functional
    x, w, v = x.detach(), w.detach(), t.tensor([1.0, -2.0, 0.5], dtype=t.float64)
    both = lambda x, w: (x * w, (x * x).sum())  # noqa: E731
    one = lambda x, w: (x.exp() * w).sum()  # noqa: E731
    return (
        f.jacobian(both, (x, w)),
        f.jacobian(t.sin, x, vectorize=True, strategy="forward-mode"),
        f.hessian(one, (x, w)),
        f.vjp(both, (x, w), (v, v.sum())),
        f.vjp(lambda x: t.ones(2), x, t.ones(2)),
        f.jvp(both, (x, w), (v, w)),
        f.jvp(lambda x: t.ones(2), x, v),
        f.hvp(one, (x, w), (v, w)),
        f.vhp(lambda x: (x * 2).sum(), x, v),
    )


@program
def functional_on_the_tape(t: Any, x: Any, w: Any) -> Any:
    f = t.autograd.functional
    j = f.jacobian(lambda x: x**3 * w, x, create_graph=True)
    _, p = f.vjp(lambda x: x**3, x, w, create_graph=True)
    _, d = f.jvp(lambda x: x**3, x, w.detach(), create_graph=True)
    return grad(t, j.sum() + p.sum() + d.sum(), (x, w))


@program
def transforms(t: Any, x: Any, w: Any) -> Any:
    f = t.func
    v, u = x.detach(), w.detach()
    loss = lambda x, w: (x.exp() * w).sum()  # noqa: E731
    out, pull, aux = f.vjp(lambda d: ({"y": d["x"] * u}, d["x"] * 2), {"x": v}, has_aux=True)
    return (
        f.grad(loss, argnums=(1, 0))(v, u),
        f.grad(lambda p: loss(p["a"], p["b"][0]))({"a": v, "b": [u]}),
        f.grad_and_value(lambda x: (loss(x, u), x * 2), has_aux=True)(v),
        (out, pull({"y": u}), aux),
        f.jacrev(lambda x: {"a": x * u, "b": (x.sum(),)})(v),
        f.jacrev(f.grad(loss))(v, u),
        f.hessian(loss, argnums=(0, 1))(v, u),
        f.jvp(loss, (v, u), (u, v)),
        f.grad(lambda w: f.grad(lambda x: (x * x * w).sum())(v).sum())(u),
    )


@program
def transforms_of_what_is_outside(t: Any, x: Any, w: Any) -> Any:
    g, value = t.func.grad_and_value(lambda y: (y * y * w).sum())(x.detach())
    with t.no_grad():
        h = t.func.grad(lambda y: (y * y * w).sum())(x.detach())
    return g.requires_grad, value.requires_grad, h.requires_grad, h, *grad(t, g.sum(), w)


@program
def checkpoints(t: Any, x: Any, w: Any) -> Any:
    checkpoint = importlib.import_module(f"{t.__name__}.utils.checkpoint").checkpoint

    def inner(h: Any) -> Any:
        return (h.exp() / w).sin()

    def outer(h: Any, *, k: int) -> Any:
        h = h * k
        h.mul_(w)
        return checkpoint(inner, h, use_reentrant=False), h.tanh()

    a, b = checkpoint(outer, x, k=2, use_reentrant=False, preserve_rng_state=True)
    y = (a * b).sum()
    y.backward(retain_graph=True)
    return x.grad, w.grad, *grad(t, y, (x, w), retain_graph=True), *grad(t, y, (x, w))


@program
def leaves_and_names(t: Any, x: Any, w: Any) -> Any:
    y = x.exp() * w
    y.grad_fn.metadata["k"] = 3
    (exp, _), (leaf, _) = y.grad_fn.next_functions
    same = (x * 2 + y).grad_fn.next_functions[1][0]
    return (
        [x.is_leaf, y.is_leaf, y.detach().is_leaf, x.grad_fn is None, y.requires_grad],
        [y.grad_fn.name(), exp.name(), same is y.grad_fn, same.metadata],
        [leaf is (w * 3).grad_fn.next_functions[0][0], leaf.variable is w],
        (x * t.ones(3)).grad_fn.next_functions[1][0],
    )
