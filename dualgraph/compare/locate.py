"""Which node first differs: the search behind `verify`.

Three comparisons, each against the reference interpreter: what eager computed op by op, the graph
after each pass, and the compiled program with every value kept. The first that differs names the
place.
"""

from dataclasses import dataclass

import numpy as np

from ..core.op import Op
from ..core.tensor import TensorBase
from ..eager.frontend import WatchingFrontend
from ..ir.graph import CONST, RESULT, Graph, Node, names_of, print_node
from ..ir.interpreter import run, trace_values
from ..passes.pipeline import PIPELINE
from ..targets.protocol import Fresh, Target
from .twins import differing_bits


@dataclass(frozen=True, slots=True)
class Culprit:
    """Where the bits part: a stage, the node in words, and the distance in ULP."""

    stage: str
    node: str
    ulp: float

    def __str__(self) -> str:
        return f"{self.stage}: {self.node} (at most {self.ulp:g} ULP apart)"


def ulp_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest number of representable values between two float arrays.

    Integers and bools: the largest difference. NaN against a number is infinity.

    >>> ulp_distance(np.float32([1.0]), np.nextafter(np.float32([1.0]), np.float32(2)))
    1.0
    """
    if a.dtype.kind != "f":
        return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0.0))
    nan = np.isnan(a) != np.isnan(b)
    if nan.any():
        return float("inf")
    both = ~np.isnan(a)
    distance = np.abs(_ordered(a[both]).astype(object) - _ordered(b[both]).astype(object))
    return float(max(distance.tolist(), default=0))


def _ordered(x: np.ndarray) -> np.ndarray:
    """Map floats to integers in their order; neighbours differ by one."""
    bits = np.ascontiguousarray(x).view(f"i{x.dtype.itemsize}").astype(np.int64)
    lowest = np.int64(-(2 ** (8 * x.dtype.itemsize - 1)))
    return np.where(bits < 0, lowest - bits, bits)


def first_difference_of_passes(captured: Graph, inputs: list[np.ndarray]) -> Culprit | None:
    """Return the first pass after which the interpreter gives other bits."""
    reference = run(captured, inputs)
    graph = captured
    for step in PIPELINE:
        graph = step(graph)
        for i, (a, b) in enumerate(zip(reference, run(graph, inputs), strict=True)):
            if differing_bits(a, b):
                text = _describe(graph, graph.outputs[i])
                return Culprit(f"pass {step.__name__}", text, ulp_distance(a, b))
    return None


def first_difference_of_program(
    graph: Graph, inputs: list[np.ndarray], target: Target
) -> Culprit | None:
    """Return the first node that compiled code computes with other bits than the interpreter."""
    values = [(n, v) for n, v in trace_values(graph, inputs) if n.op is not CONST]
    everything = Graph(graph.inputs, graph.nodes, tuple(n for n, _ in values))
    program = target.compile(everything, [Fresh()] * len(values))
    fresh = [np.empty(n.shape, n.dtype) for n in program.fresh]
    program.run((*[np.ascontiguousarray(a) for a in inputs], *fresh))
    for (node, expected), got in zip(values, fresh, strict=True):
        if differing_bits(expected, got):
            return Culprit("compiled code", _describe(graph, node), ulp_distance(expected, got))
    return None


class OpLog(WatchingFrontend):
    """Keeps what every op returned."""

    def __init__(self) -> None:
        self.entries: list[tuple[Op, np.ndarray]] = []

    def seen(self, op: Op, out: TensorBase) -> None:
        self.entries.append((op, np.array(out.value)))


def first_difference_of_eager(
    captured: Graph, inputs: list[np.ndarray], log: OpLog
) -> Culprit | None:
    """Return the first op whose eager result differs from the interpreter's."""
    at = 0
    for node, expected in trace_values(captured, inputs):
        if node.op is CONST:
            continue
        op = node.inputs[0].op if node.op is RESULT else node.op
        found = next((i for i in range(at, len(log.entries)) if log.entries[i][0] is op), None)
        if found is None:
            return Culprit("eager ran other ops than the trace", _describe(captured, node), 0.0)
        value = log.entries[found][1]
        at = found + 1
        if value.shape != expected.shape or differing_bits(expected, value):
            distance = ulp_distance(expected, value) if value.shape == expected.shape else 0.0
            return Culprit("eager", _describe(captured, node), distance)
    return None


def _describe(graph: Graph, node: Node) -> str:
    return " ".join(print_node(node, names_of(graph)).split())
