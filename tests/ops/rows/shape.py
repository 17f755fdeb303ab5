"""Rows of the ops that only move elements."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops import references as ref
from tests.ops.op_row import Row, Sample, of, s


def shaped(name: str, samples: tuple[Sample, ...], reference: Any, call: Any = None) -> Row:
    """Return the row of an op that only moves elements."""
    return Row(name, samples, reference, call, dtypes=("float32", "float64", "bool"), twice=False)


def each(*samples: Sample) -> tuple[Sample, ...]:
    """Return the samples."""
    return samples


def with_list(name: str) -> Callable[..., Any]:
    """Return a call that passes its tensors as one list."""
    return lambda api, *xs, **kw: getattr(api, name)(list(xs), **kw)


def written_part(x: np.ndarray, y: np.ndarray, at: tuple[Any, ...]) -> np.ndarray:
    """Return a copy with a part overwritten."""
    out = x.copy()
    out[at] = y
    return out


def write_part(api: Any, x: Any, y: Any, at: tuple[Any, ...]) -> Any:
    """Overwrite a part of a copy through a view."""
    out = x.clone()
    out[at].copy_(y)
    return out


JOINED = (
    s((3, 4), (2, 4), dim=0),
    s((3, 4), (3, 1), (3, 2), dim=1),
    s((2,), (0,), (3,), dim=-1),
    s(of((3, 4), "columns"), of((3, 4), "steps"), dim=0),
)
ROWS: tuple[Row, ...] = (
    shaped(
        "reshape",
        each(
            s((3, 4), shape=(2, 6)),
            s((3, 4), shape=(-1,)),
            s((), shape=(1, 1)),
            s((1,), shape=()),
            s((0, 3), shape=(3, 0)),
            s(of((3, 4), "columns"), shape=(6, 2)),
            s(of((4, 6), "steps"), shape=(4, -1, 2)),
            s(of((4, 6), "expanded"), shape=(24,)),
        ),
        lambda x, shape: x.reshape(shape),
        lambda api, x, shape: api.reshape(x, shape),
    ),
    shaped(
        "flatten",
        each(s((2, 3, 4)), s((2, 3, 4), start_dim=1), s((2, 3, 4), start_dim=0, end_dim=1), s(())),
        ref.flatten_reference,
    ),
    shaped(
        "squeeze",
        each(
            s((1, 3, 1)),
            s((1, 3, 1), dim=0),
            s((1, 3, 1), dim=1),
            s((1, 3, 1), dim=(0, 2)),
            s(()),
        ),
        ref.squeeze_reference,
    ),
    shaped(
        "unsqueeze",
        each(s((3,), dim=0), s((3, 4), dim=-1), s((), dim=0), s((2, 0), dim=1)),
        lambda x, dim: np.expand_dims(x, dim),
    ),
    shaped(
        "permute",
        each(
            s((2, 3, 4), dims=(2, 0, 1)),
            s((2, 3), dims=(-1, 0)),
            s((), dims=()),
            s(of((3, 4), "steps"), dims=(1, 0)),
            s((0, 3), dims=(1, 0)),
        ),
        lambda x, dims: np.transpose(x, dims) if dims else x,
        lambda api, x, dims: api.permute(x, dims),
    ),
    shaped(
        "transpose",
        each(s((2, 3, 4), dim0=0, dim1=2), s((2, 3), dim0=-1, dim1=0), s((3,), dim0=0, dim1=0)),
        lambda x, dim0, dim1: np.swapaxes(x, dim0, dim1),
    ),
    shaped("t", each(s((2, 3)), s((3,)), s(()), s(of((3, 4), "columns"))), np.transpose),
    shaped(
        "narrow",
        each(
            s((5, 2), dim=0, start=1, length=3),
            s((2, 5), dim=-1, start=-2, length=2),
            s((5,), dim=0, start=5, length=0),
            s(of((3, 4), "reversed"), dim=1, start=1, length=2),
        ),
        ref.narrow_reference,
    ),
    shaped(
        "select",
        each(s((3, 4), dim=0, index=1), s((3, 4), dim=-1, index=-1), s((3,), dim=0, index=2)),
        lambda x, dim, index: np.take(x, index, axis=dim),
    ),
    shaped(
        "flip",
        each(
            s((3, 4), dims=(0,)),
            s((3, 4), dims=(0, 1)),
            s((5,), dims=(-1,)),
            s((0,), dims=(0,)),
            s(of((3, 4), "columns"), dims=(1,)),
        ),
        lambda x, dims: np.flip(x, dims),
    ),
    shaped(
        "split",
        each(
            s((5, 2), sections=2),
            s((2, 6), sections=3, dim=1),
            s((6,), sections=(1, 2, 3)),
            s(of((4, 3), "columns"), sections=(3, 1), dim=0),
        ),
        ref.split_reference,
        lambda api, x, sections, dim=0: api.split(
            x, list(sections) if isinstance(sections, tuple) else sections, dim=dim
        ),
    ),
    shaped("chunk", each(s((5, 2), chunks=2), s((2, 6), chunks=4, dim=1)), ref.chunk_reference),
    shaped(
        "unbind",
        each(s((3, 4)), s((3, 2), dim=1), s((2,))),
        lambda x, dim=0: tuple(np.moveaxis(x, dim, 0)),
    ),
    shaped("cat", JOINED, lambda *xs, dim: np.concatenate(xs, dim), with_list("cat")),
    shaped(
        "stack",
        each(
            s((3, 4), (3, 4), dim=0),
            s((3,), (3,), (3,), dim=-1),
            s((), (), dim=0),
            s(of((3, 4), "columns"), (3, 4), dim=1),
        ),
        lambda *xs, dim: np.stack(xs, dim),
        with_list("stack"),
    ),
    shaped(
        "expand",
        each(
            s((3, 1), size=(3, 4)),
            s((4,), size=(2, 3, 4)),
            s((), size=(2,)),
            s((3, 1), size=(-1, 2)),
            s((1,), size=(0,)),
        ),
        ref.expand_reference,
        lambda api, x, size: api.expand(x, size) if hasattr(api, "expand") else x.expand(size),
    ),
    Row(
        "getitem",
        tuple(
            s(shape, at=at)
            for shape, at in (
                ((4, 5), (1,)),
                ((4, 5), (-1, slice(1, 4))),
                ((4, 5), (slice(None), 2)),
                ((4, 5), (Ellipsis, slice(0, 5, 2))),
                ((4, 5), (None, slice(3, 1), 0)),
                ((4, 5), (slice(10, 20), None)),
                ((2, 3, 4), (Ellipsis, None, 1)),
                ((3,), (2,)),
                ((), (None,)),
            )
        ),
        lambda x, at: x[at],
        lambda api, x, at: x[at],
        dtypes=("float32", "float64", "bool"),
        twice=False,
        public=False,
    ),
    Row(
        "copy_ into a slice",
        (
            s((3, 4), (2,), at=(slice(1, 3), slice(0, 4, 2))),
            s((3, 4), (3,), at=(slice(None), 1)),
            s((5,), (), at=(slice(1, 4),)),
            s(of((3, 4), "columns"), (4,), at=(0,)),
        ),
        written_part,
        write_part,
        twice=False,
        public=False,
    ),
)
