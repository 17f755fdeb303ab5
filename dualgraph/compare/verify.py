"""`verify`: run a function in both frontends from one state and compare every bit.

Each step is run twice from the same state, eagerly and compiled, and each keeps its own state from
step to step. Compared are results, arguments, every captured tensor (parameters, buffers, optimizer
state, random streams) and every ``.grad``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..api.compile import CompiledFunction, compile
from ..api.compiled import Trace
from ..eager import Tensor
from ..eager.frontend import eager_frontend
from ..errors import ArgumentError, VerifyError
from ..ops.create.creation import streams
from ..trace.capture import Held
from ..trace.tree import flatten
from .locate import (
    Culprit,
    OpLog,
    first_difference_of_eager,
    first_difference_of_passes,
    first_difference_of_program,
    ulp_distance,
)
from .twins import differing_bits


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was compared, and the first difference when there is one."""

    steps_verified: int
    compared_bits: int
    differing_bits: int
    tensor: str = ""  # the first tensor that differs
    ulp: float = 0.0
    culprit: Culprit | None = None

    @property
    def ok(self) -> bool:
        return not self.differing_bits

    @property
    def message(self) -> str:
        """One sentence, or the difference with its node and source line."""
        if self.ok:
            return f"steps {self.steps_verified}, bits compared {self.compared_bits}, differing 0"
        where = f"\n  first node: {self.culprit}" if self.culprit else ""
        return (
            f"eager and compiled differ in step {self.steps_verified + 1}: {self.tensor} differs "
            f"in {self.differing_bits} bits (at most {self.ulp:g} ULP apart){where}"
        )


class Snapshot:
    """The tensors that a function reaches, with their values and gradients."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors
        self.values = {n: t.value.copy() for n, t in tensors.items()}
        self.grads = {n: _copied(t.held_grad) for n, t in tensors.items()}

    def restore(self) -> None:
        """Put values and gradients back, in the tensors' own memory."""
        for name, tensor in self.tensors.items():
            eager_frontend.assign(tensor, self.values[name])
            grad = self.grads[name]
            tensor.held_grad = None if grad is None else eager_frontend.tensor(grad.copy())

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything by name, gradients as ``name.grad``."""
        grads = {f"{n}.grad": g for n, g in self.grads.items() if g is not None}
        return {**self.values, **grads}


def _copied(grad: Tensor | None) -> np.ndarray | None:
    return None if grad is None else grad.value.copy()


def verify(
    function: Callable[..., Any],
    *args: Any,
    steps: int = 1,
    progress: Callable[[int], None] | None = None,
) -> VerifyReport:
    """Compare eager and compiled bit for bit over ``steps`` calls with these arguments.

    The state is left as the eager run left it. Raises `VerifyError` at the first difference: its
    text names the tensor, the graph node with its source line, and the distance in ULP.

    >>> import dualgraph as dg
    >>> dg.verify(lambda x: dg.tanh(x).sum(), dg.tensor([0.5, 2.0])).differing_bits
    0
    """
    if steps < 1:
        raise ArgumentError(f"verify: steps must be at least 1, got {steps}")
    compiled = function if isinstance(function, CompiledFunction) else compile(function)
    plain = compiled.function
    tensors: list[Any] = []
    flatten(args, tensors)
    bits = 0
    reached = _reached(compiled, args, tensors)
    eager_state = compiled_state = Snapshot(reached)
    for step in range(steps):
        eager_state.restore()
        with OpLog() as log:
            first = _results(plain(*args))
        eager_after = Snapshot(reached)
        compiled_state.restore()
        second = _results(compiled(*args))
        compiled_after = Snapshot(reached)
        pairs = _pairs(first, second, eager_after, compiled_after)
        bits += sum(8 * a.nbytes for _, a, _ in pairs)
        _compare(pairs, step, bits, compiled, compiled_state, tensors, log)
        eager_state, compiled_state = eager_after, compiled_after
        reached = {**reached, **_captured(compiled.traces)}
        if reached.keys() != eager_state.tensors.keys():
            eager_state = compiled_state = Snapshot(reached)
        if progress is not None:
            progress(step + 1)
    return VerifyReport(steps, bits, 0)


def _reached(compiled: CompiledFunction, args: tuple, tensors: list[Any]) -> dict[str, Tensor]:
    """Trace once, without running, to learn which tensors the function captures."""
    compiled.prepare(*args)
    named = {f"argument {i}": t for i, t in enumerate(tensors)}
    named["random stream"] = streams.default.state
    return {**named, **_captured(compiled.traces)}


def _captured(traces: list[Trace]) -> dict[str, Tensor]:
    found = {}
    for trace in traces:
        for node, source in zip(trace.captured.inputs, trace.sources, strict=True):
            if isinstance(source, Held):
                found[f"tensor captured at {node.source} #{id(source.held):x}"] = source.held
    return _renamed(found)


def _renamed(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Number tensors captured at one line by their order instead of by address."""
    names: dict[str, Tensor] = {}
    for name, tensor in found.items():
        line = name.partition(" #")[0]
        count = sum(1 for n in names if n.partition(" #")[0] == line)
        names[f"{line} #{count}"] = tensor
    return names


def _results(result: Any) -> dict[str, np.ndarray]:
    tensors: list[Any] = []
    flatten(result, tensors)
    return {f"result {i}": t.value.copy() for i, t in enumerate(tensors)}


def _pairs(
    first: dict[str, np.ndarray],
    second: dict[str, np.ndarray],
    eager: Snapshot,
    compiled: Snapshot,
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    a, b = {**first, **eager.arrays()}, {**second, **compiled.arrays()}
    if a.keys() != b.keys():
        names = ", ".join(sorted(a.keys() ^ b.keys()))
        raise VerifyError(f"only one of eager and compiled has {names}")
    return [(name, a[name], b[name]) for name in a]


def _compare(
    pairs: list[tuple[str, np.ndarray, np.ndarray]],
    step: int,
    bits: int,
    compiled: CompiledFunction,
    before: Snapshot,
    tensors: list[Any],
    log: OpLog,
) -> None:
    for name, a, b in pairs:
        if a.shape != b.shape or a.dtype != b.dtype:
            raise VerifyError(
                f"eager and compiled differ in step {step + 1}: {name} is {a.dtype}{a.shape} in "
                f"eager and {b.dtype}{b.shape} compiled"
            )
        different = differing_bits(a, b)
        if different:
            culprit = _locate(compiled.last, before, tensors, log)
            report = VerifyReport(step, bits, different, name, ulp_distance(a, b), culprit)
            error = VerifyError(report.message)
            error.report = report
            raise error


def _locate(trace: Trace, before: Snapshot, tensors: list[Any], log: OpLog) -> Culprit | None:
    before.restore()
    inputs = [s.fetch(tensors).copy() for s in trace.sources]
    return (
        first_difference_of_passes(trace.captured, inputs)
        or first_difference_of_program(trace.graph, inputs, trace.target)
        or first_difference_of_eager(trace.captured, inputs, log)
    )
