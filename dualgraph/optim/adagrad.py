"""Adagrad (Duchi et al. 2011) and what came of it: Adadelta and RMSprop."""

from collections.abc import Iterable
from typing import Any, ClassVar

from ..ops.build import need
from ..ops.elementwise.elementary import sqrt
from ..ops.elementwise.pointwise import add, div, mul, sub
from .optimizer import (
    Group,
    Limits,
    Optimizer,
    State,
    decay_squares,
    is_zero,
    move_towards,
    options_of,
    scaled,
)

Tensor = Any


class Adagrad(Optimizer):
    """p -= lr * g / (sqrt(s) + eps), where s is the sum of all g**2; lr may decay with the steps.

    >>> import dualgraph as dg
    >>> from dualgraph import optim
    >>> p = dg.tensor([1.0, 2.0], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> optim.Adagrad([p], lr=0.5).step()
    >>> p
    tensor([0.5000, 1.5000], requires_grad=True)
    """

    limits: ClassVar[Limits] = dict.fromkeys(
        ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"), (0.0, None)
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def initial_state(self, group: Group) -> dict[str, Any]:
        return {"step": 0.0, "sum": group["initial_accumulator_value"]}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        size = div(group["lr"], add(1.0, mul(held["step"], group["lr_decay"])))
        held["step"].add_(1.0)
        held["sum"].add_(mul(grad, grad))
        spread = add(sqrt(held["sum"]), scaled(group["eps"], grad))
        parameter.sub_(mul(div(grad, spread), scaled(size, grad)))


class Adadelta(Optimizer):
    """p -= lr * d, where d is g in units of the running size of d over that of g (Zeiler 2012)."""

    limits: ClassVar[Limits] = dict.fromkeys(("lr", "rho", "eps", "weight_decay"), (0.0, None))

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def check_options(self, group: Group) -> None:
        super().check_options(group)
        need(group["rho"] <= 1, f"rho must be in [0, 1], got {group['rho']}")

    def initial_state(self, group: Group) -> dict[str, Any]:
        return {"step": 0.0, "square_avg": 0.0, "acc_delta": 0.0}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        held["step"].add_(1.0)
        eps = scaled(group["eps"], grad)
        decay_squares(held["square_avg"], grad, group["rho"])
        size = div(sqrt(add(held["acc_delta"], eps)), sqrt(add(held["square_avg"], eps)))
        delta = mul(size, grad)
        decay_squares(held["acc_delta"], delta, group["rho"])
        parameter.sub_(mul(delta, scaled(group["lr"], grad)))


class RMSprop(Optimizer):
    """p -= lr * g / (sqrt(v) + eps) with a running mean v of g**2 (Hinton's lectures, 2012).

    ``centered`` takes the square of the mean gradient off v; momentum averages the steps.
    """

    may_change = ("lr", "momentum")
    limits: ClassVar[Limits] = dict.fromkeys(
        ("lr", "alpha", "eps", "weight_decay", "momentum"), (0.0, None)
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def initial_state(self, group: Group) -> dict[str, Any]:
        momentum = {"momentum_buffer": 0.0} if group["momentum"] != 0 else {}
        centered = {"grad_avg": 0.0} if group["centered"] else {}
        return {"step": 0.0, "square_avg": 0.0, **momentum, **centered}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        held["step"].add_(1.0)
        decay_squares(held["square_avg"], grad, group["alpha"])
        spread = add(sqrt(_variance(grad, held, group)), scaled(group["eps"], grad))
        direction = div(grad, spread)
        if not is_zero(group["momentum"]):
            buffer = held["momentum_buffer"]
            buffer.mul_(scaled(group["momentum"], grad))
            direction = buffer.add_(direction)
        parameter.sub_(mul(direction, scaled(group["lr"], grad)))


def _variance(grad: Tensor, held: State, group: Group) -> Tensor:
    if not group["centered"]:
        return held["square_avg"]
    move_towards(held["grad_avg"], grad, 1.0 - group["alpha"])
    return sub(held["square_avg"], mul(held["grad_avg"], held["grad_avg"]))
