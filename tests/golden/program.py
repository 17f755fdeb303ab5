"""What a golden program is: it is told how to run functions, and returns results by name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import dualgraph as dg
from tests.golden.inputs import cotangents

Results = Mapping[str, Any]
Part = Callable[[Any], Any]


@dataclass(frozen=True)
class Mode:
    """How the functions of a program run."""

    compiled: bool

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as this mode runs it."""
        return dg.compile(function) if self.compiled else function


EAGER, COMPILED = Mode(compiled=False), Mode(compiled=True)
Program = Callable[[Mode], Results]


def outputs_of(y: Any) -> list[Any]:
    """Return the tensors that a part gave, in order."""
    if isinstance(y, dg.Tensor):
        return [y]
    return [t for part in y for t in outputs_of(part)]


def with_gradients(part: Part, pool: Any) -> list[Any]:
    """Return what a part gives, and the gradients of all results for all leaves of the pool."""
    outputs = outputs_of(part(pool))
    moving = [y for y in outputs if y.requires_grad]
    leaves = [t for t in vars(pool).values() if t.requires_grad]
    if not moving:
        return [outputs]
    weights = [pool.cotangents[: y.numel()].reshape(y.shape).to(y.dtype) for y in moving]
    return [outputs, list(dg.autograd.grad(moving, leaves, weights, allow_unused=True))]


def family(parts: Mapping[str, Part], pool: Callable[[str], dict[str, Any]], dtype: str) -> Program:
    """Return the program that runs parts forward and backward over one pool of inputs.

    All parts are one function, and so one graph when it is compiled.
    """

    def program(mode: Mode) -> Results:
        def run(inputs: dict[str, Any]) -> list[Any]:
            return [with_gradients(part, SimpleNamespace(**inputs)) for part in parts.values()]

        floating = dtype if dtype.startswith("float") else "float32"
        inputs = {"cotangents": cotangents(floating), **pool(dtype)}
        return dict(zip(parts, mode.wrap(run)(inputs), strict=True))

    return program


def families(
    name: str,
    parts: Mapping[str, Part],
    pool: Callable[[str], dict[str, Any]],
    dtype: str = "float32",
    **others: Iterable[str],
) -> dict[str, Program]:
    """Return a family's programs by name: all parts in one dtype, named parts in other dtypes."""
    chosen = {other: {n: parts[n] for n in names} for other, names in others.items()}
    return {f"{name}.{d}": family(p, pool, d) for d, p in {dtype: parts, **chosen}.items()}
