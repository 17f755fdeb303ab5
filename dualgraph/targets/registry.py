"""The targets by the name that ``compile(backend=...)`` takes."""

from ..errors import ArgumentError
from .cpu.program import CPU
from .interpreter import INTERPRETER
from .protocol import Target

TARGETS: dict[str, Target] = {
    "inductor": CPU,  # the name of PyTorch's default, so that its programs run as they are
    "cpu": CPU,
    "interpreter": INTERPRETER,
}


def target(name: object) -> Target:
    """Return a target by its name; raise `ArgumentError` where there is none.

    >>> target("interpreter").name
    'interpreter'
    """
    found = TARGETS.get(name) if isinstance(name, str) else None  # PyTorch takes functions, too
    if found is None:
        names = ", ".join(map(repr, sorted(TARGETS)))
        raise ArgumentError(f"there is no backend {name!r}: the backends are {names}")
    return found
