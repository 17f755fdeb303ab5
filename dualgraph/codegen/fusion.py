"""Which nodes become one kernel.

First every reduction takes in the element-wise producers that only it needs; then element-wise
nodes over one iteration space are joined with their producers, as long as no path leaves a group
and comes back. Everything else is a kernel of its own. Fusion cannot move a bit: an element's value
does not depend on where it is computed.
"""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from ..graph.ir import CONST, INPUT, Graph, Node, users_of
from ..kernels.copying import Cat, Embed, Overwrite
from ..kernels.elementwise import Elementwise
from ..kernels.indexing import Gather, Position
from ..kernels.library import Library
from ..kernels.lines import Line
from ..kernels.matmul import Gemm
from ..kernels.reduce import Reduce
from ..kernels.routine import Routine
from .places import Places, single_stride

FAMILIES = {
    Elementwise: "loop",
    Gather: "loop",
    Position: "loop",
    Reduce: "reduce",
    Line: "line",
    Gemm: "gemm",
    Cat: "cat",
    Embed: "embed",
    Overwrite: "overwrite",
    Routine: "routine",
    Library: "library",
}
MOST_NODES = 48  # a longer kernel compiles slowly and spills registers
MOST_OPERANDS = 14  # LLVM checks every pair of pointers for overlap before a vector loop
MOST_SEARCHED = 1000  # groups between two that might be joined: a search from each to all is slow


@dataclass(slots=True, eq=False)
class Group:
    """The nodes of one kernel, in order; ``shape`` is the iteration space."""

    family: str
    shape: tuple[int, ...]
    nodes: list[Node]
    first: int = 0  # positions of the first and last node in the traced order
    last: int = 0
    predecessors: set["Group"] = field(default_factory=set)
    successors: set["Group"] = field(default_factory=set)


def family(node: Node) -> str:
    """Return the kernel family of a computed node."""
    return FAMILIES[type(node.op.lower)]


def can_fail(node: Node) -> bool:
    """Tell whether an op can refuse its input: an index out of range, a singular matrix."""
    return getattr(node.op.lower, "may_fail", False)


def may_fail(group: Group) -> bool:
    """Tell whether a group has an op that can refuse its input."""
    return any(can_fail(n) for n in group.nodes)


def _computed(node: Node) -> bool:
    return node.op is not CONST and node.op is not INPUT and not node.op.is_view


def fuse(graph: Graph, places: Places) -> list[Group]:
    """Return the groups of a graph in an order in which they can run."""
    order = [n for n in graph.nodes if _computed(n)]
    group_of: dict[Node, Group] = {}
    _absorb_producers(graph, order, places, group_of)
    for node in order:
        if node not in group_of:
            group_of[node] = Group(family(node), node.shape, [node])
    _number(order, group_of)
    _link(order, places, group_of)
    _join_loops(order, places, group_of)
    return _schedule(order, group_of)


# --- producers into reductions ------------------------------------------------------------------


def _absorb_producers(
    graph: Graph, order: list[Node], places: Places, group_of: dict[Node, Group]
) -> None:
    users = users_of(graph.nodes)
    kept = set(graph.outputs)
    index = {n: i for i, n in enumerate(order)}
    for node in order:
        if family(node) != "reduce":
            continue
        shape = node.inputs[0].shape
        taken = [node]
        frontier = [node.inputs[0]]
        while frontier:
            value = frontier.pop()
            if _absorbable(value, shape, taken, users, kept, places, node, group_of):
                taken.append(value)
                frontier.extend(value.inputs)
        group = Group("reduce", shape, sorted(set(taken), key=index.__getitem__))
        group_of.update(dict.fromkeys(group.nodes, group))


def _absorbable(
    value: Node,
    shape: tuple[int, ...],
    taken: list[Node],
    users: dict[Node, list[Node]],
    kept: set[Node],
    places: Places,
    reduction: Node,
    group_of: dict[Node, Group],
) -> bool:
    if not _computed(value) or value in kept or value in taken or value in group_of:
        return False
    plain = isinstance(value.op.lower, Elementwise) and not value.op.lower.indexed
    if not plain or value.shape != shape or len(taken) >= MOST_NODES:
        return False
    if any(user not in taken for user in users[value]):
        return False
    return all(walkable(places, i, shape, reduction.static["axes"]) for i in value.inputs)


def walkable(places: Places, operand: Node, shape: tuple[int, ...], axes: tuple[int, ...]) -> bool:
    """Tell whether an operand has one stride before, along, and after the reduced axes."""
    place = places[operand]
    if place.constant:
        return True
    strides = place.strides_over(shape)
    first, last = axes[0], axes[-1] + 1
    parts = (slice(0, first), slice(first, last), slice(last, None))
    return all(single_stride(shape[p], strides[p]) is not None for p in parts)


# --- loops over one iteration space -------------------------------------------------------------


def _number(order: list[Node], group_of: dict[Node, Group]) -> None:
    for i in reversed(range(len(order))):
        group_of[order[i]].first = i
    for i, node in enumerate(order):
        group_of[node].last = i


def _link(order: list[Node], places: Places, group_of: dict[Node, Group]) -> None:
    for node in order:
        group = group_of[node]
        for value in node.inputs:
            source = group_of.get(places[value].root)
            if source is not None and source is not group:
                group.predecessors.add(source)
                source.successors.add(group)


def _join_loops(order: list[Node], places: Places, group_of: dict[Node, Group]) -> None:
    """Join nodes with what they take; before that, those of backward with what takes them.

    Backward often begins with something of forward values alone, such as ``1 - y * y``. Beside its
    producer it would be one more array to keep until backward gets there.
    """
    loops = [n for n in order if family(n) == "loop"]
    users = users_of(loops)
    for node in reversed(loops):
        if node.derived:
            for user in users.get(node, ()):
                _try_join(node, user, places, group_of)
    for node in loops:
        for value in node.inputs:
            if value in group_of:
                _try_join(value, node, places, group_of)


def _try_join(value: Node, user: Node, places: Places, group_of: dict[Node, Group]) -> None:
    a, b = group_of[value], group_of[user]
    if a is b or a.family != "loop" or b.family != "loop" or a.shape != b.shape:
        return
    if _may_join(b, a, places):
        _join(a, b, group_of)


def _may_join(a: Group, b: Group, places: Places) -> bool:
    if len(a.nodes) + len(b.nodes) > MOST_NODES:
        return False
    if _operand_count([*a.nodes, *b.nodes], places) > MOST_OPERANDS:
        return False
    if _reads_own_memory([*a.nodes, *b.nodes], places):
        return False
    return not (_reaches_around(a, b) or _reaches_around(b, a))


def _reads_own_memory(nodes: list[Node], places: Places) -> bool:
    """Tell whether a node needs a whole value of the group: through a view, or as a table."""
    inside = set(nodes)
    for node in nodes:
        for i, value in enumerate(node.inputs):
            table = i == 0 and isinstance(node.op.lower, Gather)
            if (table or value.op.is_view) and places[value].root in inside:
                return True
    return False


def _operand_count(nodes: list[Node], places: Places) -> int:
    inside = set(nodes)
    return len({places[i] for n in nodes for i in n.inputs if i not in inside}) + len(nodes) // 8


def _reaches_around(start: Group, goal: Group) -> bool:
    """Tell whether a path leads from one group to the other through a third.

    A group that starts after the goal's last node cannot lead to it: the search stays local. Where
    it does not, it is given up, level by level so that the answer depends on the graph alone.
    """
    level = {s for s in start.successors if s is not goal and s.first < goal.last}
    seen = set(level)
    while level:
        if len(seen) > MOST_SEARCHED:
            return True
        reached = {s for group in level for s in group.successors}
        if goal in reached:
            return True
        level = {s for s in reached - seen if s.first < goal.last}
        seen |= level
    return False


def _join(a: Group, b: Group, group_of: dict[Node, Group]) -> None:
    """Move everything of b into a."""
    a.nodes.extend(b.nodes)
    a.first, a.last = min(a.first, b.first), max(a.last, b.last)
    for node in b.nodes:
        group_of[node] = a
    for other in b.predecessors:
        other.successors.discard(b)
        if other is not a:
            other.successors.add(a)
            a.predecessors.add(other)
    for other in b.successors:
        other.predecessors.discard(b)
        if other is not a:
            other.predecessors.add(a)
            a.successors.add(other)
    a.predecessors.discard(b)
    a.successors.discard(b)


def _schedule(order: list[Node], group_of: dict[Node, Group]) -> list[Group]:
    """Order the groups by dependence; among those that are ready, the one traced first."""
    index = {n: i for i, n in enumerate(order)}
    groups = list(dict.fromkeys(group_of[n] for n in order))
    for group in groups:
        group.nodes.sort(key=index.__getitem__)
    by_position = {index[g.nodes[-1]]: g for g in groups}
    position = {g: i for i, g in by_position.items()}
    waiting = {g: len(g.predecessors) for g in groups}
    ready = [position[g] for g in groups if not waiting[g]]
    heapify(ready)
    result = []
    while ready:
        group = by_position[heappop(ready)]
        result.append(group)
        for successor in group.successors:
            waiting[successor] -= 1
            if not waiting[successor]:
                heappush(ready, position[successor])
    assert len(result) == len(groups), "fusion made a cycle"
    return result
