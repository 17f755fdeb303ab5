"""Two ops that exist in tests only: one with several results, one with a region."""

from typing import Any

import numpy as np

from dualgraph.core.op import NONDIFF, REGISTRY, Composite, defop
from dualgraph.core.types import Aval
from dualgraph.ir.graph import Graph
from dualgraph.ir.interpreter import run


def _infer_parts(x: Any, at: int) -> tuple[Aval, ...]:
    rest = x.shape[0] - at
    return Aval((at,), x.dtype), Aval((rest,), x.dtype), Aval((), np.dtype("int64"))


def _parts(x: np.ndarray, at: int) -> tuple[np.ndarray, ...]:
    return x[:at].copy(), x[at:].copy(), np.array(x.size)


def _repeated(x: np.ndarray, body: Graph, times: int) -> np.ndarray:
    for _ in range(times):
        (x,) = run(body, [x])
    return x


PARTS = defop(
    "parts",
    inputs="x",
    results="low high count",
    infer=_infer_parts,
    kernel=_parts,
    lower=Composite(),
    vjp=(NONDIFF,),
)
REPEATED = defop(
    "repeated",
    inputs="x",
    regions="body",
    infer=lambda x, body, times: body.outputs[0].aval,
    kernel=_repeated,
    lower=Composite(),
    vjp=(NONDIFF,),
)
FILLED = defop(
    "filled",
    inputs="x",
    infer=lambda x, value: Aval(x.shape, x.dtype),
    kernel=lambda x, value: np.full(x.shape, value, x.dtype),
    lower=Composite(),
    vjp=(NONDIFF,),
)
for _op in (PARTS, REPEATED, FILLED):
    del REGISTRY[_op.name]
