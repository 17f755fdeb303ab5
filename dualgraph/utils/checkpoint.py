"""Trading time for memory: what a part of the model needs for backward is computed again there."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

from ..core.dispatch import state
from ..eager.modes import enable_grad, saved_tensors_hooks
from ..errors import GradError
from ..nn.module import Module
from ..ops.create.creation import default_generator


class _Hooks(saved_tensors_hooks):
    faithful = True


class _Recomputed:
    """What one checkpointed call would have saved, computed when backward asks for it."""

    def __init__(
        self, function: Callable[..., Any], args: tuple, kwargs: dict, settings: "_Settings"
    ) -> None:
        self.call = function, args, kwargs
        self.settings = settings
        self.kinds: list[tuple] = []  # shape and dtype of what forward saved
        self.found: dict[int, Any] = {}
        self.stream = default_generator().get_state()

    def pack(self, tensor: Any) -> int:
        self.kinds.append(_kind(tensor))
        return len(self.kinds) - 1

    def unpack(self, index: int) -> Any:
        if index not in self.found:  # the first time, or again because the graph was retained
            self._recompute()
        return self.found.pop(index)  # freed as backward proceeds

    def _recompute(self) -> None:
        function, args, kwargs = self.call
        generator = default_generator()
        now = generator.get_state()
        if self.settings.preserve_rng_state:
            generator.set_state(self.stream)
        self.found = {}
        kinds: list[tuple] = []

        def collect(tensor: Any) -> Any:
            self.found[len(kinds)] = tensor
            kinds.append(_kind(tensor))
            return tensor

        try:
            collecting = _Hooks(collect, lambda held: held)
            with enable_grad(), collecting, self.settings.contexts()[1]:
                function(*args, **kwargs)
        finally:
            if self.settings.preserve_rng_state:
                generator.set_state(now)
        self._check(kinds)

    def _check(self, kinds: list[tuple]) -> None:
        if len(kinds) != len(self.kinds):
            raise GradError(
                f"checkpoint: forward saved {len(self.kinds)} tensors, computed again it saved "
                f"{len(kinds)}: the function must do the same both times"
            )
        if kinds != self.kinds and self.settings.determinism_check != "none":
            pairs = zip(self.kinds, kinds, strict=True)
            i, (was, now) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
            raise GradError(
                f"checkpoint: tensor {i} that forward saved was {_text(was)}, computed again "
                f"it is {_text(now)}: the function must do the same both times"
            )


def _kind(tensor: Any) -> tuple:
    return tuple(tensor.value.shape), tensor.value.dtype.name


def _text(kind: tuple) -> str:
    return f"{kind[1]}{list(kind[0])}"


class _Settings(NamedTuple):
    """Options of `checkpoint`."""

    preserve_rng_state: bool
    determinism_check: str
    contexts: Callable[[], tuple[Any, Any]]


def _no_contexts() -> tuple[Any, Any]:
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = _no_contexts,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function without keeping what its backward needs; backward calls it again.

    Random numbers are drawn from the same place of the stream both times, unless
    ``preserve_rng_state=False``. ``context_fn`` gives two contexts, for the call and for the one in
    backward. In a traced function the graph is the same with and without: the compiler plans its
    memory by itself. ``use_reentrant``, ``debug`` and ``early_stop`` are accepted for PyTorch's
    sake; there is one implementation. Raises `GradError` in backward when the function saves other
    tensors the second time (with ``determinism_check="none"``: another number of them).

    >>> import dualgraph as dg
    >>> x = dg.tensor([0.5, 1.0], requires_grad=True)
    >>> checkpoint(lambda t: t.exp().sum(), x).backward()
    >>> x.grad
    tensor([1.6487, 2.7183])
    """
    settings = _Settings(preserve_rng_state, determinism_check, context_fn)
    if not state.grad_enabled or state.tracing:
        with context_fn()[0]:
            return function(*args, **kwargs)
    kept = _Recomputed(function, args, kwargs, settings)
    with _Hooks(kept.pack, kept.unpack), context_fn()[0]:
        return function(*args, **kwargs)


def checkpoint_sequential(functions: Any, segments: int, input: Any, **options: Any) -> Any:
    """Call functions (or the modules of a `Sequential`) in a row, in checkpointed segments.

    All but the last of the ``segments`` are checkpointed.
    """
    steps = list(functions.children()) if isinstance(functions, Module) else list(functions)
    size = len(steps) // segments
    for i in range(segments - 1):
        input = checkpoint(_row(steps[i * size : (i + 1) * size]), input, **options)
    return _row(steps[(segments - 1) * size :])(input)


def _row(steps: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return run
