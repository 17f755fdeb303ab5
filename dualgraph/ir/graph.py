"""The intermediate representation: immutable nodes in SSA form.

A graph prints as::

    graph(%0: float32[2,3] = input 0) {
      %1: float32[] = const 2.0
      %2: float32[2,3] = mul(%0, %1)                    # model.py:7 net.layer1
      return %2
    }

A node with one result *is* that value. Of a node with several, each value is a `RESULT` node on it,
which costs nothing and is printed as a name on the left: ``%3: ..., %4: ... = sort(%2)``. ``INPUT``
and ``CONST`` are the leaves. A node may hold regions: closed graphs whose inputs its op gives them.
Nodes are pure; changes of state are outputs of the graph that the program writes back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NoReturn

import numpy as np

from ..core.op import Op
from ..core.types import Aval, Shape
from ..errors import GraphError


def _leaf(name: str) -> Op:
    """Return an op that is not in the registry and has no rules, because it computes nothing."""
    return Op(name=name, grad_name=name)


INPUT = _leaf("input")
CONST = _leaf("const")
RESULT = _leaf("result")  # one result of its only input; the static ``index`` says which


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """An op, the values that it takes, its results, and where in the user's code it came from.

    ``shape`` and ``dtype`` are those of the only result; with several there are none.
    """

    op: Op
    inputs: tuple["Node", ...]
    static: dict[str, Any]
    results: tuple[Aval, ...]
    source: str = "<unknown>"
    path: str = ""
    derived: bool = False  # made by the backward walk
    regions: tuple["Graph", ...] = ()
    shape: Shape = field(init=False)
    dtype: np.dtype[Any] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.results) == 1:
            object.__setattr__(self, "shape", self.results[0].shape)
            object.__setattr__(self, "dtype", self.results[0].dtype)

    def __getattr__(self, name: str) -> NoReturn:
        """Say what is wrong with asking a node for the shape of its only result."""
        if name not in ("shape", "dtype"):  # others ask for names of theirs, as NumPy does
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise GraphError(f"{name} of {self!r}, which has {len(self.results)} results: take one")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.aval.size

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def aval(self) -> Aval:
        return Aval(self.shape, self.dtype)

    @property
    def facts(self) -> dict[str, Any]:
        """What the rules of the op take by keyword: static facts, and regions by their names."""
        if not self.regions:
            return self.static
        return self.static | dict(zip(self.op.regions, self.regions, strict=True))

    def __repr__(self) -> str:
        results = ", ".join(map(repr, self.results))
        return f"<{self.op.name} {results} at {self.source}>"

    def with_inputs(self, inputs: tuple["Node", ...]) -> "Node":
        """Return this node on other inputs (itself when they are the same)."""
        return self if inputs == self.inputs else self._with(inputs, self.regions)

    def with_regions(self, regions: tuple["Graph", ...]) -> "Node":
        """Return this node with other regions (itself when they are the same)."""
        return self if regions == self.regions else self._with(self.inputs, regions)

    def _with(self, inputs: tuple["Node", ...], regions: tuple["Graph", ...]) -> "Node":
        return Node(
            self.op, inputs, self.static, self.results, self.source, self.path, self.derived,
            regions,
        )  # fmt: skip

    def beside(self, op: Op, inputs: tuple["Node", ...], static: dict[str, Any], aval: Aval):
        """Return another node that belongs to the same place in the user's code."""
        return Node(op, inputs, static, (aval,), self.source, self.path, self.derived)


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
    return Node(CONST, (), {"number": _in_kind(number, dtype)}, (Aval((), dtype),), source)


def _in_kind(number: bool | int | float, dtype: np.dtype) -> bool | int | float:
    """Write the number 1 as 1.0 when the dtype is floating, and 0.0 as 0 when it is an integer."""
    if not isfinite(number):
        return number
    same = {"f": float, "b": bool}.get(dtype.kind, int)(number)
    return same if same == number else number


def const_array(node: Node) -> np.ndarray:
    """Return the value of a CONST node as a 0-d array of its dtype."""
    return np.array(node.static["number"]).astype(node.dtype)


def results_of(node: Node) -> tuple[Node, ...]:
    """Return the values of a node: the node itself when it has one result, else its projections."""
    if len(node.results) == 1:
        return (node,)
    return tuple(
        node.beside(RESULT, (node,), {"index": k}, aval) for k, aval in enumerate(node.results)
    )


def may_fail(node: Node) -> bool:
    """Tell whether an op can refuse its input, or one in its regions can."""
    inside = (n for region in node.regions for n in region.nodes)
    return node.op.lower.may_fail or any(map(may_fail, inside))


def users_of(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    """Return, for each node, the nodes that take it (once per use)."""
    users: dict[Node, list[Node]] = {}
    for node in nodes:
        for value in node.inputs:
            users.setdefault(value, []).append(node)
    return users


# --- the printed form ----------------------------------------------------------------------------


def names_of(graph: Graph) -> dict[Node, str]:
    """Return the printed name of every node; of one with several results, the names of these.

    A result that nobody takes is ``_``.
    """
    values = [n for n in (*graph.inputs, *graph.nodes) if len(n.results) == 1]
    names = {n: f"%{i}" for i, n in enumerate(values)}
    taken = {(n.inputs[0], n.static["index"]): names[n] for n in values if n.op is RESULT}
    for node in graph.nodes:
        if len(node.results) != 1:
            names[node] = ", ".join(taken.get((node, k), "_") for k in range(len(node.results)))
    return names


def print_node(node: Node, names: dict[Node, str], location: bool = True) -> str:
    """Return one line of the printed form."""
    line = f"{_left(node, names[node])}{_right(node, names)}"
    where = f"# {node.source}{' ' + node.path if node.path else ''}"
    return f"{line:<60} {where}" if location and node.op is not CONST else line


def _left(node: Node, name: str) -> str:
    """Return the results with their types; without any, nothing."""
    names = name.split(", ") if len(node.results) > 1 else [name]
    if len(names) < len(node.results):  # of a node that is no part of the graph
        names = [name] * len(node.results)
    typed = [f"{n}: {aval!r}" for n, aval in zip(names, node.results, strict=False)]
    return f"{', '.join(typed)} = " if typed else ""


def _right(node: Node, names: dict[Node, str]) -> str:
    if node.op is CONST:
        return f"const {node.static['number']!r}"
    if node.op is RESULT:
        return f"result {node.static['index']} of {node.inputs[0].op.name}"
    static = [f"{k}={_static_text(v)}" for k, v in node.static.items()]
    return f"{node.op.name}({', '.join([*[names[i] for i in node.inputs], *static])})"


def _static_text(value: Any) -> str:
    return value.name if isinstance(value, np.dtype) else repr(value)


def print_graph(graph: Graph, location: bool = True, name: str = "graph") -> str:
    """Return the text form of a graph (with source lines unless ``location`` is False)."""
    names = names_of(graph)
    head = ", ".join(f"{names[n]}: {n.aval!r} = input {i}" for i, n in enumerate(graph.inputs))
    body: list[str] = []
    for node in graph.nodes:
        if node.op is not RESULT:
            body.append(f"  {print_node(node, names, location)}")
        for label, region in zip(node.op.regions, node.regions, strict=True):
            text = print_graph(region, location, label)
            body += [f"    {line}" for line in text.splitlines()]
    tail = f"  return {', '.join(names[n] for n in graph.outputs)}"
    return "\n".join([f"{name}({head}) {{", *body, tail, "}"])
