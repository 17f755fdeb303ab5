"""Shifts of integers by any count: LLVM leaves those past the width undefined.

A count that is negative or not below the width moves every bit out: what is left is 0, or the sign
for a signed integer shifted right.
"""

from typing import Any

from llvmlite import ir
from numba import types

from .intrinsics import instruction


def _shift(name: str, left: bool) -> Any:
    def typer(typingctx, x, count):
        if not isinstance(x, types.Integer) or x != count:
            return None

        def codegen(context, builder, signature, args):
            value, by = args
            width = value.type.width
            inside = builder.icmp_unsigned("<", by, ir.Constant(by.type, width))
            last = builder.select(inside, by, ir.Constant(by.type, width - 1))
            if x.signed and not left:  # type: ignore[attr-defined]
                return builder.ashr(value, last)
            shifted = builder.shl(value, last) if left else builder.lshr(value, last)
            return builder.select(inside, shifted, ir.Constant(value.type, 0))

        return x(x, x), codegen

    typer.__name__ = typer.__qualname__ = name
    return instruction(typer)


shift_left = _shift("shift_left", True)
shift_right = _shift("shift_right", False)
