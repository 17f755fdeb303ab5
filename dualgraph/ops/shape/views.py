"""Shape ops: views (reshape, permute, slice), their transposes, joining and splitting."""

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...core.dispatch import apply, literal
from ...core.op import defop
from ...core.tensor import Call
from ...core.types import Aval, Shape
from ...errors import ShapeError
from ...numerics.facts.data import Cat, Embed, Overwrite
from ...numerics.view import PermuteView, ReshapeView, SliceView
from ..build import Tensor, aligned, need, normal_axes, normal_axis, sizes
from ..elementwise.pointwise import clone


def _infer_reshape(x: Any, shape: Shape) -> Aval:
    if prod(x.shape) != prod(shape) or min(shape, default=0) < 0:
        raise ShapeError(
            f"reshape: shape {tuple(x.shape)} has {prod(x.shape)} elements, "
            f"shape {shape} has {prod(shape)}"
        )
    return Aval(shape, x.dtype)


RESHAPE = defop(
    "reshape",
    inputs="x",
    infer=_infer_reshape,
    kernel=lambda x, shape: x.reshape(shape),
    lower=ReshapeView(),
    vjp=(lambda g, x_shape: reshape(g, x_shape),),
    grad_name="View",
    put=lambda x, value, shape: Call(RESHAPE, (value,), {"shape": x.value.shape}),
)


def reshape(input: Tensor, shape: Any = (), *more: int) -> Tensor:
    """Return the elements in row-major order in another shape; one extent may be -1.

    A view where the strides allow it, else a copy. Raises `ShapeError` when the counts differ.
    """
    wanted, have = sizes((shape, *more)), input.value.shape
    if wanted == have:
        return input
    return apply(RESHAPE, input, shape=completed("reshape", wanted, have))


def completed(name: str, wanted: Shape, have: Shape) -> Shape:
    """Return a shape with its -1 worked out from the shape that is to be reshaped."""
    if -1 not in wanted:
        return wanted
    known = prod(e for e in wanted if e != -1)
    if wanted.count(-1) > 1 or known == 0 or prod(have) % known:
        raise ShapeError(f"{name}: the -1 in {wanted} cannot be worked out from shape {have}")
    return tuple(prod(have) // known if e == -1 else e for e in wanted)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the axes from start_dim to end_dim into one."""
    shape = input.value.shape
    first, last = normal_axis(start_dim, len(shape)), normal_axis(end_dim, len(shape))
    need(first <= last, f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    if not shape:
        return reshape(input, (1,))
    return reshape(input, (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :]))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Drop axes of extent 1: all, or those named that have it."""
    shape = input.value.shape
    axes = normal_axes(dim, len(shape)) if shape else ()
    return reshape(input, tuple(e for i, e in enumerate(shape) if i not in axes or e != 1))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert an axis of extent 1 at this place."""
    shape = input.value.shape
    axis = normal_axis(dim, len(shape) + 1)
    return reshape(input, (*shape[:axis], 1, *shape[axis:]))


def _infer_permute(x: Any, dims: tuple[int, ...]) -> Aval:
    return Aval(tuple(x.shape[d] for d in dims), x.dtype)


PERMUTE = defop(
    "permute",
    inputs="x",
    infer=_infer_permute,
    kernel=lambda x, dims: x.transpose(dims),
    lower=PermuteView(),
    vjp=(lambda g, *, dims: permute(g, _inverse(dims)),),
    put=lambda x, value, dims: Call(PERMUTE, (value,), {"dims": _inverse(dims)}),
)


def _inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(d) for d in np.argsort(dims))


def permute(input: Tensor, dims: Any = (), *more: int) -> Tensor:
    """Return a view with the axes in another order."""
    ndim = input.value.ndim
    order = tuple(normal_axis(d, ndim) for d in sizes((dims, *more)))
    if sorted(order) != list(range(ndim)):
        raise ShapeError(f"permute: {order} is not an order of the {ndim} axes of the tensor")
    return apply(PERMUTE, input, dims=order)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two axes exchanged."""
    ndim = input.value.ndim
    a, b = normal_axis(dim0, ndim), normal_axis(dim1, ndim)
    order = list(range(ndim))
    if order:
        order[a], order[b] = b, a
    return apply(PERMUTE, input, dims=tuple(order))


def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; tensors of fewer axes unchanged."""
    need(input.value.ndim <= 2, f"t() takes at most 2 dimensions, got {input.value.ndim}")
    return transpose(input, 0, 1) if input.value.ndim == 2 else input


# --- slices and their transpose -----------------------------------------------------------------


@lru_cache(maxsize=4096)
def _indexing(starts: Shape, lengths: Shape, steps: Shape) -> tuple[slice, ...]:
    def one(start: int, length: int, step: int) -> slice:
        if not length:
            return slice(0, 0)
        stop = start + length * step
        return slice(start, stop if stop >= 0 else None, step)

    return tuple(map(one, starts, lengths, steps))


def _slice_kernel(x: np.ndarray, starts: Shape, lengths: Shape, steps: Shape) -> np.ndarray:
    return x[(*_indexing(starts, lengths, steps), ...)]


def _infer_slice(x: Any, starts: Shape, lengths: Shape, steps: Shape) -> Aval:
    for extent, start, length, step in zip(x.shape, starts, lengths, steps, strict=True):
        if length and not (0 <= start < extent and 0 <= start + (length - 1) * step < extent):
            raise ShapeError(
                f"slice: {length} elements from {start} in steps of {step} "
                f"leave an axis of extent {extent}"
            )
    return Aval(lengths, x.dtype)


class InSlice(NamedTuple):
    """A cotangent that is zero but in a slice; the backward walk may join several of them."""

    part: Tensor
    shape: Shape
    starts: Shape
    steps: Shape

    def whole(self) -> Tensor:
        """Return it as a tensor."""
        return apply(EMBED, self.part, shape=self.shape, starts=self.starts, steps=self.steps)


SLICE = defop(
    "slice",
    inputs="x",
    infer=_infer_slice,
    kernel=_slice_kernel,
    lower=SliceView(),
    vjp=(lambda g, x_shape, *, starts, lengths, steps: InSlice(g, x_shape, starts, steps),),
    put=lambda x, value, **region: Call(OVERWRITE, (x, value), region),
)


def _embed_kernel(x: np.ndarray, shape: Shape, starts: Shape, steps: Shape) -> np.ndarray:
    out = np.zeros(shape, x.dtype)
    out[(*_indexing(starts, x.shape, steps), ...)] = x
    return out


EMBED = defop(
    "embed",
    inputs="x",
    infer=lambda x, shape, starts, steps: Aval(shape, x.dtype),
    kernel=_embed_kernel,
    lower=Embed(),
    vjp=(
        lambda g, x_shape, *, shape, starts, steps: apply(
            SLICE, g, starts=starts, lengths=x_shape, steps=steps
        ),
    ),
)  # zeros with the input in the place of a slice


def _overwrite_kernel(
    x: np.ndarray, y: np.ndarray, starts: Shape, lengths: Shape, steps: Shape
) -> np.ndarray:
    out = np.array(x, order="C")
    out[(*_indexing(starts, lengths, steps), ...)] = y
    return out


OVERWRITE = defop(
    "overwrite_slice",
    inputs="x y",
    infer=lambda x, y, starts, lengths, steps: Aval(tuple(x.shape), x.dtype),
    kernel=_overwrite_kernel,
    lower=Overwrite(),
    vjp=(
        lambda g, *, starts, lengths, steps: apply(
            OVERWRITE, g, literal(0, g.value.dtype), starts=starts, lengths=lengths, steps=steps
        ),
        lambda g, *, starts, lengths, steps: apply(
            SLICE, g, starts=starts, lengths=lengths, steps=steps
        ),
    ),
    grad_name="CopySlices",
)  # x with y, broadcast, in the place of a slice


def strided_slice(input: Tensor, starts: Shape, lengths: Shape, steps: Shape) -> Tensor:
    """Return the view ``input[start : start + length*step : step]`` on every axis."""
    if lengths == input.value.shape and steps == (1,) * len(steps):
        return input
    return apply(SLICE, input, starts=starts, lengths=lengths, steps=steps)


def _along(input: Tensor, axis: int, start: int, length: int, step: int) -> Tensor:
    shape = input.value.shape
    return strided_slice(
        input,
        tuple(start if i == axis else 0 for i in range(len(shape))),
        tuple(length if i == axis else e for i, e in enumerate(shape)),
        tuple(step if i == axis else 1 for i in range(len(shape))),
    )


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return the view of ``length`` elements from ``start`` along an axis."""
    axis = normal_axis(dim, input.value.ndim)
    extent = input.value.shape[axis]
    begin = start + extent if start < 0 else start
    if not (begin >= 0 and length >= 0 and begin + length <= extent):
        raise ShapeError(
            f"narrow: start {start} and length {length} leave dim {dim} of extent {extent}"
        )
    return _along(input, axis, begin, length, 1)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return the view at one position of an axis, without that axis."""
    shape = input.value.shape
    axis = normal_axis(dim, len(shape))
    extent = shape[axis]
    if not -extent <= index < extent:
        raise ShapeError(f"select: index {index} is out of range for dim {dim} of extent {extent}")
    one = _along(input, axis, index % extent, 1, 1)
    return reshape(one, shape[:axis] + shape[axis + 1 :])


def flip(input: Tensor, dims: Any, *more: int) -> Tensor:
    """Return a copy with the order along axes reversed."""
    named = sizes((dims, *more))
    axes = normal_axes(named, input.value.ndim) if named else ()
    shape = input.value.shape
    if not axes or 0 in shape:
        return clone(input)
    backwards = apply(
        SLICE,
        input,
        starts=tuple(e - 1 if i in axes else 0 for i, e in enumerate(shape)),
        lengths=shape,
        steps=tuple(-1 if i in axes else 1 for i in range(len(shape))),
    )
    return clone(backwards)


def split(input: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut along an axis into views of a size (the last may be smaller) or of listed sizes."""
    axis = normal_axis(dim, input.value.ndim)
    extent = input.value.shape[axis]
    lengths = _sections(split_size_or_sections, extent)
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    return tuple(
        _along(input, axis, start, length, 1) for start, length in zip(starts, lengths, strict=True)
    )


def _sections(given: Any, extent: int) -> list[int]:
    if isinstance(given, tuple | list):
        need(
            sum(given) == extent and min(given, default=0) >= 0,
            f"split: sizes {list(given)} do not add up to the extent {extent}",
        )
        return list(given)
    none = given == 0 == extent
    need(
        isinstance(given, int) and (given > 0 or none),
        f"split: size must be a positive int, got {given!r}",
    )
    return [min(given, extent - s) for s in range(0, extent, given or 1)] or [0]


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut along an axis into at most this many views of equal size (the last may be smaller)."""
    need(chunks > 0, f"chunk: chunks must be positive, got {chunks}")
    axis = normal_axis(dim, input.value.ndim)
    extent = input.value.shape[axis]
    return split(input, -(-extent // chunks) if extent else [0] * chunks, axis)


# --- joining ------------------------------------------------------------------------------------


def _infer_cat(*xs: Any, axis: int, extents: tuple[int, ...]) -> Aval:
    first = tuple(xs[0].shape)
    for x in xs[1:]:
        shape = tuple(x.shape)
        if shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise ShapeError(f"cat: shapes {first} and {shape} differ beside dim {axis}")
    return Aval((*first[:axis], sum(extents), *first[axis + 1 :]), xs[0].dtype)


def _cat_kernel(*xs: np.ndarray, axis: int, extents: tuple[int, ...]) -> np.ndarray:
    return np.concatenate(xs, axis)


CAT = defop(
    "cat",
    inputs="*xs",
    infer=_infer_cat,
    kernel=_cat_kernel,
    lower=Cat(),
    vjp=(lambda g, *, axis, index, extents: _cat_part(g, axis, index, extents),),
)


def _cat_part(g: Tensor, axis: int, index: int, extents: tuple[int, ...]) -> Tensor:
    return _along(g, axis, sum(extents[:index]), extents[index], 1)


def cat(tensors: Any, dim: int = 0) -> Tensor:
    """Join tensors along an existing axis, promoted to a common dtype.

    Raises `ShapeError` when the other axes differ.
    """
    need(len(tensors) > 0, "cat: expected at least one tensor")
    parts = _of_one_rank(aligned(*tensors), dim)
    ndims = {p.value.ndim for p in parts}
    if 0 in ndims or len(ndims) > 1:
        shapes = " and ".join(str(p.value.shape) for p in parts)
        raise ShapeError(f"cat: needs tensors of equal rank and at least 1 axis, got {shapes}")
    axis = normal_axis(dim, parts[0].value.ndim)
    return apply(CAT, *parts, axis=axis, extents=tuple(p.value.shape[axis] for p in parts))


def _of_one_rank(parts: tuple[Tensor, ...], dim: int) -> tuple[Tensor, ...]:
    """Let empty vectors stand beside tensors of other ranks: PyTorch's start of a growing list."""
    others = [p.value.shape for p in parts if p.value.shape != (0,)]
    if not others or len(others) == len(parts) or not others[0]:
        return parts
    axis = normal_axis(dim, len(others[0]))
    empty = (*others[0][:axis], 0, *others[0][axis + 1 :])
    return tuple(reshape(p, empty) if p.value.shape == (0,) else p for p in parts)


def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis."""
    need(len(tensors) > 0, "stack: expected at least one tensor")
    shapes = {x.value.shape for x in tensors}
    if len(shapes) > 1:
        said = " and ".join(map(str, sorted(shapes)))
        raise ShapeError(f"stack: all tensors need one shape, got {said}")
    axis = normal_axis(dim, tensors[0].value.ndim + 1)
    return cat([unsqueeze(x, axis) for x in tensors], axis)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the views at every position of an axis."""
    axis = normal_axis(dim, input.value.ndim)
    return tuple(select(input, axis, i) for i in range(input.value.shape[axis]))
