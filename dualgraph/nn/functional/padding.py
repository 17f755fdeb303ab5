"""Padding: constants, reflections, repetitions."""

from typing import Any

from ...errors import ShapeError
from ...ops.build import Tensor, need
from ...ops.elementwise.pointwise import clone
from ...ops.windows.convolution import per_axis
from ...ops.windows.resizing import pad_circular, pad_constant, pad_reflect, pad_replicate

_MODES = {"reflect": pad_reflect, "replicate": pad_replicate, "circular": pad_circular}


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Return the input with elements added to its last axes.

    ``pad`` is (before, after) of the last axis, then of the one before it, and so on; negative
    numbers cut off. ``"constant"`` adds ``value`` (0) to any axes; ``"reflect"``, ``"replicate"``
    and ``"circular"`` pad the last 1 to 3 axes of an input that has one or two more.
    Raises `ShapeError` and `ArgumentError`.

    >>> import dualgraph as dg
    >>> pad(dg.tensor([1.0, 2.0, 3.0]), (1, 2), value=9)
    tensor([9., 1., 2., 3., 9., 9.])
    """
    sides = _sides(input, pad)
    if mode == "constant":
        return pad_constant(input, sides, 0 if value is None else value)
    need(mode in _MODES, f"pad: mode is constant, reflect, replicate or circular, not {mode!r}")
    need(not value, f"pad: mode {mode!r} takes no value, got {value!r}")
    count, ndim = len(pad) // 2, input.value.ndim
    if not (1 <= count <= 3 and ndim in (count + 1, count + 2)):
        raise ShapeError(
            f"pad: mode {mode!r} with {len(pad)} numbers needs {count + 1} or {count + 2} "
            f"dimensions, got shape {tuple(input.value.shape)}"
        )
    out = input
    for axis in reversed(range(ndim - count, ndim)):
        before, after = sides[axis]
        if before or after:
            out = _MODES[mode](out, axis, before, after)
    return clone(input) if out is input else out


def _sides(input: Tensor, pad: Any) -> tuple[tuple[int, int], ...]:
    """Return (before, after) for every axis."""
    need(isinstance(pad, tuple | list), f"pad: expected a tuple of ints, got {pad!r}")
    count, ndim = len(pad) // 2, input.value.ndim
    given = per_axis("pad", "pad", tuple(pad), len(pad), -(2**62)) if len(pad) else ()
    need(
        len(pad) % 2 == 0 and count <= ndim,
        f"pad: needs pairs of ints for at most {ndim} axes, got {tuple(pad)}",
    )
    pairs = [(given[2 * i], given[2 * i + 1]) for i in range(count)]
    return ((0, 0),) * (ndim - count) + tuple(reversed(pairs))
