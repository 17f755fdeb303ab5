"""Derivatives of functions, under the names of ``torch.autograd.functional``."""

from collections.abc import Callable
from typing import Any

from ..eager.gradients import grad
from ..eager.modes import enable_grad
from ..errors import ArgumentError, at_user_line
from ..ops.creation import ones_like, zeros_like
from ..ops.elementwise import mul
from ..ops.reductions import sum as sum_
from ..ops.shape import reshape, select, stack

Tensors = Any
"""A tensor, or a tuple of tensors."""


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, tuple | list) else (x,)


def _like(model: Any, parts: tuple[Any, ...]) -> Any:
    return parts if isinstance(model, tuple | list) else parts[0]


def _evaluated(func: Callable[..., Any], inputs: Any, create_graph: bool) -> tuple[Any, Any]:
    """Return inputs that can be differentiated with respect to, and the function's result."""
    leaves = tuple(
        x.clone() if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in _tuple(inputs)
    )
    return leaves, func(*leaves)


def _finished(x: Any, create_graph: bool) -> Any:
    return x if create_graph else x.detach()


def vjp(
    func: Callable[..., Any],
    inputs: Tensors,
    v: Tensors = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return (func(*inputs), v^T J): ``v`` has the shape of the output, and 1 for a scalar.

    >>> import dualgraph as dg
    >>> vjp(lambda x: x * x, dg.tensor([1.0, 2.0]), dg.ones(2))[1]
    tensor([2., 4.])
    """
    with enable_grad():
        leaves, out = _evaluated(func, inputs, create_graph)
        found = _pulled(out, leaves, v, create_graph, strict)
    result = _like(out, tuple(_finished(y, create_graph) for y in _tuple(out)))
    return result, _like(inputs, found)


def _pulled(out: Any, leaves: Any, v: Any, create_graph: bool, strict: bool) -> tuple[Any, ...]:
    outs = _tuple(out)
    seeds = [None] * len(outs) if v is None else list(_tuple(v))
    return grad(
        outs,
        leaves,
        seeds,
        create_graph=create_graph,
        allow_unused=not strict,
        materialize_grads=not strict,
    )


def jvp(
    func: Callable[..., Any],
    inputs: Tensors,
    v: Tensors = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return (func(*inputs), J v), by differentiating v^T J twice (the double-backward trick).

    ``v`` has the shape of the inputs; it may be left out for a single scalar input.
    """
    with enable_grad():
        leaves, out = _evaluated(func, inputs, create_graph)
        probes = tuple(zeros_like(y).requires_grad_() for y in _tuple(out))
        pulled = grad(_tuple(out), leaves, probes, create_graph=True, materialize_grads=not strict)
        directions = [ones_like(x) for x in leaves] if v is None else list(_tuple(v))
        moving = [(g, d) for g, d in zip(pulled, directions, strict=True) if g.requires_grad]
        if not moving:
            found = tuple(zeros_like(y) for y in _tuple(out))
        else:
            found = grad(
                [g for g, _ in moving],
                probes,
                [d for _, d in moving],
                create_graph=create_graph,
                materialize_grads=True,
            )
    result = _like(out, tuple(_finished(y, create_graph) for y in _tuple(out)))
    return result, _like(out, found)


def jacobian(
    func: Callable[..., Any], inputs: Tensors, create_graph: bool = False, strict: bool = False
) -> Any:
    """Return the Jacobian: ``J[i][j]`` of output i in input j, of shape (*output, *input).

    One backward for each element of the output. Nested like (outputs, inputs) where these are
    tuples.

    >>> import dualgraph as dg
    >>> jacobian(lambda x: x * x, dg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with enable_grad():
        leaves, out = _evaluated(func, inputs, create_graph)
        rows = [_jacobian_of(y, leaves, create_graph, strict) for y in _tuple(out)]
    return _like(out, tuple(_like(inputs, row) for row in rows))


def _jacobian_of(y: Any, leaves: Any, create_graph: bool, strict: bool) -> tuple[Any, ...]:
    flat = reshape(y, (-1,))
    rows = []
    for at in range(flat.value.shape[0]):
        if not y.requires_grad and not strict:
            rows.append(tuple(zeros_like(x) for x in leaves))
            continue
        rows.append(
            grad(
                select(flat, 0, at),
                leaves,
                retain_graph=True,
                create_graph=create_graph,
                allow_unused=not strict,
                materialize_grads=not strict,
            )
        )
    shape = y.value.shape
    return tuple(
        reshape(stack(column), (*shape, *x.value.shape))
        for column, x in zip(zip(*rows, strict=True), leaves, strict=True)
    )


def hessian(
    func: Callable[..., Any], inputs: Tensors, create_graph: bool = False, strict: bool = False
) -> Any:
    """Return the second derivatives of a function with one scalar output.

    >>> import dualgraph as dg
    >>> hessian(lambda x: (x * x * x).sum(), dg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def gradient(*leaves: Any) -> Any:
        y = _scalar(func(*leaves))
        found = grad(y, leaves, create_graph=True, materialize_grads=not strict)
        return _like(inputs, found)

    return jacobian(gradient, inputs, create_graph, strict)


def _scalar(y: Any) -> Any:
    if isinstance(y, tuple | list) or y.value.size != 1:
        raise ArgumentError(at_user_line("the function must return one tensor with one element"))
    return reshape(y, ())


def hvp(
    func: Callable[..., Any],
    inputs: Tensors,
    v: Tensors = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return (func(*inputs), H v) for a function with one scalar output."""
    return _second(func, inputs, v, create_graph, strict)


def vhp(
    func: Callable[..., Any],
    inputs: Tensors,
    v: Tensors = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return (func(*inputs), v^T H); H is symmetric, so this is `hvp`."""
    return _second(func, inputs, v, create_graph, strict)


def _second(
    func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool
) -> tuple[Any, Any]:
    with enable_grad():
        leaves, out = _evaluated(func, inputs, create_graph)
        first = grad(_scalar(out), leaves, create_graph=True, materialize_grads=not strict)
        directions = [ones_like(x) for x in leaves] if v is None else list(_tuple(v))
        along = [sum_(mul(g, d)) for g, d in zip(first, directions, strict=True)]
        moving = [a for a in along if a.requires_grad]
        if moving:
            found = grad(moving, leaves, create_graph=create_graph, materialize_grads=True)
        else:
            found = tuple(zeros_like(x) for x in leaves)
    return _finished(out, create_graph), _like(inputs, found)
