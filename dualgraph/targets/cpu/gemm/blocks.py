"""Rectangles of memory moved or added, row by row with masked vectors, for jitted code.

A plain loop over a short row costs more in set-up than in work: LLVM vectorises it for long rows
and leaves the rest to a scalar loop. A mask takes any length. Rows of a matrix lie ``*_row``
elements apart and start at element ``*_at`` of a typed pointer; rectangles must not overlap.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .pack import transpose
from .tile import Emit, Int, TileSpec, host_vector_bytes, tile_spec

_Body = Callable[[Emit, list[Int]], None]


@dataclass(frozen=True)
class _AnyVector(TileSpec):
    """Vectors of any scalar type: rectangles need no tile shapes."""

    scalar: ir.Type = ir.FloatType()  # noqa: RUF009 (a type of LLVM, immutable)

    @property
    def elem(self) -> ir.Type:
        return self.scalar

    @property
    def tag(self) -> str:
        letter = "i" if isinstance(self.scalar, ir.IntType) else "f"
        return f"v{self.lanes}{letter}{8 * self.itemsize}"


def _vectors(scalar: ir.Type, itemsize: int) -> _AnyVector:
    return _AnyVector(itemsize, host_vector_bytes() // itemsize, (), True, scalar=scalar)


def _by_rows(combine: Callable[[Emit, ir.Value, Callable[[], ir.Value]], ir.Value]) -> _Body:
    """Emit ``y[i, j] = combine(x[i, j], y[i, j])``; arguments: y, y_row, x, x_row, rows, cols."""

    def body(e: Emit, args: list[Int]) -> None:
        y, y_row, x, x_row, rows, columns = args
        with e.steps(columns, e.spec.lanes) as j:
            mask, shift = e.lanes_below(columns - j), j * e.spec.itemsize
            with e.steps(rows) as i:
                to = e.pointer(y + shift + i * y_row)
                value = e.masked_load(e.pointer(x + shift + i * x_row), mask)
                there = lambda to=to, mask=mask: e.masked_load(to, mask)  # noqa: E731
                e.masked_store(combine(e, value, there), to, mask)

    return body


def _sum(e: Emit, value: ir.Value, there: Callable[[], ir.Value]) -> ir.Value:
    add = e.builder.add if isinstance(e.spec.elem, ir.IntType) else e.builder.fadd
    return add(there(), value)


def _rectangles(name: str, body: _Body, spec_of: Callable[[ir.Type, int], TileSpec]) -> Any:
    """Build ``name(y, y_at, y_row, x, x_at, x_row, rows, columns)``, in elements."""

    def typer(typingctx, y, y_at, y_row, x, x_at, x_row, rows, columns):
        def codegen(context, builder, signature, args):
            kind = context.get_data_type(signature.args[0].dtype)
            size = context.get_abi_sizeof(kind)
            e = Emit(builder, spec_of(kind, size))
            to, source = (Int(builder, builder.ptrtoint(args[i], ir.IntType(64))) for i in (0, 3))
            at, row, from_at, from_row, *extents = (
                Int(builder, args[i]) for i in (1, 2, 4, 5, 6, 7)
            )
            places = [to + at * size, row * size, source + from_at * size, from_row * size]
            e.call(name, body, [*places, *extents])
            return context.get_dummy_value()

        word = types.int64
        return types.none(y, word, word, x, word, word, word, word), codegen

    typer.__name__ = typer.__qualname__ = name
    return intrinsic(typer)


copy_block = _rectangles("copy_block", _by_rows(lambda e, value, there: value), _vectors)
"""``y[i, j] = x[i, j]``, of any dtype."""

add_block = _rectangles("add_block", _by_rows(_sum), _vectors)
"""``y[i, j] += x[i, j]``; integers wrap."""


def _columns_to_rows(e: Emit, args: list[Int]) -> None:
    y, y_row, x, x_row, rows, columns = args
    transpose(e, [y, y_row, x, x_row, columns, rows, columns])


transpose_block = _rectangles(
    "transpose_block",
    _columns_to_rows,
    lambda kind, size: tile_spec(size, host_vector_bytes()),
)
"""``y[i, j] = x[j, i]`` of float32 or float64, through registers."""

FUNCTIONS = {
    "copy_block": copy_block,
    "add_block": add_block,
    "transpose_block": transpose_block,
}
