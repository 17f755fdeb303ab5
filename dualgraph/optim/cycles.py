"""Schedules that move the momentum against the learning rate (Smith 2017; Smith and Topin 2018)."""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from ..ops.build import need
from .optimizer import Group, Optimizer
from .schedule import LRScheduler, check_optimizer, per_group, set_rate


class CyclicLR(LRScheduler):
    """lr up from ``base_lr`` to ``max_lr`` in ``step_size_up`` steps, and down again, for ever.

    ``mode``: 'triangular'; 'triangular2', which halves each cycle; 'exp_range', which scales by
    gamma ** step; or ``scale_fn`` of the cycle or the step (``scale_mode`` 'cycle' or
    'iterations'). Momentum, or the first beta, runs the other way when ``cycle_momentum``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        modes = ("triangular", "triangular2", "exp_range")
        need(
            mode in modes or scale_fn is not None,
            f"CyclicLR: mode must be one of {', '.join(modes)}, got {mode!r}; or give scale_fn",
        )
        lows = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, lows, strict=True):
                set_rate(group, low)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        self.mode, self.gamma, self.custom_scale = mode, gamma, scale_fn
        default = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = scale_mode if scale_fn is not None else default
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            prepare_momentum(self, optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lows

    def scale_fn(self, x: float) -> float:
        """Return what the height of cycle or step x is multiplied by."""
        if self.custom_scale is not None:
            return self.custom_scale(x)
        if self.mode == "triangular2":
            return 1 / 2.0 ** (x - 1)
        return self.gamma**x if self.mode == "exp_range" else 1.0

    def _height(self) -> tuple[float, float]:
        """Return how far up the cycle the step is, and the scale of the cycle."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        rising = x <= self.step_ratio
        height = x / self.step_ratio if rising else (x - 1) / (self.step_ratio - 1)
        return height, self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)

    def rate(self, i: int, group: Group) -> float:
        height, scale = self._height()
        if self.cycle_momentum:
            top = group["max_momentum"]
            set_momentum(group, top - (top - group["base_momentum"]) * height * scale)
        low = self.base_lrs[i]
        return low + (self.max_lrs[i] - low) * height * scale


class OneCycleLR(LRScheduler):
    """lr from ``max_lr / div_factor`` up to ``max_lr`` and down to almost nothing, once.

    ``pct_start`` is the part of the steps in which it rises; ``anneal_strategy`` 'cos' or 'linear'.
    Momentum, or the first beta, runs the other way when ``cycle_momentum``. ``three_phase`` goes
    down as slowly as up, then from there to ``initial lr / final_div_factor``. Step it after every
    batch; `ArgumentError` after ``total_steps`` (or ``epochs * steps_per_epoch``).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        need(0 <= pct_start <= 1, f"OneCycleLR: pct_start must be in [0, 1], got {pct_start}")
        need(
            anneal_strategy in ("cos", "linear"),
            f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}",
        )
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        self.anneal_strategy = anneal_strategy
        self.phases = _phases(pct_start * self.total_steps, self.total_steps, three_phase)
        if last_epoch == -1:
            tops = per_group("max_lr", optimizer, max_lr)
            for group, top in zip(optimizer.param_groups, tops, strict=True):
                start = top / div_factor
                group.update(initial_lr=start, max_lr=top, min_lr=start / final_div_factor)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            prepare_momentum(self, optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Group) -> float:
        step = self.last_epoch
        need(
            step <= self.total_steps,
            f"OneCycleLR was stepped {step} times, it has {self.total_steps} steps in all",
        )
        ends = [last for last, _, _ in self.phases]
        phase = min(bisect_left(ends, step), len(ends) - 1)
        begin = ends[phase - 1] if phase else 0.0
        end, names, momenta = self.phases[phase]
        part = (step - begin) / (end - begin)
        if self.cycle_momentum:
            set_momentum(group, self._between(group, momenta, part))
        return self._between(group, names, part)

    def _between(self, group: Group, names: tuple[str, str], part: float) -> float:
        start, end = (group[name] for name in names)
        if self.anneal_strategy == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


Phase = tuple[float, tuple[str, str], tuple[str, str]]  # last step, rates, momenta


def _phases(rising: float, total: int, three: bool) -> list[Phase]:
    low, high = "base_momentum", "max_momentum"
    up: Phase = (rising - 1, ("initial_lr", "max_lr"), (high, low))
    if not three:
        return [up, (total - 1, ("max_lr", "min_lr"), (low, high))]
    down: Phase = (2 * rising - 2, ("max_lr", "initial_lr"), (low, high))
    return [up, down, (total - 1, ("initial_lr", "min_lr"), (high, high))]


def _total_steps(total: Any, epochs: Any, per_epoch: Any) -> int:
    given: dict[str, Any] = {"total_steps": total}
    if total is None:
        need(
            epochs is not None and per_epoch is not None,
            "OneCycleLR needs total_steps, or both epochs and steps_per_epoch",
        )
        given = {"epochs": epochs, "steps_per_epoch": per_epoch}
    for name, value in given.items():
        need(
            isinstance(value, int) and value > 0,
            f"OneCycleLR: {name} must be a positive integer, got {value}",
        )
    return math.prod(given.values())


def prepare_momentum(
    scheduler: Any, optimizer: Optimizer, base: Any, top: Any, last_epoch: int
) -> None:
    """Note in the groups between which values their momentum runs, and start at the largest."""
    need(
        "momentum" in optimizer.defaults or "betas" in optimizer.defaults,
        f"{type(scheduler).__name__}: {type(optimizer).__name__} has neither momentum nor betas: "
        "give cycle_momentum=False",
    )
    tops, bases = (
        per_group(name, optimizer, value)
        for name, value in (("max_momentum", top), ("base_momentum", base))
    )
    if last_epoch != -1:
        return
    for group, high, low in zip(optimizer.param_groups, tops, bases, strict=True):
        set_momentum(group, high)
        group.update(max_momentum=high, base_momentum=low)


def set_momentum(group: Group, value: float) -> None:
    """Set the momentum of a group, or the first of its betas."""
    if "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value
