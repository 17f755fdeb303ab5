"""Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019)."""

from collections.abc import Iterable
from typing import Any, ClassVar

from ..core.types import float64
from ..ops.elementwise import add, div, maximum, mul, neg, pow, sqrt, sub
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


class Adam(Optimizer):
    """p -= lr * m / (sqrt(v) + eps) with bias-corrected running means m of g and v of g**2.

    The formulas of PyTorch's ``torch.optim.Adam``; bias corrections are computed in float64 from
    the step count, a 0-d tensor, so that a compiled step needs no new trace.

    >>> import dualgraph as dg
    >>> from dualgraph import optim
    >>> p = dg.tensor([1.0, 2.0], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> optim.Adam([p], lr=0.5).step()
    >>> p
    tensor([0.5000, 1.5000], requires_grad=True)
    """

    decoupled: ClassVar[bool] = False  # weight decay acts on the parameter, not on the gradient

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        for name in ("lr", "eps", "weight_decay"):
            check_number(name, group[name])
        for i, beta in enumerate(group["betas"]):
            check_number(f"betas[{i}]", beta, 0.0, 1.0)

    def init_state(self, parameter: Tensor, group: Group) -> State:
        shape, dtype = parameter.value.shape, parameter.value.dtype
        names = ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else [])]
        moments = {name: zeros_state(shape, dtype) for name in names}
        return {"step": zeros_state((), float64), **moments}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        if group["maximize"]:
            grad = neg(grad)
        if group["weight_decay"] != 0:
            grad = self._decay(parameter, grad, group)
        _advance(grad, held, group)
        beta1, beta2 = group["betas"]
        size = div(learning_rate(group), sub(1.0, pow(beta1, held["step"])))
        root = sqrt(sub(1.0, pow(beta2, held["step"])))
        spread = div(sqrt(_second_moment(held, group)), scaled(root, parameter))
        spread = add(spread, scaled(group["eps"], parameter))
        parameter.sub_(mul(div(held["exp_avg"], spread), scaled(size, parameter)))

    def _decay(self, parameter: Tensor, grad: Tensor, group: Group) -> Tensor:
        """Apply weight decay to the gradient, or (decoupled) shrink the parameter itself."""
        decay = group["weight_decay"]
        if not self.decoupled:
            return add(grad, mul(parameter, scaled(decay, parameter)))
        shrink = sub(1.0, mul(learning_rate(group), decay))
        parameter.mul_(scaled(shrink, parameter))
        return grad


class AdamW(Adam):
    """Adam with decoupled weight decay: p *= 1 - lr * weight_decay before the update."""

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


def _advance(grad: Tensor, held: State, group: Group) -> None:
    """Count the step and move both running means towards g and g**2."""
    beta1, beta2 = group["betas"]
    held["step"].add_(1.0)
    mean, square = held["exp_avg"], held["exp_avg_sq"]
    mean.add_(mul(sub(grad, mean), scaled(1.0 - beta1, grad)))
    square.mul_(scaled(beta2, grad))
    square.add_(mul(mul(grad, grad), scaled(1.0 - beta2, grad)))


def _second_moment(held: State, group: Group) -> Tensor:
    """Return the running mean of g**2, or with amsgrad the largest that there has been."""
    if not group["amsgrad"]:
        return held["exp_avg_sq"]
    largest = held["max_exp_avg_sq"]
    return largest.copy_(maximum(largest, held["exp_avg_sq"]))
