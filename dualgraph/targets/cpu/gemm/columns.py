"""Windows as columns or as rows of a matrix, and the transpose; ``g`` is `geometry`.

Everything goes tap by tap (a tap is an element of the window): what one tap reads of a plane is a
rectangle, moved as a whole. `window_columns` and `add_window_columns` read the planes as they lie;
`window_rows` reads planes padded with zeros whose channels lie side by side.
"""

from ....numerics.scalar import scalar
from ..geometry import DX, DY, DZ, IX, IY, IZ, KX, KY, KZ, OX, OY, OZ, PX, PY, PZ, SX, SY, SZ
from .blocks import add_block, copy_block, transpose_block


@scalar
def first_inside(shift, step):
    """Return the first place whose element ``place * step + shift`` is not before the plane."""
    return max(0, (step - 1 - shift) // step)


@scalar
def stop_inside(shift, step, extent):
    """Return the end of the places whose element is not behind the plane."""
    return (extent - 1 - shift) // step + 1


@scalar
def window_columns(g, x, channel, channels, first, count, y, row, zero):
    """Write rows of ``y``, one for each (channel, tap), ``row`` elements apart.

    Row by row the elements of the windows ``first`` to ``first + count``, zeros in the padding.
    The windows are whole lines of the output, or a part of one.
    """
    step, line, volume = g[SX], first // g[OX], g[IZ] * g[IY] * g[IX]
    taps, u = g[KZ] * g[KY] * g[KX], first - line * g[OX]
    n = min(g[OX] - u, count)
    for kz in range(g[KZ]):
        for ky in range(g[KY]):
            for kx in range(g[KX]):
                shift, up = kx * g[DX] - g[PX], ky * g[DY] - g[PY]
                left = min(max(first_inside(shift, step) - u, 0), n)
                right = max(min(stop_inside(shift, step, g[IX]) - u, n), left)
                done = 0
                while done < count // n:
                    z = (line + done) // g[OY]
                    v = line + done - z * g[OY]
                    lines = min(g[OY] - v, count // n - done)
                    iz = z * g[SZ] + kz * g[DZ] - g[PZ]
                    top = min(max(first_inside(up, g[SY]) - v, 0), lines)
                    bottom = max(min(stop_inside(up, g[SY], g[IY]) - v, lines), top)
                    if iz < 0 or iz >= g[IZ]:
                        top = bottom = lines
                    source = (
                        (iz * g[IY] + (v + top) * g[SY] + up) * g[IX] + (u + left) * step + shift
                    )
                    for c in range(channels):
                        at = (c * taps + (kz * g[KY] + ky) * g[KX] + kx) * row + done * n
                        for j in range(top * n):
                            y[at + j] = zero
                        for j in range(bottom * n, lines * n):
                            y[at + j] = zero
                        # by columns: as rows of one element they would become calls of memset
                        for j in range(left):
                            for i in range(top, bottom):
                                y[at + i * n + j] = zero
                        for j in range(right, n):
                            for i in range(top, bottom):
                                y[at + i * n + j] = zero
                        to, wide = at + top * n + left, right - left
                        here = (channel + c) * volume + source
                        if step == 1:
                            copy_block(y, to, n, x, here, g[SY] * g[IX], bottom - top, wide)
                        else:
                            for i in range(bottom - top):
                                for j in range(wide):
                                    y[to + i * n + j] = x[here + i * g[SY] * g[IX] + j * step]
                    done += lines


@scalar
def add_window_columns(g, y, row, channel, channels, x):
    """Add the columns of all windows to the input elements they stand for.

    An element gets its terms in ascending order of the taps.
    """
    step, ow, volume, taps = g[SX], g[OX], g[IZ] * g[IY] * g[IX], g[KZ] * g[KY] * g[KX]
    for kz in range(g[KZ]):
        for ky in range(g[KY]):
            for kx in range(g[KX]):
                shift, up = kx * g[DX] - g[PX], ky * g[DY] - g[PY]
                left = min(first_inside(shift, step), ow)
                wide = max(min(stop_inside(shift, step, g[IX]), ow) - left, 0)
                top = min(first_inside(up, g[SY]), g[OY])
                lines = max(min(stop_inside(up, g[SY], g[IY]), g[OY]) - top, 0)
                for z in range(g[OZ]):
                    iz = z * g[SZ] + kz * g[DZ] - g[PZ]
                    tap = (kz * g[KY] + ky) * g[KX] + kx
                    corner = (z * g[OY] + top) * ow + left
                    target = (iz * g[IY] + top * g[SY] + up) * g[IX] + left * step + shift
                    for c in range(channels if iz >= 0 and iz < g[IZ] else 0):
                        at = (c * taps + tap) * row + corner
                        to = (channel + c) * volume + target
                        if step == 1:
                            add_block(x, to, g[SY] * g[IX], y, at, ow, lines, wide)
                        else:
                            for i in range(lines):
                                for j in range(wide):
                                    x[to + i * g[SY] * g[IX] + j * step] += y[at + i * ow + j]


@scalar
def note_places(g, places, iota):
    """Write where in its plane each element of the columns lies, -1 in the padding.

    Takes room for that many numbers, and for one of each element of a plane.
    """
    for i in range(g[IZ] * g[IY] * g[IX]):
        iota[i] = i
    windows = g[OZ] * g[OY] * g[OX]
    window_columns(g, iota, 0, 1, 0, windows, places, windows, -1)


@scalar
def add_at_places(places, y, at, count, x, plane):
    """Add the columns of one plane, as `add_window_columns` does, where `note_places` found them.

    For narrow images: rectangles of a few elements cost more than the elements do.
    """
    for i in range(count):
        place = places[i]
        if place >= 0:
            x[plane + place] += y[at + i]


@scalar
def transpose_planes(g, x, channel, channels, y, high, wide):
    """Write planes into ``y``, channels side by side: (plane, ``high``, ``wide``, channels).

    Each lies where the padding ends; the padding itself is not written.
    """
    volume = g[IZ] * g[IY] * g[IX]
    for z in range(g[IZ]):
        for v in range(g[IY]):
            at = (((z + g[PZ]) * high + v + g[PY]) * wide + g[PX]) * channels
            source = ((channel * g[IZ] + z) * g[IY] + v) * g[IX]
            transpose_block(y, at, channels, x, source, volume, g[IX], channels)


@scalar
def window_rows(g, x, high, wide, channels, line, lines, y, at):
    """Write a row of ``y`` for each window of some lines: its elements by (tap, channel).

    ``x`` is what `transpose_planes` wrote. Where columns of the window lie side by side, a line of
    its taps is one piece of memory.
    """
    pieces = 1 if g[DX] == 1 else g[KX]
    run = g[KX] // pieces * channels
    row = g[KZ] * g[KY] * g[KX] * channels
    for i in range(line, line + lines):
        z = i // g[OY]
        v = i - z * g[OY]
        for k in range(g[KZ] * g[KY] * pieces):
            kz = k // (g[KY] * pieces)
            ky = (k - kz * g[KY] * pieces) // pieces
            kx = k - (kz * g[KY] + ky) * pieces
            source = (z * g[SZ] + kz * g[DZ]) * high + v * g[SY] + ky * g[DY]
            source = (source * wide + kx * g[DX]) * channels
            to = at + (i - line) * g[OX] * row + k * run
            copy_block(y, to, row, x, source, g[SX] * channels, g[OX], run)


FUNCTIONS = {
    "window_columns": window_columns,
    "add_window_columns": add_window_columns,
    "note_places": note_places,
    "add_at_places": add_at_places,
    "transpose_planes": transpose_planes,
    "window_rows": window_rows,
}
