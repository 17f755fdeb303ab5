"""Element types, abstract values, and PyTorch's promotion rules.

Inside the package an element type is a ``numpy.dtype``; `DType` is the name that users see.
"""

from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any, NamedTuple, cast

import numpy as np

from ..errors import DTypeError, ShapeError

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """A public element type such as ``dualgraph.float32``; compared by identity."""

    name: str
    numpy: np.dtype
    category: int  # 0 bool, 1 integer, 2 floating point: the higher one wins in promotion

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOATING

    @property
    def itemsize(self) -> int:
        return self.numpy.itemsize

    def __repr__(self) -> str:
        return f"dualgraph.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return dtype_named, (self.name,)


BOOL, INTEGER, FLOATING = 0, 1, 2
_CATEGORIES = {"b": BOOL, "i": INTEGER, "u": INTEGER, "f": FLOATING}
_NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
DTYPES = {n: DType(n, np.dtype(n), _CATEGORIES[np.dtype(n).kind]) for n in _NAMES}
_PUBLIC = {d.numpy: d for d in DTYPES.values()}

bool_ = np.dtype("bool")
uint8 = np.dtype("uint8")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
float16 = np.dtype("float16")
float32 = np.dtype("float32")
float64 = np.dtype("float64")
_WEAK = {bool: bool_, int: int64, float: float32}  # what a lone Python number becomes
_NAMED = {bool: bool_, int: int64, float: float64}  # what ``dtype=float`` means, as in PyTorch


class Size(tuple[int, ...]):
    """A shape: a tuple with ``numel()``, whose slices and sums are shapes too."""

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements."""
        return prod(self)

    def __getitem__(self, index: Any) -> Any:
        found = cast("Any", super().__getitem__(index))
        return Size(found) if type(index) is slice else found

    def __add__(self, other: Any) -> "Size":
        return Size(tuple(self) + tuple(other))


def default_float() -> np.dtype:
    """Return the dtype of a Python float."""
    return _WEAK[float]


def set_default(dtype: np.dtype) -> None:
    """Set the dtype of a Python float."""
    _WEAK[float] = dtype


class Aval(NamedTuple):
    """An abstract value: what is known of a tensor before it is computed."""

    shape: Shape
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]"


def dtype_named(name: str) -> DType:
    """Return the public dtype with this name (used by pickle)."""
    return DTYPES[name]


def public_dtype(dtype: np.dtype) -> DType:
    """Return the `DType` of a numpy dtype; raise `DTypeError` where there is none."""
    try:
        return _PUBLIC[dtype]
    except KeyError:
        raise DTypeError(_unsupported(dtype)) from None


def numpy_dtype(dtype: Any) -> np.dtype:
    """Accept a `DType`, a numpy dtype, its name, or ``float``/``int``/``bool``."""
    if isinstance(dtype, DType):
        return dtype.numpy
    if dtype in _NAMED:
        return _NAMED[dtype]
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise DTypeError(_unsupported(dtype)) from None
    return public_dtype(found).numpy


def _unsupported(dtype: object) -> str:
    return f"dtype {dtype!r} is not supported; use one of {', '.join(_NAMES)}"


def category(dtype: np.dtype) -> int:
    """Return BOOL, INTEGER or FLOATING."""
    return _CATEGORIES[dtype.kind]


def promote(a: np.dtype, b: np.dtype) -> np.dtype:
    """Return PyTorch's promotion of two dtypes: an integer never widens a float."""
    if a is b or a == b:
        return a
    high, low = (a, b) if category(a) >= category(b) else (b, a)
    return high if category(high) > category(low) else np.promote_types(a, b)


def result_type(
    strong: list[np.dtype], scalars: list[np.dtype], numbers: list[np.dtype]
) -> np.dtype:
    """Promote as PyTorch does over three ranks of participants.

    ``strong`` are tensors with dimensions, ``scalars`` are 0-d tensors, ``numbers`` are Python
    numbers. A lower rank changes the result only through a higher category (bool < int < float).
    """
    ranks = [reduce(promote, rank) for rank in (strong, scalars, numbers) if rank]
    if not ranks:
        raise DTypeError("result_type() needs at least one operand")
    result = ranks[0]
    for lower in ranks[1:]:
        if category(lower) > category(result):
            result = promote(result, lower)
    return result


def weak_dtype(number: bool | int | float) -> np.dtype:
    """Return the dtype that a Python number has on its own (a float has the default dtype)."""
    return _WEAK[type(number)]


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the common shape under NumPy's and PyTorch's broadcasting rules.

    >>> broadcast_shapes((4, 1), (3,))
    (4, 3)
    """
    if len(set(shapes)) == 1:
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        said = " and ".join(map(str, shapes))
        raise ShapeError(
            f"shapes {said} cannot be broadcast together: compared from the right, "
            "each pair of extents must be equal or contain a 1"
        ) from None
