"""Optimizers that users write as in PyTorch: a class with a ``step`` of its own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..core.dispatch import state
from ..core.scope import note_module
from ..eager.tensor import Tensor
from ..errors import TraceError


class States(dict[Any, dict[str, Any]]):
    """State by parameter; one that has none yet gets an empty dict when it is looked up."""

    def __missing__(self, key: Any) -> dict[str, Any]:
        self[key] = {}
        return self[key]


def watched(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a user's ``step``, noted by schedulers and traces.

    Traced, it must not change what only Python sees: numbers in the state or the groups, or which
    tensors there are. Raises `TraceError` for that.
    """

    @wraps(step)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        note_module(self)
        self.stepped = True
        if not state.tracing:
            return step(self, *args, **kwargs)
        before, held = _seen(self), {p: dict(entries) for p, entries in self.state.items()}
        out = step(self, *args, **kwargs)
        after = _seen(self)
        changed = sorted({name for p, name in after if before.get((p, name)) != after[p, name]})
        if changed:
            self.state.clear()  # what was made by this trace has no numbers
            self.state.update(held)
            raise TraceError(
                f"step() of {type(self).__name__} sets {', '.join(map(repr, changed))} while "
                "it is traced: a compiled step would do that once and not at every call. Keep "
                "counts in 0-d tensors that are changed in place, and make all state before "
                "the first compiled step, or step eagerly"
            )
        return out

    return wrapper


def _seen(optimizer: Any) -> dict[tuple[int, str], Any]:
    """Return the numbers in the state and the groups; tensors by identity."""
    held = [*optimizer.param_groups, *optimizer.state.values()]
    return {
        (i, name): id(x) if isinstance(x, Tensor) else x
        for i, entries in enumerate(held)
        for name, x in entries.items()
        if name != "params"
    }


def copied(held: dict[str, Any]) -> dict[str, Any]:
    """Return the state of one parameter with tensors of its own."""
    return {k: x.detach().clone() if isinstance(x, Tensor) else x for k, x in held.items()}
