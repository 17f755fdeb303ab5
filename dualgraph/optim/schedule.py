"""What every schedule of learning rates shares: epochs, the rates it sets, saving, warnings."""

import warnings
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from ..core.dispatch import state
from ..eager.modes import no_grad
from ..eager.tensor import Tensor
from ..errors import ArgumentError, DTypeError, TraceError
from ..ops.build import need
from .optimizer import Group, Optimizer

_ORDER = (
    "lr_scheduler.step() was called before optimizer.step(): call them in the other order, or the "
    "first learning rate of the schedule is never used"
)
_UNSAVED = ("optimizer", "_schedulers")


class LRScheduler:
    """Base of the schedulers: a subclass says in `rate` what the learning rate becomes.

    The constructor sets the first rate; each `step` the next. ``last_epoch`` other than -1 resumes:
    the groups must have ``initial_lr`` then. A rate set here is used by a compiled step without a
    new trace; a schedule itself is Python and cannot be stepped inside of a traced function.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(self, optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", rate_of(group))
            need(
                "initial_lr" in group,
                f"{type(self).__name__}: group {i} has no 'initial_lr', which last_epoch="
                f"{last_epoch} needs: load the optimizer's state first, or start with -1",
            )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.start()

    def rate(self, i: int, group: Group) -> float:
        """Return the learning rate of group i in epoch ``last_epoch``; ``lr`` is that before."""
        raise NotImplementedError(f"{type(self).__name__} does not define rate()")

    def rate_at(self, i: int, group: Group) -> float:
        """Return the same without the rate before, where the schedule has such a form."""
        return self.rate(i, group)

    def start(self) -> None:
        """Set the rates of the epoch in which the schedule begins."""
        self._step_count = 0
        self._starting = True
        try:
            self.step()
        finally:
            self._starting = False

    def step(self, epoch: Any = None) -> None:
        """Set the rates of the next epoch, or of a given one; call it after optimizer.step()."""
        refuse_tracing(self)
        if self._step_count == 1 and not self.optimizer.stepped:
            warnings.warn(_ORDER, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is None:
            self.last_epoch += 1
            self._set(self.get_lr())
        else:
            self.jump(epoch)

    def jump(self, epoch: Any) -> None:
        """Set the rates of an epoch, whatever they were before."""
        self.last_epoch = epoch
        groups = enumerate(self.optimizer.param_groups)
        self._set([self.rate_at(i, group) for i, group in groups])

    def _set(self, values: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, values, strict=True):
            set_rate(group, rate)
        self._last_lr = rates(self.optimizer)

    def get_lr(self) -> list[float]:
        """Return the rates of the epoch that is being set; `get_last_lr` has those in use."""
        return [self.rate(i, group) for i, group in enumerate(self.optimizer.param_groups)]

    def get_last_lr(self) -> list[float]:
        """Return the rates that were set last, one for each parameter group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer; functions are left out, callable objects are not."""
        return {k: saved(v) for k, v in vars(self).items() if k not in _UNSAVED}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned; the optimizer's state is loaded separately."""
        for name, value in state_dict.items():
            vars(self)[name] = restored(vars(self).get(name), value)


class Callback(dict):
    """The attributes of a callable object, as `state_dict` holds them; None for a function."""


def saved(value: Any) -> Any:
    """Return a form of an attribute that can be saved."""
    if isinstance(value, list):
        return [saved(v) for v in value]
    if not callable(value):
        return value
    plain = isinstance(value, FunctionType) or not hasattr(value, "__dict__")
    return None if plain else Callback(vars(value))


def restored(own: Any, value: Any) -> Any:
    """Return an attribute with what was saved of it; callables stay the objects that they are."""
    if isinstance(own, list) and isinstance(value, list) and len(own) == len(value):
        return [restored(o, v) for o, v in zip(own, value, strict=True)]
    if not callable(own):
        return value
    if isinstance(value, dict):
        vars(own).update(value)
    return own


def check_optimizer(scheduler: Any, optimizer: Any) -> None:
    """Raise `DTypeError` for what is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(
            f"{type(scheduler).__name__} takes an optimizer, got {type(optimizer).__name__}"
        )


def refuse_tracing(scheduler: Any) -> None:
    """Raise `TraceError` in a traced function: a schedule is Python, which runs only once there."""
    if state.tracing:
        raise TraceError(
            f"{type(scheduler).__name__}.step() inside a traced function would run once and "
            "never again: step the schedule after the compiled call. Its learning rate takes "
            "effect there without a new trace"
        )


def rate_of(group: Group) -> float:
    """Return the learning rate of a group as a number."""
    return group["lr"].item() if isinstance(group["lr"], Tensor) else group["lr"]


def rates(optimizer: Optimizer) -> list[float]:
    """Return the learning rates of all groups as numbers."""
    return [rate_of(group) for group in optimizer.param_groups]


def set_rate(group: Group, rate: float) -> None:
    """Change a learning rate; one that is a tensor is overwritten in place."""
    if isinstance(group["lr"], Tensor):
        with no_grad():
            group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return one value for each parameter group, from one for all or a list of them."""
    count = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * count
    if len(value) != count:
        raise ArgumentError(
            f"{name}: expected {count} values, one for each group, got {len(value)}"
        )
    return list(value)


Factor = Callable[[int], float] | Sequence[Callable[[int], float]]
