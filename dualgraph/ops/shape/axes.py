"""Other names and forms of moving, adding and cutting axes: all made of views."""

from math import prod
from typing import Any

import numpy as np

from ...core.dispatch import apply, state
from ...core.op import defop
from ...core.types import Aval, Shape, broadcast_shapes
from ...errors import ShapeError
from ...numerics.facts.elementwise import Elementwise
from ...numerics.view import Layout, reshaped_strides, row_major
from ..arguments import listed, several
from ..build import Tensor, need, need_tensor, normal_axes, normal_axis, sizes
from ..reduce.reductions import expand
from .views import completed, permute, reshape, transpose, unsqueeze


def view(input: Tensor, *shape: Any) -> Tensor:
    """Return a view of the elements in row-major order in another shape; one extent may be -1.

    Raises `ShapeError` when the counts differ, and where only a copy could do it: `reshape` copies.
    While a function is traced, every argument and every value that is no view counts as row-major.
    """
    if len(shape) == 1 and not isinstance(shape[0], int | tuple | list):
        need(False, f"view() takes a shape, got {shape[0]!r}; convert dtypes with .to(dtype)")
    have = input.value.shape
    wanted = completed("view", sizes(shape), have)
    fits = prod(wanted) == prod(have) and min(wanted, default=0) >= 0
    strides = state.frontend.strides(input)
    if fits and strides != row_major(have) and reshaped_strides(have, strides, wanted) is None:
        raise ShapeError(
            f"view: shape {have} with strides {strides} cannot be seen as shape {wanted} "
            "without a copy; use reshape()"
        )
    return reshape(input, wanted)


def is_contiguous(input: Tensor) -> bool:
    """Return whether the elements lie in row-major order without gaps.

    While a function is traced, every argument and every value that is no view counts as such.
    """
    shape = input.value.shape
    return 0 in shape or Layout(shape, state.frontend.strides(input), 0).contiguous


CONTIGUOUS = defop(
    "contiguous",
    inputs="x",
    infer=lambda x: Aval(tuple(x.shape), x.dtype),
    kernel=lambda x: np.array(x, order="C"),
    lower=Elementwise("{x}"),
    vjp=(lambda g: g,),
    grad_name="Clone",
)


def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """Return the tensor in row-major memory: itself when it already is, else a copy."""
    return input if is_contiguous(input) else apply(CONTIGUOUS, input)


def stride(input: Tensor, dim: int | None = None) -> Any:
    """Return by how many elements a step along each axis (or one axis) moves in memory."""
    strides = state.frontend.strides(input)
    return strides if dim is None else strides[normal_axis(dim, len(strides))]


def storage_offset(input: Tensor) -> int:
    """Return how many elements a view starts after the tensor whose memory it shows."""
    return state.frontend.offset(input)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """Return a view in the shape of another tensor."""
    return view(input, need_tensor("view_as", other).value.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the elements in the shape of another tensor: a view or, where needed, a copy."""
    return reshape(input, need_tensor("reshape_as", other).value.shape)


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return a view with axes of extent 1 repeated to the shape of another tensor."""
    return expand(input, need_tensor("expand_as", other).value.shape)


def ravel(input: Tensor) -> Tensor:
    """Return the elements as a vector, in row-major order."""
    return reshape(need_tensor("ravel", input), (-1,) if input.value.size else (0,))


def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """Cut one axis into several, whose extents multiply to its own; one may be -1."""
    shape = need_tensor("unflatten", input).value.shape
    axis = normal_axis(dim, len(shape))
    parts = _parts(sizes)
    known = prod(e for e in parts if e != -1)
    if parts.count(-1) == 1 and known and shape[axis] % known == 0:
        parts = tuple(shape[axis] // known if e == -1 else e for e in parts)
    if prod(parts) != shape[axis] or min(parts, default=0) < 0:
        raise ShapeError(
            f"unflatten: {tuple(sizes)} does not multiply to the extent {shape[axis]} of "
            f"dim {dim} of shape {shape}"
        )
    return reshape(input, (*shape[:axis], *parts, *shape[axis + 1 :]))


def _parts(given: Any) -> Shape:
    need(
        isinstance(given, tuple | list) and len(given) > 0,
        f"unflatten: sizes must be a tuple of ints, got {given!r}",
    )
    return sizes((tuple(given),))


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Return a view with axes moved to other places; the others keep their order."""
    ndim = need_tensor("movedim", input).value.ndim
    old, new = listed(source), listed(destination)
    need(
        len(old) == len(new),
        f"movedim: source {source} and destination {destination} must be of one length",
    )
    for dims in (old, new):
        normal_axes(dims, ndim)  # raises for an axis named twice
    pairs = dict(
        sorted((normal_axis(b, ndim), normal_axis(a, ndim)) for a, b in zip(old, new, strict=True))
    )
    rest = iter([d for d in range(ndim) if d not in pairs.values()])
    return permute(input, tuple(pairs[d] if d in pairs else next(rest) for d in range(ndim)))


moveaxis = movedim


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Return a view with two axes exchanged: `transpose`."""
    return transpose(need_tensor("swapaxes", input), axis0, axis1)


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two axes exchanged: `transpose`."""
    return transpose(need_tensor("swapdims", input), dim0, dim1)


def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """Return a view repeated to a shape that the input's broadcasts to."""
    return expand(need_tensor("broadcast_to", input), size)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Return views of all tensors in their common shape."""
    found = several("broadcast_tensors", tensors)
    shape = broadcast_shapes(*(x.value.shape for x in found))
    return tuple(expand(x, shape) for x in found)


def _at_least(name: str, given: tuple[Any, ...], grow: Any) -> Any:
    """Apply to one tensor, or to each of several, which come back as a tuple."""
    if len(given) == 1 and not isinstance(given[0], tuple | list):
        return grow(need_tensor(name, given[0]))
    return tuple(grow(x) for x in several(name, given))


def atleast_1d(*tensors: Any) -> Any:
    """Return each tensor with at least one axis."""
    return _at_least("atleast_1d", tensors, lambda x: x if x.value.ndim else reshape(x, (1,)))


def _matrix(x: Tensor) -> Tensor:
    return x if x.value.ndim >= 2 else reshape(x, (1, x.value.size))


def _block(x: Tensor) -> Tensor:
    return x if x.value.ndim >= 3 else unsqueeze(_matrix(x), -1)


def atleast_2d(*tensors: Any) -> Any:
    """Return each tensor with at least two axes: a vector becomes a row."""
    return _at_least("atleast_2d", tensors, _matrix)


def atleast_3d(*tensors: Any) -> Any:
    """Return each tensor with at least three axes: (n,) becomes (1, n, 1), (n, m) (n, m, 1)."""
    return _at_least("atleast_3d", tensors, _block)
