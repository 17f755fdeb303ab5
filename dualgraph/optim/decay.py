"""Schedules that follow one curve. Most multiply the rate in use, so that they can be chained."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..errors import DTypeError
from ..ops.build import need
from .optimizer import Group, Optimizer
from .schedule import Factor, LRScheduler, per_group, rate_of


class LambdaLR(LRScheduler):
    """lr = initial lr * lr_lambda(epoch); one function, or one for each group.

    >>> import dualgraph as dg
    >>> from dualgraph import optim
    >>> optimizer = optim.SGD([dg.ones(2, requires_grad=True)], lr=1.0)
    >>> optimizer.step()
    >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor, last_epoch: int = -1) -> None:
        self.lr_lambdas = _functions(self, optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        return self.base_lrs[i] * self.lr_lambdas[i](self.last_epoch)


class MultiplicativeLR(LRScheduler):
    """lr *= lr_lambda(epoch); one function, or one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor, last_epoch: int = -1) -> None:
        self.lr_lambdas = _functions(self, optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        if self._starting:
            return rate_of(group)
        return rate_of(group) * self.lr_lambdas[i](self.last_epoch)


class StepLR(LRScheduler):
    """lr *= gamma, every ``step_size`` epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        need(step_size > 0, f"StepLR: step_size must be positive, got {step_size}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        due = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return rate_of(group) * self.gamma if due else rate_of(group)

    def rate_at(self, i: int, group: Group) -> float:
        return self.base_lrs[i] * self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """lr *= gamma at each of the milestones (twice where one is listed twice)."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        times = self.milestones[self.last_epoch]
        return rate_of(group) * self.gamma**times if times else rate_of(group)

    def rate_at(self, i: int, group: Group) -> float:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return self.base_lrs[i] * self.gamma**passed


class ExponentialLR(LRScheduler):
    """lr *= gamma, every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        return rate_of(group) if self._starting else rate_of(group) * self.gamma

    def rate_at(self, i: int, group: Group) -> float:
        return self.base_lrs[i] * self.gamma**self.last_epoch


class ConstantLR(LRScheduler):
    """lr = initial lr * factor for the first ``total_iters`` epochs."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        need(0 <= factor <= 1, f"ConstantLR: factor must be in [0, 1], got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        if self.last_epoch == 0:
            return rate_of(group) * self.factor
        over = self.last_epoch == self.total_iters
        return rate_of(group) * (1.0 / self.factor) if over else rate_of(group)

    def rate_at(self, i: int, group: Group) -> float:
        return self.base_lrs[i] * (1.0 if self.last_epoch >= self.total_iters else self.factor)


class LinearLR(LRScheduler):
    """lr = initial lr times a factor that runs straight from start to end in ``total_iters``."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        need(0 < start_factor <= 1, f"LinearLR: start_factor must be in (0, 1], got {start_factor}")
        need(0 <= end_factor <= 1, f"LinearLR: end_factor must be in [0, 1], got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        if self.last_epoch == 0:
            return rate_of(group) * self.start_factor
        if self._starting or self.last_epoch > self.total_iters:
            return rate_of(group)
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return rate_of(group) * (1.0 + rise / before)

    def rate_at(self, i: int, group: Group) -> float:
        way = (self.end_factor - self.start_factor) * min(self.total_iters, self.last_epoch)
        return self.base_lrs[i] * (self.start_factor + way / self.total_iters)


class PolynomialLR(LRScheduler):
    """lr = initial lr * (1 - epoch / total_iters) ** power, and 0 from ``total_iters`` on."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        if self._starting or self.last_epoch > self.total_iters:
            return rate_of(group)
        now, before = (1.0 - e / self.total_iters for e in (self.last_epoch, self.last_epoch - 1))
        return rate_of(group) * (now / before) ** self.power

    def rate_at(self, i: int, group: Group) -> float:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return self.base_lrs[i] * left**self.power


class CosineAnnealingLR(LRScheduler):
    """lr from the initial lr to ``eta_min`` along half a cosine of ``T_max`` epochs, and back.

    Loshchilov and Hutter 2017, without restarts; in the recursive form, which can be chained.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        need(T_max > 0, f"CosineAnnealingLR: T_max must be positive, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        epoch, low, span = self.last_epoch, self.eta_min, self.base_lrs[i] - self.eta_min
        if self._starting:
            return rate_of(group)
        if self._step_count == 1 and epoch > 0:  # resumed: there was no rate before this one
            return self.rate_at(i, group)
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # at the bottom: 0 has no factor
            return rate_of(group) + span * (1 - math.cos(math.pi / self.T_max)) / 2
        now, before = (1 + math.cos(math.pi * e / self.T_max) for e in (epoch, epoch - 1))
        return now / before * (rate_of(group) - low) + low

    def rate_at(self, i: int, group: Group) -> float:
        height = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return self.eta_min + (self.base_lrs[i] - self.eta_min) * height


class CosineAnnealingWarmRestarts(LRScheduler):
    """`CosineAnnealingLR` that starts anew after T_0 epochs, then after T_mult times as many.

    ``step(epoch)`` takes fractions of epochs too.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            need(
                isinstance(value, int) and value >= 1,
                f"CosineAnnealingWarmRestarts: {name} must be an integer >= 1, got {value}",
            )
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: Any = None) -> None:
        """Set the rates of the next epoch, or of a time such as 2.5."""
        super().step(self.last_epoch + 1 if epoch is None else epoch)

    def jump(self, epoch: Any) -> None:
        """Set the rates of an epoch, or of a time within it."""
        need(epoch >= 0, f"CosineAnnealingWarmRestarts: the epoch must be >= 0, got {epoch}")
        self.T_i, self.T_cur = self._place(epoch)
        super().jump(math.floor(epoch))

    def _place(self, epoch: float) -> tuple[int, float]:
        """Return the length of the cycle that an epoch is in, and how far into it that is."""
        length, left = self.T_0, epoch
        if self.T_mult == 1:
            return length, left % length
        while left >= length:
            left -= length
            length *= self.T_mult
        return length, left

    def rate(self, i: int, group: Group) -> float:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return self.eta_min + (self.base_lrs[i] - self.eta_min) * height


def _functions(scheduler: Any, optimizer: Optimizer, given: Any) -> list[Any]:
    functions = per_group("lr_lambda", optimizer, given)
    for function in functions:
        if not callable(function):
            raise DTypeError(
                f"{type(scheduler).__name__}: lr_lambda must be a function, got "
                f"{type(function).__name__}"
            )
    return functions
