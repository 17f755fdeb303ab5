"""Averaged stochastic gradient descent (Polyak and Juditsky 1992)."""

from collections.abc import Iterable
from typing import Any, ClassVar

from ..ops.elementwise.elementary import pow
from ..ops.elementwise.pointwise import add, div, eq, maximum, mul, sub, where
from .optimizer import Group, Limits, Optimizer, State, options_of, scaled

Tensor = Any


class ASGD(Optimizer):
    """SGD whose rate eta decays; from step ``t0`` on, ``ax`` in the state averages the parameters.

    eta = lr / (1 + lambd * lr * t) ** alpha; each step also shrinks p by 1 - lambd * eta.
    """

    limits: ClassVar[Limits] = {"lr": (0.0, None), "weight_decay": (0.0, None)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def initial_state(self, group: Group) -> dict[str, Any]:
        return {"step": 0.0, "eta": group["lr"], "mu": 1.0, "ax": 0.0}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        step, eta, mu, ax = (held[name] for name in ("step", "eta", "mu", "ax"))
        step.add_(1.0)
        parameter.mul_(scaled(sub(1.0, mul(eta, group["lambd"])), grad))
        parameter.sub_(mul(grad, scaled(eta, grad)))
        averaged = add(ax, mul(sub(parameter, ax), scaled(mu, grad)))
        ax.copy_(where(eq(mu, 1.0), parameter, averaged))
        growth = add(1.0, mul(step, group["lambd"] * group["lr"]))
        eta.copy_(div(group["lr"], pow(growth, group["alpha"])))
        mu.copy_(div(1.0, maximum(sub(step, group["t0"]), 1.0)))
