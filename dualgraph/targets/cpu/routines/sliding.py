"""Windows that slide over up to three axes: what convolutions and pools do for one item.

One axis or two are three with extents of 1. ``g`` is the block of numbers that `geometry` explains.
"""

from ....numerics.intrinsics import select
from ....numerics.scalar import scalar
from ..geometry import (
    ADAPTIVE,
    DIVISOR,
    DX,
    DY,
    DZ,
    IX,
    IY,
    IZ,
    KX,
    KY,
    KZ,
    MEAN,
    OX,
    OY,
    OZ,
    PZ,
    SX,
    SY,
    SZ,
)

# --- windows of pools ---------------------------------------------------------------------------


@scalar
def window_start(g, axis, place):
    """Return where the window at a place of an axis starts, maybe in the padding."""
    if g[ADAPTIVE] != 0:
        return place * g[IZ + axis] // g[OZ + axis]
    return place * g[SZ + axis] - g[PZ + axis]


@scalar
def window_stop(g, axis, place):
    """Return the end of the window, cut off at the end of the padding."""
    if g[ADAPTIVE] != 0:
        return ((place + 1) * g[IZ + axis] + g[OZ + axis] - 1) // g[OZ + axis]
    start = place * g[SZ + axis] - g[PZ + axis]
    return min(start + (g[KZ + axis] - 1) * g[DZ + axis] + 1, g[IZ + axis] + g[PZ + axis])


@scalar
def window_first(start, step):
    """Return the first position of a window that is not in the padding in front."""
    return start if start >= 0 else start + (step - 1 - start) // step * step


@scalar
def steps_between(start, stop, step):
    """Return how many elements of a range there are; dividing is slow, and seldom needed.

    Steps are counted: a range with a step that could be zero can raise, which no kernel may.
    """
    return stop - start if step == 1 else (stop - start + step - 1) // step


@scalar
def window_peak(g, x, plane, z0, nz, v0, nv, u0, nu):
    """Return the first largest element of a window, and its place in its plane; NaN wins.

    The place is kept as a float: LLVM makes jumps of selects of integers here, and nobody can
    predict them.
    """
    line = (z0 * g[IY] + v0) * g[IX] + u0
    best, at = x[plane + line], float(line)
    for i in range(nz):
        for j in range(nv):
            line = ((z0 + i * g[DZ]) * g[IY] + v0 + j * g[DY]) * g[IX] + u0
            for k in range(nu):
                e = x[plane + line + k * g[DX]]
                wins = (e > best) | (e != e)
                best = select(wins, e, best)
                at = select(wins, float(line + k * g[DX]), at)
    return best, int(at)


@scalar
def windows_are_inside(g):
    """Return whether every window is whole, dense, and on the input."""
    inside = g[ADAPTIVE] == 0
    for axis in range(3):
        end = (g[OZ + axis] - 1) * g[SZ + axis] + g[KZ + axis]
        inside &= (g[PZ + axis] == 0) & (g[DZ + axis] == 1) & (end <= g[IZ + axis])
    return inside


@scalar
def inner_peak(x, at, layers, lines, length, layer, line):
    """Return the same of a whole, dense window at a place: the element and its place in ``x``."""
    best, away = x[at], 0.0
    for i in range(layers):
        for j in range(lines):
            p = i * layer + j * line
            for k in range(length):
                e = x[at + p + k]
                wins = (e > best) | (e != e)
                best = select(wins, e, best)
                away = select(wins, float(p + k), away)
    return best, at + int(away)


def _over_peaks(found):
    """Return the kernel that does ``found(best, y, r, o, base, at)`` for each window of a plane."""

    @scalar
    def over_inner_windows(g, x, y, r, base, o):
        layers, lines, length, line, layer = g[KZ], g[KY], g[KX], g[IX], g[IY] * g[IX]
        rows, columns, down, right = g[OY], g[OX], g[SY] * g[IX], g[SX]
        usual = (layers == 1) & (lines == 2) & (length == 2)
        for z in range(g[OZ]):
            for v in range(rows):
                at = base + z * g[SZ] * layer + v * down
                for u in range(columns):
                    p = at + u * right
                    if usual:  # numbers that the compiler knows: no loop is left
                        best, place = inner_peak(x, p, 1, 2, 2, layer, line)
                    else:
                        best, place = inner_peak(x, p, layers, lines, length, layer, line)
                    found(best, y, r, o, base, place - base)
                    o += 1

    @scalar
    def over_windows(g, x, y, r, plane):
        base = plane * g[IZ] * g[IY] * g[IX]
        o = plane * g[OZ] * g[OY] * g[OX]
        if windows_are_inside(g):
            over_inner_windows(g, x, y, r, base, o)
            return
        for z in range(g[OZ]):
            z0 = window_first(window_start(g, 0, z), g[DZ])
            nz = steps_between(z0, min(window_stop(g, 0, z), g[IZ]), g[DZ])
            for v in range(g[OY]):
                v0 = window_first(window_start(g, 1, v), g[DY])
                nv = steps_between(v0, min(window_stop(g, 1, v), g[IY]), g[DY])
                for u in range(g[OX]):
                    u0 = window_first(window_start(g, 2, u), g[DX])
                    nu = steps_between(u0, min(window_stop(g, 2, u), g[IX]), g[DX])
                    best, at = window_peak(g, x, base, z0, nz, v0, nv, u0, nu)
                    found(best, y, r, o, base, at)
                    o += 1

    return over_windows


@scalar
def _keep_peak(best, y, r, o, base, at):
    y[o] = best


@scalar
def _keep_place(best, y, r, o, base, at):
    y[o] = at


@scalar
def _add_at_peak(best, y, r, o, base, at):
    r[base + at] += y[o]


max_windows = _over_peaks(_keep_peak)
peak_windows = _over_peaks(_keep_place)
add_at_peaks = _over_peaks(_add_at_peak)


@scalar
def window_weight(g, z, v, u):
    """Return what the mean of a window divides by."""
    if g[MEAN] == 2:
        return g[DIVISOR]
    n = 1
    for axis in range(3):
        place = z if axis == 0 else (v if axis == 1 else u)
        start, stop = window_start(g, axis, place), window_stop(g, axis, place)
        if g[MEAN] == 0:
            start, stop = max(start, 0), min(stop, g[IZ + axis])
        n *= stop - start
    return n


@scalar
def mean_windows(g, x, y, plane, real):
    """Write the mean of each window of one plane: the sum in row-major order, then divided."""
    base = plane * g[IZ] * g[IY] * g[IX]
    o = plane * g[OZ] * g[OY] * g[OX]
    for z in range(g[OZ]):
        z0, z1 = max(window_start(g, 0, z), 0), min(window_stop(g, 0, z), g[IZ])
        for v in range(g[OY]):
            v0, v1 = max(window_start(g, 1, v), 0), min(window_stop(g, 1, v), g[IY])
            for u in range(g[OX]):
                u0, u1 = max(window_start(g, 2, u), 0), min(window_stop(g, 2, u), g[IX])
                total = real(0)
                for i in range(z0, z1):
                    for j in range(v0, v1):
                        line = base + (i * g[IY] + j) * g[IX] + u0
                        for k in range(u1 - u0):
                            total += x[line + k]
                y[o] = total / real(window_weight(g, z, v, u))
                o += 1


@scalar
def spread_windows(g, x, y, plane, real):
    """Write the transpose of `mean_windows`: windows in ascending order add to their elements."""
    base = plane * g[IZ] * g[IY] * g[IX]
    for i in range(g[IZ] * g[IY] * g[IX]):
        y[base + i] = real(0)
    o = plane * g[OZ] * g[OY] * g[OX]
    for z in range(g[OZ]):
        z0, z1 = max(window_start(g, 0, z), 0), min(window_stop(g, 0, z), g[IZ])
        for v in range(g[OY]):
            v0, v1 = max(window_start(g, 1, v), 0), min(window_stop(g, 1, v), g[IY])
            for u in range(g[OX]):
                u0, u1 = max(window_start(g, 2, u), 0), min(window_stop(g, 2, u), g[IX])
                share = x[o] / real(window_weight(g, z, v, u))
                for i in range(z0, z1):
                    for j in range(v0, v1):
                        line = base + (i * g[IY] + j) * g[IX] + u0
                        for k in range(u1 - u0):
                            y[line + k] += share
                o += 1


FUNCTIONS = {
    "max_windows": max_windows,
    "peak_windows": peak_windows,
    "add_at_peaks": add_at_peaks,
    "mean_windows": mean_windows,
    "spread_windows": spread_windows,
}
