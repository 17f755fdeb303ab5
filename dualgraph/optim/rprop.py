"""Resilient backpropagation: only the signs of the gradients count (Riedmiller and Braun 1993)."""

from collections.abc import Iterable
from typing import Any, ClassVar

from ..ops.build import need
from ..ops.elementwise.pointwise import clamp, gt, lt, mul, sign, where
from .optimizer import Group, Limits, Optimizer, State, options_of, scaled

Tensor = Any


class Rprop(Optimizer):
    """p -= sign(g) * s, where s grows while the sign of g stays and shrinks when it turns.

    ``lr`` is where every s starts. For full batches: the signs of noisy gradients say little.

    >>> import dualgraph as dg
    >>> from dualgraph import optim
    >>> p = dg.tensor([1.0, -2.0], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> optim.Rprop([p], lr=0.5).step()
    >>> p
    tensor([ 0.5000, -1.5000], requires_grad=True)
    """

    limits: ClassVar[Limits] = {"lr": (0.0, None)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def check_options(self, group: Group) -> None:
        super().check_options(group)
        low, high = group["etas"]
        need(0 < low < 1 < high, f"etas must be (below 1, above 1), got ({low}, {high})")

    def initial_state(self, group: Group) -> dict[str, Any]:
        return {"step": 0.0, "prev": 0.0, "step_size": group["lr"]}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        held["step"].add_(1.0)
        shrink, grow = (scaled(eta, grad) for eta in group["etas"])
        agreement = mul(grad, held["prev"])
        turned = lt(agreement, 0.0)
        kept = where(gt(agreement, 0.0), grow, scaled(1.0, grad))
        sizes = mul(held["step_size"], where(turned, shrink, kept))
        held["step_size"].copy_(clamp(sizes, *group["step_sizes"]))
        held["prev"].copy_(where(turned, scaled(0.0, grad), grad))
        parameter.sub_(mul(sign(held["prev"]), held["step_size"]))
