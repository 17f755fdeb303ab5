"""How windows lie, as numbers that kernels read: the block that their texts call ``g``.

Along three axes: the extents of the input, of the window and of the output, the strides, the
padding in front, the dilations; whether the windows are adaptive; how a mean is divided (0: by its
elements, 1: padding too, 2: by the divisor that follows); the channels or planes.
"""

from ...numerics.facts.windows import Windows
from .arguments import Block

GEOMETRY = Block(
    extent=3, kernel=3, output=3, stride=3, padding=3, dilation=3, adaptive=1, mean=1, divisor=1,
    channels=1,
)  # fmt: skip

# For functions that are compiled: where in ``g`` the numbers of an axis are (of the input, the
# window (kernel), the output, the strides, the padding and the dilations, along z, y and x).
IZ, IY, IX = (GEOMETRY.at("extent", axis) for axis in range(3))
KZ, KY, KX = (GEOMETRY.at("kernel", axis) for axis in range(3))
OZ, OY, OX = (GEOMETRY.at("output", axis) for axis in range(3))
SZ, SY, SX = (GEOMETRY.at("stride", axis) for axis in range(3))
PZ, PY, PX = (GEOMETRY.at("padding", axis) for axis in range(3))
DZ, DY, DX = (GEOMETRY.at("dilation", axis) for axis in range(3))
ADAPTIVE, MEAN, DIVISOR = map(GEOMETRY.at, ("adaptive", "mean", "divisor"))

# For texts
G = GEOMETRY.words("g")
VOLUME, TAPS, POSITIONS = map(" * ".join, (G.extent, G.kernel, G.output))


def numbers(windows: Windows, channels: int) -> list[int]:
    """Return the block."""
    w = windows
    mean, divisor = (1, 0) if w.divisor < 0 else (2 if w.divisor else 0, w.divisor)
    return GEOMETRY.pack(
        extent=w.extent,
        kernel=w.kernel,
        output=w.output,
        stride=w.stride,
        padding=w.padding,
        dilation=w.dilation,
        adaptive=int(w.adaptive),
        mean=mean,
        divisor=divisor,
        channels=channels,
    )
