"""What users ask about element types: limits, promotion, the default for floats; and the device."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError
from .types import DType, category, default_float, numpy_dtype, promote, public_dtype, set_default

ONLY_DEVICE = "the only device is 'cpu'"


@dataclass(frozen=True, slots=True)
class Device:
    """Where memory lies: the CPU. Made from ``"cpu"``, another device, or with an index 0."""

    type: str = "cpu"
    index: int | None = None

    def __post_init__(self) -> None:
        name, _, index = str(self.type).partition(":")
        if name != "cpu":
            raise ArgumentError(f"device {str(self.type)!r}: {ONLY_DEVICE}")
        object.__setattr__(self, "type", name)
        if index:
            object.__setattr__(self, "index", int(index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


device = Device  # PyTorch's name


def get_default_device() -> Device:
    """Return the CPU."""
    return Device()


def set_default_device(device: Any) -> None:
    """Do nothing for the CPU or None; raise `ArgumentError` for what does not exist."""
    if device is not None:
        Device(str(device))


def get_default_dtype() -> DType:
    """Return the dtype that Python floats and ``zeros`` and its like have: float32 at first."""
    return public_dtype(default_float())


def set_default_dtype(d: Any) -> None:
    """Set the dtype that Python floats and ``zeros`` and its like have; a floating one.

    Compiled functions are traced anew under another default.
    """
    dtype = numpy_dtype(d)
    if dtype.kind != "f":
        raise DTypeError(f"the default dtype must be floating, got {dtype.name}")
    set_default(dtype)


def promote_types(type1: Any, type2: Any) -> DType:
    """Return the smallest dtype to which both convert, where an integer never widens a float."""
    return public_dtype(promote(numpy_dtype(type1), numpy_dtype(type2)))


def can_cast(from_: Any, to: Any) -> bool:
    """Return whether a conversion keeps the category: bool < integer < floating."""
    return category(numpy_dtype(from_)) <= category(numpy_dtype(to))


class finfo:
    """The limits of a floating dtype: ``bits, eps, max, min, tiny, resolution, dtype``.

    Raises `DTypeError` for other dtypes.
    """

    def __init__(self, type: Any = None) -> None:
        dtype = default_float() if type is None else numpy_dtype(type)
        if dtype.kind != "f":
            raise DTypeError(f"finfo() is of floating dtypes, got {dtype.name}")
        found = np.finfo(dtype)
        self.dtype = dtype.name
        self.bits = found.bits
        self.eps, self.max, self.min = float(found.eps), float(found.max), float(found.min)
        self.tiny = self.smallest_normal = float(found.tiny)
        self.resolution = float(found.resolution)

    def __repr__(self) -> str:
        return f"finfo(min={self.min}, max={self.max}, eps={self.eps}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype: ``bits, max, min, dtype``. `DTypeError` for others."""

    def __init__(self, type: Any) -> None:
        dtype = numpy_dtype(type)
        if dtype.kind not in "iu":
            raise DTypeError(f"iinfo() is of integer dtypes, got {dtype.name}")
        found = np.iinfo(dtype)
        self.dtype = dtype.name
        self.bits, self.max, self.min = found.bits, int(found.max), int(found.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
