"""Two copies of one training step, one eager and one compiled, fed alike and compared in every bit.

The copies start equal and are never synchronised again: a difference in one step would show in
all later ones. Compared are the results and everything that a step can reach by name: parameters,
buffers, gradients, optimizer state, bare tensors, and the default random stream.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from ..core.dispatch import assign
from ..eager.tensor import Tensor
from ..nn.module import Module
from ..ops.create.creation import Generator, default_generator
from ..optim.optimizer import Optimizer
from ..trace.tree import flatten

Named = dict[str, Tensor]
Batches = list[tuple[Any, ...]]


@dataclass(slots=True)
class Outcome:
    """What the steps gave: losses of both copies and how many bits were compared and differed."""

    steps: int = 0
    differing_bits: int = 0
    compared_bits: int = 0
    first: str = ""  # the first difference, in words
    eager_losses: list[float] = field(default_factory=list)
    compiled_losses: list[float] = field(default_factory=list)

    def compare(self, what: str, eager: np.ndarray, compiled: np.ndarray) -> None:
        """Count the bits of one pair of arrays; the first difference is put into words."""
        self.compared_bits += 8 * eager.nbytes
        if eager.dtype != compiled.dtype or eager.shape != compiled.shape:
            self._note(8 * max(eager.nbytes, 1), f"{what} has another shape or dtype")
            return
        different = differing_bits(eager, compiled)
        if different:
            self._note(different, _difference(what, eager, compiled))

    def _note(self, bits: int, words: str) -> None:
        self.differing_bits += bits
        self.first = self.first or f"step {self.steps + 1}: {words}"


def run_twins(
    eager: Callable[..., Any],
    compiled: Callable[..., Any],
    reached: tuple[Callable[[], Named], Callable[[], Named]],
    batches: tuple[Batches, Batches],
    steps: int,
    progress: Callable[[int], None],
) -> Outcome:
    """Run ``steps`` steps of both copies; stop at the first step in which a bit differs.

    ``reached`` give the tensors of each copy by name, ``batches`` the arguments, used in turn.
    """
    outcome = Outcome()
    for i in range(steps):
        results = _lockstep(
            partial(eager, *batches[0][i % len(batches[0])]),
            partial(compiled, *batches[1][i % len(batches[1])]),
            outcome,
        )
        _compare_results(outcome, *results)
        compare_named(outcome, reached[0](), reached[1]())
        if outcome.differing_bits:
            break
        outcome.steps += 1
        progress(outcome.steps)
    return outcome


def _lockstep(eager: Callable, compiled: Callable, outcome: Outcome) -> tuple[Any, Any]:
    """Run one step of each from the same state of the default random stream."""
    stream: Tensor = default_generator().state
    before = stream.numpy().copy()
    first = eager()
    after = stream.numpy().copy()
    assign(stream, before)
    second = compiled()
    outcome.compare("the random stream", after, stream.numpy())
    return first, second


def _compare_results(outcome: Outcome, eager: Any, compiled: Any) -> None:
    ours: list[Tensor] = []
    theirs: list[Tensor] = []
    same = repr(flatten(eager, ours)) == repr(flatten(compiled, theirs))
    if not same or len(ours) != len(theirs):
        outcome.compare("the structure of the result", np.zeros(1), np.ones(1))
        return
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        outcome.compare(f"result {i}", array_of(a), array_of(b))
    loss = next((i for i, t in enumerate(ours) if t.value.size == 1), None)
    if loss is not None:
        outcome.eager_losses.append(float(array_of(ours[loss]).item()))
        outcome.compiled_losses.append(float(array_of(theirs[loss]).item()))


def compare_named(outcome: Outcome, eager: Named, compiled: Named) -> None:
    """Compare tensors by name; a name that only one side has is a difference."""
    for name in eager.keys() ^ compiled.keys():
        has = "eager" if name in eager else "compiled"
        outcome.compare(f"{name} (only {has} has it)", np.zeros(1), np.ones(1))
    for name in eager.keys() & compiled.keys():
        outcome.compare(name, array_of(eager[name]), array_of(compiled[name]))


def array_of(tensor: Tensor) -> np.ndarray:
    """Return the numbers of a tensor, on the tape or not."""
    return tensor.detach().numpy()


def differing_bits(a: np.ndarray, b: np.ndarray) -> int:
    """Return how many bits differ between arrays of one shape and dtype; any NaN equals any NaN.

    >>> differing_bits(np.array([0.0, np.nan]), np.array([-0.0, -np.nan]))
    1
    """
    unsigned = np.dtype(f"u{a.dtype.itemsize}")
    x = np.ascontiguousarray(a).view(unsigned)
    y = np.ascontiguousarray(b).view(unsigned)
    changed = x ^ y
    if not changed.any():
        return 0
    if a.dtype.kind == "f":
        changed = np.where(np.isnan(a) & np.isnan(b), 0, changed)
    return int(np.bitwise_count(changed).sum())


def _difference(what: str, a: np.ndarray, b: np.ndarray) -> str:
    unequal = (a != b) & ~((a != a) & (b != b)) | (np.signbit(a) != np.signbit(b))
    places = np.argwhere(unequal) if a.dtype.kind == "f" else np.argwhere(a != b)
    place = tuple(int(i) for i in places[0])
    where = f"[{', '.join(map(str, place))}]" if place else ""
    return (
        f"{what}{where} is {a[place]!r} in eager and {b[place]!r} compiled "
        f"({len(places)} of {a.size} elements differ)"
    )


# --- what a step can reach -----------------------------------------------------------------------


def reachable(step: Callable[..., Any]) -> Named:
    """Return every tensor that a step can reach by name: closures, globals, attributes.

    Optimizer state and gradients are included as far as they exist now.
    """
    found: Named = {}
    seen: set[int] = set()
    stack = list(_parts_of(getattr(step, "__name__", "step"), step))[::-1]
    while stack:
        path, value = stack.pop()
        if id(value) in seen or (_is_ours(value) and value is not step):
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            found[path] = value
            if value.is_leaf and value.grad is not None:
                found[f"{path}.grad"] = value.grad
        else:
            stack.extend(list(_parts_of(path, value))[::-1])
    return found


def _parts_of(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a value holds, with the name of each part."""
    if isinstance(value, Optimizer):
        for i, group in enumerate(value.param_groups):
            for j, parameter in enumerate(group["params"]):
                for name, tensor in value.state.get(parameter, {}).items():
                    yield f"{path}.state[{i}.{j}].{name}", tensor
                yield f"{path}.param[{i}.{j}]", parameter
    elif isinstance(value, Generator):
        yield f"{path}.state", value.state
    elif isinstance(value, Module):
        yield from ((f"{path}.{n}", part) for n, part in vars(value).items())
    elif isinstance(value, MethodType):
        yield path.rpartition(".")[0] or "self", value.__self__
        yield path, value.__func__
    elif isinstance(value, partial):
        yield path, (value.func, value.args, value.keywords)
    elif isinstance(value, FunctionType):
        yield from _read_by(value)
    elif isinstance(value, tuple | list):
        yield from ((f"{path}[{i}]", part) for i, part in enumerate(value))
    elif isinstance(value, dict):
        yield from ((f"{path}[{key!r}]", part) for key, part in value.items())
    elif _is_users(value):
        yield from ((f"{path}.{n}", part) for n, part in vars(value).items())


def _is_ours(value: Any) -> bool:
    """Functions of this package hold no state; the digits job's own step does."""
    return isinstance(value, FunctionType) and value.__module__.partition(".")[0] == "dualgraph"


def _is_users(value: Any) -> bool:
    """Objects of foreign packages are not walked: they hold no tensors of ours."""
    package = type(value).__module__.partition(".")[0]
    outside = package in ("builtins", "numpy", "numba", "dualgraph") or isinstance(value, type)
    return not outside and hasattr(value, "__dict__")


def _read_by(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the closure variables, globals and defaults that a function can read."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in sorted(_names_in(function.__code__)):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    yield f"{function.__name__}.defaults", (function.__defaults__ or ())


def _names_in(code: CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*map(_names_in, inner))
