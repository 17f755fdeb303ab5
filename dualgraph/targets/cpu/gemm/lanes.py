"""Reductions of one block of contiguous memory, in registers: for jitted code over short rows.

The order is that of `numerics.facts.reduction`: `LANES` lanes that start with the neutral element
and take every `LANES`-th element, then a fold of the upper half onto the lower until one is left.
Lanes that got nothing stay neutral, which changes no bit, so that there is no case for short rows.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ....numerics.facts.reduction import LANES
from .tile import I32, I64, Emit, Int, Var, host_vector_bytes, tile_spec

Combine = Callable[[Any, ir.Value, ir.Value], ir.Value]


def _larger(b: Any, x: ir.Value, y: ir.Value) -> ir.Value:
    """Return the larger one; a NaN wins, and the first of equals stays."""
    first = b.or_(b.fcmp_ordered(">=", x, y), b.fcmp_unordered("!=", x, x))
    return b.select(first, x, y)


def _folded(e: Emit, vectors: list[ir.Value], combine: Combine) -> ir.Value:
    """Return the scalar that all lanes of some vectors, side by side, fold to."""
    b, per = e.builder, e.spec.lanes
    while len(vectors) > 1:
        half = len(vectors) // 2
        vectors = [combine(b, x, y) for x, y in zip(vectors[:half], vectors[half:], strict=True)]
    (value,) = vectors
    undef = ir.Constant(e.spec.vector, ir.Undefined)
    while per > 1:
        per //= 2
        picked = [*range(per, 2 * per), *range(e.spec.lanes - per)]
        mask = ir.Constant(ir.VectorType(I32, e.spec.lanes), picked)
        value = combine(b, value, b.shuffle_vector(value, undef, mask))
    return b.extract_element(value, ir.Constant(I32, 0))


def _emit(e: Emit, operands: list[Int], count: Int, neutral: float, combine: Combine) -> ir.Value:
    """Reduce ``count`` elements, or products of elements where there are two operands."""
    b, spec = e.builder, e.spec
    per, size = spec.lanes, spec.itemsize
    nothing = ir.Constant(spec.vector, [ir.Constant(spec.elem, neutral)] * per)
    lanes = [Var(b, spec.vector) for _ in range(LANES // per)]
    for lane in lanes:
        lane.set(nothing)

    def product(load: Callable[[ir.Value], ir.Value], at: Int) -> ir.Value:
        first, *second = (load(e.pointer(x + at * size)) for x in operands)
        return b.fmul(first, second[0]) if second else first

    whole = count // LANES * LANES
    with e.steps(whole, LANES) as i:
        for k, lane in enumerate(lanes):
            value = product(lambda p: e.load(p, spec.vector), i + k * per)
            lane.set(combine(b, lane.get(), value))
    for k, lane in enumerate(lanes):
        rest = count - whole - k * per
        with e.when(rest > 0), e.either(rest >= per) as (full, part):
            with full:
                value = product(lambda p: e.load(p, spec.vector), whole + k * per)
                lane.set(combine(b, lane.get(), value))
            with part:
                mask = e.lanes_below(rest)
                value = product(lambda p, mask=mask: e.masked_load(p, mask), whole + k * per)
                lane.set(combine(b, lane.get(), b.select(mask, value, nothing)))
    return _folded(e, [lane.get() for lane in lanes], combine)


def _reduction(name: str, operands: int, neutral: float, combine: Combine) -> Any:
    """Build ``name(x, start, count)``, or ``name(x, y, start, count)`` for products."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        spec = tile_spec(signature.args[0].dtype.bitwidth // 8, host_vector_bytes())
        e = Emit(builder, spec)
        start, count = (Int(builder, x) for x in args[operands:])
        bases = [Int(builder, builder.ptrtoint(x, I64)) for x in args[:operands]]
        return _emit(e, [x + start * spec.itemsize for x in bases], count, neutral, combine)

    def one(typingctx, x, start, count):
        return x.dtype(x, types.int64, types.int64), codegen

    def two(typingctx, x, y, start, count):
        return x.dtype(x, y, types.int64, types.int64), codegen

    typer = two if operands == 2 else one
    typer.__name__ = typer.__qualname__ = name
    return intrinsic(typer)


lane_sum = _reduction("lane_sum", 1, -0.0, lambda b, x, y: b.fadd(x, y))
"""``x[start] + ... + x[start + count - 1]`` of float32 or float64."""

lane_dot = _reduction("lane_dot", 2, -0.0, lambda b, x, y: b.fadd(x, y))
"""The same of ``x[i] * y[i]``, each rounded."""

lane_max = _reduction("lane_max", 1, float("-inf"), _larger)
"""The largest of them; -inf for none."""

FUNCTIONS = {"lane_sum": lane_sum, "lane_dot": lane_dot, "lane_max": lane_max}
