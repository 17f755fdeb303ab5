"""Numba intrinsics: the few LLVM instructions that Numba has no Python spelling for.

Two families:

* scalar arithmetic that must be said exactly: ``fma``, ``select``, ``rint``, bit casts, and integer
  operations that keep their width (Numba promotes ``int32 + int32`` to ``int64``, which halves the
  number of lanes of a vectorised loop);
* ``horner``, which writes a whole polynomial as one chain of fma, so that a scalar function stays
  cheap to type-check and compile, and ``table_of``, a table of constants without memory.

Nothing here sets a fast-math flag, so a result has the same bits in whatever loop it is inlined.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic

from ..vendor import cgutils


def instruction(typer: Callable[..., Any]) -> Any:
    """`numba.extending.intrinsic`, for type checkers: callers do not pass the typing context."""
    return intrinsic(typer)


def _is_float(*args: Any) -> bool:
    return all(isinstance(a, types.Float) for a in args)


# --- floating point ------------------------------------------------------------------------------


def _float_unary(name: str, doc: str) -> Any:
    """Build the intrinsic ``y = llvm.<name>(x)`` for float32 and float64."""

    def typer(typingctx, x):
        if not _is_float(x):
            return None

        def codegen(context, builder, signature, args):
            fn = builder.module.declare_intrinsic(f"llvm.{name}", [args[0].type])
            return builder.call(fn, args)

        return x(x), codegen

    typer.__name__ = name
    typer.__qualname__ = name
    typer.__doc__ = doc
    return instruction(typer)


rint = _float_unary("rint", "Nearest integer, ties to even; keeps the sign of zero.")
floor = _float_unary("floor", "Largest integer that is not above x.")
trunc = _float_unary("trunc", "Integer part of x, rounded towards zero.")
sqrt = _float_unary("sqrt", "Correctly rounded square root (the IEEE operation).")
fabs = _float_unary("fabs", "x with its sign bit cleared.")


@instruction
def fma(typingctx, a, b, c):
    """``a*b + c`` with one rounding (IEEE 754 fusedMultiplyAdd); all three of one float type."""
    if not (_is_float(a, b, c) and a == b == c):
        return None

    def codegen(context, builder, signature, args):
        return builder.fma(*args)

    return a(a, b, c), codegen


@instruction
def copysign(typingctx, magnitude, sign):
    """The magnitude of the first argument with the sign bit of the second."""
    if not (_is_float(magnitude, sign) and magnitude == sign):
        return None

    def codegen(context, builder, signature, args):
        kind = args[0].type
        shape = ir.FunctionType(kind, [kind, kind])
        fn = builder.module.declare_intrinsic("llvm.copysign", [kind], shape)
        return builder.call(fn, args)

    return magnitude(magnitude, sign), codegen


@instruction
def select(typingctx, condition, then, otherwise):
    """``then if condition else otherwise``, both sides evaluated: never a branch."""
    if condition != types.boolean or then != otherwise:
        return None

    def codegen(context, builder, signature, args):
        return builder.select(*args)

    return then(condition, then, otherwise), codegen


@instruction
def horner(typingctx, x, coefficients):
    """``c[0] + x*(c[1] + x*(c[2] + ...))`` as a chain of fma, highest power first.

    ``coefficients`` is a tuple of scalars of x's own type, best a module global, so that LLVM sees
    constants.
    """
    if not (_is_float(x) and isinstance(coefficients, types.UniTuple) and coefficients.dtype == x):
        return None

    def codegen(context, builder, signature, args):
        value, packed = args
        terms = cgutils.unpack_tuple(builder, packed)
        total = terms[-1]
        for term in reversed(terms[:-1]):
            total = builder.fma(total, value, term)
        return total

    return x(x, coefficients), codegen


# --- bit casts -----------------------------------------------------------------------------------


def _bitcast(name: str, source: types.Type, target: types.Type) -> Any:
    """Build the intrinsic that reads the bits of ``source`` as ``target``."""

    def typer(typingctx, x):
        if x != source:
            return None

        def codegen(context, builder, signature, args):
            return builder.bitcast(args[0], context.get_value_type(target))

        return target(source), codegen

    typer.__name__ = name
    typer.__qualname__ = name
    typer.__doc__ = f"The bits of a {source} as a {target}."
    return instruction(typer)


bits_f4 = _bitcast("bits_f4", types.float32, types.int32)
bits_f8 = _bitcast("bits_f8", types.float64, types.int64)
from_bits_f4 = _bitcast("from_bits_f4", types.int32, types.float32)
from_bits_f8 = _bitcast("from_bits_f8", types.int64, types.float64)


_INTEGER_OF = {types.float32: types.int32, types.float64: types.int64}
_FLOAT_OF = {types.int32: types.float32, types.int64: types.float64}
_DIGITS = {types.float32: 23, types.float64: 52}
_BIAS = {types.float32: 127, types.float64: 1023}


@instruction
def bits(typingctx, x):
    """The bits of a float as the signed integer of its width."""
    if x not in _INTEGER_OF:
        return None
    target = _INTEGER_OF[x]

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(target))

    return target(x), codegen


@instruction
def from_bits(typingctx, i):
    """The float whose bits are those of the int32 or int64 ``i``."""
    if i not in _FLOAT_OF:
        return None
    target = _FLOAT_OF[i]

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(target))

    return target(i), codegen


@instruction
def power_of_two(typingctx, k):
    """2^k as the float of k's width, for exponents of normal numbers."""
    if k not in _FLOAT_OF:
        return None
    target = _FLOAT_OF[k]

    def codegen(context, builder, signature, args):
        kind = args[0].type
        biased = builder.add(args[0], ir.Constant(kind, _BIAS[target]))
        shifted = builder.shl(biased, ir.Constant(kind, _DIGITS[target]))
        return builder.bitcast(shifted, context.get_value_type(target))

    return target(k), codegen


@instruction
def magic_int(typingctx, shifted):
    """The integer k of ``shifted = k + 1.5 * 2^digits``, read from its low bits.

    Adding that number to an x with ``|x| < 2^(digits - 1)`` rounds x to the nearest integer. Unlike
    a conversion it is cheap in vectors of any machine, and defined for NaN and infinities.
    """
    if shifted not in _INTEGER_OF:
        return None
    target = _INTEGER_OF[shifted]

    def codegen(context, builder, signature, args):
        kind = context.get_value_type(target)
        magic = (_BIAS[shifted] + _DIGITS[shifted]) << _DIGITS[shifted]
        magic |= 1 << (_DIGITS[shifted] - 1)
        return builder.sub(builder.bitcast(args[0], kind), ir.Constant(kind, magic))

    return target(shifted), codegen


@instruction
def magic_float(typingctx, k):
    """An int32 or int64 as a float of its width, exact for ``|k| < 2^(digits - 1)``.

    The inverse of `magic_int`; vectors of 64-bit integers have no conversion before AVX-512.
    """
    if k not in _FLOAT_OF:
        return None
    target = _FLOAT_OF[k]

    def codegen(context, builder, signature, args):
        magic = (_BIAS[target] + _DIGITS[target]) << _DIGITS[target]
        magic |= 1 << (_DIGITS[target] - 1)
        offset = ir.Constant(args[0].type, magic)
        kind = context.get_value_type(target)
        shifted = builder.bitcast(builder.add(args[0], offset), kind)
        return builder.fsub(shifted, builder.bitcast(offset, kind))

    return target(k), codegen


# --- integers that keep their width --------------------------------------------------------------


def _int_binary(name: str, method: str, doc: str) -> Any:
    """Build ``a op b`` in the type of a; b is converted to it (so literals can be used)."""

    def typer(typingctx, a, b):
        if not (isinstance(a, types.Integer) and isinstance(b, types.Integer)):
            return None
        other = b.literal_type if isinstance(b, types.IntegerLiteral) else b

        def codegen(context, builder, signature, args):
            left, right = args
            right = context.cast(builder, right, signature.args[1], signature.args[0])
            return getattr(builder, method)(left, right)

        return a(a, other), codegen

    typer.__name__ = name
    typer.__qualname__ = name
    typer.__doc__ = doc
    return instruction(typer)


iadd = _int_binary("iadd", "add", "a + b, wrapping, in the type of a.")
isub = _int_binary("isub", "sub", "a - b, wrapping, in the type of a.")
imul = _int_binary("imul", "mul", "a * b, wrapping, in the type of a.")
iand = _int_binary("iand", "and_", "a & b in the type of a.")
ior = _int_binary("ior", "or_", "a | b in the type of a.")
ixor = _int_binary("ixor", "xor", "a ^ b in the type of a.")
ishl = _int_binary("ishl", "shl", "a << b in the type of a; b below the width of a.")
iashr = _int_binary("iashr", "ashr", "a >> b, copying the sign bit; b below the width of a.")
ilshr = _int_binary("ilshr", "lshr", "a >> b, filling with zeros; b below the width of a.")


# --- float16: stored in two bytes, computed in float32 -----------------------------------------


@instruction
def round_f2(typingctx, x):
    """``x`` rounded once to float16, ties to even, as a float32."""
    if not isinstance(x, types.Number):
        return None

    def codegen(context, builder, signature, args):
        value, kind = args[0], signature.args[0]
        if not isinstance(kind, types.Float):  # an integer above 2**24 is infinite in float16
            value = context.cast(builder, value, kind, types.float32)
        return builder.fpext(builder.fptrunc(value, ir.HalfType()), ir.FloatType())

    return types.float32(x), codegen


@instruction
def bits_f2(typingctx, x):
    """The two bytes of a float32 that holds a float16."""
    if not _is_float(x):
        return None

    def codegen(context, builder, signature, args):
        return builder.bitcast(builder.fptrunc(args[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(x), codegen


@instruction
def from_bits_f2(typingctx, word):
    """The float16 in two bytes, as a float32."""
    if not isinstance(word, types.Integer):
        return None

    def codegen(context, builder, signature, args):
        return builder.fpext(builder.bitcast(args[0], ir.HalfType()), ir.FloatType())

    return types.float32(word), codegen


# --- tables -------------------------------------------------------------------------------------


def table_of(name: str, values: np.ndarray) -> Any:
    """Return the intrinsic ``table(i)``, i an integer in range, as a binary tree of selects.

    A load with a computed index stops LLVM from vectorising a loop that also stores, since it can't
    bound the address; for a few dozen constants the selects are cheaper than a gather anyway.
    """
    element = from_dtype(values.dtype)

    def table(typingctx, index):
        if not isinstance(index, types.Integer):
            return None

        def codegen(context, builder, signature, args):
            kind = args[0].type
            zero = ir.Constant(kind, 0)
            level = [ir.Constant(context.get_data_type(element), v) for v in values.tolist()]
            bit = 1
            while len(level) > 1:
                odd = builder.icmp_signed("!=", builder.and_(args[0], ir.Constant(kind, bit)), zero)
                pairs = zip(level[::2], level[1::2], strict=False)
                last = level[-1:] if len(level) % 2 else []
                level = [builder.select(odd, b, a) for a, b in pairs] + last
                bit *= 2
            return level[0]

        return element(index), codegen

    table.__name__ = f"table_{name}"
    table.__qualname__ = table.__name__
    return instruction(table)
