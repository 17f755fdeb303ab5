"""Gradients on demand: ``dualgraph.autograd.grad`` and ``backward``, as in ``torch.autograd``."""

from typing import Any

from ..eager.function import Function as Function, once_differentiable as once_differentiable
from ..eager.gradients import grad as grad, run_backward
from ..eager.modes import (
    detect_anomaly as detect_anomaly,
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    no_grad as no_grad,
    set_detect_anomaly as set_detect_anomaly,
    set_grad_enabled as set_grad_enabled,
)
from . import function as function, functional as functional, graph as graph
from .gradcheck import gradcheck as gradcheck, gradgradcheck as gradgradcheck


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of several tensors to ``.grad`` of the leaves, in one walk.

    >>> import dualgraph as dg
    >>> x = dg.tensor(3.0, requires_grad=True)
    >>> dg.autograd.backward([x * 2, x * 5])
    >>> x.grad
    tensor(7.)
    """
    roots = list(tensors) if isinstance(tensors, tuple | list) else [tensors]
    given = grad_tensors if isinstance(grad_tensors, tuple | list) else [grad_tensors]
    gradients = list(given) if grad_tensors is not None else [None] * len(roots)
    run_backward(roots, gradients, retain_graph, create_graph, inputs)
