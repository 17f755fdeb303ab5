"""Eager kernels of ops that call a library; what the routine refuses becomes a `LinAlgError`."""

from typing import Any

import numpy as np

from ....core.op import Kernel, Op
from ....errors import LinAlgError
from ....numerics.facts.routine import Library
from ..library import call_of, run


def kernel_of(op: Op) -> Kernel:
    """Return the eager kernel of a library routine."""
    spec: Library = op.lower
    name, infer = op.name, op.infer
    call_of(spec)  # or it fails here, where the op is defined

    def kernel(*arrays: np.ndarray, **static: Any) -> Any:
        infer(*arrays, **static)
        try:
            return run(spec, arrays, static)
        except np.linalg.LinAlgError as error:
            raise LinAlgError(f"{name}: {error}") from error

    return kernel
