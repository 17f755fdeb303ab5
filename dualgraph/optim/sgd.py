"""Stochastic gradient descent with momentum."""

from collections.abc import Iterable
from typing import Any

from ..core.types import float64
from ..ops.build import need
from ..ops.elementwise import add, eq, mul, neg, where
from .optimizer import (
    Group,
    Optimizer,
    State,
    check_number,
    learning_rate,
    scaled,
    zeros_state,
)

Tensor = Any


class SGD(Optimizer):
    """p -= lr * d, where d is the gradient, or with momentum the velocity v = momentum * v + g.

    The formulas of PyTorch's ``torch.optim.SGD``, with weight decay, dampening and Nesterov's form.

    >>> import dualgraph as dg
    >>> from dualgraph import optim
    >>> p = dg.tensor([1.0, 2.0], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> optim.SGD([p], lr=0.25).step()
    >>> p
    tensor([0.5000, 1.0000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        for name in ("lr", "momentum", "weight_decay"):
            check_number(name, group[name])
        need(
            not group["nesterov"] or (group["momentum"] > 0 and group["dampening"] == 0),
            "nesterov needs a momentum above 0 and no dampening",
        )

    def init_state(self, parameter: Tensor, group: Group) -> State:
        if group["momentum"] == 0:
            return {}
        held = {"momentum_buffer": zeros_state(parameter.value.shape, parameter.value.dtype)}
        if group["dampening"] != 0:
            held["step"] = zeros_state((), float64)
        return held

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        if group["maximize"]:
            grad = neg(grad)
        if group["weight_decay"] != 0:
            grad = add(grad, mul(parameter, scaled(group["weight_decay"], parameter)))
        if group["momentum"] != 0:
            grad = _velocity(grad, held, group)
        parameter.sub_(mul(grad, scaled(learning_rate(group), parameter)))


def _velocity(grad: Tensor, held: State, group: Group) -> Tensor:
    """Advance the momentum buffer and return the direction of the step."""
    momentum = scaled(group["momentum"], grad)
    buffer = held["momentum_buffer"]
    buffer.mul_(momentum)
    buffer.add_(_dampened(grad, held, group))
    return add(grad, mul(buffer, momentum)) if group["nesterov"] else buffer


def _dampened(grad: Tensor, held: State, group: Group) -> Tensor:
    """Return (1 - dampening) * g; the first step takes g whole, as PyTorch's does."""
    if group["dampening"] == 0:
        return grad
    step = held["step"]
    factor = where(eq(step, 0.0), 1.0, scaled(1.0 - group["dampening"], step))
    step.add_(1.0)
    return mul(grad, scaled(factor, grad))
