"""The register tile of the exact matrix product, and the few words of LLVM IR it is written in.

The product is emitted as IR rather than as Numba source: Numba optimises a callee once more for
every level of callers, which makes a nest of njit functions take seconds to compile, and it has no
vector types. `Emit`, `Int` and `Var` below are a small staging language, so that the emitting code
reads like the loops it emits. Addresses and strides are int64 numbers of bytes throughout.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from ....vendor import target_has

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
PTR = ir.PointerType()


def host_vector_bytes() -> int:
    """Bytes in the widest vector register compiled for: 64 (AVX-512), 32 (AVX2) or 16."""
    if target_has("avx512f") and target_has("avx512vl"):
        return 64
    return 32 if target_has("avx2") else 16


@dataclass(frozen=True)
class TileSpec:
    """Element type and tile shapes of one kernel. They decide speed, never bits."""

    itemsize: int  # 4: float32, 8: float64
    lanes: int
    heights: tuple[int, ...]  # rows of the tiles, descending, ending in 1
    masked: bool  # whether masked loads and stores are as fast as plain ones
    wide: int = 2  # vectors across a full tile
    widest: tuple[int, ...] = (8, 4)  # the same for tiles of one row, descending

    @property
    def elem(self) -> ir.Type:
        return ir.FloatType() if self.itemsize == 4 else ir.DoubleType()

    @property
    def vector(self) -> ir.VectorType:
        return ir.VectorType(self.elem, self.lanes)

    @property
    def columns(self) -> int:
        """Columns of a full tile."""
        return self.lanes * self.wide

    @property
    def tag(self) -> str:
        """The vector type as LLVM intrinsics spell it; also part of the names of our functions."""
        return f"v{self.lanes}f{8 * self.itemsize}"


def tile_spec(itemsize: int, vector_bytes: int) -> TileSpec:
    """The tile shapes for elements and vector registers of these sizes."""
    # 12 x 2 accumulators, 2 vectors of B and one of A fit the 32 registers of AVX-512 and NEON;
    # AVX2 has 16, which 6 x 2 fills in the same way.
    heights = (6, 4, 2, 1) if vector_bytes == 32 else (12, 8, 4, 2, 1)
    return TileSpec(itemsize, vector_bytes // itemsize, heights, vector_bytes == 64)


class Int:
    """An int64 (or a condition, i1) of the emitted program, with Python's operators."""

    def __init__(self, builder: Any, value: Any):
        self.builder, self.value = builder, value

    def _binary(self, method: str, other: "Int | int") -> "Int":
        right = other.value if isinstance(other, Int) else ir.Constant(I64, other)
        return Int(self.builder, getattr(self.builder, method)(self.value, right))

    def _compare(self, sign: str, other: "Int | int") -> "Int":
        right = other.value if isinstance(other, Int) else ir.Constant(I64, other)
        return Int(self.builder, self.builder.icmp_signed(sign, self.value, right))

    def __add__(self, other: "Int | int") -> "Int":
        return self._binary("add", other)

    def __sub__(self, other: "Int | int") -> "Int":
        return self._binary("sub", other)

    def __mul__(self, other: "Int | int") -> "Int":
        return self._binary("mul", other)

    def __floordiv__(self, other: "Int | int") -> "Int":
        """Quotient of two numbers that are not negative."""
        return self._binary("udiv", other)

    def __and__(self, other: "Int") -> "Int":
        return self._binary("and_", other)

    def __or__(self, other: "Int") -> "Int":
        return self._binary("or_", other)

    def __lt__(self, other: "Int | int") -> "Int":
        return self._compare("<", other)

    def __le__(self, other: "Int | int") -> "Int":
        return self._compare("<=", other)

    def __gt__(self, other: "Int | int") -> "Int":
        return self._compare(">", other)

    def __ge__(self, other: "Int | int") -> "Int":
        return self._compare(">=", other)

    def same(self, other: "Int | int") -> "Int":
        """The condition self == other."""
        return self._compare("==", other)

    def __invert__(self) -> "Int":
        """Of a condition: its negation."""
        return Int(self.builder, self.builder.not_(self.value))

    def pick(self, then: "Int | int", otherwise: "Int | int") -> "Int":
        """Of a condition: ``then if self else otherwise``, without a branch."""
        left, right = (
            x.value if isinstance(x, Int) else ir.Constant(I64, x) for x in (then, otherwise)
        )
        return Int(self.builder, self.builder.select(self.value, left, right))

    def least(self, other: "Int | int") -> "Int":
        """The smaller of the two."""
        return (self < other).pick(self, other)


class Var:
    """A variable of the emitted program; LLVM turns it into a register."""

    def __init__(self, builder: Any, kind: ir.Type):
        self.builder, self.kind = builder, kind
        with builder.goto_entry_block():
            self.slot = builder.alloca(kind)

    def get(self) -> ir.Value:
        return self.builder.load(self.slot, typ=self.kind)

    def set(self, value: ir.Value) -> None:
        self.builder.store(value, self.slot)


class Emit:
    """Emits one function of the product for one `TileSpec`."""

    def __init__(self, builder: Any, spec: TileSpec):
        self.builder, self.spec = builder, spec

    # --- structure -------------------------------------------------------------------------------

    def call(self, name: str, body: Callable[["Emit", list[Int]], None], args: list[Int]) -> None:
        """Call the void function `name` of int64 arguments, emitted at its first use."""
        module = self.builder.module
        name = f"dualgraph_{name}_{self.spec.tag}"
        fn = module.globals.get(name)
        if fn is None:
            fn = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * len(args)), name)
            # Not shared between objects: one that is freed must not take another's code with it.
            fn.linkage = "internal"
            # Not inlined: large, and called from several places. For size: LLVM would unroll the
            # loops of every variant, which costs compile time and gains nothing.
            for attribute in ("noinline", "nounwind", "optsize"):
                fn.attributes.add(attribute)
            inner = ir.IRBuilder(fn.append_basic_block("entry"))
            body(Emit(inner, self.spec), [Int(inner, arg) for arg in fn.args])
            inner.ret_void()
        self.builder.call(fn, [arg.value for arg in args])

    def number(self, value: int) -> Int:
        """A constant."""
        return Int(self.builder, ir.Constant(I64, value))

    @contextmanager
    def steps(self, stop: Int, step: "int | Callable[[Int], Int]" = 1) -> Iterator[Int]:
        """The body of ``i = 0; while i < stop: ...; i += step``; step may depend on i."""
        b = self.builder
        index = Var(b, I64)
        index.set(ir.Constant(I64, 0))
        body, done = b.append_basic_block("body"), b.append_basic_block("done")
        b.cbranch((stop > 0).value, body, done)
        b.position_at_end(body)
        i = Int(b, index.get())
        yield i
        i = i + (step if isinstance(step, int) else step(i))
        index.set(i.value)
        b.cbranch((i < stop).value, body, done)
        b.position_at_end(done)

    def when(self, condition: Int) -> Any:
        """The body of ``if condition: ...``."""
        return self.builder.if_then(condition.value)

    def either(self, condition: Int) -> Any:
        """Two bodies: ``with either(c) as (then, otherwise)``."""
        return self.builder.if_else(condition.value)

    # --- memory and vectors ----------------------------------------------------------------------

    def stack(self, nbytes: int) -> Int:
        """The address of that much uninitialised stack, aligned to a cache line."""
        b = self.builder
        with b.goto_entry_block():
            room = b.alloca(ir.ArrayType(I8, nbytes))
            room.align = 64
        return Int(b, b.ptrtoint(room, I64))

    def pointer(self, address: Int) -> ir.Value:
        return self.builder.inttoptr(address.value, PTR)

    def past(self, base: ir.Value, offset: "Int | int") -> ir.Value:
        """The pointer `offset` bytes past `base`."""
        value = offset.value if isinstance(offset, Int) else ir.Constant(I64, offset)
        return self.builder.gep(base, [value], source_etype=I8)

    def load(self, pointer: ir.Value, kind: ir.Type) -> ir.Value:
        return self.builder.load(pointer, align=self.spec.itemsize, typ=kind)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        self.builder.store(value, pointer, align=self.spec.itemsize)

    def splat(self, scalar: Any) -> ir.Value:
        """A vector with this scalar in every lane."""
        b, lanes = self.builder, self.spec.lanes
        undef = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
        one = b.insert_element(undef, scalar, ir.Constant(I32, 0))
        zeros = ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)
        return b.shuffle_vector(one, undef, zeros)

    def lanes_below(self, count: Int) -> ir.Value:
        """The mask of the lanes whose index is below `count`, which may be negative or large."""
        kind = ir.VectorType(I32, self.spec.lanes)
        iota = ir.Constant(kind, list(range(self.spec.lanes)))
        bounded = self.builder.trunc(count.least(self.spec.lanes).value, I32)
        return self.builder.icmp_signed("<", iota, self.splat(bounded))

    def masked_load(self, pointer: ir.Value, mask: ir.Value) -> ir.Value:
        """A vector from memory, zero and unread where the mask is false."""
        vector = self.spec.vector
        zero = ir.Constant(vector, None)
        return self.intrinsic(f"llvm.masked.load.{self.spec.tag}.p0", vector, [pointer, mask, zero])

    def masked_store(self, value: ir.Value, pointer: ir.Value, mask: ir.Value) -> None:
        """Write the lanes where the mask is true."""
        name = f"llvm.masked.store.{self.spec.tag}.p0"
        self.intrinsic(name, ir.VoidType(), [value, pointer, mask])

    def intrinsic(self, name: str, result: ir.Type, args: list[Any]) -> ir.Value:
        """Call the LLVM intrinsic of that full name."""
        module = self.builder.module
        fn = module.globals.get(name)
        if fn is None:
            fn = ir.Function(module, ir.FunctionType(result, [a.type for a in args]), name)
        return self.builder.call(fn, args)

    def fma(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """x * y + z in every lane, rounded once."""
        return self.intrinsic(f"llvm.fma.{self.spec.tag}", self.spec.vector, [x, y, z])


class _Rows:
    """Loads and stores the columns of a tile, row by row.

    A tile of one vector takes fewer columns than lanes, where masks are cheap. Elsewhere, and in
    wider tiles, all columns are there: a mask would cost about 2%.
    """

    def __init__(self, e: Emit, wide: int, cols: Int):
        self.e = e
        self.shifts = [v * e.spec.lanes * e.spec.itemsize for v in range(wide)]
        self.mask = e.lanes_below(cols) if wide == 1 and e.spec.masked else None

    def load(self, row: ir.Value) -> list[ir.Value]:
        e = self.e
        if self.mask is not None:
            return [e.masked_load(row, self.mask)]
        return [e.load(e.past(row, shift), e.spec.vector) for shift in self.shifts]

    def store(self, values: list[ir.Value], row: ir.Value) -> None:
        e = self.e
        if self.mask is not None:
            e.masked_store(values[0], row, self.mask)
            return
        for value, shift in zip(values, self.shifts, strict=True):
            e.store(value, e.past(row, shift))


def tile_body(height: int, wide: int) -> Callable[[Emit, list[Int]], None]:
    """C[:height, :cols] = (resume ? C : 0) + A @ B, one fma chain per element.

    Arguments: a, ras, cas, b, rbs, c, rcs, k, resume, cols. Rows of B and C are contiguous;
    `cols` counts only where `_Rows` masks. This is the outer-product "microkernel" of Goto and van
    de Geijn (2008).
    """

    def body(e: Emit, args: list[Int]) -> None:
        a, ras, cas, b, rbs, c, rcs, k, resume, cols = args
        builder, vector = e.builder, e.spec.vector
        rows = _Rows(e, wide, cols)
        sums = [[Var(builder, vector) for _ in range(wide)] for _ in range(height)]
        for total in (x for line in sums for x in line):
            total.set(ir.Constant(vector, None))

        def in_c() -> list[ir.Value]:
            return [e.past(e.pointer(c), rcs * r) for r in range(height)]

        with e.when(resume > 0):
            for line, row in zip(sums, in_c(), strict=True):
                for total, value in zip(line, rows.load(row), strict=True):
                    total.set(value)
        left, right = Var(builder, PTR), Var(builder, PTR)
        left.set(e.pointer(a))
        right.set(e.pointer(b))
        offsets = [ras * r for r in range(height)]
        with e.steps(k):
            column, row = left.get(), right.get()
            bs = rows.load(row)
            for line, offset in zip(sums, offsets, strict=True):
                x = e.splat(e.load(e.past(column, offset), e.spec.elem))
                for y, total in zip(bs, line, strict=True):
                    total.set(e.fma(x, y, total.get()))
            left.set(e.past(column, cas))
            right.set(e.past(row, rbs))
        for line, row in zip(sums, in_c(), strict=True):
            rows.store([total.get() for total in line], row)

    return body


def tile(e: Emit, height: Int, wide: Int, args: list[Int]) -> None:
    """Call the tile of this height and width with the arguments of `tile_body`."""
    builder, spec = e.builder, e.spec
    done = builder.append_basic_block("tiled")
    switch = builder.switch((height * 16 + wide).value, done)
    shapes = [(h, w) for h in spec.heights for w in range(1, spec.wide + 1)]
    for h, w in [*shapes, *((1, w) for w in spec.widest)]:
        case = builder.append_basic_block(f"tile_{h}_{w}")
        switch.add_case(ir.Constant(I64, h * 16 + w), case)
        builder.position_at_end(case)
        e.call(f"tile{h}x{w}", tile_body(h, w), args)
        builder.branch(done)
    builder.position_at_end(done)
