"""Repeating, shifting and turning."""

from typing import Any

from ...core.dispatch import state
from ...core.tensor import owned
from ..arguments import listed, need_int
from ..build import Tensor, is_tensor, need, need_index, need_tensor, normal_axis, sizes
from ..create.creation import ones, zeros
from ..elementwise.pointwise import clone
from ..index.indexing import index_select, scatter_add
from ..reduce.reductions import expand
from ..reduce.scans import cumsum
from .views import cat, flip, narrow, reshape, transpose


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Return the tensor laid out this many times along each axis, new axes in front."""
    times, shape = sizes(repeats), need_tensor("repeat", input).value.shape
    need(
        len(times) >= len(shape) and min(times, default=0) >= 0,
        f"repeat: {times} must name every axis of shape {shape}, with no negative number",
    )
    own = (1,) * (len(times) - len(shape)) + shape
    spread = reshape(input, tuple(n for e in own for n in (1, e)))
    tiled = expand(spread, tuple(n for pair in zip(times, own, strict=True) for n in pair))
    out = reshape(tiled, tuple(t * e for t, e in zip(times, own, strict=True)))
    return _apart(out)


def _apart(x: Tensor) -> Tensor:
    """Return memory that is nobody else's: where nothing was repeated, a reshape is a view."""
    return x if x.base is None else clone(x)


def tile(input: Tensor, dims: Any = (), *more: int) -> Tensor:
    """Return the tensor laid out ``dims`` times; axes that it does not name are taken once."""
    times = sizes((dims, *more))
    missing = need_tensor("tile", input).value.ndim - len(times)
    return repeat(input, ((1,) * missing + times))


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Return the elements shifted along axes, those that leave at the end coming in in front.

    Without ``dims`` the tensor is rolled as a vector.
    """
    steps = listed(shifts)
    if dims is None or dims == ():
        need(len(steps) == 1, f"roll: shifts {shifts} need as many dims")
        flat = reshape(need_tensor("roll", input), (input.value.size,))
        return reshape(_rolled(flat, steps[0], 0), input.value.shape)
    axes = listed(dims)
    need(len(steps) == len(axes), f"roll: shifts {shifts} and dims {dims} must be of one length")
    out = need_tensor("roll", input)
    for step, dim in zip(steps, axes, strict=True):
        out = _rolled(out, step, normal_axis(dim, out.value.ndim))
    return out


def _rolled(x: Tensor, step: int, axis: int) -> Tensor:
    extent = x.value.shape[axis] if x.value.ndim else 1
    first = need_int("roll", "a shift", step) % max(extent, 1)
    if not first:
        return clone(x)
    return cat([narrow(x, axis, extent - first, first), narrow(x, axis, 0, extent - first)], axis)


def fliplr(input: Tensor) -> Tensor:
    """Return a copy with the second axis reversed."""
    need(need_tensor("fliplr", input).value.ndim >= 2, "fliplr: the tensor needs 2 axes or more")
    return flip(input, (1,))


def flipud(input: Tensor) -> Tensor:
    """Return a copy with the first axis reversed."""
    need(need_tensor("flipud", input).value.ndim >= 1, "flipud: the tensor needs 1 axis or more")
    return flip(input, (0,))


def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Return a copy turned by 90 degrees k times, from the first of two axes to the second."""
    ndim = need_tensor("rot90", input).value.ndim
    need(len(dims) == 2 and ndim >= 2, f"rot90: needs 2 of at least 2 axes, got dims {dims}")
    a, b = (normal_axis(d, ndim) for d in dims)
    need(a != b, f"rot90: the dims must differ, got {dims}")
    match k % 4:
        case 1:
            return owned(transpose(flip(input, (b,)), a, b))
        case 2:
            return flip(input, (a, b))
        case 3:
            return flip(transpose(input, a, b), (b,))
        case _:
            return clone(input)


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Return the elements of an axis, each repeated: all so many times, or as a tensor says.

    Without ``dim`` the input is taken as a vector; with one argument alone, that is ``repeats`` and
    the result the indices to repeat. The extent that a tensor of repeats gives depends on its
    values: while a function is traced, give it as ``output_size``.

    >>> import dualgraph as dg
    >>> dg.repeat_interleave(dg.tensor([5, 6]), dg.tensor([1, 2]))
    tensor([5, 6, 6])
    """
    need_tensor("repeat_interleave", input)
    if repeats is None:
        return _interleaved(input, output_size)
    if dim is None:
        input, dim = reshape(input, (input.value.size,)), 0
    axis = normal_axis(dim, input.value.ndim)
    if not is_tensor(repeats):
        return _each(input, need_int("repeat_interleave", "repeats", repeats), axis)
    extent = input.value.shape[axis]
    need(
        repeats.value.ndim <= 1 and repeats.value.size in (1, extent),
        f"repeat_interleave: repeats of shape {repeats.value.shape} do not fit dim {dim} of "
        f"extent {extent}",
    )
    counts = expand(reshape(repeats, (repeats.value.size,)), (extent,))
    return index_select(input, axis, _interleaved(counts, output_size))


def _each(input: Tensor, times: int, axis: int) -> Tensor:
    need(times >= 0, f"repeat_interleave: repeats must not be negative, got {times}")
    shape = input.value.shape or (1,)
    before, after = shape[: axis + 1], shape[axis + 1 :]
    spread = expand(reshape(input, (*before, 1, *after)), (*before, times, *after))
    return _apart(reshape(spread, (*before[:-1], before[-1] * times, *after)))


def _interleaved(repeats: Tensor, output_size: int | None) -> Tensor:
    """Return index i as often as the i-th of the repeats says, in order.

    Element j of the result counts the ends of runs that are not after j: a running sum of ones at
    the ends.
    """
    need(repeats.value.ndim == 1, "repeat_interleave: repeats must be a vector")
    ends = cumsum(need_index("repeat_interleave", repeats), 0)
    if output_size is None:
        output_size = _total(repeats)
    marks = zeros(output_size + 1, dtype="int64")
    marks = scatter_add(marks, 0, ends, ones(ends.value.shape, dtype="int64"))
    return narrow(cumsum(marks, 0), 0, 0, output_size)


def _total(repeats: Tensor) -> int:
    counts = state.frontend.concrete(
        repeats, "repeat_interleave() without output_size (its result's shape)"
    )
    need(not (counts < 0).any(), "repeat_interleave: repeats must not be negative")
    return int(counts.sum())
