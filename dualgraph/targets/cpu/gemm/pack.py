"""Copies of matrix blocks to and from contiguous rows, for the exact matrix product.

`pack` and `unpack` take any strides. Rows that are contiguous move as vectors, columns that are
contiguous through an in-register transpose, everything else one element at a time. Masked loads
and stores keep every access inside the matrix. All addresses and strides are in bytes.
"""

from llvmlite import ir

from .tile import I32, Emit, Int


def _copy_rows(e: Emit, args: list[Int]) -> None:
    """dst[i, :stored] = src[i, :cols], padded with zeros."""
    dst, drs, src, srs, rows, cols, stored = args
    with e.steps(stored, e.spec.lanes) as j:
        reads, writes = e.lanes_below(cols - j), e.lanes_below(stored - j)
        shift = j * e.spec.itemsize
        with e.steps(rows) as i:
            value = e.masked_load(e.pointer(src + shift + i * srs), reads)
            e.masked_store(value, e.pointer(dst + shift + i * drs), writes)


def _halves(e: Emit, rows: list[ir.Value], unit: int, span: int) -> list[ir.Value]:
    """Split pairs of rows into their even and their odd units, within each span of lanes.

    Units and spans are counts of lanes. All evens come first, then all odds; for a list of
    span / unit rows, log2(span / unit) such rounds transpose the units of each span.
    """
    lanes = e.spec.lanes
    kind = ir.VectorType(I32, lanes)

    def half(parity: int) -> ir.Constant:
        starts = range(parity * unit, span, 2 * unit)
        picks = [
            s + side + start + x
            for s in range(0, lanes, span)
            for side in (0, lanes)
            for start in starts
            for x in range(unit)
        ]
        return ir.Constant(kind, picks)

    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    return [e.builder.shuffle_vector(*pair, half(parity)) for parity in (0, 1) for pair in pairs]


def transposed(e: Emit, rows: list[ir.Value]) -> list[ir.Value]:
    """Transpose a square block, first within 16 bytes, then in units of 16 bytes.

    That is the order in which every shuffle is one instruction on x86.
    """
    lanes = len(rows)
    unit = min(lanes, 16 // e.spec.itemsize)
    groups = [rows[i : i + unit] for i in range(0, lanes, unit)]
    for _ in range(unit.bit_length() - 1):
        groups = [_halves(e, group, 1, unit) for group in groups]
    # column 4 i + x of a block of 16: unit i of the x-th row of each group
    across = [list(column) for column in zip(*groups, strict=True)]
    for _ in range((lanes // unit).bit_length() - 1):
        across = [_halves(e, column, unit, lanes) for column in across]
    return [row for together in zip(*across, strict=True) for row in together]


def _transpose_whole(e: Emit, args: list[Int]) -> None:
    """dst[p, :] = src[:, p] of a lanes x lanes block."""
    dst, drs, src, srs = args
    lanes = range(e.spec.lanes)
    loaded = [e.load(e.pointer(src + srs * i), e.spec.vector) for i in lanes]
    for p, value in zip(lanes, transposed(e, loaded), strict=True):
        e.store(value, e.pointer(dst + drs * p))


def _transpose_part(e: Emit, args: list[Int]) -> None:
    """dst[p, :stored] = src[:rows, p] for p < cols, at most lanes x lanes of them.

    Lanes from `rows` up to `stored` are padding; they repeat the last row.
    """
    dst, drs, src, srs, rows, cols, stored = args
    reads, last = e.lanes_below(cols), rows - 1
    lanes = [e.number(i) for i in range(e.spec.lanes)]
    loaded = [e.masked_load(e.pointer(src + i.least(last) * srs), reads) for i in lanes]
    for p, value in zip(lanes, transposed(e, loaded), strict=True):
        writes = e.lanes_below((p < cols).pick(stored, 0))
        e.masked_store(value, e.pointer(dst + p * drs), writes)


def _transpose(e: Emit, args: list[Int]) -> None:
    """dst[p, :stored] = src[:rows, p] for p < cols."""
    dst, drs, src, srs, rows, cols, stored = args
    lanes, size = e.spec.lanes, e.spec.itemsize
    with e.steps(rows, lanes) as i, e.steps(cols, lanes) as p:
        block = [dst + p * drs + i * size, drs, src + i * srs + p * size, srs]
        whole = (rows - i >= lanes) & (cols - p >= lanes)
        with e.either(whole) as (then, otherwise):
            with then:
                _transpose_whole(e, block)
            with otherwise:
                part = [*block, rows - i, cols - p, stored - i]
                e.call("transpose_part", _transpose_part, part)


def _copy_strided(e: Emit, args: list[Int]) -> None:
    """dst[i, j] = src[i, j] with any strides, one element at a time."""
    dst, drs, dcs, src, srs, scs, rows, cols = args
    with e.steps(rows) as i, e.steps(cols) as j:
        value = e.load(e.pointer(src + i * srs + j * scs), e.spec.elem)
        e.store(value, e.pointer(dst + i * drs + j * dcs))


def _pack(e: Emit, args: list[Int]) -> None:
    dst, drs, src, srs, scs, rows, cols, padded = args
    size = e.spec.itemsize
    with e.either(scs.same(size)) as (then, otherwise):
        with then:
            e.call("copy", _copy_rows, [dst, drs, src, srs, rows, cols, padded])
        with otherwise, e.either(srs.same(size)) as (then2, otherwise2):
            with then2:
                transpose(e, [dst, drs, src, scs, cols, rows, padded])
            with otherwise2:
                strided = [dst, drs, e.number(size), src, srs, scs, rows, cols]
                e.call("strided", _copy_strided, strided)


def _unpack(e: Emit, args: list[Int]) -> None:
    dst, drs, dcs, src, srs, rows, cols = args
    size = e.spec.itemsize
    with e.either(dcs.same(size)) as (then, otherwise):
        with then:
            e.call("copy", _copy_rows, [dst, drs, src, srs, rows, cols, cols])
        with otherwise, e.either(drs.same(size)) as (then2, otherwise2):
            with then2:
                transpose(e, [dst, dcs, src, srs, rows, cols, rows])
            with otherwise2:
                strided = [dst, drs, dcs, src, srs, e.number(size), rows, cols]
                e.call("strided", _copy_strided, strided)


def pack(e: Emit, args: list[Int]) -> None:
    """Emit dst[i, j] = src[i, j] where rows of dst are contiguous.

    Arguments: dst, drs, src, srs, scs, rows, cols, padded; each row of dst has room for `padded`
    elements, those past `cols` get arbitrary values.
    """
    e.call("pack", _pack, args)


def unpack(e: Emit, args: list[Int]) -> None:
    """Emit dst[i, j] = src[i, j] where rows of src are contiguous, with room for whole vectors.

    Arguments: dst, drs, dcs, src, srs, rows, cols.
    """
    e.call("unpack", _unpack, args)


def transpose(e: Emit, args: list[Int]) -> None:
    """Emit dst[p, i] = src[i, p] where rows of both are contiguous.

    Arguments: dst, drs, src, srs, rows, cols, stored; rows and cols are those of src, and each row
    of dst has room for `stored` elements, those past `rows` get arbitrary values.
    """
    e.call("transpose", _transpose, args)
