"""Cotangents of slices that tile a tensor: joined at once instead of added one by one.

A loop over ``x[t]`` brings T cotangents, each zero but in one place. Adding them costs T passes
over the whole of x; joined, they cost one. The bits are those of the sum: an element that one slice
brings has zeros added to it, which change nothing but -0.
"""

from bisect import bisect

from ..core.dispatch import apply
from ..core.tensor import TensorBase as Tensor
from ..ops.create.creation import zeros
from ..ops.elementwise.pointwise import add
from ..ops.shape.views import CAT, InSlice


def sliced_axis(one: InSlice) -> int | None:
    """Return the axis that a slice cuts, where it is one axis and the slice is contiguous."""
    lengths = one.part.value.shape
    cut = [i for i, (n, e) in enumerate(zip(lengths, one.shape, strict=True)) if n != e]
    plain = len(cut) == 1 and set(one.steps) == {1} and lengths[cut[0]] > 0
    return cut[0] if plain else None


class Slices:
    """Disjoint slices of one tensor along one axis, in ascending order."""

    __slots__ = ("axis", "first", "parts", "shape", "starts")

    def __init__(self, first: InSlice, axis: int) -> None:
        self.first, self.axis, self.shape = first, axis, first.shape
        self.starts = [first.starts[axis]]
        self.parts = [first.part]

    def take(self, other: InSlice) -> bool:
        """Put another slice between these, unless it overlaps one or cuts another axis."""
        if sliced_axis(other) != self.axis:
            return False
        start = other.starts[self.axis]
        at = bisect(self.starts, start)
        stop = start + other.part.value.shape[self.axis]
        overlaps = (at > 0 and self._stop(at - 1) > start) or (
            at < len(self.starts) and stop > self.starts[at]
        )
        if not overlaps:
            self.starts.insert(at, start)
            self.parts.insert(at, other.part)
        return not overlaps

    def _stop(self, i: int) -> int:
        return self.starts[i] + self.parts[i].value.shape[self.axis]

    def whole(self) -> Tensor:
        """Return the sum."""
        if len(self.parts) == 1:
            return self.first.whole()
        pieces: list[Tensor] = []
        done = 0
        for i, part in enumerate(self.parts):
            pieces += [*self._gap(done, self.starts[i]), part]
            done = self._stop(i)
        pieces += self._gap(done, self.shape[self.axis])
        extents = tuple(p.value.shape[self.axis] for p in pieces)
        return add(apply(CAT, *pieces, axis=self.axis, extents=extents), 0)

    def _gap(self, start: int, stop: int) -> list[Tensor]:
        shape = (*self.shape[: self.axis], stop - start, *self.shape[self.axis + 1 :])
        return [zeros(shape, dtype=self.first.part.value.dtype)] if stop > start else []
