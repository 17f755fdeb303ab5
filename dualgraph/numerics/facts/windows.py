"""Windows that slide over up to three axes, and the orders of what is summed over them.

One axis or two are three with extents of 1.
"""

from math import prod
from typing import NamedTuple

Triple = tuple[int, int, int]
_LONG = 1024  # windows of one chain, where a single image has fewer


class Windows(NamedTuple):
    """How windows lie over an input of three axes; hashable, so that ops take it as it is."""

    extent: Triple
    kernel: Triple
    output: Triple
    stride: Triple = (1, 1, 1)
    padding: Triple = (0, 0, 0)
    dilation: Triple = (1, 1, 1)
    adaptive: bool = False  # windows cover the input evenly; kernel, stride, padding say nothing
    divisor: int = 0  # of means: -1 counts padding, 0 does not, else the divisor itself

    @property
    def positions(self) -> int:
        """The number of windows."""
        return prod(self.output)

    @property
    def taps(self) -> int:
        """The number of elements of one window."""
        return prod(self.kernel)

    @property
    def volume(self) -> int:
        """The number of input elements in one channel."""
        return prod(self.extent)

    @property
    def trivial(self) -> bool:
        """True when each window is the one element at its own place."""
        plain = self.extent == self.output and self.stride == (1, 1, 1)
        return plain and self.kernel == (1, 1, 1) and self.padding == (0, 0, 0)


def images_together(images: int, positions: int) -> int:
    """Return how many images one chain of the gradient of a convolution's weight runs over."""
    return max(1, min(images, _LONG // max(1, positions)))
