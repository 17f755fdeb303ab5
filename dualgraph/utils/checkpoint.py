"""Trading time for memory: what a part of the model needs for backward is computed again there."""

from collections.abc import Callable
from typing import Any

from ..core.dispatch import state
from ..eager.modes import enable_grad, saved_tensors_hooks
from ..errors import GradError, at_user_line


class _Recomputed:
    """What one checkpointed call would have saved, computed when backward first asks for it."""

    def __init__(self, function: Callable[..., Any], args: tuple, kwargs: dict) -> None:
        self.call = function, args, kwargs
        self.count = 0
        self.found: list[Any] = []
        self.stream = state.frontend.generator().get_state()

    def pack(self, tensor: Any) -> int:
        self.count += 1
        return self.count - 1

    def unpack(self, index: int) -> Any:
        if not self.found:
            self._recompute()
        tensor = self.found[index]
        self.found[index] = None  # asked for once: free it as backward proceeds
        return tensor

    def _recompute(self) -> None:
        function, args, kwargs = self.call
        generator = state.frontend.generator()
        now = generator.get_state()
        generator.set_state(self.stream)
        try:
            with enable_grad(), saved_tensors_hooks(self._collect, lambda held: held):
                function(*args, **kwargs)
        finally:
            generator.set_state(now)
        if len(self.found) != self.count:
            raise GradError(
                at_user_line(
                    f"checkpoint: forward saved {self.count} tensors, computed again it saved "
                    f"{len(self.found)}: the function must do the same both times"
                )
            )

    def _collect(self, tensor: Any) -> Any:
        self.found.append(tensor)
        return tensor


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool = False, **kwargs: Any
):
    """Call a function without keeping what its backward needs; backward calls it again.

    Random numbers are drawn from the same place of the stream both times. In a traced function the
    graph is the same with and without: the compiler plans its memory by itself. ``use_reentrant``
    is accepted for PyTorch's sake; there is one implementation.

    >>> import dualgraph as dg
    >>> x = dg.tensor([0.5, 1.0], requires_grad=True)
    >>> checkpoint(lambda t: t.exp().sum(), x).backward()
    >>> x.grad
    tensor([1.6487, 2.7183])
    """
    if not state.grad_enabled or state.tracing:
        return function(*args, **kwargs)
    kept = _Recomputed(function, args, kwargs)
    with saved_tensors_hooks(kept.pack, kept.unpack):
        return function(*args, **kwargs)
