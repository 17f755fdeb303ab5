"""`scan`: a region that is run once for each step of sequences, and hands values to the next step.

The operands are ``carries`` first values, ``sequences`` tensors whose first axis is that of the
steps, and whatever else the steps read. The region takes them in this order (of a sequence the
element of its step) and returns the next carries, and then what is stacked. The results are the
last carries and the stacks.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core.op import Facts, defop, refuse
from ..core.types import Aval
from ..errors import GraphError
from .graph import Graph, Node
from .interpreter import Plan
from .split import ancestors


@dataclass(frozen=True, slots=True)
class Stepwise(Facts):
    """The region of the op, once for each of ``length`` steps; with ``reverse`` the last first."""


def infer(
    *values: Any, body: Graph, carries: int, sequences: int, length: int, reverse: bool
) -> tuple[Aval, ...]:
    """Return the avals of the last carries and of the stacks; check the region against them."""
    of_steps = range(carries, carries + sequences)
    taken = [_element(v, length) if k in of_steps else _aval(v) for k, v in enumerate(values)]
    inputs, outputs = [n.aval for n in body.inputs], [n.aval for n in body.outputs]
    if taken != inputs or outputs[:carries] != inputs[:carries]:
        raise GraphError(
            f"the region of scan takes {inputs} and returns {outputs}: it is given {taken}, and "
            f"the first {carries} of both must be equal"
        )
    stacks = [Aval((length, *shape), dtype) for shape, dtype in outputs[carries:]]
    return (*inputs[:carries], *stacks)


def _aval(value: Any) -> Aval:
    return Aval(tuple(value.shape), value.dtype)


def _element(value: Any, length: int) -> Aval:
    shape = tuple(value.shape)
    if shape[:1] != (length,):
        raise GraphError(f"a sequence of shape {shape} in a scan of {length} steps")
    return Aval(shape[1:], value.dtype)


def run_steps(
    *arrays: np.ndarray, body: Graph, carries: int, sequences: int, length: int, reverse: bool
) -> tuple[np.ndarray, ...]:
    """Run the region with the eager kernels, step by step."""
    plan, first = Plan(body), carries + sequences
    carry: list[np.ndarray] = [*arrays[:carries]]
    stacks = [np.empty((length, *n.shape), n.dtype) for n in body.outputs[carries:]]
    for step in reversed(range(length)) if reverse else range(length):
        elements = [x[step] for x in arrays[carries:first]]
        found = plan.run([*carry, *elements, *arrays[first:]])
        carry = found[:carries]
        for stack, value in zip(stacks, found[carries:], strict=True):
            stack[step] = value
    last = [np.array(c, order="C") for c in carry]  # it may be a view of an operand
    return (*last, *stacks)


SCAN = defop(
    "scan",
    inputs="*xs",
    results="*outs",
    regions="body",
    infer=infer,
    lower=Stepwise(),
    kernel=run_steps,
    vjp=(refuse("the gradient of scan is a scan of its own: call dualgraph.control.scan"),),
)


@dataclass(frozen=True, slots=True)
class Scan:
    """The parts of a scan, by name."""

    body: Graph
    carries: int
    sequences: int
    length: int
    reverse: bool

    @classmethod
    def of(cls, node: Node) -> "Scan":
        """Return those of a node."""
        return cls(**node.facts)

    @property
    def static(self) -> dict[str, Any]:
        """The static arguments besides the region."""
        return {
            "carries": self.carries,
            "sequences": self.sequences,
            "length": self.length,
            "reverse": self.reverse,
        }


def narrowed(node: Node, taken: set[int]) -> tuple[Node, list[int]]:
    """Return a scan without what no result in ``taken`` needs, and which results it has.

    A carry whose last value nobody takes stays as long as another result depends on it.
    """
    scan = Scan.of(node)
    kept, needed = _outputs(scan, taken)
    carries = [k for k in kept if k < scan.carries]
    others = range(scan.carries, len(scan.body.inputs))
    inputs = [*carries, *(k for k in others if scan.body.inputs[k] in needed)]
    if len(inputs) == len(scan.body.inputs) and len(kept) == len(scan.body.outputs):
        return node, kept
    body = Graph(
        tuple(scan.body.inputs[k] for k in inputs),
        tuple(n for n in scan.body.nodes if n in needed),
        tuple(scan.body.outputs[k] for k in kept),
    )
    of_steps = range(scan.carries, scan.carries + scan.sequences)
    parts = Scan(
        body,
        carries=len(carries),
        sequences=sum(k in of_steps for k in inputs),
        length=scan.length,
        reverse=scan.reverse,
    )
    less = replace(
        node,
        inputs=tuple(node.inputs[k] for k in inputs),
        static=parts.static,
        results=tuple(node.results[k] for k in kept),
        regions=(body,),
    )
    return less, kept


def _outputs(scan: Scan, taken: set[int]) -> tuple[list[int], set[Node]]:
    """Return the outputs of the region that are needed, and every value that they depend on."""
    kept = set(taken)
    while True:
        needed = ancestors(tuple(scan.body.outputs[k] for k in kept))
        more = {k for k in range(scan.carries) if scan.body.inputs[k] in needed} - kept
        if not more:
            return sorted(kept), needed
        kept |= more
