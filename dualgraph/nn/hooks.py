"""Hooks of modules: functions that see, and may replace, what goes into and comes out of a call.

A module keeps its hooks in one tuple, which is replaced and never changed: a compiled function
guards on it as on any attribute, so that adding or removing a hook retraces. Hooks run while a
function is traced, and what they compute becomes part of the graph.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core.dispatch import state
from ..eager.function import Function
from ..eager.tensor import Tensor
from ..errors import ArgumentError

FORWARD_PRE, FORWARD = "forward_pre", "forward"
BACKWARD_PRE, BACKWARD = "backward_pre", "backward"
COMPILED = "compiled"  # takes the place of the whole call: see `Module.compile`
CACHED = "cached"  # never called: says that parametrized tensors are kept


class Hook(NamedTuple):
    """One hook: when it runs and how it is called."""

    kind: str
    function: Callable[..., Any]
    with_kwargs: bool = False
    always: bool = False


class HookHandle:
    """Removes a hook: by `remove`, or at the end of a ``with`` block."""

    def __init__(self, remove: Callable[[], None]) -> None:
        self.remove = remove  # doing so twice does nothing

    def __enter__(self) -> "HookHandle":
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def add_hook(module: Any, hook: Hook, prepend: bool = False, to: str = "_hooks") -> HookHandle:
    """Give a module one more hook, behind or before those that it has."""
    held = getattr(module, to)
    setattr(module, to, (hook, *held) if prepend else (*held, hook))

    def remove() -> None:
        kept = tuple(h for h in getattr(module, to) if h is not hook)
        if len(kept) < len(getattr(module, to)):
            setattr(module, to, kept)

    return HookHandle(remove)


# --- hooks of all modules -------------------------------------------------------------------------

everywhere: list[Hook] = []  # they run before a module's own; compiled functions guard on them


def add_everywhere(hook: Hook) -> HookHandle:
    """Give all modules one more hook."""
    everywhere.append(hook)

    def remove() -> None:
        everywhere[:] = [h for h in everywhere if h is not hook]

    return HookHandle(remove)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> HookHandle:
    """Call ``hook(module, args)`` before `forward` of every module, as its own pre-hooks."""
    return add_everywhere(Hook(FORWARD_PRE, hook))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> HookHandle:
    """Call ``hook(module, args, output)`` after `forward` of every module, as its own hooks."""
    return add_everywhere(Hook(FORWARD, hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> HookHandle:
    """Call ``hook(module, grad_output)`` before gradients go back through any module."""
    return add_everywhere(Hook(BACKWARD_PRE, hook))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> HookHandle:
    """Call ``hook(module, grad_input, grad_output)`` behind the backward of any module."""
    return add_everywhere(Hook(BACKWARD, hook))


class Hookable:
    """The part of `Module` that registers hooks around a call."""

    _hooks: tuple[Hook, ...] = ()  # replaced, never changed
    _everywhere = everywhere

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> HookHandle:
        """Call ``hook(module, args)`` before `forward`; what it returns replaces the arguments.

        Like all hooks it runs in traced functions too, and a compiled function is traced again when
        a hook was added or removed. ``with_kwargs`` makes it ``hook(module, args, kwargs)``, which
        returns None or both. ``prepend`` puts it before the others.
        """
        return add_hook(self, Hook(FORWARD_PRE, hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> HookHandle:
        """Call ``hook(module, args, output)`` after `forward`; what it returns replaces the output.

        ``always_call`` calls it also when `forward` raises, with None for the output.
        """
        return add_hook(self, Hook(FORWARD, hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> HookHandle:
        """Call ``hook(module, grad_output)`` before gradients go back through the module."""
        return add_hook(self, Hook(BACKWARD_PRE, hook), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> HookHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the inputs' gradients are there.

        What it returns replaces ``grad_input``, which has one entry for each positional argument.
        """
        return add_hook(self, Hook(BACKWARD, hook), prepend)


def hooked_call(module: Any, args: tuple, kwargs: dict) -> Any:
    """Call ``forward`` with the hooks around it, compiled when that was asked for."""
    for hook in module._hooks:
        if hook.kind is COMPILED and not state.tracing:
            return hook.function(*args, **kwargs)
    return around_forward(module, args, kwargs)


def around_forward(module: Any, args: tuple, kwargs: dict) -> Any:
    """Call ``forward`` with the hooks around it."""
    done: list[Hook] = []
    result = None
    try:
        args, kwargs = _before(module, args, kwargs)
        backwards = any(h.kind in _BACKWARD for h in (*everywhere, *module._hooks))
        watch = _Watch(module) if backwards else None
        args = args if watch is None else watch.entered(args)
        result = module.forward(*args, **kwargs)
        for hook in _of(module, FORWARD):
            done.append(hook)
            found = _after(module, hook, args, kwargs, result)
            result = result if found is None else found
        return result if watch is None else watch.left(result)
    except Exception:
        for hook in _of(module, FORWARD):
            if hook.always and hook not in done:
                _after(module, hook, args, kwargs, result)
        raise


def _of(module: Any, kind: str) -> list[Hook]:
    return [h for h in (*everywhere, *module._hooks) if h.kind == kind]


def _before(module: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    for hook in _of(module, FORWARD_PRE):
        if hook.with_kwargs:
            found = hook.function(module, args, kwargs)
            if found is not None and not (isinstance(found, tuple) and len(found) == 2):
                raise ArgumentError(
                    "a forward pre-hook with_kwargs must return None or (args, kwargs), got "
                    f"{type(found).__name__}"
                )
            args, kwargs = (args, kwargs) if found is None else found
        else:
            found = hook.function(module, args)
            if found is not None:
                args = found if isinstance(found, tuple) else (found,)
    return args, kwargs


def _after(module: Any, hook: Hook, args: tuple, kwargs: dict, result: Any) -> Any:
    if hook.with_kwargs:
        return hook.function(module, args, kwargs, result)
    return hook.function(module, args, result)


# --- backward ------------------------------------------------------------------------------------

_BACKWARD = (BACKWARD_PRE, BACKWARD)


class _Watch:
    """One call of a module: gradients of its outputs, then of its inputs, pass by here."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.inputs = 0
        self.places: list[int] = []
        self.grad_output: tuple = ()

    def entered(self, args: tuple) -> tuple:
        """Return the arguments, those with gradients behind a node that shows them to the hooks."""
        self.inputs = len(args)
        self.places = [k for k, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
        if not self.places or not _of(self.module, BACKWARD):
            return args
        watched = _Entered.apply(self, *(args[k] for k in self.places))
        places = dict(zip(self.places, watched, strict=True))
        return tuple(places.get(k, a) for k, a in enumerate(args))

    def left(self, result: Any) -> Any:
        """Return the outputs behind a node that sees their gradients."""
        if isinstance(result, Tensor):
            return _Left.apply(self, result)[0]
        if isinstance(result, tuple | list) and all(isinstance(r, Tensor) for r in result):
            return type(result)(_Left.apply(self, *result))
        raise ArgumentError(
            f"a backward hook of {type(self.module).__name__} needs a tensor, or a tuple of "
            f"tensors, to come out of forward(), got {type(result).__name__}"
        )

    def output_grads(self, grads: tuple) -> tuple:
        for hook in _of(self.module, BACKWARD_PRE):
            grads = _replaced(hook.function(self.module, grads), grads)
        self.grad_output = grads
        if not self.places:
            self.input_grads(())
        return grads

    def input_grads(self, grads: tuple) -> tuple:
        places = dict(zip(self.places, grads, strict=True))
        given = tuple(places.get(k) for k in range(self.inputs))
        for hook in _of(self.module, BACKWARD):
            given = _replaced(hook.function(self.module, given, self.grad_output), given)
        return tuple(given[k] for k in self.places)


def _replaced(found: Any, grads: tuple) -> tuple:
    if found is None:
        return grads
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(grads):
        raise ArgumentError(f"a backward hook returned {len(found)} gradients, not {len(grads)}")
    return found


class _Entered(Function):
    """The inputs unchanged; their gradients go through the backward hooks."""

    @staticmethod
    def forward(ctx: Any, watch: _Watch, *tensors: Any) -> tuple:
        ctx.watch = watch
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple:
        return (None, *ctx.watch.input_grads(grads))


class _Left(_Entered):
    """The outputs unchanged; their gradients go through the backward pre-hooks, and are kept."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple:
        return (None, *ctx.watch.output_grads(grads))
