"""Schedules made of others, and the one that watches a metric."""

import math
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, SupportsFloat

from ..errors import ArgumentError, DTypeError
from ..ops.build import need
from .optimizer import Optimizer
from .schedule import (
    LRScheduler,
    check_optimizer,
    per_group,
    rate_of,
    rates,
    refuse_tracing,
    set_rate,
)

_DEPRECATED = "step(epoch) is deprecated: call step() without an epoch"


class _Composed(LRScheduler):
    """A schedule that leaves the rates to others."""

    _schedulers: Sequence[LRScheduler]

    def _check(self, optimizer: Any) -> None:
        name = type(self).__name__
        need(len(self._schedulers) > 0, f"{name} needs at least one scheduler")
        for i, scheduler in enumerate(self._schedulers):
            if not isinstance(scheduler, LRScheduler):
                kind = type(scheduler).__name__
                why = ": its step() takes a metric" if kind == "ReduceLROnPlateau" else ""
                raise DTypeError(f"{name}: scheduler {i} is a {kind}, which cannot be used{why}")
            need(
                scheduler.optimizer is optimizer,
                f"{name}: scheduler {i} ({type(scheduler).__name__}) has another optimizer",
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the state of this schedule and of those that it is made of."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        own = {k: v for k, v in state_dict.items() if k != "_schedulers"}
        super().load_state_dict(own)
        for scheduler, held in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(held)


class SequentialLR(_Composed):
    """One scheduler after the other; each milestone is the epoch in which the next one begins."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        self._schedulers = schedulers
        self._check(optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} "
                f"milestones, got {len(milestones)}"
            )
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        _undo(schedulers)
        first = schedulers[bisect_right(milestones, 0)]
        first.start()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: Any = None) -> None:
        """Step the scheduler whose turn it is."""
        refuse_tracing(self)
        need(epoch is None, "SequentialLR.step() takes no epoch")
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler.jump(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _undo(schedulers: Sequence[LRScheduler]) -> None:
    """Take back the first step that the constructors of schedulers made."""
    for scheduler in schedulers:
        if isinstance(scheduler, _Composed):
            _undo(scheduler._schedulers)
        else:
            scheduler.last_epoch -= 1


class ChainedScheduler(_Composed):
    """All schedulers at once, each on the rates that the one before has left."""

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._schedulers = schedulers
        self._check(optimizer or (schedulers[0].optimizer if schedulers else None))
        self.optimizer = schedulers[0].optimizer
        self._last_lr = rates(self.optimizer)

    def step(self, epoch: Any = None) -> None:
        """Step every scheduler in turn."""
        refuse_tracing(self)
        need(epoch is None, "ChainedScheduler.step() takes no epoch")
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = rates(self.optimizer)


class ReduceLROnPlateau:
    """lr *= factor when a metric has not improved for more than ``patience`` steps.

    ``step(metric)``. Better is less (``mode='min'``) or more ('max') by ``threshold``, relative or
    ('abs') absolute. Then ``cooldown`` steps count for nothing; a change below ``eps`` is not made.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        check_optimizer(self, optimizer)
        need(factor < 1, f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        need(mode in ("min", "max"), f"ReduceLROnPlateau: mode must be min or max, got {mode!r}")
        need(
            threshold_mode in ("rel", "abs"),
            f"ReduceLROnPlateau: threshold_mode must be rel or abs, got {threshold_mode!r}",
        )
        self.optimizer = optimizer
        self.mode, self.threshold_mode = mode, threshold_mode
        self.factor, self.patience, self.threshold = factor, patience, threshold
        self.cooldown, self.eps = cooldown, eps
        self.min_lrs = per_group("min_lr", optimizer, min_lr)
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.cooldown_counter = self.num_bad_epochs = 0
        self._last_lr = rates(optimizer)

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:
        """Take note of a metric, a number or a tensor, and reduce the rates if it is time to."""
        refuse_tracing(self)
        current = float(metrics)
        if epoch is not None:
            warnings.warn(_DEPRECATED, UserWarning, stacklevel=2)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = rates(self.optimizer)

    @property
    def in_cooldown(self) -> bool:
        """Whether the last reduction was so recent that nothing counts yet."""
        return self.cooldown_counter > 0

    def _is_better(self, metric: float) -> bool:
        margin = self.threshold if self.mode == "max" else -self.threshold
        bar = self.best * (1.0 + margin) if self.threshold_mode == "rel" else self.best + margin
        return metric > bar if self.mode == "max" else metric < bar

    def _reduce(self) -> None:
        lows = [*self.min_lrs, *self.min_lrs[-1:] * len(self.optimizer.param_groups)]
        for group, low in zip(self.optimizer.param_groups, lows, strict=False):
            rate = max(rate_of(group) * self.factor, low)
            if rate_of(group) - rate > self.eps:
                set_rate(group, rate)

    def get_last_lr(self) -> list[float]:
        """Return the rates that were set last, one for each parameter group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer."""
        return {k: v for k, v in vars(self).items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        vars(self).update(state_dict)
