"""The kernels that eager gets from this target, by the class of an op's facts."""

from ...core.op import Kernel, Op
from ...errors import CompileError
from .families.table import FAMILIES


def kernel_of(op: Op) -> Kernel:
    """Return the eager kernel of an op; raise `CompileError` for facts that the CPU cannot do."""
    family = FAMILIES.get(type(op.lower))
    if family is None:
        facts = type(op.lower).__name__
        raise CompileError(f"the CPU has no kernel for {facts}; give one to defop")
    return family.eager(op)
