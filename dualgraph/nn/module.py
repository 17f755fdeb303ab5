"""Module: a tree of named parameters, buffers and submodules with a forward function.

Everything a module owns lives in its ``__dict__``: an attribute that holds a `Parameter` is a
parameter, one that holds a `Module` is a child, a buffer is a tensor named by `register_buffer`.
There is no second registry that could disagree with the attributes.
"""

from collections.abc import Iterator
from typing import Any

from ..api.compile import CompiledModule, compile as compiled
from ..core.dispatch import state
from ..core.dtypes import Device
from ..core.scope import current_module, enter, leave, note_module
from ..core.types import FLOATING, category, float16, numpy_dtype
from ..eager.modes import no_grad
from ..eager.tensor import Tensor
from ..errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    DualgraphError,
    MissingNameError,
    described,
)
from ..grad.saved import count_here
from ..ops.arguments import check_device
from ..ops.build import as_dtype
from .hooks import COMPILED, Hook, Hookable, around_forward, everywhere, hooked_call
from .parameter import Buffer, Parameter
from .places import add_path, check_unchanged, name_within, wrong_type
from .saving import Saving, children_of, own_buffers, own_parameters

_ABSENT = object()


def part_of(value: Any) -> Any:
    """Return what is kept of a value: of a compiled module the module, which is compiled in place.

    So its parameters are found, under their own names.
    """
    if not isinstance(value, CompiledModule):
        return value
    value.function.compile()
    return value.function


class Module(Hookable, Saving):
    """Base class of every layer and model: subclass it and write ``forward``.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(dg.tensor(2.0))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(dg.tensor(3.0))
    tensor(6., grad_fn=<MulBackward0>)
    """

    training: bool = True
    _version: int = 0  # attribute changes of this module; a compiled function guards on it
    _epoch: list[int] = [0]  # noqa: RUF012  attribute changes of all modules, shared by design
    _derived: dict[str, Any] = {}  # noqa: RUF012  attributes computed when read

    def __init__(self) -> None:
        self.training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's output; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`; an error of dualgraph is given a note that names the layer's path."""
        try:
            if state.tracing:
                return self._traced_call(args, kwargs)
            if self._hooks or everywhere:
                return hooked_call(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except DualgraphError as error:
            add_path(error, self)
            raise
        except AttributeError as error:
            refused = wrong_type(error, self, args, kwargs)
            if refused is None:
                raise
            add_path(refused, self)
            raise refused from error

    def _traced_call(self, args: tuple, kwargs: dict) -> Any:
        note_module(self)
        enter(name_within(current_module(), self), self)
        before = dict(vars(self))
        try:
            if self._hooks or everywhere:
                result = hooked_call(self, args, kwargs)
            else:
                result = self.forward(*args, **kwargs)
        finally:
            leave()
        check_unchanged(self, before)
        return result

    def compile(self) -> None:
        """Run every later call of this module compiled, its hooks included."""
        hook = Hook(COMPILED, compiled(self._uncompiled_call))
        self._hooks = (*(h for h in self._hooks if h.kind is not COMPILED), hook)

    def _uncompiled_call(self, *args: Any, **kwargs: Any) -> Any:
        if state.tracing:
            return self._traced_call(args, kwargs)
        return around_forward(self, args, kwargs)

    # --- attributes ---

    def __getattr__(self, name: str) -> Any:
        """Compute a derived attribute (such as a normed weight); called for absent names only."""
        if name in self.__dict__.get("_derived", ()):
            return self._derived[name](self)
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self
        )

    def __setattr__(self, name: str, value: Any) -> None:
        value = part_of(value)
        present = self.__dict__.get(name, _ABSENT)
        if present is value:
            return
        assign = getattr(self._derived.get(name), "assign", None)
        if assign is not None:
            assign(self, value)
            return
        if isinstance(present, Parameter):
            _check_replacement(self, name, value)
        elif isinstance(value, Buffer):
            self.__dict__["_persistent"] = {**self._persistent, name: value.persistent}
        object.__setattr__(self, name, value)
        self._touch()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        if name in self._persistent:
            kept = {n: p for n, p in self._persistent.items() if n != name}
            self.__dict__["_persistent"] = kept
        self._touch()

    def _touch(self) -> None:
        """Count a change that a compiled function may have to see."""
        self.__dict__["_version"] = self._version + 1
        Module._epoch[0] += 1

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set a parameter by name; None says that the module has none there."""
        if param is not None and not isinstance(param, Parameter):
            raise DTypeError(
                f"register_parameter({name!r}): expected a Parameter or None, got "
                f"{type(param).__name__}; wrap a tensor in nn.Parameter"
            )
        _check_vacant(self, name)
        setattr(self, _identifier(name), param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that is state but not trained; `state_dict` holds it when persistent."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise DTypeError(
                f"register_buffer({name!r}): expected a Tensor, got {type(tensor).__name__}"
            )
        self.__dict__["_persistent"] = {**self._persistent, _identifier(name): persistent}
        setattr(self, name, tensor)

    def register_module(self, name: str, module: "Module | None") -> None:
        """Set a child by name."""
        module = part_of(module)
        if module is not None and not isinstance(module, Module):
            raise ArgumentTypeError(
                f"add_module({name!r}): expected a Module, got {described(module)}"
            )
        _check_vacant(self, name)
        setattr(self, _identifier(name), module)

    add_module = register_module

    # --- the tree ---

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Yield (name, module) of the direct children."""
        yield from children_of(self)

    def children(self) -> Iterator["Module"]:
        """Yield the direct children."""
        for _, child in self.named_children():
            yield child

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, "Module"]]:
        """Yield (path, module) of this module and all below it; the root is ``""``.

        Each is named once, unless ``remove_duplicate`` is false; those in ``memo`` are left out.
        """
        seen: set[Any] = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate:
                if module in seen:
                    continue
                seen.add(module)
            yield path, module
            below = [(_join(path, n), child) for n, child in module.named_children()]
            stack.extend(reversed(below))

    def modules(self, remove_duplicate: bool = True) -> Iterator["Module"]:
        """Yield this module and all below it, each once unless ``remove_duplicate`` is false."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield (path, parameter), each parameter once even when it is shared."""
        yield from self._named_tensors(own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield every parameter once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield (path, buffer), each buffer once."""
        yield from self._named_tensors(own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield every buffer once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _named_tensors(
        self, own: Any, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        options = {"prefix": prefix, "remove_duplicate": remove_duplicate}
        for path, module in self.named_modules(**options) if recurse else [(prefix, self)]:
            for name, tensor in own(module):
                if id(tensor) not in seen or not remove_duplicate:
                    seen.add(id(tensor))
                    yield _join(path, name), tensor

    def get_submodule(self, target: str) -> "Module":
        """Return the module at a path such as ``body.0``; raise `ArgumentError` for none."""
        module = self
        for name in target.split(".") if target else ():
            child = module.__dict__.get(name)
            if not isinstance(child, Module):
                raise MissingNameError(f"{type(self).__name__} has no submodule {target!r}")
            module = child
        return module

    def set_submodule(self, target: str, module: "Module", strict: bool = False) -> None:
        """Put a module at a path; with ``strict`` there must be one already."""
        path, _, name = target.rpartition(".")
        if strict:
            self.get_submodule(target)
        self.get_submodule(path).register_module(name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path such as ``body.0.weight``."""
        return self._tensor_at("parameter", target, own_parameters)

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a path such as ``norm.running_mean``."""
        return self._tensor_at("buffer", target, own_buffers)

    def _tensor_at(self, what: str, target: str, own: Any) -> Any:
        path, _, name = target.rpartition(".")
        for found, tensor in own(self.get_submodule(path)):
            if found == name:
                return tensor
        raise MissingNameError(f"{type(self).__name__} has no {what} {target!r}")

    def apply(self, fn: Any) -> "Module":
        """Call ``fn`` on every module below, then on this one; return the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # --- modes and types ---

    def train(self, mode: bool = True) -> "Module":
        """Put this module and all below into training (or evaluation) mode."""
        if not isinstance(mode, bool):
            raise ArgumentTypeError(f"train: expected a bool, got {described(mode)}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> "Module":
        """Put this module and all below into evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> "Module":
        """Ask for gradients of every parameter, or freeze them all."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        self._touch()
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of every parameter, or overwrite them with zeros."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    def to(self, *args: Any, **kwargs: Any) -> "Module":
        """Convert every floating parameter, gradient and buffer in place; return the module.

        Takes PyTorch's forms: a dtype, the device (the CPU), both, or a tensor of that dtype.
        """
        wanted = _wanted_dtype(*args, **kwargs)
        if wanted is None:
            return self
        if category(wanted) != FLOATING:
            raise DTypeError(f"Module.to: needs a floating dtype, got {wanted.name}")
        for tensor in (*self.parameters(), *self.buffers()):
            _convert(tensor, wanted)
        for module in self.modules():
            module._touch()
        return self

    def float(self) -> "Module":
        """Convert every floating tensor to float32."""
        return self.to("float32")

    def double(self) -> "Module":
        """Convert every floating tensor to float64."""
        return self.to("float64")

    def half(self) -> "Module":
        """Convert every floating tensor to float16."""
        return self.to(float16)

    def type(self, dst_type: Any) -> "Module":
        """Convert every floating tensor to this dtype."""
        return self.to(dst_type)

    def bfloat16(self) -> "Module":
        """Raise `DTypeError`: NumPy has no such dtype."""
        return self.to("bfloat16")

    def cpu(self) -> "Module":
        """Return the module, which is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> "Module":
        """Raise `ArgumentError`: there is no such device."""
        return self.to("cuda")

    # --- printing ---

    def extra_repr(self) -> str:
        """Return what stands between the parentheses of the printed module."""
        return ""

    def __repr__(self) -> str:
        children = [f"({n}): {_indented(repr(child))}" for n, child in self.named_children()]
        extra = self.extra_repr()
        if not children:
            return f"{type(self).__name__}({extra})"
        lines = "\n  ".join([*extra.splitlines(), *children])
        return f"{type(self).__name__}(\n  {lines}\n)"


def clear_grad(tensor: Tensor, set_to_none: bool) -> None:
    """Drop ``tensor.grad``, or overwrite it with zeros in place."""
    if set_to_none:
        tensor.grad = None
    elif tensor.grad is not None:
        with no_grad():
            tensor.grad.zero_()


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def _identifier(name: str) -> str:
    """Return the name of a parameter, buffer or child; a dot would make paths ambiguous."""
    if not name or "." in name:
        raise ArgumentError(f"{name!r} cannot name a part of a module: empty or '.'")
    return name


def _check_vacant(module: Module, name: str) -> None:
    """Refuse a parameter or child with the name of a method: it would hide it."""
    if name not in module.__dict__ and hasattr(type(module), name):
        raise ArgumentError(f"{type(module).__name__} already has a {name!r}")


def _check_replacement(module: Module, name: str, value: Any) -> None:
    """Refuse a plain tensor in a parameter's place: it would silently stop being trained."""
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        raise DTypeError(
            f"cannot assign a plain Tensor as parameter {name!r} of {type(module).__name__}: "
            "wrap it in nn.Parameter, or delete the parameter first"
        )


def _wanted_dtype(*args: Any, dtype: Any = None, device: Any = None, **ignored: Any) -> Any:
    """Return the dtype among the arguments of ``to``, or None; check the device."""
    for given in args:
        if isinstance(given, Tensor):
            dtype = given.dtype
        elif isinstance(given, Device) or (isinstance(given, str) and not given[-1:].isdigit()):
            device = given
        elif not isinstance(given, bool | None):
            dtype = given
    check_device("Module.to", device)
    return None if dtype is None else numpy_dtype(dtype)


def _convert(tensor: Tensor, dtype: Any) -> None:
    if tensor.value.dtype.kind != "f" or tensor.value.dtype == dtype:
        return
    tensor.value = as_dtype(tensor.detach(), dtype).value
    count_here(tensor)[0] += 1  # a tape that saved the old values must refuse to go on
    if tensor.held_grad is not None:
        tensor.held_grad = as_dtype(tensor.held_grad.detach(), dtype)
