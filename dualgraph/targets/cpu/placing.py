"""What every family writes its rows with: the memory of values, and the rows so far."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ...ir.graph import RESULT, Graph, Node
from ..protocol import Destination
from .arguments import LOOP
from .places import Places
from .rows import Buffer, Cost, Loop, Ref, Row, Word


class Placing(ABC):
    """The buffers of the values of one graph, and the rows that compute them."""

    def __init__(self, graph: Graph, places: Places, leaving: set[Node]) -> None:
        self.places = places
        self.leaving = leaving  # the values that are needed outside of the group that has them
        self.rows: list[Row] = []
        self.status = Buffer(8, "status")
        self.objects = [
            Buffer(node.nbytes, "object", i, label=f"input {i}")
            for i, node in enumerate(graph.inputs)
        ]  # what is given: inputs, then outputs with memory of their own
        self.buffers = dict(zip(graph.inputs, self.objects, strict=True))
        self.taken = {
            (n.inputs[0], n.static["index"]): n for n in graph.nodes if n.op is RESULT
        }  # the values of nodes with several results
        self.in_place: dict[Node, Node] = {}  # a result -> the input that it overwrites

    def buffer(self, node: Node) -> Buffer:
        """Return the memory of a value; one that has none gets a place in the arena."""
        if node not in self.buffers:
            of = node.inputs[0] if node.op is RESULT else node
            self.buffers[node] = Buffer(node.nbytes, "arena", label=of.op.name)
        return self.buffers[node]

    def results(self, node: Node) -> list[Buffer]:
        """Return the memory of every result of a node, also of those that nobody takes."""
        if len(node.results) == 1:
            return [self.buffer(node)]
        return [
            self.buffer(self.taken[node, k])
            if (node, k) in self.taken
            else Buffer(aval.size * aval.dtype.itemsize, "arena", label=f"{node.op.name}, unused")
            for k, aval in enumerate(node.results)
        ]

    def ref(self, value: Node) -> Ref:
        """Return the address of a value, which may be a view."""
        place = self.places[value]
        return Ref(self.buffer(place.root), place.layout.offset * value.dtype.itemsize)

    def add(
        self,
        text: str,
        prefix: str,
        arguments: list[Word],
        cost: Cost,
        nodes: list[Node],
        *,
        reads: Sequence[Ref],
        writes: Sequence[Ref],
        may_fail: bool = False,
    ) -> Row:
        """Append a row."""
        row = Row(
            text,
            prefix,
            arguments,
            cost.items,
            cost.grain,
            [ref.buffer for ref in reads],
            [ref.buffer for ref in writes],
            nodes,
            may_fail,
        )
        self.rows.append(row)
        return row

    @abstractmethod
    def nested(self, graph: Graph, destinations: list[Destination]) -> "Placing":
        """Return the rows that compute a region, over objects of its own."""

    def add_loop(self, loop: Loop, node: Node, rows: list[Row], results: Sequence[Buffer]) -> None:
        """Append rows that run once for each step; whatever they read is kept until all have."""
        block: list[Word] = [*LOOP.pack(
            step=0, length=loop.length, reverse=int(loop.reverse), moves=0, move_count=0
        )]  # fmt: skip
        bases = [base.start for base in loop.bases]
        reads, writes = [ref.buffer for ref in bases], [*results]
        begin = Row("", "begin", [*block, *bases], 1, 1, reads, writes, [node], loop=loop)
        end = Row("", "end", [], 1, 1, reads, writes, loop=loop)
        self.rows += [begin, *rows, end]
