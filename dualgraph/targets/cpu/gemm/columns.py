"""Windows as columns or as rows of a matrix, and the transpose; ``g`` is explained in `sliding`.

Everything goes tap by tap (a tap is an element of the window): what one tap reads of a plane is a
rectangle, moved as a whole. `window_columns` and `add_window_columns` read the planes as they lie;
`window_rows` reads planes padded with zeros whose channels lie side by side.
"""

from ....numerics.scalar import scalar
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
    step, line, volume = g[11], first // g[8], g[0] * g[1] * g[2]
    taps, u = g[3] * g[4] * g[5], first - line * g[8]
    n = min(g[8] - u, count)
    for kz in range(g[3]):
        for ky in range(g[4]):
            for kx in range(g[5]):
                shift, up = kx * g[17] - g[14], ky * g[16] - g[13]
                left = min(max(first_inside(shift, step) - u, 0), n)
                right = max(min(stop_inside(shift, step, g[2]) - u, n), left)
                done = 0
                while done < count // n:
                    z = (line + done) // g[7]
                    v = line + done - z * g[7]
                    lines = min(g[7] - v, count // n - done)
                    iz = z * g[9] + kz * g[15] - g[12]
                    top = min(max(first_inside(up, g[10]) - v, 0), lines)
                    bottom = max(min(stop_inside(up, g[10], g[1]) - v, lines), top)
                    if iz < 0 or iz >= g[0]:
                        top = bottom = lines
                    source = (iz * g[1] + (v + top) * g[10] + up) * g[2] + (u + left) * step + shift
                    for c in range(channels):
                        at = (c * taps + (kz * g[4] + ky) * g[5] + kx) * row + done * n
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
                            copy_block(y, to, n, x, here, g[10] * g[2], bottom - top, wide)
                        else:
                            for i in range(bottom - top):
                                for j in range(wide):
                                    y[to + i * n + j] = x[here + i * g[10] * g[2] + j * step]
                    done += lines


@scalar
def add_window_columns(g, y, row, channel, channels, x):
    """Add the columns of all windows to the input elements they stand for.

    An element gets its terms in ascending order of the taps.
    """
    step, ow, volume, taps = g[11], g[8], g[0] * g[1] * g[2], g[3] * g[4] * g[5]
    for kz in range(g[3]):
        for ky in range(g[4]):
            for kx in range(g[5]):
                shift, up = kx * g[17] - g[14], ky * g[16] - g[13]
                left = min(first_inside(shift, step), ow)
                wide = max(min(stop_inside(shift, step, g[2]), ow) - left, 0)
                top = min(first_inside(up, g[10]), g[7])
                lines = max(min(stop_inside(up, g[10], g[1]), g[7]) - top, 0)
                for z in range(g[6]):
                    iz = z * g[9] + kz * g[15] - g[12]
                    tap = (kz * g[4] + ky) * g[5] + kx
                    corner = (z * g[7] + top) * ow + left
                    target = (iz * g[1] + top * g[10] + up) * g[2] + left * step + shift
                    for c in range(channels if iz >= 0 and iz < g[0] else 0):
                        at = (c * taps + tap) * row + corner
                        to = (channel + c) * volume + target
                        if step == 1:
                            add_block(x, to, g[10] * g[2], y, at, ow, lines, wide)
                        else:
                            for i in range(lines):
                                for j in range(wide):
                                    x[to + i * g[10] * g[2] + j * step] += y[at + i * ow + j]


@scalar
def note_places(g, places, iota):
    """Write where in its plane each element of the columns lies, -1 in the padding.

    Takes room for that many numbers, and for one of each element of a plane.
    """
    for i in range(g[0] * g[1] * g[2]):
        iota[i] = i
    windows = g[6] * g[7] * g[8]
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
    volume = g[0] * g[1] * g[2]
    for z in range(g[0]):
        for v in range(g[1]):
            at = (((z + g[12]) * high + v + g[13]) * wide + g[14]) * channels
            source = ((channel * g[0] + z) * g[1] + v) * g[2]
            transpose_block(y, at, channels, x, source, volume, g[2], channels)


@scalar
def window_rows(g, x, high, wide, channels, line, lines, y, at):
    """Write a row of ``y`` for each window of some lines: its elements by (tap, channel).

    ``x`` is what `transpose_planes` wrote. Where columns of the window lie side by side, a line of
    its taps is one piece of memory.
    """
    pieces = 1 if g[17] == 1 else g[5]
    run = g[5] // pieces * channels
    row = g[3] * g[4] * g[5] * channels
    for i in range(line, line + lines):
        z = i // g[7]
        v = i - z * g[7]
        for k in range(g[3] * g[4] * pieces):
            kz = k // (g[4] * pieces)
            ky = (k - kz * g[4] * pieces) // pieces
            kx = k - (kz * g[4] + ky) * pieces
            source = (z * g[9] + kz * g[15]) * high + v * g[10] + ky * g[16]
            source = (source * wide + kx * g[17]) * channels
            to = at + (i - line) * g[8] * row + k * run
            copy_block(y, to, row, x, source, g[11] * channels, g[8], run)


FUNCTIONS = {
    "window_columns": window_columns,
    "add_window_columns": add_window_columns,
    "note_places": note_places,
    "add_at_places": add_at_places,
    "transpose_planes": transpose_planes,
    "window_rows": window_rows,
}
