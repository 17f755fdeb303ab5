"""What every optimizer shares: groups, state, and how a step walks over the parameters.

All updates are in-place public ops under `no_grad`, so a traced step records them. Two rules keep
eager and compiled equal in every bit: state is created concretely, before any op touches it, and
the learning rate, which may change between steps, enters every formula as a 0-d float64 tensor.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from ..core.dispatch import state
from ..core.scope import note_module
from ..core.types import float64
from ..eager.modes import enable_grad, no_grad
from ..eager.tensor import Tensor
from ..errors import ArgumentError, DTypeError, ShapeError, at_user_line
from ..nn.module import clear_grad
from ..ops.build import as_dtype, need

Group = dict[str, Any]
State = dict[str, Any]


class Optimizer(ABC):
    """Base of the optimizers: subclasses give defaults, the initial state and one update.

    ``params`` is an iterable of tensors, or of dicts with ``"params"`` and options of their own.
    Raises `ArgumentError` for an empty list, a parameter given twice, or options out of range, and
    `DTypeError` for what is not a floating leaf tensor.
    """

    may_change: ClassVar[tuple[str, ...]] = ("params", "lr")  # all else is guarded when compiled

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, State] = {}
        groups = _listed(params)
        if not groups:
            raise ArgumentError(
                at_user_line(
                    f"{type(self).__name__} got an empty parameter list: a generator that was "
                    "already used up, or a module without parameters?"
                )
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, group: Group) -> None:
        """Add parameters with options of their own; absent options take the defaults."""
        if not isinstance(group, dict) or "params" not in group:
            raise ArgumentError(at_user_line("a parameter group is a dict with the key 'params'"))
        unknown = sorted(set(group) - set(self.defaults) - {"params"})
        name = type(self).__name__
        need(not unknown, f"{name} does not know the options {', '.join(unknown)}")
        params = _listed(group["params"])
        present = {id(p) for other in self.param_groups for p in other["params"]}
        for p in params:
            _check_parameter(p)
            need(id(p) not in present, f"{name}: a parameter of shape {p.shape} is given twice")
            present.add(id(p))
        complete = {**self.defaults, **group, "params": params}
        self.check_options(complete)
        self.param_groups.append(complete)

    @abstractmethod
    def check_options(self, group: Group) -> None:
        """Raise `ArgumentError` for options out of range."""

    @abstractmethod
    def init_state(self, parameter: Tensor, group: Group) -> State:
        """Return the state that a parameter starts with, made by `zeros_state` only."""

    @abstractmethod
    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        """Change one parameter and its state in place."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return what the closure returned."""
        note_module(self)  # a traced step guards on the options and on which state there is
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    grad = parameter.grad
                    if grad is not None:
                        held = self._held(parameter, group)
                        self.update(parameter, grad, held, group)
        return loss

    def _held(self, parameter: Tensor, group: Group) -> State:
        held = self.state.get(parameter)
        if held is None:
            held = self.state[parameter] = self.init_state(parameter, group)
        return held

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients, or overwrite them with zeros."""
        for group in self.param_groups:
            for parameter in group["params"]:
                clear_grad(parameter, set_to_none)

    def guard_values(self) -> tuple:
        """Return every option that a traced step has fixed; a change means a new trace."""
        values: list[Any] = []
        for group in self.param_groups:
            values.append(len(group["params"]))
            values.extend(group[k] for k in group if k not in self.may_change)
        return tuple(values)

    # --- saving and loading ---

    def state_dict(self) -> dict[str, Any]:
        """Return the state by parameter index and the options, in PyTorch's form.

        Tensors share memory with the optimizer's.
        """
        index = {p: i for i, p in enumerate(self._parameters())}
        held = {i: dict(self.state[p]) for p, i in index.items() if p in self.state}
        groups = [
            {**group, "params": [index[p] for p in group["params"]]} for group in self.param_groups
        ]
        return {"state": held, "param_groups": groups}

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and state (copied) from `state_dict` of an equal optimizer.

        Tensors that exist are overwritten in place. Raises `ArgumentError` when the groups or the
        names of the state differ, `ShapeError` when a shape does; nothing is changed then.
        """
        parameters, groups = self._parameters(), state_dict["param_groups"]
        have = [len(g["params"]) for g in self.param_groups]
        given = [len(g["params"]) for g in groups]
        need(
            have == given,
            f"load_state_dict: groups of {given} parameters do not fit groups of {have}",
        )
        order = [i for g in groups for i in g["params"]]
        by_index = dict(zip(order, parameters, strict=True))
        loaded = {by_index[i]: held for i, held in state_dict["state"].items()}
        fresh = {p: self._fitting(p, held) for p, held in loaded.items()}
        for own, new in zip(self.param_groups, groups, strict=True):
            own.update({k: v for k, v in new.items() if k != "params"})
        for parameter in [p for p in self.state if p not in fresh]:
            del self.state[parameter]
        for parameter, held in fresh.items():
            _overwrite(self.state.setdefault(parameter, held), loaded[parameter])

    def _fitting(self, parameter: Tensor, held: State) -> State:
        """Return state of the right shapes for values that are about to be loaded."""
        group = next(g for g in self.param_groups if any(parameter is p for p in g["params"]))
        own = self.state.get(parameter) or self.init_state(parameter, group)
        need(
            set(own) >= set(held) or not own,
            f"load_state_dict: state {sorted(held)} does not fit {sorted(own)}",
        )
        for name, tensor in held.items():
            if tuple(own[name].shape) != tuple(tensor.shape):
                raise ShapeError(
                    at_user_line(
                        f"load_state_dict: {name} has shape {tuple(tensor.shape)}, the parameter's "
                        f"is {tuple(own[name].shape)}"
                    )
                )
        return own

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {group[k]}" for k in sorted(group) if k != "params"]
        return "\n".join([*lines, ")"])


def zeros_state(shape: tuple[int, ...], dtype: Any) -> Tensor:
    """Return concrete zeros, also while a step is traced: state is never a node of a graph."""
    return state.frontend.tensor(np.zeros(shape, dtype))


def learning_rate(group: Group) -> Tensor:
    """Return ``lr`` as a 0-d float64 tensor; traced, it is read anew at every call."""
    return as_dtype(state.frontend.number(group, "lr"), float64)


def scaled(number: Any, like: Tensor) -> Tensor:
    """Return a number or a 0-d tensor as a 0-d tensor in another tensor's dtype.

    Promotion would do the same for tensors with dimensions, and the wrong thing for 0-d ones.
    """
    return as_dtype(number, like.value.dtype)


def check_number(name: str, value: Any, low: float = 0.0, below: float | None = None) -> None:
    """Raise `ArgumentError` unless low <= value (< below); tensors are not read."""
    if isinstance(value, Tensor):
        return
    fits = low <= value and (below is None or value < below)
    limits = f">= {low:g}" if below is None else f"in [{low:g}, {below:g})"
    need(fits, f"{name} must be {limits}, got {value}")


def _listed(params: Any) -> list[Any]:
    if isinstance(params, Tensor):
        raise DTypeError(
            at_user_line("an optimizer takes an iterable of parameters, got one tensor: use [p]")
        )
    return list(params)


def _check_parameter(p: Any) -> None:
    if not isinstance(p, Tensor):
        raise DTypeError(
            at_user_line(f"an optimizer takes tensors or group dicts, got {type(p).__name__}")
        )
    if not p.is_leaf or p.value.dtype.kind != "f":
        kind = p.dtype if p.is_leaf else f"the result of {p.grad_fn!r}"
        raise DTypeError(
            at_user_line(f"an optimizer updates floating leaf tensors, this one is {kind}")
        )


def _overwrite(own: State, given: State) -> None:
    with no_grad():
        for name, tensor in given.items():
            own[name].copy_(tensor)
