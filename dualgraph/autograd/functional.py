"""Derivatives of functions, under the names of ``torch.autograd.functional``."""

from collections.abc import Callable
from typing import Any

from ..eager.gradients import grad
from ..eager.modes import enable_grad
from ..errors import ArgumentError, DTypeError, GradError, ShapeError
from ..ops.build import is_tensor
from ..ops.create.creation import ones_like, zeros, zeros_like
from ..ops.shape.views import reshape, select, stack

Tensors = Any
"""A tensor, or a tuple of tensors."""


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, tuple | list) else (x,)


def _like(model: Any, parts: tuple[Any, ...]) -> Any:
    return parts if isinstance(model, tuple | list) else parts[0]


def _tensors(x: Any, what: str) -> tuple[Any, ...]:
    for part in _tuple(x):
        if not is_tensor(part):
            raise DTypeError(
                f"{what} must be a tensor or a tuple of tensors, not {type(part).__name__}"
            )
    return _tuple(x)


def _evaluated(func: Callable[..., Any], inputs: Any, create_graph: bool) -> tuple[Any, Any]:
    """Return inputs that can be differentiated with respect to, and the function's result."""
    leaves = tuple(
        x.clone() if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in _tensors(inputs, "the inputs")
    )
    out = func(*leaves)
    _tensors(out, "what the function returns")
    return leaves, out


def _finished(x: Any, create_graph: bool) -> Any:
    return x if create_graph else x.detach()


def _vectors(v: Any, models: tuple[Any, ...], what: str) -> list[Any]:
    """Return the vectors of a product, one for each model and of its shape; None means one."""
    if v is None:
        if len(models) != 1 or models[0].value.size != 1:
            raise ArgumentError(f"v may be left out only where {what} is one number")
        return [ones_like(models[0])]
    found = list(_tensors(v, "v"))
    if len(found) != len(models):
        raise ArgumentError(f"v has {len(found)} tensors, {what} {len(models)}")
    for part, model in zip(found, models, strict=True):
        if part.value.shape != model.value.shape:
            raise ShapeError(
                f"v has shape {tuple(part.value.shape)}, {what} {tuple(model.value.shape)}"
            )
    return found


def _gradients(
    outs: list[Any], inputs: tuple[Any, ...], seeds: list[Any], create: bool, strict: str
) -> tuple[Any, ...]:
    """Return gradients of those outputs that have any, and zeros where there are none.

    ``strict`` names what must depend on every input; then independence is an error.
    """
    pairs = [(y, s) for y, s in zip(outs, seeds, strict=True) if y.requires_grad]
    if strict and len(pairs) < len(outs):
        raise GradError(f"strict mode: {strict} does not depend on the inputs")
    if not pairs:
        return tuple(zeros_like(x) for x in inputs)
    ys, given = zip(*pairs, strict=True)
    found = grad(
        list(ys), inputs, list(given), retain_graph=True, create_graph=create, allow_unused=True
    )
    for i, g in enumerate(found):
        if strict and g is None:
            raise GradError(f"strict mode: {strict} is independent of input {i}")
    pairs_of = zip(found, inputs, strict=True)
    return tuple(zeros_like(x) if g is None else g for g, x in pairs_of)


def _depends(found: tuple[Any, ...], strict: bool, create_graph: bool, what: str) -> None:
    """Refuse a derivative that is a constant where it must be on the tape."""
    for i, g in enumerate(found):
        if strict and create_graph and not g.requires_grad:
            raise GradError(f"strict mode: {what} is independent of input {i}")


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
        outs = list(_tuple(out))
        seeds = _vectors(v, tuple(outs), "the output")
        found = _gradients(outs, leaves, seeds, create_graph, _OUTPUT if strict else "")
        _depends(found, strict, create_graph, "the product v^T J")
    result = _like(out, tuple(_finished(y, create_graph) for y in outs))
    return result, _like(inputs, found)


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
        directions = _vectors(v, leaves, "the input")
        outs = list(_tuple(out))
        found = pushed(outs, leaves, directions, create_graph, _OUTPUT if strict else "")
        _depends(found, strict, create_graph, "the product J v")
    result = _like(out, tuple(_finished(y, create_graph) for y in outs))
    return result, _like(out, found)


def pushed(
    outs: list[Any], leaves: tuple[Any, ...], directions: list[Any], create: bool, strict: str = ""
) -> tuple[Any, ...]:
    """Return J v for every output: v^T J is linear in v, and its derivative in v is J."""
    probes = tuple(zeros_like(y).requires_grad_() for y in outs)
    pulled = _gradients(outs, leaves, list(probes), True, strict)
    return _gradients(list(pulled), probes, directions, create, "")


def jacobian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian: ``J[i][j]`` of output i in input j, of shape (*output, *input).

    One backward for each element of the output. Nested like (outputs, inputs) where these are
    tuples. ``vectorize`` and ``strategy`` are accepted for PyTorch's sake and change nothing.

    >>> import dualgraph as dg
    >>> jacobian(lambda x: x * x, dg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_strategy(strategy)
    with enable_grad():
        leaves, out = _evaluated(func, inputs, create_graph)
        rows = [jacobian_of(y, leaves, create_graph, strict) for y in _tuple(out)]
    return _like(out, tuple(_like(inputs, row) for row in rows))


def _check_strategy(strategy: str) -> None:
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ArgumentError(f"strategy must be 'reverse-mode' or 'forward-mode', not {strategy!r}")


def jacobian_of(
    y: Any, leaves: tuple[Any, ...], create_graph: bool, strict: bool
) -> tuple[Any, ...]:
    """Return the Jacobian of one output in every leaf."""
    flat = reshape(y, (-1,))
    count, shape = flat.value.shape[0], y.value.shape
    rows = []
    for at in range(count):
        row = select(flat, 0, at)
        found = _gradients([row], leaves, [None], create_graph, _OUTPUT if strict else "")
        _depends(found, strict, create_graph, "the Jacobian")
        rows.append(found)
    if not rows:
        return tuple(zeros(*shape, *x.value.shape, dtype=x.dtype) for x in leaves)
    return tuple(
        reshape(stack(column), (*shape, *x.value.shape))
        for column, x in zip(zip(*rows, strict=True), leaves, strict=True)
    )


def hessian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the second derivatives of a function with one scalar output.

    >>> import dualgraph as dg
    >>> hessian(lambda x: (x * x * x).sum(), dg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def gradient(*leaves: Any) -> Any:
        y = _scalar(func(*leaves))
        found = _gradients([y], leaves, [None], True, _OUTPUT if strict else "")
        _depends(found, strict, True, "the gradient")
        return _like(inputs, found)

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def _scalar(y: Any) -> Any:
    if not is_tensor(y) or y.value.size != 1:
        raise ArgumentError("the function must return one tensor with one element")
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
        directions = _vectors(v, leaves, "the input")
        named = _OUTPUT if strict else ""
        first = _gradients([_scalar(out)], leaves, [None], True, named)
        _depends(first, strict, True, "the gradient")
        named = "the gradient" if strict else ""
        found = _gradients(list(first), leaves, directions, create_graph, named)
    return _finished(out, create_graph), _like(inputs, found)


_OUTPUT = "the output of the function"
