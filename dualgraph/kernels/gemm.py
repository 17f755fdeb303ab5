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

from numba.core import types
from numba.extending import intrinsic, register_jitable

from .gemm_pack import pack, unpack
from .gemm_tile import I64, Emit, Int, TileSpec, Var, host_vector_bytes, tile, tile_spec

SPLIT = 32
"""Rows or columns of C in one work item."""

DEPTH = 256
"""Values of k in one block."""

BLOCK_BYTES = 192 * 1024
"""Packed block of B: for the second-level cache, and on the stack."""


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


def _tile_into_c(e: Emit, args: list[Int]) -> None:
    """One tile of C, by way of `spare` where C does not take whole vectors.

    Arguments: a, ras, cas, b, rbs, spare, c, rcs, ccs, k, resume, height, cols.
    """
    a, ras, cas, b, rbs, spare, c, rcs, ccs, k, resume, height, cols = args
    lanes, size = e.spec.lanes, e.spec.itemsize
    row = e.int(e.spec.columns * size)
    wide = (cols + (lanes - 1)) // lanes
    direct = ccs.same(size) & cols.same(wide * lanes)
    with e.when(~direct & (resume > 0)):
        pack(e, [spare, row, c, rcs, ccs, height, cols, wide * lanes])
    to, to_row = direct.pick(c, spare), direct.pick(rcs, row)
    tile(e, height, wide, [a, ras, cas, b, rbs, to, to_row, k, resume])
    with e.when(~direct):
        unpack(e, [c, rcs, ccs, spare, row, height, cols])


def _tile_height(e: Emit, left: Int) -> Int:
    """The tallest tile within `left` rows."""
    height = e.int(1)
    for h in sorted(e.spec.heights)[1:]:
        height = (left >= h).pick(h, height)
    return height


def _pack_left(e: Emit, height: Int, k: Int, a: Int, ras: Int, cas: Int, room: Int) -> list[Int]:
    """Pack height x k of A, row by row or column by column; return where it is and its strides."""
    size, lanes = e.spec.itemsize, e.spec.lanes
    by_rows = cas.same(size) | ~ras.same(size)
    # An odd number of cache lines apart, so that rows do not compete for one set of the cache.
    long = e.int((DEPTH + lanes) * size)
    short = e.int(_short_row(e.spec))
    stride = by_rows.pick(long, short)
    rows, cols = by_rows.pick(height, k), by_rows.pick(k, height)
    pack(e, [room, stride, a, by_rows.pick(ras, cas), by_rows.pick(cas, ras), rows, cols, cols])
    return [room, by_rows.pick(stride, size), by_rows.pick(size, stride)]


def _short_row(spec: TileSpec) -> int:
    """Bytes of the tallest column of A, in whole vectors."""
    return -(-spec.heights[0] // spec.lanes) * spec.lanes * spec.itemsize


def _block(e: Emit, args: list[Int]) -> None:
    """C = (resume ? C : 0) + A @ B for one block of k and of columns."""
    a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, resume, b_room, a_room, spare = args
    size, lanes, width = e.spec.itemsize, e.spec.lanes, e.spec.columns
    row = e.int(width * size)
    pack_all = ~cbs.same(size) | ((m >= 64) & (k * rbs > 131072))
    packed_from = pack_all.pick(0, n // width * width)
    with e.steps(n - packed_from, width) as j0:
        j = j0 + packed_from
        cols = (n - j).least(width)
        whole = (cols + (lanes - 1)) // lanes * lanes
        pack(e, [b_room + j * (DEPTH * size), row, b + j * cbs, rbs, cbs, k, cols, whole])
    with e.steps(m, lambda i: _tile_height(e, m - i)) as i:
        height = _tile_height(e, m - i)
        left = [Var(e.builder, I64) for _ in range(3)]
        for var, value in zip(left, (a + i * ras, ras, cas), strict=True):
            var.set(value.value)
        with e.when((n > 2 * width) & (m * k > 8192)):
            packed = _pack_left(e, height, k, a + i * ras, ras, cas, a_room)
            for var, value in zip(left, packed, strict=True):
                var.set(value.value)
        ap, ars, acs = (Int(e.builder, var.get()) for var in left)
        with e.steps(n, width) as j:
            packed = j >= packed_from
            bp, brs = packed.pick(b_room + j * (DEPTH * size), b + j * cbs), packed.pick(row, rbs)
            to = c + i * rcs + j * ccs
            cols = (n - j).least(width)
            e.call(
                "tile_into_c",
                _tile_into_c,
                [ap, ars, acs, bp, brs, spare, to, rcs, ccs, k, resume, height, cols],
            )


def _product(e: Emit, args: list[Int]) -> None:
    """C = A @ B, addresses and strides in bytes, for the work items lo..hi."""
    a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, lo, hi = args
    spec, size = e.spec, e.spec.itemsize
    panel = DEPTH * spec.columns * size
    block_columns = BLOCK_BYTES // panel * spec.columns
    b_room = e.stack(BLOCK_BYTES)
    a_room = e.stack(max(spec.heights[0] * (DEPTH + spec.lanes) * size, DEPTH * _short_row(spec)))
    spare = e.stack(spec.heights[0] * spec.columns * size)

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

    with e.steps(n, block_columns) as j, e.steps((k < 1).pick(1, k), DEPTH) as p:
        corner = [a + p * cas, b + p * rbs + j * cbs, c + j * ccs]
        shape = [m, (n - j).least(block_columns), (k - p).least(DEPTH)]
        strides = [ras, cas, rbs, cbs, rcs, ccs]
        e.call("block", _block, [*corner, *shape, *strides, p, b_room, a_room, spare])


def _make_gemm(element: types.Float, vector_bytes: int) -> Any:
    spec = tile_spec(element.bitwidth // 8, vector_bytes)
    pointer, word = types.CPointer(element), types.int64

    def gemm(typingctx, a, b, c, m, n, k, ras, cas, rbs, cbs, rcs, ccs, lo, hi):
        def codegen(context, builder, signature, args):
            e = Emit(builder, spec)
            size = e.int(spec.itemsize)
            addresses = [Int(builder, builder.ptrtoint(x, I64)) for x in args[:3]]
            numbers = [Int(builder, x) for x in args[3:]]
            strides = [x * size for x in numbers[3:9]]
            e.call("product", _product, [*addresses, *numbers[:3], *strides, *numbers[9:]])
            return context.get_dummy_value()

        return types.none(pointer, pointer, pointer, *[word] * 11), codegen

    return intrinsic(gemm)


gemm_f4 = _make_gemm(types.float32, host_vector_bytes())
gemm_f8 = _make_gemm(types.float64, host_vector_bytes())
