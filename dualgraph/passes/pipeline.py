"""The passes, in order."""

from dataclasses import dataclass

from ..config import settings
from ..ir.graph import Graph
from ..ir.verifier import verify_graph
from .cse import common_subexpressions
from .dead import dead_code
from .fold import fold_constants
from .rebuild import Pass
from .simplify import simplify
from .views import materialize_views

PIPELINE: tuple[Pass, ...] = (
    dead_code,  # first: the trace holds cotangents that nobody asked for
    fold_constants,  # scalars that the trace computed from literals
    simplify,  # identities; before CSE, because it makes nodes equal
    common_subexpressions,  # forward values that backward computes again
    dead_code,  # what the rewrites left behind
    materialize_views,  # last: from here on every view is strides over a buffer
)


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What one pass did: its name and the number of nodes before and after."""

    name: str
    before: int
    after: int


def optimize(graph: Graph, passes: tuple[Pass, ...] = PIPELINE) -> tuple[Graph, list[PassRecord]]:
    """Run the pipeline; with checks on, verify the graph after every pass."""
    log: list[PassRecord] = []
    if settings.checks:
        verify_graph(graph, "the trace")
    for step in passes:
        before = len(graph.nodes)
        graph = step(graph)
        if settings.checks:
            verify_graph(graph, step.__name__)
        log.append(PassRecord(step.__name__, before, len(graph.nodes)))
    return graph, log
