"""The graph that grows while a function is traced: inputs, nodes, and where each is from."""

import numpy as np

from ..core.dispatch import state
from ..core.op import Op, Static
from ..core.scope import current_path
from ..core.tensor import GradFn, TensorBase, Value
from ..core.types import Aval
from ..eager.frontend import array_of
from ..errors import user_location
from ..ir.graph import INPUT, Graph, Node, constant, results_of
from .capture import Source


class Recording:
    """Nodes in the order in which they were recorded; one node for each constant."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.known: set[Node] = set()  # every value that was recorded here, inputs included
        self.inputs: dict[Node, Source] = {}
        self.constants: dict[tuple[np.dtype, bytes], Node] = {}
        self.locations: dict[GradFn, tuple[str, str]] = {}

    @property
    def sources(self) -> list[Source]:
        """Where the inputs come from, in their order."""
        return list(self.inputs.values())

    def add_input(self, source: Source, value: Value) -> Node:
        """Append a graph input of a value's shape and dtype, read from ``source`` at every call."""
        aval = Aval(tuple(value.shape), value.dtype)
        node = self.leaf(aval, source.describe())
        self.inputs[node] = source
        return node

    def leaf(self, aval: Aval, path: str) -> Node:
        """Return a new graph input that whoever makes a graph of this will list."""
        node = Node(INPUT, (), {}, (aval,), user_location(), path)
        self.known.add(node)
        return node

    def add_constant(self, tensor: TensorBase) -> Node:
        """Return the node of a literal."""
        array = array_of(tensor)
        key = (array.dtype, array.tobytes())
        if key not in self.constants:
            assert tensor.constant is not None, "a literal knows its number"
            self.constants[key] = constant(tensor.constant, array.dtype)
            self._add(self.constants[key])
        return self.constants[key]

    def append(self, op: Op, values: tuple[Node, ...], static: Static) -> Node:
        """Append the node of an op with one result, whose rule says what comes out."""
        aval = op.infer(*values, **static)
        return self._append(op, values, static, (aval,))

    def append_several(self, op: Op, values: tuple[Node, ...], static: Static) -> tuple[Node, ...]:
        """Append the node of an op with several results, and return these."""
        node = self._append(op, values, static, op.infer(*values, **static))
        results = results_of(node)
        for result in results:
            if result is not node:
                self._add(result)
        return results

    def _append(
        self, op: Op, values: tuple[Node, ...], static: Static, avals: tuple[Aval, ...]
    ) -> Node:
        regions = tuple([static[name] for name in op.regions])
        if regions:
            static = {k: v for k, v in static.items() if k not in op.regions}
        results = tuple([Aval(tuple(aval.shape), aval.dtype) for aval in avals])
        node = Node(op, values, static, results, *self.location(), regions)
        self._add(node)
        return node

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        self.known.add(node)

    def location(self) -> tuple[str, str, bool]:
        """Backward nodes carry the line and module of the forward op that they belong to."""
        visiting = state.visiting
        if visiting is not None and visiting in self.locations:
            return *self.locations[visiting], True
        return user_location(), current_path(), visiting is not None

    def locate(self, node: GradFn) -> None:
        """Remember where a node of the tape was recorded, for its backward nodes."""
        source, path, _ = self.location()
        self.locations[node] = (source, path)

    def graph(self, outputs: list[Node]) -> Graph:
        """Return everything recorded so far as a graph with these outputs."""
        return Graph(tuple(self.inputs), tuple(self.nodes), tuple(outputs))
