"""Which nodes become one kernel.

First every reduction takes in the element-wise producers that only it needs; then element-wise
nodes over one iteration space are joined with their producers, as long as no path leaves a group
and comes back. Everything else is a kernel of its own. Fusion cannot move a bit: an element's value
does not depend on where it is computed.
"""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from ...ir.graph import CONST, INPUT, Graph, Node, users_of
from ...numerics.facts.contraction import Contraction
from ...numerics.facts.data import Cat, Embed, Gather, Overwrite, Position
from ...numerics.facts.elementwise import Elementwise
from ...numerics.facts.reduction import Reduce
from ...numerics.facts.routine import Library, Line, Routine
from .places import Places, single_stride

FAMILIES = {
    Elementwise: "loop",
    Gather: "loop",
    Position: "loop",
    Reduce: "reduce",
    Line: "line",
    Contraction: "gemm",
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
    rank: int = 0  # an order in which the groups can run, kept while they are joined
    predecessors: set["Group"] = field(default_factory=set)
    successors: set["Group"] = field(default_factory=set)


def family(node: Node) -> str:
    """Return the kernel family of a computed node."""
    return FAMILIES[type(node.op.lower)]


def can_fail(node: Node) -> bool:
    """Tell whether an op can refuse its input: an index out of range, a singular matrix."""
    return node.op.lower.may_fail


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
    for i, node in enumerate(order):
        group_of[node].rank = i


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
    order = _ordered_without(a, b) if _may_join(b, a, places) else None
    if order is not None:
        _rank(a, b, *order)
        _join(a, b, group_of)


def _may_join(a: Group, b: Group, places: Places) -> bool:
    if len(a.nodes) + len(b.nodes) > MOST_NODES:
        return False
    if _operand_count([*a.nodes, *b.nodes], places) > MOST_OPERANDS:
        return False
    return not _reads_own_memory([*a.nodes, *b.nodes], places)


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


def _ordered_without(a: Group, b: Group) -> tuple[set[Group], set[Group]] | None:
    """Return what must run before and after two groups as one; None: a path leads around.

    Only groups between the two matter: those that the later one needs, and those that need the
    earlier one. Where there are many, the search is given up.
    """
    early, late = (a, b) if a.rank < b.rank else (b, a)
    after, before = {early}, {late}
    level = {s for s in early.successors if s.rank < late.rank}
    while level:
        after |= level
        reached = {s for group in level for s in group.successors}
        if late in reached or len(after) > MOST_SEARCHED:
            return None
        level = {s for s in reached - after if s.rank < late.rank}
    level = {s for s in late.predecessors if s.rank > early.rank}
    while level:
        before |= level
        if len(before) > MOST_SEARCHED:
            return None
        reached = {s for group in level for s in group.predecessors}
        level = {s for s in reached - before if s.rank > early.rank}
    return before - {late}, after - {early}


def _rank(a: Group, b: Group, before: set[Group], after: set[Group]) -> None:
    """Share the ranks of all that `_ordered_without` found; a gets that of both.

    Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic graphs" (2006).
    """
    ranks = sorted(g.rank for g in (a, b, *before, *after))
    in_order = [*sorted(before, key=_rank_of), a, *sorted(after, key=_rank_of)]
    for group, rank in zip(in_order, ranks, strict=False):  # one rank is left
        group.rank = rank


def _rank_of(group: Group) -> int:
    return group.rank


def _join(a: Group, b: Group, group_of: dict[Node, Group]) -> None:
    """Move everything of b into a."""
    a.nodes.extend(b.nodes)
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
