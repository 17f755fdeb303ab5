"""What every optimizer shares: groups, state, and how a step walks over the parameters.

An optimizer is its options, its state, and one update rule: `limits` says which numbers are
allowed, `initial_state` which tensors there are, `update` changes them. All updates are in-place
public ops under `no_grad`, so a traced step records them. Two rules keep eager and compiled equal
in every bit: state is created concretely, before any op touches it, and options that schedulers
change (`may_change`) are Python floats in eager and 0-d float64 tensors when traced, combined with
``+ - * /`` alone, which give the same bits for both; every other function is an op on a tensor.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from ..core.dispatch import state
from ..core.hooks import Hooks, RemovableHandle
from ..core.scope import note_module
from ..core.types import float64
from ..eager.modes import enable_grad, no_grad
from ..eager.tensor import Tensor
from ..errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    ShapeError,
    TraceError,
    described,
)
from ..nn.module import clear_grad
from ..ops.build import as_dtype, need
from ..ops.elementwise.pointwise import add, mul, neg
from ..ops.shape.views import reshape, select
from .custom import States, copied, watched
from .hooks import SavingHooks, in_order, saving_hooks

Group = dict[str, Any]
State = dict[str, Any]
Limits = dict[str, tuple[float, float | None]]  # from, and below what, an option may be

HINTS = ("foreach", "capturable", "differentiable", "fused")  # how PyTorch runs a step
KEPT = (
    "param_names",
    "name",
    *("initial_lr", "max_lr", "min_lr", "swa_lr", "base_momentum", "max_momentum"),
)  # what groups hold besides options: names, and what schedulers note down
PAIRS = ("betas", "etas", "step_sizes")  # options of two numbers
SCALARS = frozenset({"step", "mu_product", "eta", "mu"})  # state that is 0-d and float64


class Optimizer(SavingHooks):
    """Base of the optimizers: subclasses give defaults, the initial state and one update.

    Or, as in PyTorch, a ``step`` of their own, which keeps what it likes in ``self.state[p]``. A
    compiled function is then traced anew when an option changes, the learning rate too.

    ``params`` is an iterable of tensors, or of dicts with ``"params"`` and options of their own.
    Raises `ArgumentError` for an empty list, a parameter given twice, or options out of range, and
    `DTypeError` for what is not a floating leaf tensor.
    """

    may_change: ClassVar[tuple[str, ...]] = ("lr",)  # every other option is guarded when compiled
    limits: ClassVar[Limits] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls) and cls.update is Optimizer.update:
            cls.step = watched(cls.step)
            cls.may_change = ()

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, State] = States()
        self.stepped = False  # schedulers warn when they are stepped first
        self._before, self._after = Hooks(), Hooks()
        self._saving = saving_hooks()
        self._guarded = [k for k in defaults if k not in (*self.may_change, *HINTS)]
        groups = _listed(params)
        if not groups:
            raise ArgumentError(
                f"{type(self).__name__} got an empty parameter list: a generator that was "
                "already used up, or a module without parameters?"
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own; absent options take the defaults."""
        group = param_group
        if not isinstance(group, dict) or "params" not in group:
            said = f"a parameter group is a dict with the key 'params', not {described(group)}"
            raise ArgumentTypeError(said)
        name = type(self).__name__
        unknown = sorted(set(group) - set(self.defaults) - {"params", *KEPT})
        need(not unknown, f"{name} does not know the options {', '.join(unknown)}")
        params, names = _without_names(_listed(group["params"]))
        present = {id(p) for other in self.param_groups for p in other["params"]}
        for p in params:
            _check_parameter(p)
            need(
                id(p) not in present, f"{name}: a parameter of shape {p.value.shape} is given twice"
            )
            present.add(id(p))
        complete = {**self.defaults, **group, **names, "params": params}
        for other in self.param_groups:
            need(
                ("param_names" in other) == ("param_names" in complete),
                f"{name}: either all parameter groups have names or none has",
            )
        self.check_options(complete)
        self.param_groups.append(complete)

    def check_options(self, group: Group) -> None:
        """Raise `ArgumentError` for options out of range."""
        for name, (low, below) in self.limits.items():
            value = group[name]
            pair = name in PAIRS
            if isinstance(value, tuple | list) != pair or (pair and len(value) != 2):
                said = f"{name} must be {'two numbers' if pair else 'a number'}, got "
                raise ArgumentTypeError(f"{said}{described(value)}")
            if not isinstance(value, tuple | list):
                check_number(name, value, low, below)
                continue
            for i, part in enumerate(value):
                check_number(f"{name}[{i}]", part, low, below)
        need(
            not group.get("differentiable"),
            "differentiable=True is not supported: updates are made in place under no_grad(). "
            "Write the step with public ops, or take gradients of a function with func.grad",
        )

    def initial_state(self, group: Group) -> dict[str, Any]:
        """Return the names of a parameter's state and the number that fills each at first.

        Those in `SCALARS` are 0-d float64 tensors, all others have the parameter's shape and dtype.
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither step() nor update()")

    def update(self, parameter: Tensor, grad: Tensor, held: State, group: Group) -> None:
        """Change one parameter and its state in place; ``grad`` is what `descent` returned.

        In ``group``, the options in `may_change` are numbers of the active frontend.
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither step() nor update()")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return what the closure returned."""
        note_module(self)  # a traced step guards on the options and on which state there is
        self.stepped = True
        if self._before or self._after:
            _refuse_traced_hooks()
        for call in in_order(self._before):
            call(self, (closure,), {})
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                self._step_group(group)
        for call in in_order(self._after):
            call(self, (closure,), {})
        return loss

    def _step_group(self, group: Group) -> None:
        initial = self.initial_state(group)
        numbers = {name: number(group, name) for name in self.may_change}
        present = {**group, **numbers}
        for parameter in group["params"]:
            grad = parameter.grad
            if grad is not None:
                held = self._held(parameter, initial)
                self.update(parameter, descent(parameter, grad, present), held, present)

    def _held(self, parameter: Tensor, initial: dict[str, Any]) -> State:
        held = self.state.get(parameter)
        if held is None:
            held = self.state[parameter] = {}
        for name, fill in initial.items():
            if name not in held:
                held[name] = state_tensor(name, parameter, fill)
        return held

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before every step; what it returns is ignored.

        A step with hooks cannot be traced: a compiled step runs no Python.
        """
        return self._before.add(hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after every step; see the hook before it."""
        return self._after.add(hook)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients, or overwrite them with zeros."""
        for group in self.param_groups:
            for parameter in group["params"]:
                clear_grad(parameter, set_to_none)

    def guard_values(self) -> tuple:
        """Return every option that a traced step has fixed; a change means a new trace."""
        values: list[Any] = [len(self._before), len(self._after)]
        for group in self.param_groups:
            values.append(len(group["params"]))
            values.extend([group[k] for k in self._guarded])
            values.extend([_is_there(group[k]) for k in self.may_change])
        return tuple(values)

    # --- saving and loading ---

    def state_dict(self) -> dict[str, Any]:
        """Return the state by parameter index and the options, in PyTorch's form.

        Tensors share memory with the optimizer's.
        """
        for hook in in_order(self._saving["save"]):
            hook(self)
        found = self._state_now()
        for hook in in_order(self._saving["saved"]):
            found = hook(self, found) or found
        return found

    def _state_now(self) -> dict[str, Any]:
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
        for hook in in_order(self._saving["load"]):
            state_dict = hook(self, dict(state_dict)) or state_dict
        self._take_over(state_dict)
        for hook in in_order(self._saving["loaded"]):
            hook(self)

    def _take_over(self, state_dict: dict[str, Any]) -> None:
        parameters, groups = self._parameters(), state_dict["param_groups"]
        have = [len(g["params"]) for g in self.param_groups]
        given = [len(g["params"]) for g in groups]
        need(
            have == given,
            f"load_state_dict: groups of {given} parameters do not fit groups of {have}",
        )
        order = [i for g in groups for i in g["params"]]
        by_index = dict(zip(order, parameters, strict=True))
        fields = {
            p: {**own, **new}
            for own, new in zip(self.param_groups, groups, strict=True)
            for p in own["params"]
        }
        loaded = {by_index[i]: _numbers_only(held) for i, held in state_dict["state"].items()}
        fresh = {p: self._fitting(p, held, fields[p]) for p, held in loaded.items()}
        for own, new in zip(self.param_groups, groups, strict=True):
            own.update({k: v for k, v in new.items() if k != "params"})
        for parameter in [p for p in self.state if p not in fresh]:
            del self.state[parameter]
        for parameter, held in fresh.items():
            if type(self).update is Optimizer.update:
                self.state[parameter] = held
            else:
                _overwrite(self.state.setdefault(parameter, held), loaded[parameter])

    def _fitting(self, parameter: Tensor, held: State, group: Group) -> State:
        """Return state of the right shapes for values that are about to be loaded."""
        if type(self).update is Optimizer.update:
            return copied(held)
        initial = self.initial_state(group)
        own = {k: state_tensor(k, parameter, fill) for k, fill in initial.items()}
        own.update(self.state.get(parameter, {}))
        need(
            set(own) >= set(held),
            f"load_state_dict: state {sorted(held)} does not fit {sorted(own)}",
        )
        for name, tensor in held.items():
            shape = np.shape(tensor) if not isinstance(tensor, Tensor) else tuple(tensor.shape)
            if tuple(own[name].shape) != shape:
                raise ShapeError(
                    f"load_state_dict: {name} has shape {shape}, the parameter's "
                    f"is {tuple(own[name].shape)}"
                )
        return own

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {group[k]}" for k in sorted(group) if k != "params"]
        return "\n".join([*lines, ")"])


def options_of(scope: dict[str, Any]) -> Group:
    """Return the options among the ``locals()`` of a constructor, in the order of its signature."""
    return {k: v for k, v in scope.items() if k not in ("self", "params", "__class__")}


def state_tensor(name: str, parameter: Tensor, fill: Any) -> Tensor:
    """Return concrete state, also while a step is traced: it is never a node of a graph."""
    scalar = name in SCALARS
    shape, dtype = ((), float64) if scalar else (parameter.value.shape, parameter.value.dtype)
    fill = fill.value if isinstance(fill, Tensor) else fill
    return state.frontend.tensor(np.full(shape, fill, dtype))


def number(group: Group, name: str) -> Any:
    """Return an option as it is now: floats in eager, 0-d float64 tensors when traced.

    Several numbers come as a tuple. A momentum of 0 stays the float 0, and is guarded.
    """
    held = group[name]
    if isinstance(held, Tensor):
        return as_dtype(reshape(held, ()), float64)
    if name != "lr" and not _is_there(held):
        return 0.0
    now = state.frontend.number(group, name)
    if isinstance(now, Tensor):
        return tuple(select(now, 0, i) for i in range(len(held))) if now.shape else now
    return tuple(map(float, now)) if isinstance(now, tuple | list) else float(now)


def is_zero(value: Any) -> bool:
    """Tell whether an option of a group that steps is known to be 0."""
    return isinstance(value, float) and value == 0.0


def _is_there(value: Any) -> bool:
    return isinstance(value, Tensor | tuple | list) or value != 0


def descent(parameter: Tensor, grad: Tensor, group: Group) -> Tensor:
    """Return the gradient to descend along: negated to maximize, with the pull of weight decay.

    Decoupled weight decay shrinks the parameter instead.
    """
    if group["maximize"]:
        grad = neg(grad)
    decay = group.get("weight_decay", 0)
    if decay == 0:
        return grad
    if group.get("decoupled_weight_decay"):
        parameter.mul_(scaled(1.0 - group["lr"] * decay, parameter))
        return grad
    return add(grad, mul(parameter, scaled(decay, parameter)))


def move_towards(mean: Tensor, x: Tensor, weight: Any) -> None:
    """Advance a running mean: mean += (x - mean) * weight."""
    mean.add_(mul(x - mean, scaled(weight, x)))


def decay_squares(mean: Tensor, x: Tensor, keep: Any) -> None:
    """Advance a running mean of squares: mean = keep * mean + (1 - keep) * x**2."""
    mean.mul_(scaled(keep, x))
    mean.add_(mul(mul(x, x), scaled(1.0 - keep, x)))


def scaled(number: Any, like: Tensor) -> Tensor:
    """Return a number or a 0-d tensor as a 0-d tensor in another tensor's dtype.

    Promotion would do the same for tensors with dimensions, and the wrong thing for 0-d ones.
    """
    return as_dtype(number, like.value.dtype)


def check_number(name: str, value: Any, low: float = 0.0, below: float | None = None) -> None:
    """Raise `ArgumentError` unless low <= value (< below); the numbers of tensors are not read."""
    if isinstance(value, Tensor):
        need(value.numel() == 1, f"{name} must be one number, got shape {tuple(value.shape)}")
        return
    fits = low <= value and (below is None or value < below)
    limits = f">= {low:g}" if below is None else f"in [{low:g}, {below:g})"
    need(fits, f"{name} must be {limits}, got {value}")


def _refuse_traced_hooks() -> None:
    if state.tracing:
        raise TraceError(
            "an optimizer with step hooks cannot step in a traced function: a compiled step "
            "runs no Python. Remove the hooks, or call what they do outside of the function"
        )


def _without_names(params: list[Any]) -> tuple[list[Any], Group]:
    """Split ``named_parameters()`` into parameters and the names for their group."""
    pairs = [p for p in params if isinstance(p, tuple) and len(p) == 2]
    if not pairs:
        return params, {}
    need(len(pairs) == len(params), "some parameters have names and some have none")
    return [p for _, p in pairs], {"param_names": [name for name, _ in pairs]}


def _numbers_only(held: State) -> State:
    return {k: v for k, v in held.items() if v is not None}


def _listed(params: Any) -> list[Any]:
    if isinstance(params, Tensor):
        raise DTypeError("an optimizer takes an iterable of parameters, got one tensor: use [p]")
    return list(params)


def _check_parameter(p: Any) -> None:
    if not isinstance(p, Tensor):
        raise DTypeError(f"an optimizer takes tensors or group dicts, got {type(p).__name__}")
    if not p.is_leaf or p.value.dtype.kind != "f":
        kind = p.dtype if p.grad_fn is None else f"the result of {p.grad_fn.name()}"
        raise ArgumentTypeError(f"an optimizer updates floating leaf tensors, this one is {kind}")


def _overwrite(own: State, given: State) -> None:
    with no_grad():
        for name, tensor in given.items():
            own[name].copy_(as_dtype(tensor, own[name].value.dtype))
