"""Parameters and buffers that are functions of others: computed by modules whenever they are read.

The tensor ``weight`` of a module with a parametrization lies in ``parametrizations.weight``, a
`ParametrizationList` of modules and of the tensors that they start from, ``original`` (or
``original0``, ``original1``, ...). Nothing computed is stored, so traced functions and copies need
no care.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any

from ...core.dispatch import state
from ...core.frontend import Frontend
from ...eager.modes import no_grad
from ...eager.tensor import Tensor
from ...errors import ArgumentError, TraceError
from ...grad.saved import count_here
from ...ops.build import need
from ..containers import ModuleDict, ModuleList
from ..hooks import CACHED, Hook, add_everywhere
from ..module import Module
from ..parameter import Parameter


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, the first one first, and the tensors that it starts from.

    These are what the ``right_inverse`` of the parametrizations, the last one first, make of the
    ``original`` tensor; a parametrization without one leaves it as it is.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        need(len(self) > 0, "ParametrizationList needs at least one module")
        self.unsafe = unsafe
        with no_grad():
            before = original.detach().clone()
            new = self._inverted(original, strict=False)
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            need(
                new.dtype is original.dtype,
                f"right_inverse may not change the dtype {original.dtype} to {new.dtype}",
            )
            _set(original, new)
            _hold(self, "original", original)
        else:
            for i, part in enumerate(new):
                kept = isinstance(original, Parameter)
                part = Parameter(part, original.requires_grad) if kept else part
                _hold(self, f"original{i}", part)
        if not unsafe:
            _need_alike(self(), before, "a parametrization", "of the tensor")

    def _inverted(self, value: Any, strict: bool) -> Any:
        for module in reversed(list(self)):
            inverse = getattr(module, "right_inverse", None)
            need(
                inverse is not None or not strict,
                f"the tensor cannot be assigned to: {type(module).__name__} does not implement "
                "right_inverse",
            )
            try:
                value = value if inverse is None else inverse(value)
            except NotImplementedError:
                if strict:
                    raise
        good = isinstance(value, Tensor | Sequence)
        need(good, f"right_inverse must return tensors, got {type(value).__name__}")
        return value

    def originals(self) -> list[Tensor]:
        """Return the tensors that the first parametrization is given."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Change the tensors behind so that the parametrizations give this value."""
        with no_grad():
            new = self._inverted(value, strict=True)
            parts = [new] if isinstance(new, Tensor) else list(new)
            need(
                len(parts) == self.ntensors,
                f"right_inverse must return {self.ntensors} tensors, got {len(parts)}",
            )
            for own, part in zip(self.originals(), parts, strict=True):
                need(own.dtype is part.dtype, f"right_inverse must keep the dtype {own.dtype}")
                _set(own, part)

    def forward(self) -> Tensor:
        """Return the value of the parametrized tensor."""
        first, *others = self
        x = first(*self.originals())
        for module in others:
            x = module(x)
        return x


class _Parametrized:
    """How a parametrized attribute is read and written."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Module) -> Tensor:
        held = _caches.held
        if held is None:
            return module.parametrizations[self.name]()
        if _caches.frontend is not state.frontend:
            raise TraceError(_OUTSIDE)
        key = id(module), self.name
        if key not in held:
            held[key] = module.parametrizations[self.name]()
        return held[key]

    def assign(self, module: Module, value: Tensor) -> None:
        """Set the attribute: what lies behind is changed accordingly."""
        module.parametrizations[self.name].right_inverse(value)


class _Caches(local):
    held: dict[tuple[int, str], Tensor] | None = None
    frontend: Frontend | None = None


_caches = _Caches()
_OUTSIDE = (
    "parametrize.cached() was entered outside of a compiled function: enter it inside, where the "
    "values that it keeps are part of the graph"
)


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once inside of the block, however often it is read."""
    if _caches.held is not None:
        yield
        return
    _caches.held, _caches.frontend = {}, state.frontend
    try:
        with add_everywhere(Hook(CACHED, cached)):  # a compiled function called here traces anew
            yield
    finally:
        _caches.held = _caches.frontend = None


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a module compute a parameter or buffer of another; return the latter.

    ``parametrization(x)`` gives the tensor; its ``right_inverse(tensor)``, if it has one, the x (or
    several) to start from and what is kept when the attribute is assigned to. Shape and dtype must
    stay the same unless ``unsafe``. More than one are applied one after the other.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).mT
    >>> layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> dg.equal(layer.weight, layer.weight.mT)
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        held = module.parametrizations[tensor_name]
        if not unsafe:
            _check_addition(parametrization, getattr(module, tensor_name))
        held.append(parametrization)
        held.unsafe = held.unsafe or unsafe
        return module
    original = vars(module).get(tensor_name)
    known = isinstance(original, Parameter) or tensor_name in module._persistent
    if original is None or not known:
        raise ArgumentError(
            f"{type(module).__name__} has no parameter, buffer or parametrized tensor "
            f"{tensor_name!r}"
        )
    made = ParametrizationList([parametrization], original, unsafe)
    made.train(module.training)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = made
    module._derived = {**module._derived, tensor_name: _Parametrized(tensor_name)}
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether a tensor of a module (None: any) has a parametrization."""
    held = vars(module).get("parametrizations")
    if not isinstance(held, ModuleDict):
        return False
    return len(held) > 0 if tensor_name is None else tensor_name in held


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a tensor a parameter or buffer again; return the module.

    It keeps the value that it has now, or gets back the original one. Where that is made of several
    tensors it is a new parameter, and there is no original one to get back.
    """
    need(
        is_parametrized(module, tensor_name),
        f"{type(module).__name__} has no parametrization of {tensor_name!r}",
    )
    held = module.parametrizations[tensor_name]
    need(
        held.is_tensor or leave_parametrized,
        f"{tensor_name!r} is computed from {held.ntensors} tensors: leave_parametrized=False has "
        "no original one to put back",
    )
    now = getattr(module, tensor_name)
    if held.is_tensor:
        result = held.original
        if leave_parametrized:
            _set(result, now)
    else:
        result = Parameter(now.detach().clone()) if now.requires_grad else now
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
    module._derived = {k: v for k, v in module._derived.items() if k != tensor_name}
    _hold(module, tensor_name, result)
    return module


def type_before_parametrizations(module: Module) -> type:
    """Return the class of a module (which a parametrization does not change here)."""
    return type(module)


def _hold(module: Module, name: str, tensor: Tensor) -> None:
    """Register a parameter, or else a buffer."""
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _set(tensor: Tensor, new: Tensor) -> None:
    """Give a tensor, which an optimizer may hold, other elements and another shape."""
    if new is not tensor:
        tensor.value = new.detach().clone().value
        count_here(tensor)[0] += 1


def _need_alike(made: Any, tensor: Tensor, what: str, whose: str) -> None:
    need(isinstance(made, Tensor), f"{what} must return a tensor, got {type(made).__name__}")
    need(
        made.dtype is tensor.dtype and tuple(made.shape) == tuple(tensor.shape),
        f"{what} may not change shape or dtype {whose} unless unsafe=True: {tuple(tensor.shape)} "
        f"{tensor.dtype} became {tuple(made.shape)} {made.dtype}",
    )


def _check_addition(parametrization: Module, tensor: Tensor) -> None:
    name = type(parametrization).__name__
    made = parametrization(tensor)
    _need_alike(made, tensor, f"the parametrization {name}", "of the tensor")
    inverse = getattr(parametrization, "right_inverse", None)
    if inverse is not None:
        _need_alike(inverse(made), tensor, f"right_inverse of {name}", "of the tensor")
