"""The exact matrix product: every element of C is one chain of fma over ascending k.

``acc = +0; for p in range(k): acc = fma(A[i, p], B[p, j], acc)`` in the element type. Tiling,
packing, swapping the roles of A and B (fma commutes in its first two arguments), and splitting
between threads leave every such chain as it is, so none of them can move a bit.

The structure is that of Goto and van de Geijn (*Anatomy of High-Performance Matrix
Multiplication*, 2008) and BLIS (Van Zee and van de Geijn, 2015): blocks of k and of columns; B
packed into panels as wide as the register tile, where its rows are not contiguous or the matrix is
large; A packed one row of tiles at a time. A block of k that is not the first resumes the chains
from C.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, register_jitable

from .pack import pack, transposed, unpack
from .tile import I64, Emit, Int, TileSpec, Var, host_vector_bytes, tile, tile_spec

SPLIT = 32
"""Rows or columns of C in one work item."""

PANEL_BYTES = 16 * 1024
"""A packed panel of B, one tile wide: with the rows of A it stays in the first-level cache."""

STACK_BYTES = 256 * 1024
"""All packed blocks of one call; most of it a block of B, which stays in the second-level cache."""

LARGE_BYTES = 256 * 1024
"""A block of A above this is packed, row of tiles by row of tiles, as in BLIS."""

GROUP_TILES = 2
"""Rows of tiles in a packed block of A whose columns are contiguous."""

NEAR_BYTES = 64 * 1024
"""A block of k rows of B within this distance is read as it lies."""

SWEEP = 16
"""Values of k in one block when a single row of C takes B as it lies, to read B row by row."""

STRIP = 64
"""The same when B is packed, in panels four times as wide."""


@register_jitable
def gemm_items(m: int, n: int, k: int) -> int:
    """Work items of an m x k by k x n product: slices of C along its longer side."""
    return (max(m, n) + SPLIT - 1) // SPLIT


def _cycles(spec: TileSpec, m: Int, n: Int, k: Int, b_stride: Int, c_stride: Int) -> Int:
    """A rough cost of the product with lanes along n, to choose whether to swap roles."""
    vectors = (n + (spec.lanes - 1)) // spec.lanes
    packing = b_stride.same(spec.itemsize).pick(0, n * k * 6)
    storing = c_stride.same(spec.itemsize).pick(0, m * n * 6)
    return m * k * vectors * 16 + packing + storing


def _depth(spec: TileSpec) -> int:
    """Values of k in one block."""
    return PANEL_BYTES // (spec.columns * spec.itemsize)


def _even_step(length: Int, most: Int) -> Int:
    """The size of blocks that cover `length` evenly; at least 1."""
    length = (length < 1).pick(1, length)
    blocks = (length + most - 1) // most
    return (length + blocks - 1) // blocks


def _tile_into_c(e: Emit, args: list[Int]) -> None:
    """One tile of C, by way of `spare` where C does not take whole vectors.

    Arguments: a, ras, cas, b, rbs, spare, c, rcs, ccs, k, resume, height, cols.
    """
    a, ras, cas, b, rbs, spare, c, rcs, ccs, k, resume, height, cols = args
    lanes, size = e.spec.lanes, e.spec.itemsize
    wide = (cols + (lanes - 1)) // lanes
    row = wide * (lanes * size)
    direct = ccs.same(size)
    if not e.spec.masked:
        direct = direct & cols.same(wide * lanes)
    with e.when(~direct & (resume > 0)):
        pack(e, [spare, row, c, rcs, ccs, height, cols, wide * lanes])
    to, to_row = direct.pick(c, spare), direct.pick(rcs, row)
    tile(e, height, wide, [a, ras, cas, b, rbs, to, to_row, k, resume, cols])
    with e.when(~direct):
        unpack(e, [c, rcs, ccs, spare, row, height, cols])


def _tile_height(e: Emit, left: Int) -> Int:
    """The tallest tile within `left` rows."""
    height = e.number(1)
    for h in sorted(e.spec.heights)[1:]:
        height = (left >= h).pick(h, height)
    return height


def _tile_width(e: Emit, m: Int, left: Int) -> Int:
    """Columns of the next tile; one vector may be partly filled, wider tiles are full.

    A single row takes more at once, because two chains would wait for each other's fma.
    """
    lanes = e.spec.lanes
    width = (left >= e.spec.columns).pick(e.spec.columns, lanes)
    for wide in sorted(e.spec.widest):
        width = (m.same(1) & (left >= wide * lanes)).pick(wide * lanes, width)
    return width


def _group(spec: TileSpec) -> int:
    """Rows of A packed together where its columns are contiguous: whole cache lines of them."""
    return GROUP_TILES * spec.heights[0]


def _pack_left(e: Emit, args: list[Int]) -> list[Int]:
    """Pack rows x k of A, by rows or by columns; return its place and strides.

    Arguments: a, ras, cas, rows, k, room, by_rows.
    """
    a, ras, cas, rows, k, room, by_rows = args
    size, pick = e.spec.itemsize, by_rows.pick
    # An odd number of cache lines, so that rows do not compete for one set of the cache.
    stride = pick((_depth(e.spec) + e.spec.lanes) * size, _group(e.spec) * size)
    across = pick(k, rows)
    pack(e, [room, stride, a, pick(ras, cas), pick(cas, ras), pick(rows, k), across, across])
    return [room, pick(stride, size), pick(size, stride)]


def _packed_from(e: Emit, whole: Int, n: Int) -> Int:
    """The first column of B to be packed: all, none, or those that do not fill a vector."""
    tail = n if e.spec.masked else n // e.spec.lanes * e.spec.lanes
    return whole.pick(0, tail)


def _large_block(e: Emit, args: list[Int]) -> None:
    """C = (resume ? C : 0) + A @ B for one block: panels of B packed first, then A row by row."""
    a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, resume, b_room, a_room, spare = args
    spec, size = e.spec, e.spec.itemsize
    column_bytes = _depth(spec) * size
    # Rows of B that lie close together are as good as packed.
    packed_from = _packed_from(e, ~cbs.same(size) | (k * rbs > NEAR_BYTES), n)

    def width(j: Int) -> Int:
        return (n - j >= spec.columns).pick(spec.columns, spec.lanes)

    with e.steps(n - packed_from, lambda j: width(j + packed_from)) as j0:
        j = j0 + packed_from
        panel = [b_room + j * column_bytes, width(j) * size, b + j * cbs, rbs, cbs]
        pack(e, [*panel, k, (n - j).least(width(j)), width(j)])
    by_rows = cas.same(size) | ~ras.same(size)
    group = by_rows.pick(spec.heights[0], _group(spec))
    with e.steps(m, lambda i: group) as i0:
        rows = (m - i0).least(group)
        ap, ars, acs = _pack_left(e, [a + i0 * ras, ras, cas, rows, k, a_room, by_rows])
        with e.steps(rows, lambda i: _tile_height(e, rows - i)) as i, e.steps(n, width) as j:
            packed = j >= packed_from
            bp = packed.pick(b_room + j * column_bytes, b + j * cbs)
            left = [ap + i * ars, ars, acs, bp, packed.pick(width(j) * size, rbs)]
            place = [spare, c + (i0 + i) * rcs + j * ccs, rcs, ccs]
            rest = [k, resume, _tile_height(e, rows - i), (n - j).least(width(j))]
            e.call("tile_into_c", _tile_into_c, [*left, *place, *rest])


def _small_block(e: Emit, args: list[Int]) -> None:
    """The same with A as it lies: each panel of B packed just before its use, or not at all."""
    a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, resume, b_room, spare = args
    size = e.spec.itemsize
    packed_from = _packed_from(e, ~cbs.same(size), n)
    with e.steps(n, lambda j: _tile_width(e, m, n - j)) as j:
        width = _tile_width(e, m, n - j)
        cols, packed = (n - j).least(width), j >= packed_from
        bp, row = packed.pick(b_room, b + j * cbs), width * size
        with e.when(packed):
            pack(e, [b_room, row, b + j * cbs, rbs, cbs, k, cols, width])
        with e.steps(m, lambda i: _tile_height(e, m - i)) as i:
            left = [a + i * ras, ras, cas, bp, packed.pick(row, rbs)]
            place = [spare, c + i * rcs + j * ccs, rcs, ccs]
            part = [*left, *place, k, resume, _tile_height(e, m - i), cols]
            e.call("tile_into_c", _tile_into_c, part)


def _product(e: Emit, args: list[Int]) -> None:
    """C = (resumed ? C : 0) + A @ B, addresses and strides in bytes, for the work items lo..hi."""
    a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, resumed, lo, hi = args
    spec = e.spec
    along_n = n >= m
    length = along_n.pick(n, m)
    start = (lo * SPLIT).least(length)
    count = (hi * SPLIT).least(length) - start
    a = a + along_n.pick(0, start * ras)
    b = b + along_n.pick(start * cbs, 0)
    c = c + start * along_n.pick(ccs, rcs)
    m, n = along_n.pick(m, count), along_n.pick(count, n)

    swap = _cycles(spec, n, m, k, ras, rcs) < _cycles(spec, m, n, k, cbs, ccs)
    a, b, m, n = swap.pick(b, a), swap.pick(a, b), swap.pick(n, m), swap.pick(m, n)
    ras, cbs = swap.pick(cbs, ras), swap.pick(ras, cbs)
    cas, rbs = swap.pick(rbs, cas), swap.pick(cas, rbs)
    rcs, ccs = swap.pick(ccs, rcs), swap.pick(rcs, ccs)
    e.call("blocks", _blocks, [a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, resumed])


def _region(e: Emit, args: list[Int]) -> None:
    """C = (resumed ? C : 0) + A @ B with lanes along the columns, block by block."""
    a, b, c, m, n, k, *strides, resumed = args
    _, cas, rbs, cbs, _, ccs = strides
    spec, size = e.spec, e.spec.itemsize
    depth, tallest = _depth(spec), spec.heights[0]
    a_bytes = max(tallest * (depth + spec.lanes), depth * _group(spec)) * size
    spare_bytes = max(tallest * spec.wide, spec.widest[0]) * spec.lanes * size
    panels = (STACK_BYTES - a_bytes - spare_bytes) // PANEL_BYTES
    a_room, spare = e.stack(a_bytes), e.stack(spare_bytes)
    b_room = e.stack(panels * PANEL_BYTES)
    large = (n > spec.columns) & (m * k.least(depth) * size > LARGE_BYTES)
    columns = large.pick(panels * spec.columns, n)
    # B as it lies needs no room, and its tail of one vector has that of two.
    many = (cbs.same(size) & ~large).pick(2 * depth, depth)
    step = _even_step(k, m.same(1).pick(cbs.same(size).pick(SWEEP, STRIP), many))

    # once even for k = 0, which writes zeros
    with e.steps(n, lambda j: columns) as j, e.steps((k < 1).pick(1, k), lambda p: step) as p:
        corner = [a + p * cas, b + p * rbs + j * cbs, c + j * ccs]
        shape = [m, (n - j).least(columns), (k - p).least(step)]
        with e.either(large) as (then, otherwise):
            with then:
                room = [b_room, a_room, spare]
                e.call("large_block", _large_block, [*corner, *shape, *strides, p + resumed, *room])
            with otherwise:
                room = [b_room, spare]
                e.call("small_block", _small_block, [*corner, *shape, *strides, p + resumed, *room])


def _row_block(e: Emit, args: list[Int]) -> None:
    """A row times a matrix of contiguous columns, transposed in registers: C = A @ B.

    Whole vectors of columns and of k only. Arguments: a, cas, b, cbs, c, n, k.
    """
    a, cas, b, cbs, c, n, k = args
    lanes, size, vector = e.spec.lanes, e.spec.itemsize, e.spec.vector
    total = Var(e.builder, vector)
    with e.steps(n, lanes) as j:
        total.set(ir.Constant(vector, None))
        with e.steps(k, lanes) as p:
            corner = b + j * cbs + p * size
            columns = [e.load(e.pointer(corner + cbs * x), vector) for x in range(lanes)]
            for x, row in enumerate(transposed(e, columns)):
                left = e.load(e.pointer(a + (p + x) * cas), e.spec.elem)
                total.set(e.fma(e.splat(left), row, total.get()))
        e.store(total.get(), e.pointer(c + j * size))


def _blocks(e: Emit, args: list[Int]) -> None:
    """The product with lanes along the columns: a row of C apart where columns are contiguous."""
    a, b, c, m, n, k, *strides, resumed = args
    _, cas, rbs, cbs, _, ccs = strides
    lanes, size = e.spec.lanes, e.spec.itemsize
    fresh = resumed < 1
    apart = fresh & m.same(1) & rbs.same(size) & ccs.same(size) & (k >= lanes) & (n >= lanes)
    with e.either(apart) as (then, otherwise):
        with then:
            deep, broad = k // lanes * lanes, n // lanes * lanes
            e.call("row_block", _row_block, [a, cas, b, cbs, c, broad, deep])
            with e.when(deep < k):
                rest = [a + deep * cas, b + deep * rbs, c, m, broad, k - deep]
                e.call("region", _region, [*rest, *strides, e.number(1)])
            rest = [a, b + broad * cbs, c + broad * ccs, m, n - broad, k]
            e.call("region", _region, [*rest, *strides, e.number(0)])
        with otherwise:
            e.call("region", _region, args)


def _make_gemm(element: types.Float, vector_bytes: int) -> Any:
    """The product for one element type as a Numba intrinsic; see `gemm_f4`."""
    spec = tile_spec(element.bitwidth // 8, vector_bytes)
    pointer, word = types.CPointer(element), types.int64

    def gemm(
        typingctx, a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, resumed, lo, hi
    ):  # fmt: skip
        def codegen(context, builder, signature, args):
            e = Emit(builder, spec)
            size = e.number(spec.itemsize)
            addresses = [Int(builder, builder.ptrtoint(x, I64)) for x in args[:3]]
            numbers = [Int(builder, x) for x in args[3:]]
            strides = [x * size for x in numbers[3:9]]
            e.call("product", _product, [*addresses, *numbers[:3], *strides, *numbers[9:]])
            return context.get_dummy_value()

        return types.none(pointer, pointer, pointer, *[word] * 12), codegen

    return intrinsic(gemm)


gemm_f4 = _make_gemm(types.float32, host_vector_bytes())
"""C = A @ B in float32, for jitted code.

Arguments: ``a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, resumed, lo, hi``. a, b, c are C
pointers; the rest are int64. A is m x k with strides ras (between rows) and cas (between columns),
likewise B and C; strides count elements, have any sign, and those of A and B may be zero. C
overlaps neither A nor B. Where `resumed` is not 0, the chains start from what C holds: a product
in blocks of k is the product in one go. Computes the work items lo..hi of `gemm_items`; disjoint
ranges may run at once. Needs `STACK_BYTES` of stack and a little more, no heap, raises nothing.
"""

gemm_f8 = _make_gemm(types.float64, host_vector_bytes())
"""The same in float64."""
