"""The intermediate representation: immutable nodes in SSA form.

A graph prints as::

    graph(%0: float32[2,3] = input 0) {
      %1: float32[] = const 2.0
      %2: float32[2,3] = mul(%0, %1)                    # model.py:7 net.layer1
      return %2
    }

A node *is* its value: every op has one output. ``INPUT`` and ``CONST`` are the two leaves. Nodes
are pure; changes of state are outputs of the graph that the program writes back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from ..core.op import Op
from ..core.types import Aval, Shape


def _leaf(name: str) -> Op:
    """A leaf's op: not in the registry, with no rules, because it computes nothing."""
    return Op(name=name, grad_name=name)


INPUT = _leaf("input")
CONST = _leaf("const")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """One value: an op, the values that it takes, and where in the user's code it came from."""

    op: Op
    inputs: tuple["Node", ...]
    static: dict[str, Any]
    shape: Shape
    dtype: np.dtype
    source: str = "<unknown>"
    path: str = ""
    derived: bool = field(default=False)  # made by the backward walk

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return Aval(self.shape, self.dtype).size

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def aval(self) -> Aval:
        return Aval(self.shape, self.dtype)

    def __repr__(self) -> str:
        return f"<{self.op.name} {self.aval!r} at {self.source}>"

    def with_inputs(self, inputs: tuple["Node", ...]) -> "Node":
        """Return this node on other inputs (itself when they are the same)."""
        if inputs == self.inputs:
            return self
        return Node(
            self.op, inputs, self.static, self.shape, self.dtype, self.source, self.path,
            self.derived,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Graph:
    """Inputs, every other node in an order in which it can be computed, outputs."""

    inputs: tuple[Node, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Node, ...]

    def __str__(self) -> str:
        return print_graph(self)


def constant(number: bool | int | float, dtype: np.dtype, source: str = "<constant>") -> Node:
    """Return a scalar constant node."""
    return Node(CONST, (), {"number": _in_kind(number, dtype)}, (), dtype, source)


def _in_kind(number: bool | int | float, dtype: np.dtype) -> bool | int | float:
    """Write the number 1 as 1.0 when the dtype is floating, and 0.0 as 0 when it is an integer."""
    if not isfinite(number):
        return number
    same = {"f": float, "b": bool}.get(dtype.kind, int)(number)
    return same if same == number else number


def const_array(node: Node) -> np.ndarray:
    """Return the value of a CONST node as a 0-d array of its dtype."""
    return np.array(node.static["number"]).astype(node.dtype)


def names_of(graph: Graph) -> dict[Node, str]:
    """Return the printed name of every node."""
    return {n: f"%{i}" for i, n in enumerate((*graph.inputs, *graph.nodes))}


def print_node(node: Node, names: dict[Node, str], location: bool = True) -> str:
    """Return one line of the printed form."""
    if node.op is CONST:
        right = f"const {node.static['number']!r}"
    else:
        static = [f"{k}={_static_text(v)}" for k, v in node.static.items()]
        right = f"{node.op.name}({', '.join([*[names[i] for i in node.inputs], *static])})"
    line = f"{names[node]}: {node.aval!r} = {right}"
    where = f"# {node.source}{' ' + node.path if node.path else ''}"
    return f"{line:<60} {where}" if location and node.op is not CONST else line


def _static_text(value: Any) -> str:
    return value.name if isinstance(value, np.dtype) else repr(value)


def print_graph(graph: Graph, location: bool = True) -> str:
    """Return the text form of a graph (with source lines unless ``location`` is False)."""
    names = names_of(graph)
    head = ", ".join(f"{names[n]}: {n.aval!r} = input {i}" for i, n in enumerate(graph.inputs))
    body = [f"  {print_node(n, names, location)}" for n in graph.nodes]
    tail = f"  return {', '.join(names[n] for n in graph.outputs)}"
    return "\n".join([f"graph({head}) {{", *body, tail, "}"])


def users_of(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    """Return, for each node, the nodes that take it (once per use)."""
    users: dict[Node, list[Node]] = {}
    for node in nodes:
        for value in node.inputs:
            users.setdefault(value, []).append(node)
    return users
