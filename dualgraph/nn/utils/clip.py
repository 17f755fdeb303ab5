"""Gradients kept small, in place; works in traced training steps as eagerly."""

from collections.abc import Iterable
from math import inf
from typing import Any

from ...core.dispatch import state
from ...eager.modes import no_grad
from ...eager.tensor import Tensor
from ...errors import GradError
from ...ops.build import need
from ...ops.create.creation import zeros
from ...ops.elementwise.pointwise import add, clamp, div, isfinite, logical_not
from ...ops.linalg.matrix_norms import vector_norm
from ...ops.shape.views import stack


def _listed(parameters: Any) -> list[Any]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _grads(parameters: Any) -> list[Any]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: Any = None
) -> Any:
    """Return the p-norm of all elements of all tensors: the norm of their norms.

    Raises `GradError` for one that is not finite, when asked to (eagerly only).
    """
    given = _listed(tensors)
    if not given:
        return zeros(())
    with no_grad():
        norms = [vector_norm(t, float(norm_type)) for t in given]
        total = vector_norm(stack(norms), float(norm_type))
    if error_if_nonfinite:
        _need_finite(total, norm_type)
    return total


def _need_finite(total: Any, norm_type: float) -> None:
    known = state.frontend.concrete(logical_not(isfinite(total)), "error_if_nonfinite=True")
    if known:
        raise GradError(f"the {norm_type}-norm of the gradients is not finite: nothing was clipped")


def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Any, foreach: Any = None
) -> None:
    """Multiply every gradient by max_norm / (total_norm + 1e-6), unless that is above 1."""
    with no_grad():
        factor = clamp(div(float(max_norm), add(total_norm, 1e-6)), max=1.0)
        for grad in _grads(parameters):
            grad.mul_(factor.to(grad.dtype))


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Any:
    """Scale all gradients so that their common norm is at most ``max_norm``; return the norm.

    ``foreach`` is ignored. Raises `GradError` as `get_total_norm`.

    >>> import dualgraph as dg
    >>> w = dg.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_norm_(w, 1.0)
    tensor(10.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    given = _listed(parameters)
    total = get_total_norm(_grads(given), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(given, max_norm, total)
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Any], clip_value: float, foreach: Any = None
) -> None:
    """Limit every element of every gradient to [-clip_value, clip_value]."""
    limit = float(clip_value)
    need(limit == limit and limit < inf, f"clip_value must be a number, got {clip_value}")
    with no_grad():
        for grad in _grads(parameters):
            grad.clamp_(-limit, limit)
