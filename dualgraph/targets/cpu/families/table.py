"""Every family of the target, by the facts of the ops that begin it."""

from ....core.op import Facts
from ....ir.graph import Node
from .base import Family
from .contractions import CONTRACTIONS
from .copies import CATS, EMBEDS, OVERWRITES
from .library_calls import LIBRARY_CALLS
from .loops import LOOPS
from .reductions import REDUCTIONS
from .routines import ROUTINES
from .scans import SCANS
from .steps import STEPS

FAMILIES: dict[type[Facts], Family] = {
    facts: family
    for family in (
        LOOPS,
        REDUCTIONS,
        SCANS,
        CONTRACTIONS,
        CATS,
        EMBEDS,
        OVERWRITES,
        ROUTINES,
        LIBRARY_CALLS,
        STEPS,
    )
    for facts in family.begins
}


def family_of(node: Node) -> Family:
    """Return the kernel family of a computed node."""
    return FAMILIES[type(node.op.lower)]
