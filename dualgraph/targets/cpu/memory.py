"""Raw memory in kernels: typed C pointers from addresses, and scratch memory on the stack."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ...numerics.intrinsics import instruction
from ...vendor import TypingError

STACK_ALIGNMENT = 64
"""Bytes: one cache line, and one AVX-512 vector."""

ELEMENT: dict[str, types.Type] = {
    "float16": types.uint16,
    "float32": types.float32,
    "float64": types.float64,
    "int8": types.int8,
    "int16": types.int16,
    "int32": types.int32,
    "int64": types.int64,
    "uint8": types.uint8,
    "bool": types.uint8,
}
"""Numba element type of a pointer to a NumPy dtype.

A NumPy bool is one byte, but Numba loads from a ``CPointer(boolean)`` without narrowing the byte to
its one-bit boolean. Pointers to bool are therefore pointers to ``uint8``: read with ``p[i] != 0``,
write with ``p[i] = np.uint8(condition)``. A float16 goes through `from_bits_f2` and
`bits_f2`.
"""


def _pointer_to(dtype: str) -> Any:
    element = types.CPointer(ELEMENT[dtype])

    def pointer(typingctx, address):
        if not isinstance(address, types.Integer):
            return None

        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(element))

        return element(types.int64), codegen

    pointer.__name__ = f"pointer_{dtype}"
    pointer.__qualname__ = pointer.__name__
    pointer.__doc__ = f"The int64 address as a C pointer to {dtype}."
    return instruction(pointer)


def _stack_of(dtype: str) -> Any:
    element = types.CPointer(ELEMENT[dtype])

    def stack(typingctx, count):
        if not isinstance(count, types.IntegerLiteral):
            raise TypingError("the size of a stack buffer must be a literal or frozen integer")
        length = count.literal_value

        def codegen(context, builder, signature, args):
            array = ir.ArrayType(context.get_data_type(element.dtype), length)
            # In the entry block, or a call inside a loop would grow the stack at each turn.
            with builder.goto_entry_block():
                memory = builder.alloca(array, name="stack")
                memory.align = STACK_ALIGNMENT
            return builder.bitcast(memory, context.get_value_type(element))

        return element(count), codegen

    stack.__name__ = f"stack_{dtype}"
    stack.__qualname__ = stack.__name__
    stack.__doc__ = f"``count`` (a literal) uninitialised {dtype} on the stack, 64-byte aligned."
    return intrinsic(prefer_literal=True)(stack)


POINTER: dict[str, Callable[..., Any]] = {dtype: _pointer_to(dtype) for dtype in ELEMENT}
"""``POINTER[dtype name](address)``: an int64 address as a typed C pointer."""

STACK: dict[str, Callable[..., Any]] = {dtype: _stack_of(dtype) for dtype in ELEMENT}
"""``STACK[dtype name](count)``: uninitialised memory that lives until the caller returns."""
