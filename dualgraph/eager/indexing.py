"""``x[...]`` and ``x[...] = v``: what an index means, in terms of slices, views and index tensors.

Ints, slices, None and Ellipsis make a view first; index tensors and masks then apply to that view,
as PyTorch does it. (NumPy lets ints take part in the rule for where the dimensions of index tensors
go; here and in PyTorch they do not.)
"""

from functools import lru_cache
from types import NoneType
from typing import Any, NamedTuple

import numpy as np

from ..core.dispatch import state
from ..core.types import Shape
from ..errors import ArgumentError, AxisError, DTypeError, ShapeError
from ..ops.build import Tensor, as_dtype, is_tensor
from ..ops.elementwise.pointwise import overwrite
from ..ops.index.advanced import Index, fitted, need_index_or_mask, read_at, too_many, write_at
from ..ops.index.indexing import index_select, position
from ..ops.shape.views import reshape, strided_slice


class Parsed(NamedTuple):
    """An index: a strided slice of x, its shape as a view, and what then indexes the view."""

    starts: Shape
    lengths: Shape
    steps: Shape
    shape: Shape
    indices: list[Index]

    def view(self, x: Tensor) -> Tensor:
        part = strided_slice(x, self.starts, self.lengths, self.steps)
        return part if self.shape == self.lengths else reshape(part, self.shape)


def getitem(x: Tensor, index: Any) -> Tensor:
    """Return the part of a tensor that an index names.

    Ints, slices with positive steps, None and Ellipsis give a view. Integer tensors (lists and
    arrays too) of any rank are broadcast together and give a copy, as do bools and bool masks; a
    mask has as many axes as it covers. Negative positions count from the end. What a mask gives
    depends on values: inside a traced function that is a `TraceError`; use ``where(mask, x, 0)``.

    Raises `AxisError` for too many indices or a position outside of its axis.
    """
    plain = _plain(index)
    if plain is not None:
        return _region(x.value.shape, plain).view(x)
    parts = _parts(index, x.value.ndim)
    found = _traced_position(parts)
    if found is not None:
        return _read_at_traced(x, parts, found)
    parsed = parse(x.value.shape, parts)
    view = parsed.view(x)
    return read_at(view, parsed.indices) if parsed.indices else view


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """Do ``x[index] = value``, which is broadcast and converted to x's dtype.

    Takes every index that `getitem` takes, masks also inside a traced function. Where several
    values go to one place, the last one in row-major order stays and alone gets a gradient.
    """
    parts = _parts(index, x.value.ndim)
    value = as_dtype(value, x.value.dtype)
    found = _traced_position(parts)
    if found is not None:
        axis, at, inner = _row_at_traced(x, parts, found)
        row = index_select(x, axis, at)
        setitem(row, tuple(inner), value)
        x.index_copy_(axis, at, row)
        return
    parsed = parse(x.value.shape, parts)
    view = parsed.view(x)
    if parsed.indices:
        view._inplace(lambda v: write_at(v, parsed.indices, value))
    else:
        view._inplace(lambda v: overwrite(v, fitted(value, parsed.shape)))


# --- what an index is made of -------------------------------------------------------------------

_NUMBERS = (int, NoneType)


def _plain(index: Any) -> tuple | None:
    """Return an index of ints and slices alone in a form that can be hashed, or None."""
    found: list[Any] = []
    for part in index if type(index) is tuple else (index,):
        if type(part) is slice:
            part = part.start, part.stop, part.step
            if not (type(part[0]) in _NUMBERS and type(part[1]) in _NUMBERS
                    and type(part[2]) in _NUMBERS):  # fmt: skip
                return None
        elif type(part) is not int:
            return None
        found.append(part)
    return tuple(found)


@lru_cache(maxsize=4096)
def _region(shape: Shape, plain: tuple) -> Parsed:
    """Return what such an index means for a tensor of this shape."""
    index = tuple(slice(*p) if type(p) is tuple else p for p in plain)
    return parse(shape, _parts(index, len(shape)))


def _parts(index: Any, ndim: int) -> list[Any]:
    """Return ints, slices, None and tensors that name every axis."""
    given = index if isinstance(index, tuple) else (index,)
    if isinstance(index, list) and any(not _is_number(i) for i in index):
        given = tuple(index)  # PyTorch takes a list of anything but numbers for a tuple
    parts = [_part(p) for p in given]
    if sum(1 for p in parts if p is Ellipsis) > 1:
        raise AxisError("an index can have one Ellipsis (...) only")
    used = sum(_axes_of(p) for p in parts)
    if used > ndim:
        raise AxisError(too_many(used, ndim))
    fill = [slice(None)] * (ndim - used)
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), len(parts))
    return [*parts[:at], *fill, *parts[at + 1 :]]


def _is_number(x: Any) -> bool:
    return isinstance(x, bool | int | float | np.generic) or (is_tensor(x) and not x.value.ndim)


def _part(part: Any) -> Any:
    """Return one part of an index: lists, arrays and bools as tensors, 0-d integers as ints."""
    if type(part) is int or part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, bool | np.bool_ | list | tuple | range | np.ndarray):
        part = _known(part)
    if isinstance(part, np.ndarray):
        return part
    if is_tensor(part):
        part = need_index_or_mask(part)
        known = not state.tracing or part.constant is not None
        return int(part.item()) if _is_position(part) and known else part
    try:
        return part.__index__()
    except (AttributeError, TypeError):
        raise ShapeError(
            f"cannot index with {type(part).__name__}: use ints, slices, None, Ellipsis, "
            "bools, or tensors, lists and arrays of integers or bools"
        ) from None


def _is_position(part: Any) -> bool:
    return is_tensor(part) and not part.value.ndim and part.value.dtype.kind == "i"


def _known(part: Any) -> Any:
    """Return an int, an index tensor, or (of bools) an array: a mask whose values are known."""
    try:
        array = np.asarray(part)
    except ValueError as error:
        raise DTypeError(f"cannot index with ragged lists ({error})") from None
    if not array.size and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype == np.bool_:
        return array.copy()
    return state.frontend.tensor(array.copy()) if array.ndim else array.item()


def _axes_of(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    return Index(0, part).span if _is_advanced(part) else 1


def _is_advanced(part: Any) -> bool:
    return isinstance(part, np.ndarray) or is_tensor(part)


def parse(extents: Shape, parts: list[Any]) -> Parsed:
    """Work out the slice of a tensor, the shape of the view, and the indices into the view."""
    starts: list[int] = []
    lengths: list[int] = []
    steps: list[int] = []
    shape: list[int] = []
    indices: list[Index] = []
    for part in parts:
        axis = len(starts)
        if part is None:
            shape.append(1)
            continue
        if _is_advanced(part):
            indices.append(Index(len(shape), part))
            covered = extents[axis : axis + indices[-1].span]
            shape += covered
            starts += [0] * len(covered)
            lengths += covered
            steps += [1] * len(covered)
            continue
        start, length, step = _range(part, extents[axis], axis)
        starts.append(start)
        lengths.append(length)
        steps.append(step)
        if isinstance(part, slice):
            shape.append(length)
    return Parsed(tuple(starts), tuple(lengths), tuple(steps), tuple(shape), indices)


def _range(part: Any, extent: int, axis: int) -> tuple[int, int, int]:
    if isinstance(part, slice):
        try:
            start, stop, step = part.indices(extent)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"cannot index with {part}: {error}") from None
        if step < 0:
            raise ArgumentError(f"a slice needs a positive step, got {step}: flip()")
        return start, len(range(start, stop, step)), step
    if not -extent <= part < extent:
        raise AxisError(f"index {part} is out of range for dim {axis} of extent {extent}")
    return part % extent, 1, 1


# --- 0-d integer tensors of a trace: positions that are not known yet ---------------------------


def _traced_position(parts: list[Any]) -> int | None:
    return next((i for i, p in enumerate(parts) if _is_position(p)), None)


def _row_at_traced(x: Tensor, parts: list[Any], found: int) -> tuple[int, Tensor, list[Any]]:
    """Return the axis, the position as a vector, and the index into that one row."""
    axis = sum(_axes_of(p) for p in parts[:found])
    at = reshape(position("index", parts[found], x.value.shape[axis]), (1,))
    return axis, at, [*parts[:found], 0, *parts[found + 1 :]]


def _read_at_traced(x: Tensor, parts: list[Any], found: int) -> Tensor:
    """Read a copy, which must not be taken for the view that eager gives."""
    axis, at, inner = _row_at_traced(x, parts, found)
    out = getitem(index_select(x, axis, at), tuple(inner))
    only_views = not any(_is_advanced(p) and not _is_position(p) for p in parts)
    return state.frontend.stand_in(out, x) if only_views else out
