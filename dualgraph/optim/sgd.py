"""Stochastic gradient descent with momentum."""

from collections.abc import Iterable
from typing import Any, ClassVar

from ..ops.build import need
from ..ops.elementwise.pointwise import add, eq, mul, where
from .optimizer import Group, Limits, Optimizer, State, is_zero, options_of, scaled

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

    may_change = ("lr", "momentum")
    limits: ClassVar[Limits] = dict.fromkeys(("lr", "momentum", "weight_decay"), (0.0, None))

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
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def check_options(self, group: Group) -> None:
        super().check_options(group)
        need(
            not group["nesterov"] or (group["momentum"] > 0 and group["dampening"] == 0),
            "nesterov needs a momentum above 0 and no dampening",
        )

    def initial_state(self, group: Group) -> dict[str, Any]:
        if group["momentum"] == 0:
            return {}
        return {"momentum_buffer": 0.0, **({"step": 0.0} if group["dampening"] != 0 else {})}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        if not is_zero(group["momentum"]):
            grad = _velocity(grad, held, group)
        parameter.sub_(mul(grad, scaled(group["lr"], parameter)))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and state; PyTorch's has no step, which dampening needs here."""
        damped = {
            i for g in state_dict["param_groups"] if g.get("dampening", 0) for i in g["params"]
        }
        held = {
            i: {"step": 1.0, **h} if i in damped and h.get("momentum_buffer") is not None else h
            for i, h in state_dict["state"].items()
        }
        super().load_state_dict({**state_dict, "state": held})


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
