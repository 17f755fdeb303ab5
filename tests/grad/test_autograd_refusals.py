"""What autograd refuses, in which words; PyTorch refuses the same."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, DTypeError, GradError, ShapeError

try:
    import torch
except ImportError:
    torch: Any = None


def leaf(t: Any, *values: float) -> Any:
    """A float64 vector that requires grad."""
    return t.tensor(list(values or (1.0, 2.0)), dtype=t.float64, requires_grad=True)


def function(t: Any, forward: Any, backward: Any) -> Any:
    """Return the ``apply`` of a Function."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (t.autograd.Function,), methods).apply


def hooked(t: Any, hook: Any) -> None:
    """Run a backward with a hook on a leaf."""
    x = leaf(t)
    x.register_hook(hook)
    (x * x).sum().backward()


def with_node_hook(t: Any) -> None:
    """Run a backward with a hook that gives too few gradients."""
    y = leaf(t) * leaf(t)
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0],))
    y.sum().backward()


def after_accumulation(t: Any) -> None:
    """Run a backward with a hook that returns something."""
    x = leaf(t)
    x.register_post_accumulate_grad_hook(lambda p: p.grad)
    x.sum().backward()


def assigned(t: Any, name: str, value: Any, of: Any = None) -> None:
    """Set an attribute of a leaf."""
    setattr(leaf(t) if of is None else of, name, value)


def view_from_no_grad(t: Any) -> None:
    """Change a view that was taken under no_grad."""
    x = leaf(t) * 1
    with t.no_grad():
        view = x[0]
    view.mul_(2)


def twice(t: Any, between: Callable[[Any], Any], y: Any) -> None:
    """Walk back after something happened."""
    between(y)
    y.sum().backward()


def changed(t: Any, change: Callable[[Any], Any]) -> None:
    """Change what a product saved, and walk back."""
    x = leaf(t) * 1
    y = x * x
    change(x)
    y.sum().backward()


def in_anomaly_mode(t: Any, compute: Callable[[Any], Any], value: float) -> None:
    """Walk back in the mode."""
    with t.autograd.detect_anomaly():
        compute(leaf(t, value)).sum().backward()


def unpacked(t: Any) -> None:
    """Let an unpack hook give an array."""
    with t.autograd.graph.saved_tensors_hooks(lambda a: a.detach().numpy(), lambda a: a):
        y = leaf(t).exp()
    y.sum().backward()


def wrong_gradient(t: Any) -> Any:
    """A square whose backward forgets a factor."""
    return function(t, _square, lambda ctx, g: g * ctx.saved_tensors[0] * t.tensor([2.0, 1.0]))


def _square(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x * x


def _dirty(ctx: Any, x: Any) -> Any:
    ctx.mark_dirty(x)
    return x.mul_(2) * 1


def _saves_a_number(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x, 5)
    return x * 2


def fickle(t: Any) -> None:
    """Checkpoint a function that saves something else the second time."""
    checkpoint = importlib.import_module(f"{t.__name__}.utils.checkpoint").checkpoint
    calls: list[int] = []

    def changing(x: Any) -> Any:
        calls.append(1)
        return (x if len(calls) == 1 else x[:1]).exp()

    checkpoint(changing, leaf(t), use_reentrant=False).sum().backward()


def jacobians(t: Any) -> Any:
    """Return the module."""
    return t.autograd.functional


SECOND = "second time.*retain_graph=True"
MODIFIED = r"shape \(2,\) that MulBackward0 needs.*at version 1, version 0 was saved"
REFUSED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "second backward": (
        lambda t: twice(t, lambda y: y.sum().backward(), leaf(t).exp()),
        GradError,
        SECOND,
    ),
    "second grad": (
        lambda t: [t.autograd.grad(y.sum(), x) for x in [leaf(t)] for y in [x * x] for _ in "ab"],
        GradError,
        SECOND,
    ),
    "not a scalar": (
        lambda t: leaf(t).mul(2).backward(),
        GradError,
        r"only for scalars.*shape \(2,\)",
    ),
    "nothing at all": (lambda t: (leaf(t)[:0] * 2).backward(), GradError, "only for scalars"),
    "gradient of another shape": (
        lambda t: leaf(t).backward(t.ones(3)),
        ShapeError,
        r"\(3,\).*\(2,\)",
    ),
    "gradient to be broadcast": (
        lambda t: leaf(t).backward(t.ones(1)),
        ShapeError,
        r"\(1,\).*\(2,\)",
    ),
    "gradient as a list": (
        lambda t: leaf(t).backward([1.0, 1.0]),
        DTypeError,
        "must be a tensor or None, not list",
    ),
    "no grad needed": (lambda t: t.ones(1).backward(), GradError, "none of the inputs"),
    "too few gradients": (
        lambda t: t.autograd.backward([leaf(t), leaf(t)], [t.ones(2)]),
        ArgumentError,
        "2 outputs but 1 gradients",
    ),
    "too few grad_outputs": (
        lambda t: t.autograd.grad([leaf(t), leaf(t)], leaf(t), [t.ones(2)]),
        ArgumentError,
        "2 outputs but 1",
    ),
    "no inputs": (lambda t: leaf(t).sum().backward(inputs=[]), GradError, "inputs is empty"),
    "no inputs of grad": (
        lambda t: t.autograd.grad(leaf(t).sum(), []),
        GradError,
        "inputs is empty",
    ),
    "inputs without grad": (
        lambda t: leaf(t).sum().backward(inputs=[t.ones(1)]),
        GradError,
        "inputs must be",
    ),
    "input without grad": (
        lambda t: t.autograd.grad(leaf(t).sum(), t.ones(1)),
        GradError,
        "does not require grad",
    ),
    "unused": (lambda t: t.autograd.grad(leaf(t).sum(), leaf(t)), GradError, "allow_unused=True"),
    "unused or zeros": (
        lambda t: t.autograd.grad(
            leaf(t).sum(), leaf(t), allow_unused=False, materialize_grads=True
        ),
        ArgumentError,
        "choose one",
    ),
    "integers": (
        lambda t: t.ones(2, dtype=t.int64).requires_grad_(),
        DTypeError,
        "only floating tensors",
    ),
    "integers assigned": (
        lambda t: assigned(t, "requires_grad", True, t.ones(2, dtype=t.int64)),
        DTypeError,
        "only floating tensors",
    ),
    "integers made": (
        lambda t: t.tensor([1, 2], requires_grad=True),
        DTypeError,
        "only floating tensors",
    ),
    "bools": (
        lambda t: t.ones(2, dtype=t.bool, requires_grad=True),
        DTypeError,
        "only floating tensors",
    ),
    "not a leaf": (
        lambda t: leaf(t).exp().requires_grad_(False),
        GradError,
        "only leaf tensors can stop",
    ),
    "not a leaf, assigned": (
        lambda t: assigned(t, "requires_grad", False, leaf(t).exp()),
        GradError,
        "only leaf tensors can stop",
    ),
    "grad of another shape": (
        lambda t: assigned(t, "grad", t.ones(3, dtype=t.float64)),
        ShapeError,
        "does not fit",
    ),
    "grad of another dtype": (
        lambda t: assigned(t, "grad", t.ones(2)),
        DTypeError,
        "float32 does not fit.*float64",
    ),
    "grad as a list": (lambda t: assigned(t, "grad", [1.0, 2.0]), DTypeError, r"not \[1"),
    "its own grad": (
        lambda t: (lambda x: assigned(t, "grad", x, x))(leaf(t)),
        GradError,
        "its own grad",
    ),
    "data as a list": (
        lambda t: assigned(t, "data", [1.0]),
        DTypeError,
        r"data must be a tensor, not \[1",
    ),
    "retain_grad": (
        lambda t: t.ones(1).retain_grad(),
        GradError,
        "needs a tensor that requires grad",
    ),
    "detach a view in place": (
        lambda t: (leaf(t) * 1)[0].detach_(),
        GradError,
        "a view cannot be detached",
    ),
    "hook without grad": (
        lambda t: t.ones(1).register_hook(lambda g: g),
        GradError,
        "register_hook needs",
    ),
    "hook of another shape": (
        lambda t: hooked(t, lambda g: g[:1]),
        ShapeError,
        r"lambda.*changed the shape.*\(2,\) to \(1,\)",
    ),
    "hook of another dtype": (
        lambda t: hooked(t, lambda g: g.float()),
        DTypeError,
        "changed the dtype.*float64 to float32",
    ),
    "hook with a number": (lambda t: hooked(t, lambda g: 5), DTypeError, "returned int"),
    "hook of a node": (
        with_node_hook,
        GradError,
        "a hook of MulBackward0 returned 1 gradients for 2 inputs",
    ),
    "hook after accumulation": (after_accumulation, GradError, "returns None"),
    "hook after accumulation, no leaf": (
        lambda t: leaf(t).exp().register_post_accumulate_grad_hook(print),
        GradError,
        "leaf tensors only",
    ),
    "unpack": (unpacked, DTypeError, "unpack hook.*returned ndarray"),
    "leaf in place": (
        lambda t: leaf(t).add_(1),
        GradError,
        "a leaf that requires grad cannot be changed",
    ),
    "leaf by index": (
        lambda t: leaf(t).__setitem__(0, 1.0),
        GradError,
        "a leaf that requires grad cannot be changed",
    ),
    "view of a leaf": (lambda t: leaf(t)[0].add_(1), GradError, "a view of a leaf"),
    "view from no_grad": (view_from_no_grad, GradError, "taken under no_grad"),
    "expanded": (lambda t: (leaf(t) * 1).expand(3, 2).add_(1), GradError, "share one place"),
    "changed by itself": (lambda t: changed(t, lambda x: x.add_(1)), GradError, MODIFIED),
    "changed through a view": (lambda t: changed(t, lambda x: x[0].add_(1)), GradError, MODIFIED),
    "changed through a view of a view": (
        lambda t: changed(t, lambda x: x.view(2, 1)[0].zero_()),
        GradError,
        MODIFIED,
    ),
    "changed through detach": (
        lambda t: changed(t, lambda x: x.detach().mul_(2)),
        GradError,
        MODIFIED,
    ),
    "changed under no_grad": (
        lambda t: changed(t, t.no_grad()(lambda x: x.mul_(2))),
        GradError,
        MODIFIED,
    ),
    "changed by index": (
        lambda t: changed(t, lambda x: x.__setitem__(0, 7.0)),
        GradError,
        MODIFIED,
    ),
    "output changed": (
        lambda t: twice(t, lambda y: y.add_(1), leaf(t).exp()),
        GradError,
        "ExpBackward0 needs",
    ),
    "result too wide": (
        lambda t: t.ones(2, dtype=t.int64).add_(1.5),
        DTypeError,
        "does not fit into",
    ),
    "result too large": (lambda t: t.ones(1).add_(t.ones(3)), ShapeError, "cannot grow"),
    "nan in backward": (
        lambda t: in_anomaly_mode(t, lambda x: x.sqrt() * 0, 0.0),
        GradError,
        r"SqrtBackward0 returned nan values in its 0th output.*test_autograd_refusals.py:\d+",
    ),
    "Function: too few gradients": (
        lambda t: (
            function(t, lambda ctx, x, y: x * y, lambda ctx, g: g)(leaf(t), leaf(t))
            .sum()
            .backward()
        ),
        ArgumentError,
        "F.backward returned 1 gradients for 2",
    ),
    "Function: too many gradients": (
        lambda t: (
            function(t, lambda ctx, x: x * 2, lambda ctx, g: (g, g))(leaf(t)).sum().backward()
        ),
        ArgumentError,
        "F.backward returned 2 gradients for 1",
    ),
    "Function: gradient of a number": (
        lambda t: (
            function(t, lambda ctx, x, k: x * k, lambda ctx, g: (g, g))(leaf(t), 3.0)
            .sum()
            .backward()
        ),
        ArgumentError,
        "gradient 1 must be None",
    ),
    "Function: gradient as a number": (
        lambda t: function(t, lambda ctx, x: x * 2, lambda ctx, g: 5.0)(leaf(t)).sum().backward(),
        DTypeError,
        "gradient 0 is float",
    ),
    "Function: gradient of another shape": (
        lambda t: (
            function(t, lambda ctx, x: x * 2, lambda ctx, g: t.ones(3))(leaf(t)).sum().backward()
        ),
        ShapeError,
        r"gradient 0 has shape \(3,\), the input had \(2,\)",
    ),
    "Function: saves a number": (
        lambda t: function(t, _saves_a_number, print)(leaf(t)),
        DTypeError,
        "keeps tensors and None, not int",
    ),
    "Function: dirty leaf": (
        lambda t: function(t, lambda ctx, x: (ctx.mark_dirty(x), x.mul_(2))[1], print)(leaf(t)),
        GradError,
        "leaf that requires grad was marked dirty",
    ),
    "Function: dirty and not returned": (
        lambda t: function(t, _dirty, print)(leaf(t) * 1),
        GradError,
        "did not return it",
    ),
    "Function: no forward": (
        lambda t: t.autograd.Function.apply(leaf(t)),
        NotImplementedError,
        "forward",
    ),
    "gradcheck": (
        lambda t: t.autograd.gradcheck(wrong_gradient(t), leaf(t)),
        GradError,
        r"output 0 in input 0 is wrong in 1 of 4 entries, first at \[1, 1\]: backward says 2.0, "
        r"finite differences (3\.9999|4\.0)",
    ),
    "gradcheck: changes without grad": (
        lambda t: t.autograd.gradcheck(lambda x: (x * 2).detach(), leaf(t)),
        GradError,
        "backward says 0.0, finite differences",
    ),
    "gradgradcheck": (
        lambda t: t.autograd.gradgradcheck(
            function(t, _square, lambda ctx, g: g * ctx.saved_tensors[0].detach() * 2), leaf(t)
        ),
        GradError,
        "output 0 in input 0 is wrong in 2 of 4",
    ),
    "checkpoint": (
        fickle,
        GradError,
        r"tensor 0 that forward saved was float64\[2\], computed again it is float64\[1\]",
    ),
    "jacobian: no tensor": (
        lambda t: jacobians(t).jacobian(lambda x: 5.0, t.ones(2)),
        DTypeError,
        "not float",
    ),
    "jacobian: strict": (
        lambda t: jacobians(t).jacobian(lambda x, y: x * 2, (t.ones(2), t.ones(2)), strict=True),
        GradError,
        "independent of input 1",
    ),
    "jacobian: strict constant": (
        lambda t: jacobians(t).jacobian(lambda x: t.ones(2), t.ones(2), strict=True),
        GradError,
        "does not depend on the inputs",
    ),
    "jacobian: strict linear": (
        lambda t: jacobians(t).jacobian(lambda x: x * 2, t.ones(2), strict=True, create_graph=True),
        GradError,
        "the Jacobian is independent of input 0",
    ),
    "hessian: strict linear": (
        lambda t: jacobians(t).hessian(lambda x: x.sum() * 2, t.ones(2), strict=True),
        GradError,
        "the gradient is independent of input 0",
    ),
    "hessian: vector": (
        lambda t: jacobians(t).hessian(lambda x: x * 2, t.ones(2)),
        ArgumentError,
        "one element",
    ),
    "hvp: strict linear": (
        lambda t: jacobians(t).hvp(lambda x: x.sum() * 2, t.ones(2), t.ones(2), strict=True),
        GradError,
        "the gradient is independent of input 0",
    ),
    "vjp: v is missing": (
        lambda t: jacobians(t).vjp(lambda x: x * 2, t.ones(2)),
        ArgumentError,
        "v may be left out only",
    ),
    "vjp: v of another shape": (
        lambda t: jacobians(t).vjp(lambda x: x * 2, t.ones(2), t.ones(3)),
        ShapeError,
        r"v has shape \(3,\), the output \(2,\)",
    ),
    "vjp: too few v": (
        lambda t: jacobians(t).vjp(lambda x: (x, x), t.ones(2), t.ones(2)),
        ArgumentError,
        "v has 1 tensors, the output 2",
    ),
    "jvp: v is missing": (
        lambda t: jacobians(t).jvp(lambda x: x * 2, t.ones(2)),
        ArgumentError,
        "v may be left out only",
    ),
    "func.grad: vector": (
        lambda t: t.func.grad(lambda x: x * 2)(t.ones(2)),
        ArgumentError,
        r"0-d tensor, not shape \(2,\)",
    ),
    "func.grad: number": (
        lambda t: t.func.grad(lambda x: 5.0)(t.ones(2)),
        ArgumentError,
        "0-d tensor, not float",
    ),
    "func.grad: of a number": (
        lambda t: t.func.grad(lambda x: x * x)(3.0),
        DTypeError,
        "argument 0 must be a tensor.*not float",
    ),
    "func.grad: of integers": (
        lambda t: t.func.grad(lambda x: x.sum())(t.ones(2, dtype=t.int64)),
        DTypeError,
        "only floating",
    ),
    "func.grad: no aux": (
        lambda t: t.func.grad(lambda x: x.sum(), has_aux=True)(t.ones(2)),
        ArgumentError,
        "must return a pair",
    ),
    "func.vjp: another shape": (
        lambda t: t.func.vjp(lambda x: x * 2, t.ones(2))[1](t.ones(3)),
        ShapeError,
        r"\(3,\).*\(2,\)",
    ),
    "functional_call: strict": (
        lambda t: t.func.functional_call(
            t.nn.Linear(2, 1),
            {"weight": t.ones(1, 2), "scale": t.ones(1)},
            t.ones(1, 2),
            strict=True,
        ),
        ArgumentError,
        "unexpected scale; missing bias",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    run, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        run(dg)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_pytorch(name: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 (of any kind: theirs differ)
        REFUSED[name][0](torch)
