"""Which nodes become one kernel.

Each family says what it takes in, and fusion knows none of them: first a node takes in producers
that only it needs, as a reduction does; then groups are joined with their producers, as loops over
one iteration space are, as long as no path leaves a group and comes back. Fusion cannot move a bit:
an element's value does not depend on where it is computed.
"""

from heapq import heapify, heappop, heappush

from ...ir.graph import RESULT, Graph, Node, users_of
from .families.base import Group
from .families.table import family_of
from .places import Places, is_computed

MOST_SEARCHED = 1000  # groups between two that might be joined: a search from each to all is slow


def fuse(graph: Graph, places: Places) -> list[Group]:
    """Return the groups of a graph in an order in which they can run."""
    order = [n for n in graph.nodes if is_computed(n)]
    users = users_of(graph.nodes)
    group_of: dict[Node, Group] = {}
    _absorb_producers(graph, order, users, places, group_of)
    for node in order:
        if node not in group_of:
            family = family_of(node)
            group_of[node] = Group(family, family.space(node), [node])
    group_of.update({n: group_of[n.inputs[0]] for n in graph.nodes if n.op is RESULT})
    _number(order, group_of)
    _link(order, places, group_of)
    _join_groups(order, users, places, group_of)
    return _schedule(order, group_of)


# --- producers into what needs them -------------------------------------------------------------


def _absorb_producers(
    graph: Graph,
    order: list[Node],
    users: dict[Node, list[Node]],
    places: Places,
    group_of: dict[Node, Group],
) -> None:
    """Let every family that computes producers itself take those that nobody else needs."""
    kept = set(graph.outputs)
    index = {n: i for i, n in enumerate(order)}
    for node in order:
        family = family_of(node)
        frontier = [*family.producers(node)]
        if not frontier:
            continue
        taken = [node]
        while frontier:
            value = frontier.pop()
            free = value in index and value not in kept and value not in group_of
            if not free or value in taken or any(user not in taken for user in users[value]):
                continue
            if family.absorbs(value, taken, places):
                taken.append(value)
                frontier.extend(value.inputs)
        group = Group(family, family.space(node), sorted(taken, key=index.__getitem__))
        group_of.update(dict.fromkeys(group.nodes, group))


# --- groups that become one ---------------------------------------------------------------------


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


def _join_groups(
    order: list[Node],
    users: dict[Node, list[Node]],
    places: Places,
    group_of: dict[Node, Group],
) -> None:
    """Join nodes with what they take; before that, those of backward with what takes them.

    Backward often begins with something of forward values alone, such as ``1 - y * y``. Beside its
    producer it would be one more array to keep until backward gets there.
    """
    for node in reversed(order):
        if node.derived:
            for user in users.get(node, ()):
                if user in group_of:
                    _try_join(node, user, places, group_of)
    for node in order:
        for value in node.inputs:
            if value in group_of:
                _try_join(value, node, places, group_of)


def _try_join(value: Node, user: Node, places: Places, group_of: dict[Node, Group]) -> None:
    a, b = group_of[value], group_of[user]
    if a is b or not a.family.joins(a, b, places):
        return
    order = _ordered_without(a, b)
    if order is not None:
        _rank(a, b, *order)
        _join(a, b, group_of)


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
    result: list[Group] = []
    while ready:
        group = by_position[heappop(ready)]
        result.append(group)
        for successor in group.successors:
            waiting[successor] -= 1
            if not waiting[successor]:
                heappush(ready, position[successor])
    assert len(result) == len(groups), "fusion made a cycle"
    return result
