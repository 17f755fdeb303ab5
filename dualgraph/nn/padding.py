"""Padding layers: a mode and a number of axes each."""

from typing import Any, ClassVar

from . import functional as F
from .formula import REQUIRED, Formula, table

Tensor = Any


class _Pad(Formula):
    """Pads the last axes; ``padding`` is one number, or (before, after) of each, the last first."""

    options = table(padding=REQUIRED)
    shown = "{padding}"
    mode: ClassVar[str] = "constant"
    axes: ClassVar[int] = 0

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        given = options["padding"]
        sides = tuple(given) if isinstance(given, tuple | list) else (given,) * (2 * self.axes)
        return {**options, "padding": sides}

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, getattr(self, "value", None))


class _ConstantPad(_Pad):
    options = table(padding=REQUIRED, value=REQUIRED)
    shown = "padding={padding}, value={value}"


class ConstantPad1d(_ConstantPad):
    """Adds elements of one value on both sides of the last axis."""

    axes = 1


class ConstantPad2d(_ConstantPad):
    """Adds elements of one value on both sides of the last two axes."""

    axes = 2


class ConstantPad3d(_ConstantPad):
    """Adds elements of one value on both sides of the last three axes."""

    axes = 3


class ZeroPad1d(_Pad):
    """Adds zeros on both sides of the last axis."""

    axes = 1


class ZeroPad2d(_Pad):
    """Adds zeros on both sides of the last two axes."""

    axes = 2


class ZeroPad3d(_Pad):
    """Adds zeros on both sides of the last three axes."""

    axes = 3


class _ReflectionPad(_Pad):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPad):
    """Mirrors the elements beside the border on both sides of the last axis."""

    axes = 1


class ReflectionPad2d(_ReflectionPad):
    """Mirrors the elements beside the border on both sides of the last two axes."""

    axes = 2


class ReflectionPad3d(_ReflectionPad):
    """Mirrors the elements beside the border on both sides of the last three axes."""

    axes = 3


class _ReplicationPad(_Pad):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPad):
    """Repeats the border on both sides of the last axis."""

    axes = 1


class ReplicationPad2d(_ReplicationPad):
    """Repeats the border on both sides of the last two axes."""

    axes = 2


class ReplicationPad3d(_ReplicationPad):
    """Repeats the border on both sides of the last three axes."""

    axes = 3


class _CircularPad(_Pad):
    mode = "circular"


class CircularPad1d(_CircularPad):
    """Goes on at the other end on both sides of the last axis."""

    axes = 1


class CircularPad2d(_CircularPad):
    """Goes on at the other end on both sides of the last two axes."""

    axes = 2


class CircularPad3d(_CircularPad):
    """Goes on at the other end on both sides of the last three axes."""

    axes = 3
