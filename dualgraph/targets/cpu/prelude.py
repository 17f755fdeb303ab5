"""The names that generated kernels may use; each file imports just those it mentions.

``f4(x)`` and its like convert, ``ptr_f4(address)`` makes a typed pointer, ``stack_f4(n)`` reserves
scratch memory, ``exp_f4(x)`` is a scalar function.
"""

import re
from functools import cache, lru_cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ...core.types import float16
from ...errors import CompileError
from ...numerics import bessel, division, elementary, gamma, normal, random, special
from ...numerics.intrinsics import (
    bits_f2,
    bits_f4,
    bits_f8,
    copysign,
    fabs,
    floor,
    fma,
    from_bits_f2,
    from_bits_f4,
    iadd,
    iand,
    imul,
    ior,
    isub,
    ixor,
    rint,
    round_f2,
    select,
    sqrt,
    trunc,
)
from ...numerics.scalar import scalar
from ...numerics.shifts import shift_left, shift_right
from ...vendor import target_has
from .gemm import blocks, columns, items as gemm, lanes
from .memory import POINTER, STACK
from .routines import sliding

SUFFIX = {
    "bool": "b1",
    "uint8": "u1",
    "int8": "i1",
    "int16": "i2",
    "int32": "i4",
    "int64": "i8",
    "float16": "f2",
    "float32": "f4",
    "float64": "f8",
}


@cache
def suffix(dtype: np.dtype) -> str:
    """Return the two letters that stand for a dtype in generated code: ``f4`` for float32.

    Raises `CompileError` for float16, in which nothing is computed (see `stored`).
    """
    if dtype == float16:
        raise CompileError("this op computes in float32: convert float16 before it, and after it")
    return SUFFIX[dtype.name]


@cache
def stored(dtype: np.dtype) -> str:
    """Return the letters of a dtype in memory; they are `suffix`, and ``f2`` for float16.

    Raises `CompileError` for float16 on a processor that cannot convert it.
    """
    if dtype == float16 and not converts_float16():
        raise CompileError("float16 needs a processor with conversion instructions (x86: F16C)")
    return SUFFIX[dtype.name]


@cache
def converts_float16() -> bool:
    """Tell whether the CPU compiled for converts float16: every 64-bit Arm, and x86 with F16C."""
    intel = llvm.get_process_triple().startswith(("x86_64", "i686"))
    return not intel or target_has("f16c")


@cache
def computed(dtype: np.dtype) -> str:
    """Return the letters of the dtype in which an element is computed: float32 for float16."""
    return "f4" if dtype == float16 else SUFFIX[dtype.name]


def plus(a: str, b: str, dtype: np.dtype) -> str:
    """Return the expression of a sum; integers wrap, which Numba's own ``+`` leaves undefined."""
    return f"{a} + {b}" if dtype.kind == "f" else f"iadd({a}, {b})"


def times(a: str, b: str, dtype: np.dtype) -> str:
    """Return the expression of a product; integers wrap."""
    return f"{a} * {b}" if dtype.kind == "f" else f"imul({a}, {b})"


def _saturating(name: str, target: types.Type, unsigned: bool) -> Any:
    """Build float -> integer that clamps to the range and sends NaN to 0, as ``fptosi.sat``."""
    kind = "fptoui" if unsigned else "fptosi"

    def typer(typingctx, x):
        def codegen(context, builder, signature, args):
            source, result = args[0].type, context.get_value_type(target)
            letters = f"i{result.width}.{'f32' if source == ir.FloatType() else 'f64'}"
            fn = builder.module.globals.get(f"llvm.{kind}.sat.{letters}") or ir.Function(
                builder.module, ir.FunctionType(result, [source]), f"llvm.{kind}.sat.{letters}"
            )
            return builder.call(fn, args)

        return target(x), codegen

    typer.__name__ = typer.__qualname__ = name
    return intrinsic(typer)


@intrinsic
def clear_fp_flags(typingctx):
    """Clear the floating-point status, so that NumPy does not warn about what IEEE allows."""

    def codegen(context, builder, signature, args):
        int32 = ir.IntType(32)
        name = "feclearexcept"
        fn = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(int32, [int32]), name
        )
        builder.call(fn, [int32(0x1F | 0x20)])  # every exception flag, on x86 and on Arm
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def call_kernel(typingctx, function, args, lo, hi):
    """Call a kernel by its address: ``function(args, lo, hi)``, all int64."""

    def codegen(context, builder, signature, values):
        int64 = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [int64, int64, int64])
        builder.call(builder.inttoptr(values[0], kind.as_pointer()), values[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), codegen


@intrinsic
def address(typingctx, pointer):
    """Return the address of a typed pointer as int64."""

    def codegen(context, builder, signature, values):
        return builder.ptrtoint(values[0], ir.IntType(64))

    return types.int64(pointer), codegen


@scalar
def ipow_i8(base, exponent):
    """Integer power modulo 2**64; a negative exponent gives 0 but for bases 1 and -1."""
    if exponent < 0:
        odd = (exponent & 1) != 0
        return 1 if base == 1 else ((-1 if odd else 1) if base == -1 else 0)
    result = np.int64(1)
    while exponent > 0:
        if exponent & 1:
            result = imul(result, base)
        base = imul(base, base)
        exponent >>= 1
    return result


@scalar
def odd_f4(x):
    """Round float64 to float32 towards odd: rounding the result once more rounds x once.

    Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using
    rounding to odd" (2008).
    """
    near = np.float32(x)
    back = np.float64(near)
    toward_zero = bits_f4(near) - np.int32(1 if fabs(back) > fabs(x) else 0)
    return near if back == x else from_bits_f4(np.int32(toward_zero | np.int32(1)))


SCALAR_TABLES: tuple[dict[tuple[str, str], Any], ...] = tuple(
    m.SCALARS for m in (division, elementary, special, gamma, normal, bessel, random)
)
"""(name, dtype name) -> scalar function, by module."""

_NAMES: dict[str, Any] = {
    "odd_f4": odd_f4,
    "select": select,
    "sqrt": sqrt,
    "fma": fma,
    "fabs": fabs,
    "floor": floor,
    "rint": rint,
    "trunc": trunc,
    "clear_fp_flags": clear_fp_flags,
    "call_kernel": call_kernel,
    "address": address,
    "ipow_i8": ipow_i8,
    "iadd": iadd,
    "isub": isub,
    "imul": imul,
    "bits_f4": bits_f4,
    "bits_f8": bits_f8,
    "iand": iand,
    "ior": ior,
    "ixor": ixor,
    "shift_left": shift_left,
    "shift_right": shift_right,
    "copysign": copysign,
    "inf": np.inf,
    "nan": np.nan,
    "gemm_f4": gemm.gemm_f4,
    "gemm_f8": gemm.gemm_f8,
    "gemm_items": gemm.gemm_items,
    **sliding.FUNCTIONS,
    **columns.FUNCTIONS,
    **blocks.FUNCTIONS,
    **lanes.FUNCTIONS,
    **{f"ptr_{s}": POINTER[name] for name, s in SUFFIX.items()},
    **{f"stack_{s}": STACK[name] for name, s in SUFFIX.items()},
    **{s: getattr(np, name) for name, s in SUFFIX.items() if name not in ("bool", "float16")},
    "f2": round_f2,
    "bits_f2": bits_f2,
    "from_bits_f2": from_bits_f2,
    **{
        f"sat_{SUFFIX[t.name]}": _saturating(f"sat_{t.name}", t, t.name[0] == "u")
        for t in (types.uint8, types.int8, types.int16, types.int32, types.int64)
    },
    **{
        f"{name}_{SUFFIX[dtype]}": function
        for table in SCALAR_TABLES
        for (name, dtype), function in table.items()
    },
}


def __getattr__(name: str) -> Any:
    try:
        return _NAMES[name]
    except KeyError:
        raise AttributeError(f"no kernel name {name!r}") from None


@lru_cache(maxsize=1024)  # programs call the same few kernels often
def with_imports(body: str) -> str:
    """Put the import line of every prelude name that this source mentions before it."""
    used = sorted(set(re.findall(r"\b[A-Za-z_]\w*\b", body)) & _NAMES.keys())
    return f"from dualgraph.targets.cpu.prelude import {', '.join(used)}\n\n\n{body}"
