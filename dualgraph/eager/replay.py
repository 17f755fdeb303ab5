"""Composites in eager mode: the ops are written down once for each kind of call, then replayed.

What ops a composite runs depends on shapes, dtypes and static arguments alone. The first call of a
kind runs its Python and notes the kernels; later ones run those kernels on arrays, without tensors
in between: the same kernels in the same order, so the same bits. A composite that did anything else
(read a value, used a tensor from elsewhere, drew a random number) is run as it is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np

from ..core.dispatch import state
from ..core.frontend import Frontend
from ..core.op import Op
from ..core.tensor import TensorBase
from ..core.types import default_float

_MOST_SCRIPTS = 4096
_UNSEEN: Any = object()
_scripts: dict[Any, "Script | None"] = {}


class Step(NamedTuple):
    """One kernel: the places of its operands, and those that nobody reads afterwards."""

    kernel: Callable[..., np.ndarray]
    operands: tuple[int, ...]
    static: dict[str, Any]
    free: tuple[int, ...]


class Script(NamedTuple):
    """The kernels of a composite; inputs come first, then constants, then results in order."""

    constants: tuple[np.ndarray, ...]
    steps: tuple[Step, ...]

    def play(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Return what the last kernel gives."""
        memory: list[Any] = [*arrays, *self.constants]
        for kernel, operands, static, free in self.steps:
            memory.append(kernel(*[memory[i] for i in operands], **static))
            for i in free:
                memory[i] = None
        return memory[-1]


def composite(frontend: Any, op: Op, tensors: tuple, static: dict[str, Any]) -> Any:
    """Return the value of a composite, computed by a script where there is one."""
    kinds = tuple([_kind(t) for t in tensors])
    key = op, kinds, repr(static), default_float()  # repr: 1, 1.0 and True differ
    script = _scripts.get(key, _UNSEEN)
    if script is _UNSEEN:
        return _first_call(frontend, key, op, tensors, static)
    if script is not None:
        try:
            return frontend.tensor(script.play([t.value for t in tensors]))
        except Exception:  # the ops themselves say what is wrong
            pass
    return op.kernel(*tensors, **static)


def _kind(t: TensorBase) -> tuple[Any, ...]:
    """Return dtype and shape, and of a literal the number: the composite may use the same one."""
    value = t.value
    if t.constant is None:
        return value.dtype, value.shape
    return value.dtype, np.asarray(value).tobytes()


def _first_call(frontend: Any, key: Any, op: Op, tensors: tuple, static: dict[str, Any]) -> Any:
    notes = Notes(frontend, tensors)
    state.frontend = cast("Frontend", notes)
    try:
        out = op.kernel(*tensors, **static)
    finally:
        state.frontend = frontend
    if notes.tells_apart():
        if len(_scripts) >= _MOST_SCRIPTS:
            _scripts.clear()
        _scripts[key] = notes.script(out)
    return out


class Notes:
    """The eager frontend, with each op written down; whatever is no op makes a script unfit."""

    def __init__(self, frontend: Any, tensors: tuple) -> None:
        self.frontend = frontend
        self.fit = True
        self.inputs = tensors
        self.results: list[tuple[Any, Op, tuple, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        self.fit = False
        return getattr(self.frontend, name)

    def run(self, op: Op, tensors: tuple, static: dict[str, Any]) -> Any:
        """Run one op."""
        out = self.frontend.run(op, tensors, static)
        self.results.append((out, op, tensors, static))
        return out

    def composite(self, op: Op, tensors: tuple, static: dict[str, Any]) -> Any:
        """Run a composite inside of this one: its ops are noted like any others."""
        return op.kernel(*tensors, **static)

    def record(self, op: Op, tensors: tuple, static: dict[str, Any], out: Any) -> None:
        """A composite runs with grads off: there is nothing to put on the tape."""

    def tells_apart(self) -> bool:
        """Tell whether every input is a tensor of its own.

        Otherwise this call does not say which of them an op reads: another call will.
        """
        return len({id(t) for t in self.inputs}) == len(self.inputs)

    def script(self, out: Any) -> Script | None:
        """Return what can be replayed, or None; the last op's result must be the composite's."""
        fit = self.fit and self.results and self.results[-1][0] is out
        operands = [t for _, _, given, _ in self.results for t in given]
        literals = list({id(t): t for t in operands if t.constant is not None}.values())
        owners = [*self.inputs, *literals, *(r[0] for r in self.results)]
        places = {id(t): i for i, t in enumerate(owners)}
        if not fit or any(id(t) not in places for _, _, given, _ in self.results for t in given):
            return None
        lines = [(op, tuple([places[id(t)] for t in given]), static)
                 for _, op, given, static in self.results]  # fmt: skip
        last = {place: n for n, (_, operands, _) in enumerate(lines) for place in operands}
        steps = [
            Step(op.kernel, operands, static, tuple({i for i in operands if last[i] == n}))
            for n, (op, operands, static) in enumerate(lines)
        ]
        return Script(tuple(t.value for t in literals), tuple(steps))
