"""Averages of models: stochastic weight averaging and exponential moving averages.

Sources: Izmailov et al. 2018 (SWA); Polyak and Juditsky 1992.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from math import cos, pi
from typing import Any

from ..core.types import int64
from ..eager.modes import no_grad
from ..eager.tensor import Tensor
from ..nn.module import Module
from ..nn.normalization import _BatchNorm
from ..ops.build import need
from ..ops.create.creation import zeros
from ..ops.elementwise.pointwise import add, div, eq, mul, sub, where
from .optimizer import Group, Optimizer
from .schedule import LRScheduler, per_group, rate_of

Average = Callable[[Tensor, Tensor, Tensor], Tensor]
Averages = Callable[[list[Tensor], list[Tensor], Tensor], None]


def get_swa_avg_fn() -> Average:
    """Return the function (mean, model, n) -> mean of n + 1 models."""

    def updated(averaged_param: Tensor, current_param: Tensor, num_averaged: Tensor) -> Tensor:
        step = div(sub(current_param, averaged_param), add(num_averaged, 1))
        return add(averaged_param, step)

    return updated


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return the function (mean, model, n) -> decay * mean + (1 - decay) * model."""
    need(0.0 <= decay <= 1.0, f"decay must lie in [0, 1], got {decay}")

    def updated(ema_param: Tensor, current_param: Tensor, num_averaged: Tensor) -> Tensor:
        return add(mul(ema_param, decay), mul(current_param, 1 - decay))

    return updated


def _for_all(average: Average) -> Averages:
    def updated(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor) -> None:
        with no_grad():
            for mean, now in zip(averaged, current, strict=True):
                mean.copy_(average(mean, now, num_averaged))

    return updated


def get_swa_multi_avg_fn() -> Averages:
    """Return `get_swa_avg_fn` for lists of tensors, the means changed in place."""
    return _for_all(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """Return `get_ema_avg_fn` for lists of tensors, the means changed in place."""
    return _for_all(get_ema_avg_fn(decay))


class AveragedModel(Module):
    """A copy of a model whose parameters are the average of those that `update_parameters` saw.

    ``avg_fn(mean, model, n)`` returns a new mean, ``multi_avg_fn(means, models, n)`` changes a list
    of means in place; the default is the plain average. Buffers are averaged too with
    ``use_buffers``, else copied. The update may be part of a compiled step.

    >>> from dualgraph import nn
    >>> model = nn.Linear(2, 1)
    >>> averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    >>> averaged.update_parameters(model)
    >>> averaged.n_averaged
    tensor(1)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        need(
            avg_fn is None or multi_avg_fn is None,
            "AveragedModel takes one of avg_fn and multi_avg_fn",
        )
        self.module = deepcopy(model).to(device=device)
        self.register_buffer("n_averaged", zeros((), dtype=int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take one more model into the average; the first is copied."""
        own, theirs = list(self.module.parameters()), list(model.parameters())
        buffers = list(zip(self.module.buffers(), model.buffers(), strict=True))
        if self.use_buffers:
            own, theirs = [*own, *(a for a, _ in buffers)], [*theirs, *(b for _, b in buffers)]
        with no_grad():
            means, now = [p.detach() for p in own], [p.detach() for p in theirs]
            multi = self.multi_avg_fn or _for_all(self.avg_fn or get_swa_avg_fn())
            multi(means, now, self.n_averaged)
            first = eq(self.n_averaged, 0)
            for mean, given in zip(means, now, strict=True):
                mean.copy_(where(first, given, mean))
            for a, b in () if self.use_buffers else buffers:
                a.copy_(b)
            self.n_averaged.add_(1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of a model's batch norms anew, from batches of inputs.

    A batch that is a list or tuple gives its first entry to the model.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not norms:
        return
    momenta, training = [m.momentum for m in norms], model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    try:
        with no_grad():
            for batch in loader:
                given = batch[0] if isinstance(batch, list | tuple) else batch
                model(given if device is None else given.to(device))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """Anneal each rate to ``swa_lr`` within ``anneal_epochs``, and keep it there."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        need(
            anneal_strategy in ("cos", "linear"),
            f"anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}",
        )
        need(
            isinstance(anneal_epochs, int) and anneal_epochs >= 0,
            f"anneal_epochs must be an int >= 0, got {anneal_epochs}",
        )
        goals = per_group("swa_lr", optimizer, swa_lr)
        for group, goal in zip(optimizer.param_groups, goals, strict=True):
            group["swa_lr"] = goal
        self.anneal_epochs = anneal_epochs
        self._anneal_strategy = anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _part(self, t: float) -> float:
        """Return how much of the way is done."""
        t = max(0.0, min(1.0, t))
        return t if self._anneal_strategy == "linear" else (1 - cos(pi * t)) / 2

    def rate(self, i: int, group: Group) -> float:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        goal, epochs = group["swa_lr"], max(1, self.anneal_epochs)
        before, now = self._part((step - 1) / epochs), self._part(step / epochs)
        start = goal if before == 1 else (rate_of(group) - before * goal) / (1 - before)
        return goal * now + start * (1 - now)
