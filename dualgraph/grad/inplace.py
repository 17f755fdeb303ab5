"""What an in-place op asks of the tape: nodes that saved what it overwrites keep the old values."""

from collections.abc import Iterator

from ..core.dispatch import SavedHooks, state
from ..core.op import DTYPE
from ..core.tensor import TensorBase, Value
from .saved import Held, Packed, version_counter
from .tape import Saved, TapeNode, origin, put_where


def snapshot(x: TensorBase) -> TensorBase:
    """Return the values that x has now, at its place on the tape."""
    out = state.frontend.copied(x)
    put_where(out, x)
    return out


def keep_old_values(out: TensorBase, x: TensorBase, start: int) -> None:
    """Let the nodes made since ``start`` hold copies of what they saved of x's memory.

    It is about to be overwritten by ``out``, which was computed from it.
    """
    counter = version_counter(x)
    for saved in _saved_since(out, start):
        for key, (kept, own, _) in _tensors(saved):
            if own is counter and isinstance(kept, TensorBase):
                saved[key] = (snapshot(kept), [0], 0)


def pack_saved(out: TensorBase, start: int, hooks: SavedHooks) -> None:
    """Give what the nodes made since ``start`` saved to the user's hook."""
    for saved in _saved_since(out, start):
        for key, (kept, counter, version) in _tensors(saved):
            tensor = kept if isinstance(kept, TensorBase) else _as_tensor(kept, counter)
            if tensor.constant is None:
                saved[key] = (Packed(tensor, hooks), counter, version)


def _as_tensor(kept: Value | Packed, counter: list[int]) -> TensorBase:
    assert not isinstance(kept, Packed), "hooks are off while an in-place op computes"
    out = state.frontend.tensor(kept)
    out.counter = counter
    return out


def _saved_since(out: TensorBase, start: int) -> Iterator[Saved]:
    """Yield what is saved by each node behind ``out`` that was made since ``start``."""
    stack, seen = [origin(out.grad_fn)], set[TapeNode]()
    while stack:
        node = stack.pop()
        if isinstance(node, TapeNode) and node.seq >= start and node not in seen:
            seen.add(node)
            stack.extend(map(origin, node.edges))
            yield node.saved or {}


def _tensors(saved: Saved) -> list[tuple[int, Held]]:
    return [(key, held) for key, held in saved.items() if key < DTYPE]
