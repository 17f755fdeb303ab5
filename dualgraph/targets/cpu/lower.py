"""From an optimized graph to rows: homes for its values, and the rows of each group's family."""

import time
from typing import NamedTuple

from ...core.op import REGISTRY
from ...ir.graph import RESULT, Graph, Node, may_fail
from ..protocol import Destination, Fresh, Write
from .families.base import Group
from .families.loops import emit_copy
from .fusion import fuse
from .operands import materialize_operands
from .places import Places, contiguous_layout, is_input
from .placing import Placing
from .rows import Buffer


class Order(NamedTuple):
    """What is read and computed when, as numbers of groups."""

    group: dict[Node, int]  # of every computed node
    last_read: dict[Node, int]  # of every root: the last group that reads it
    last_failing: int  # the last group that can refuse its input, or -1
    returned: set[Node]  # roots of the outputs
    leaving: set[Node]  # roots that are read by another group, or returned


def order_of(graph: Graph, groups: list[Group], places: Places) -> Order:
    """Find out in one walk what `Lowering` asks for every state that is written."""
    group_of: dict[Node, int] = {}
    last_read: dict[Node, int] = {}
    last_failing = -1
    returned = {places[o].root for o in graph.outputs}
    leaving = set(returned)
    for i, group in enumerate(groups):
        group_of.update(dict.fromkeys(group.nodes, i))
        for node in group.nodes:
            roots = [places[value].root for value in node.inputs]
            last_read.update(dict.fromkeys(roots, i))
            leaving.update([root for root in roots if group_of.get(root) != i])
            if may_fail(node):
                last_failing = i
    group_of.update({n: group_of[n.inputs[0]] for n in graph.nodes if n.op is RESULT})
    return Order(group_of, last_read, last_failing, returned, leaving)


class Lowering(Placing):
    """The rows of one graph, and homes for its values."""

    def __init__(self, graph: Graph, destinations: list[Destination]) -> None:
        self.started = time.perf_counter()
        self.graph = materialize_operands(graph)
        places = Places()
        self.groups = fuse(self.graph, places)
        self.order = order_of(self.graph, self.groups, places)
        super().__init__(self.graph, places, self.order.leaving)
        self.fresh: list[Node] = []  # outputs that get new memory, in order
        self.late: list[tuple[Node, Buffer]] = []  # copies after everything else
        self.arena_bytes = 0
        self._assign_homes(destinations)

    # --- where values go ---

    def _assign_homes(self, destinations: list[Destination]) -> None:
        count = len(self.graph.inputs)
        for node, destination in zip(self.graph.outputs, destinations, strict=True):
            match destination:
                case Fresh():
                    buffer = Buffer(node.nbytes, "object", count + len(self.fresh))
                    buffer.label = f"output {len(self.fresh)}"
                    self.fresh.append(node)
                    self.objects.append(buffer)
                    self._home(node, buffer)
                case Write(target):
                    self._home_in_state(node, self.graph.inputs[target])

    def _has_home(self, node: Node) -> bool:
        return node.op.is_view or is_input(node) or node in self.buffers

    def _home(self, node: Node, buffer: Buffer) -> None:
        if self._has_home(node):
            self.late.append((node, buffer))
        else:
            self.buffers[node] = buffer

    def _home_in_state(self, node: Node, state: Node) -> None:
        buffer = self.buffers[state]
        if not self._has_home(node) and self._may_overwrite(node, state):
            self.in_place[node] = state
            self.buffers[node] = buffer
        else:
            self.late.append((node, buffer))

    def _may_overwrite(self, node: Node, state: Node) -> bool:
        """Tell whether nobody needs the old state after the group that computes the new one."""
        order = self.order
        at = order.group[node]
        if state in order.returned or order.last_read.get(state, -1) > at:
            return False
        if order.last_failing >= at:
            return False  # a call that fails must not have changed state
        group = self.groups[at]
        return group.family.overwrites(group, state, self.places)

    # --- regions ---

    def nested(self, graph: Graph, destinations: list[Destination]) -> "Lowering":
        unit = Lowering(graph, destinations)
        unit.status = self.status
        for group in unit.groups:
            if group.family.has_work(group):
                group.family.emit(group, unit)
        unit.finish_copies()
        self.groups += unit.groups
        return unit

    # --- the end ---

    def _copy(self, node: Node, buffer: Buffer) -> None:
        emit_copy(node, node.shape, contiguous_layout(node.shape), buffer, self)

    def finish_copies(self) -> None:
        """Copy into outputs; then, with snapshots of old state where needed, into state."""
        count = len(self.graph.inputs)
        outputs = [(n, b) for n, b in self.late if b.index >= count]
        states = [(n, b) for n, b in self.late if b.index < count]
        for node, buffer in outputs:
            self._copy(node, buffer)
        ready: list[tuple[Node, Buffer]] = []
        for node, buffer in states:
            if is_input(self.places[node].root):
                snapshot = Node(REGISTRY["clone"], (node,), {}, (node.aval,))
                self._copy(node, self.buffer(snapshot))
                node = snapshot
            ready.append((node, buffer))
        for node, buffer in ready:
            self._copy(node, buffer)
