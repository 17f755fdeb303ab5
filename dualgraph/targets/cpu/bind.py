"""The kernels that eager gets from this target, by the class of an op's facts."""

from ...core.op import Facts, Kernel, Op
from ...errors import CompileError
from .families.table import FAMILIES


def kernel_of(op: Op) -> Kernel:
    """Return the eager kernel of an op; raise `CompileError` for facts that the CPU cannot do."""
    facts: type[Facts] = op.lower.__class__
    family = FAMILIES.get(facts)
    if family is None:
        raise CompileError(f"the CPU has no kernel for {facts.__name__}; give one to defop")
    return family.eager(op)
