"""Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), and three of their relatives."""

from collections.abc import Iterable
from typing import Any, ClassVar

from ..ops.elementwise.elementary import pow, sqrt
from ..ops.elementwise.pointwise import abs, add, div, gt, maximum, mul, sub, where
from .optimizer import (
    Group,
    Limits,
    Optimizer,
    State,
    decay_squares,
    move_towards,
    options_of,
    scaled,
)

Tensor = Any


class _Adaptive(Optimizer):
    """What the family shares: a step count, betas, and the running means of g and g**2."""

    may_change = ("lr", "betas")
    limits: ClassVar[Limits] = {
        "lr": (0.0, None),
        "betas": (0.0, 1.0),
        "eps": (0.0, None),
        "weight_decay": (0.0, None),
    }

    def initial_state(self, group: Group) -> dict[str, Any]:
        return {"step": 0.0, "exp_avg": 0.0, "exp_avg_sq": 0.0}


class Adam(_Adaptive):
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

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def initial_state(self, group: Group) -> dict[str, Any]:
        largest = {"max_exp_avg_sq": 0.0} if group["amsgrad"] else {}
        return {**super().initial_state(group), **largest}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        _advance(grad, held, group)
        beta1, beta2 = group["betas"]
        size = div(group["lr"], sub(1.0, pow(beta1, held["step"])))
        root = sqrt(sub(1.0, pow(beta2, held["step"])))
        spread = div(sqrt(_second_moment(held, group)), scaled(root, parameter))
        spread = add(spread, scaled(group["eps"], parameter))
        parameter.sub_(mul(div(held["exp_avg"], spread), scaled(size, parameter)))


class AdamW(Adam):
    """Adam with decoupled weight decay: p *= 1 - lr * weight_decay before the update."""

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
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, **options_of(locals()), decoupled_weight_decay=True)


class NAdam(_Adaptive):
    """Adam with Nesterov's look-ahead and a momentum that grows with the steps (Dozat 2016)."""

    limits: ClassVar[Limits] = {**_Adaptive.limits, "momentum_decay": (0.0, None)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def initial_state(self, group: Group) -> dict[str, Any]:
        return {**super().initial_state(group), "mu_product": 1.0}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        _advance(grad, held, group)
        lr, (beta1, beta2) = group["lr"], group["betas"]
        step, product = held["step"], held["mu_product"]
        now, ahead = (
            mul(beta1, sub(1.0, mul(0.5, pow(0.96, mul(t, group["momentum_decay"])))))
            for t in (step, add(step, 1.0))
        )
        product.mul_(now)
        of_grad = div(mul(lr, sub(1.0, now)), sub(1.0, product))
        of_mean = div(mul(lr, ahead), sub(1.0, mul(product, ahead)))
        square = div(held["exp_avg_sq"], scaled(sub(1.0, pow(beta2, step)), grad))
        spread = add(sqrt(square), scaled(group["eps"], grad))
        parameter.sub_(mul(div(grad, spread), scaled(of_grad, grad)))
        parameter.sub_(mul(div(held["exp_avg"], spread), scaled(of_mean, grad)))


class RAdam(_Adaptive):
    """Adam that scales its first steps by how little is known of the variance (Liu et al. 2020).

    Until enough steps are averaged (rho <= 5) a step follows the mean gradient alone.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        _advance(grad, held, group)
        lr, (beta1, beta2), step = group["lr"], group["betas"], held["step"]
        left = pow(beta2, step)
        correction = sub(1.0, left)
        longest = 2.0 / (1.0 - beta2) - 1.0
        length = sub(longest, div(mul(mul(2.0, step), left), correction))
        known = mul(mul(sub(length, 4.0), sub(length, 2.0)), longest)
        whole = mul((longest - 4.0) * (longest - 2.0), length)
        scale = mul(sqrt(div(known, whole)), sqrt(correction))
        spread = add(sqrt(held["exp_avg_sq"]), scaled(group["eps"], grad))
        factor = where(gt(length, 5.0), div(scaled(scale, grad), spread), scaled(1.0, grad))
        size = div(lr, sub(1.0, pow(beta1, step)))
        parameter.sub_(mul(mul(held["exp_avg"], scaled(size, grad)), factor))


class Adamax(_Adaptive):
    """Adam with the running largest |g| in place of the root of v (Kingma and Ba 2015)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, options_of(locals()))

    def initial_state(self, group: Group) -> dict[str, Any]:
        return {"step": 0.0, "exp_avg": 0.0, "exp_inf": 0.0}

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        beta1, beta2 = group["betas"]
        held["step"].add_(1.0)
        move_towards(held["exp_avg"], grad, 1.0 - beta1)
        seen = mul(held["exp_inf"], scaled(beta2, grad))
        held["exp_inf"].copy_(maximum(seen, add(abs(grad), scaled(group["eps"], grad))))
        size = div(group["lr"], sub(1.0, pow(beta1, held["step"])))
        parameter.sub_(mul(div(held["exp_avg"], held["exp_inf"]), scaled(size, grad)))


def _advance(grad: Tensor, held: State, group: Group) -> None:
    """Count the step and move both running means towards g and g**2."""
    beta1, beta2 = group["betas"]
    held["step"].add_(1.0)
    move_towards(held["exp_avg"], grad, 1.0 - beta1)
    decay_squares(held["exp_avg_sq"], grad, beta2)


def _second_moment(held: State, group: Group) -> Tensor:
    """Return the running mean of g**2, or with amsgrad the largest that there has been."""
    if not group["amsgrad"]:
        return held["exp_avg_sq"]
    largest = held["max_exp_avg_sq"]
    return largest.copy_(maximum(largest, held["exp_avg_sq"]))
