"""The kernels that eager gets from this target, by the class of an op's facts."""

from collections.abc import Callable

from ...core.op import Facts, Kernel, Op
from ...errors import CompileError
from ...numerics.facts.contraction import Contraction
from ...numerics.facts.elementwise import Elementwise
from ...numerics.facts.reduction import Reduce
from ...numerics.facts.routine import Library, Line, Routine
from .eager import elementwise, library, lines, matmul, reduce, routine
from .routines import (  # imported for what they register
    convolution as convolution,
    ctc as ctc,
    factor as factor,
    pooling as pooling,
    products as products,
    recurrence as recurrence,
    resampling as resampling,
    rowwise as rowwise,
    sampling as sampling,
    scatter as scatter,
    sorting as sorting,
    substitution as substitution,
    windows as windows,
)

KERNELS: dict[type[Facts], Callable[[Op], Kernel]] = {
    Elementwise: elementwise.kernel_of,
    Reduce: reduce.kernel_of,
    Contraction: matmul.kernel_of,
    Line: lines.kernel_of,
    Routine: routine.kernel_of,
    Library: library.kernel_of,
}


def kernel_of(op: Op) -> Kernel:
    """Return the eager kernel of an op; raise `CompileError` for facts that the CPU cannot do."""
    family = type(op.lower)
    if family not in KERNELS:
        raise CompileError(f"the CPU has no kernel for {family.__name__}; give one to defop")
    return KERNELS[family](op)
