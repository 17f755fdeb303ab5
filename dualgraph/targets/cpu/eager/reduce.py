"""Eager kernels of reductions: a gufunc for one level, called until one block is left."""

from functools import lru_cache
from typing import Any

import numpy as np

from ....core.op import Kernel, Op
from ....numerics.facts.reduction import LANES, Reduce, blocks, extents, reduced_shape
from ..arguments import Block
from ..prelude import suffix, with_imports
from ..texts.reduce import indent, inner_body, outer_body
from .ufunc import make_gufunc

_ARRAYS = Block.of("x out")
_DIMS = Block.of("count P N Q blocks")
_STEPS = Block.of("x out p n")  # between calls, then along the axes of x


def _eager_source(spec: Reduce, dtype: np.dtype, inner: bool) -> str:
    """Return the loop of the gufunc ``(p,n,q)->(p,m,q)``; m is the number of blocks.

    The innermost axis that is longer than 1 is contiguous: `eager_kernel` sees to it.
    """
    size, s, a, step = dtype.itemsize, suffix(dtype), _ARRAYS.words(), _STEPS.words("c")
    body = inner_body if inner else outer_body
    setup = [f"x = ptr_{s}({a.x} + (p * sp + r0 * sn{'' if inner else ' + j0'}) * {size})"]
    lines = [
        "a = ptr_i8(args)",
        "d = ptr_i8(dims)",
        "c = ptr_i8(steps)",
        _DIMS.unpack("P", "N", "Q", "blocks", base="d"),
        f"sp, sn = {step.p} // {size}, {step.n} // {size}",
        f"out = ptr_{s}({a.out})",
        f"lo, hi = 0, P * blocks{'' if inner else f' * ((Q + {LANES - 1}) // {LANES})'}",
        *body(spec, dtype, setup, lambda n, q: ([], f"x[{n}]" if inner else f"x[{n} * sn + {q}]")),
        "clear_fp_flags()",
    ]
    head = "def KERNEL(args, dims, steps, data):\n"
    return with_imports(head + "\n".join(indent(lines, 1)) + "\n")


class _Levels(dict[tuple[str, bool], Any]):
    def __init__(self, name: str, spec: Reduce) -> None:
        super().__init__()
        self.name, self.spec = name, spec

    def __missing__(self, key: tuple[str, bool]) -> Any:
        dtype, inner = np.dtype(key[0]), key[1]
        text = _eager_source(self.spec, dtype, inner)
        label = f"{self.name}_{'inner' if inner else 'outer'}_{suffix(dtype)}"
        self[key] = make_gufunc(text, (dtype,), dtype, label, "(p,n,q)->(p,m,q)")
        return self[key]


def kernel_of(op: Op) -> Kernel:
    """Return ``kernel(x, axes, keepdim)`` that reduces in the canonical order."""
    spec: Reduce = op.lower
    levels = _Levels(op.name, spec)
    infer, may_be_empty = op.infer, bool(spec.identity)

    def kernel(x: np.ndarray, axes: tuple[int, ...], keepdim: bool) -> np.ndarray:
        if not (may_be_empty or x.size):
            infer(x, axes, keepdim)
        (p, n, q), shape = _shapes(x.shape, axes, keepdim)
        level = levels[x.dtype.char, q == 1]
        y = _contiguous_innermost(x.reshape(p, n, q))
        while True:
            m = blocks(n, q)
            y = level(y, np.empty((p, m, q), x.dtype))
            if m == 1:
                return y.reshape(shape)
            n = m

    return kernel


@lru_cache(maxsize=4096)
def _shapes(
    shape: tuple[int, ...], axes: tuple[int, ...], keepdim: bool
) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    return extents(shape, axes), reduced_shape(shape, axes, keepdim)


def _contiguous_innermost(x: np.ndarray) -> np.ndarray:
    """Return the array, or a copy, with the axis contiguous along which lanes run."""
    axis = 1 if x.shape[2] == 1 else 2
    return x if x.strides[axis] == x.itemsize else np.array(x, order="C")
