"""The only file of this package that imports what is not public: watch it when modules move."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dualgraph.core.dispatch import state
from dualgraph.core.op import REGISTRY
from dualgraph.vendor import Representation

LIBRARY = "Library"  # the lowering of ops that are calls of LAPACK


def op_names() -> set[str]:
    """Return the registered ops."""
    return set(REGISTRY)


def library_ops() -> set[str]:
    """Return the ops whose bits are a library's."""
    return {name for name, op in REGISTRY.items() if type(op.lower).__name__ == LIBRARY}


def kinds_of(names: Iterable[str]) -> set[str]:
    """Return the kinds of facts of ops; for each kind that is no view, a target has one family."""
    ops = (REGISTRY[name] for name in names)
    return {type(op.lower).__name__ for op in ops if not op.is_view}


class Spy:
    """Passes every op on to the frontend, and remembers its name."""

    def __init__(self, frontend: Any) -> None:
        self.frontend = frontend
        self.seen: set[str] = set()

    def run(self, op: Any, tensors: tuple, static: dict) -> Any:
        """Note an op that is run."""
        self.seen.add(op.name)
        return self.frontend.run(op, tensors, static)

    def record(self, op: Any, tensors: tuple, static: dict, out: Any) -> None:
        """Note an op that is recorded on the tape."""
        self.seen.add(op.name)
        self.frontend.record(op, tensors, static, out)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.frontend, name)


@contextmanager
def watched() -> Iterator[set[str]]:
    """Yield the set of ops that run from now on."""
    previous = state.frontend
    spy = state.frontend = Spy(previous)
    try:
        yield spy.seen
    finally:
        state.frontend = previous


def shares_rows(compiled: Any) -> bool:
    """Return whether some row of a compiled function is long enough for several threads."""
    return any(trace.program.shares for trace in compiled.traces)


@contextmanager
def assembly() -> Iterator[list[str]]:
    """Yield a list that gets the assembly of every kernel compiled from now on."""
    emit, texts = Representation.object_code, []

    def object_code(self: Representation) -> bytes:
        code = emit(self)
        texts.append(self.get_asm_str())
        return code

    Representation.object_code = object_code
    try:
        yield texts
    finally:
        Representation.object_code = emit
