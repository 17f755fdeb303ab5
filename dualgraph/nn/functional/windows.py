"""What one, two and three axes share: a function for each number of axes, made by one factory."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ...ops.build import in_float32, named


class Plane(NamedTuple):
    """How people write the axes over which windows move: for two ``(N, C, H, W) or (C, H, W)``."""

    axes: int
    shape: str
    kernel: str  # the extents of a window
    of_what: str


PLANES = {
    1: Plane(1, "(N, C, L) or (C, L)", "K", "sequences"),
    2: Plane(2, "(N, C, H, W) or (C, H, W)", "kh, kw", "images"),
    3: Plane(3, "(N, C, D, H, W) or (C, D, H, W)", "kd, kh, kw", "volumes"),
}


def over_axes(stem: str, make: Callable[[int], Callable[..., Any]], doc: str) -> tuple[Any, ...]:
    """Return ``{stem}1d``, ``{stem}2d``, ``{stem}3d``: what ``make`` gives for 1, 2 and 3 axes.

    ``doc`` may name the fields of `Plane`. float16 computes in float32 and is rounded once.
    """
    functions = (named(make(n), f"{stem}{n}d", doc.format(**PLANES[n]._asdict())) for n in PLANES)
    return tuple(map(in_float32, functions))
