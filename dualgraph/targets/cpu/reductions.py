"""Source text of reductions with the producers that were fused into them.

The canonical order is that of `numerics.facts.reduction`; `texts.reduce` writes the loops, and this
module fills in how one element is computed.
"""

import numpy as np

from ...ir.graph import Node
from ...numerics.facts.reduction import Reduce
from ...numerics.view import Shape
from .bodies import (
    Access,
    Body,
    Statement,
    collect,
    compute,
    indented,
    merge_axes,
    stride_kind,
    term,
    term_text,
)
from .places import Places
from .prelude import stored, suffix, with_imports
from .texts.elementwise import load
from .texts.reduce import inner_body, outer_body


def reduce_kernel(
    nodes: list[Node], axes: tuple[int, ...], places: Places
) -> tuple[str, list[Access], list[int]]:
    """Write a reduction with its fused producers; ``nodes`` end with the reduction itself.

    Returns the text, the operands, and the last numbers: the strides (P, N, Q) of one operand
    after the other, then the bits of constants. Arguments: operand pointers, the output, P, N, Q,
    number of blocks, then these.
    """
    *producers, reduction = nodes
    shape = reduction.inputs[0].shape
    body, statements = collect(producers, shape, places)
    inside = {s.node: k for k, s in enumerate(statements)}
    result = term(reduction.inputs[0], shape, places, body, inside)
    steps = [_three(a.strides, shape, axes) for a in body.accesses]
    text = reduction_text(
        reduction.op.lower,
        reduction.dtype,
        body,
        statements,
        result,
        steps,
        inner=_inner(shape, axes),
    )
    return text, body.accesses, [*(s for three in steps for s in three), *body.extras]


def _inner(shape: Shape, axes: tuple[int, ...]) -> bool:
    return all(e == 1 for e in shape[axes[-1] + 1 :])


def _three(strides: tuple[int, ...], shape: Shape, axes: tuple[int, ...]) -> tuple[int, int, int]:
    first, last = axes[0], axes[-1] + 1
    return (
        _run(shape[:first], strides[:first]),
        _run(shape[first:last], strides[first:last]),
        _run(shape[last:], strides[last:]),
    )


def _run(shape: Shape, strides: tuple[int, ...]) -> int:
    """Return the one stride of merged axes (they were checked to have one)."""
    _, merged = merge_axes(shape, [strides])
    return merged[0][-1]


def reduction_text(
    spec: Reduce,
    dtype: np.dtype,
    body: Body,
    statements: list[Statement],
    result: tuple[str, int],
    steps: list[tuple[int, int, int]],
    *,
    inner: bool,
) -> str:
    """Return the source of a reduction kernel."""
    count = len(body.accesses)
    setup, kinds = [], []
    for p, access in enumerate(body.accesses):
        size, s = access.dtype.itemsize, stored(access.dtype)
        columns = "" if inner else f" + j0 * q{p}"
        setup.append(f"p{p} = ptr_{s}(a[{p}] + (p * b{p} + r0 * n{p}{columns}) * {size})")
        kinds.append(stride_kind(steps[p][1 if inner else 2]))

    def value(n: str, q: str) -> tuple[list[str], str]:
        lines = []
        for p, access in enumerate(body.accesses):
            at = _reduced_position(kinds[p], p, n, q, inner)
            lines.append(f"x{p} = {load(f'p{p}', at, access.dtype)}")
        for k, statement in enumerate(statements):
            lines += compute(body, statement, k, ["1"] * count)
        return lines, term_text(result, ["1"] * count)

    head = ["a = ptr_i8(args)", f"out = ptr_{suffix(dtype)}(a[{count}])"]
    first = count + 1
    head += [f"P, N, Q, blocks = a[{first}], a[{first + 1}], a[{first + 2}], a[{first + 3}]"]
    for p in range(count):
        base = first + 4 + 3 * p
        head.append(f"b{p}, n{p}, q{p} = a[{base}], a[{base + 1}], a[{base + 2}]")
    head += body.unpacked(first + 4 + 3 * count)
    write = inner_body if inner else outer_body
    lines = head + write(spec, dtype, setup, value)
    return with_imports("def KERNEL(args, lo, hi):\n" + indented(lines, 1))


def _reduced_position(kind: str, p: int, n: str, q: str, inner: bool) -> str:
    if inner:
        return {"0": "0", "1": n, "s": f"({n}) * n{p}"}[kind]
    column = {"0": "", "1": f" + {q}", "s": f" + {q} * q{p}"}[kind]
    return f"({n}) * n{p}{column}"
