"""Random index expressions, and what they mean in NumPy.

PyTorch applies ints, slices, None and Ellipsis first, and index tensors and masks to the view that
they give; NumPy lets ints take part in the rule for where the dimensions of index arrays go. The
reference here is therefore NumPy in two steps.
"""

from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

Shape = tuple[int, ...]


def is_advanced(part: Any) -> bool:
    """Tell index arrays, lists, masks and bools from ints, slices, None and Ellipsis."""
    return isinstance(part, list | np.ndarray | bool)


def axes_of(part: Any) -> int:
    """Return how many axes a part of an index uses up."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    array = np.asarray(part) if is_advanced(part) else None
    return array.ndim if array is not None and array.dtype == bool else 1


def in_two_steps(index: tuple, ndim: int) -> tuple[tuple, tuple]:
    """Return the basic index of a view and the index of arrays into that view."""
    basic: list[Any] = []
    advanced: list[Any] = []
    rest = [slice(None)] * (ndim - sum(map(axes_of, index)))
    at = next((i for i, p in enumerate(index) if p is Ellipsis), len(index))
    for part in (*index[:at], *rest, *index[at + 1 :]):
        if is_advanced(part):
            basic += [slice(None)] * axes_of(part)
            advanced.append(part)
        else:
            basic.append(part)
            if part is None or isinstance(part, slice):
                advanced.append(slice(None))
    return tuple(basic), tuple(advanced)


def read(x: np.ndarray, index: tuple) -> np.ndarray:
    """Return what PyTorch reads."""
    basic, advanced = in_two_steps(index, x.ndim)
    view = x[basic]
    return view[advanced] if any(map(is_advanced, advanced)) else view


def places(shape: Shape, index: tuple) -> np.ndarray:
    """Return the position in the flattened tensor of every element that an index names."""
    return read(np.arange(int(np.prod(shape))).reshape(shape), index)


def write(x: np.ndarray, index: tuple, value: np.ndarray) -> np.ndarray:
    """Assign one element after another: the last one stays."""
    at = places(x.shape, index)
    out = x.copy().ravel()
    out[at.ravel()] = np.broadcast_to(value, at.shape).ravel()
    return out.reshape(x.shape)


# --- drawing ------------------------------------------------------------------------------------


@st.composite
def slices(draw: Any, extent: int) -> slice:
    """Draw any slice with a positive step."""
    bound = st.none() | st.integers(-extent - 1, extent + 1)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


@st.composite
def positions(draw: Any, extent: int, shape: Shape) -> Any:
    """Draw an array of positions that broadcasts to a shape, or the same as a list."""
    own = tuple(1 if draw(st.integers(0, 4)) == 0 else e for e in shape)
    own = own[draw(st.integers(0, max(0, len(own) - 1))) :]
    seed = draw(st.integers(0, 1 << 16))
    array = np.random.default_rng(seed).integers(-extent, extent, own)
    return array.tolist() if array.ndim == 1 and draw(st.booleans()) else array


@st.composite
def expressions(draw: Any, masks: bool = True) -> tuple[Shape, tuple]:
    """Draw a shape and an index for it."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    joint = draw(st.sampled_from([(2,), (3,), (2, 2), (1, 3), (4,)]))
    with_mask = masks and draw(st.booleans())
    kinds = ["int", "slice", "slice", "mask" if with_mask else "array", "none"]
    parts: list[Any] = []
    axis = 0
    while axis < len(shape):
        kind = draw(st.sampled_from([*kinds, "end", "ellipsis", "bool"]))
        extent = shape[axis]
        if kind == "end":
            break
        if kind == "ellipsis" and Ellipsis not in [p for p in parts if p is Ellipsis]:
            parts.append(Ellipsis)
            axis = draw(st.integers(axis, len(shape)))
            continue
        if kind in ("none", "bool"):
            parts.append(None if kind == "none" else draw(st.integers(0, 5)) > 0)
        elif kind == "int":
            parts.append(draw(st.integers(-extent, extent - 1)))
        elif kind == "array":
            parts.append(draw(positions(extent, joint)))
        elif kind == "mask" and not any(axes_of(p) and is_advanced(p) for p in parts):
            rank = draw(st.integers(1, len(shape) - axis))
            seed = draw(st.integers(0, 1 << 16))
            mask = np.random.default_rng(seed).integers(0, 2, shape[axis : axis + rank])
            parts.append(mask.astype(bool))
        else:
            parts.append(draw(slices(extent)))
        axis += axes_of(parts[-1])
    try:
        places(shape, tuple(parts))
    except IndexError:  # arrays that do not broadcast together
        hypothesis.reject()
    return shape, tuple(parts)
