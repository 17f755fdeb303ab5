"""Rows of what names, adds, cuts, repeats and turns axes."""

from typing import Any

import numpy as np

from tests.ops.op_row import Row, Sample, mask, of, s

NUMBERS = ("float32", "float64", "int64")


def moved(name: str, *samples: Sample, reference: Any, call: Any = None, **more: Any) -> Row:
    """Return the row of an op that only moves elements."""
    more.setdefault("dtypes", NUMBERS)
    return Row(name, samples, reference, call, twice=False, **more)


def method(name: str) -> Any:
    """Return a call of a method that PyTorch has no function for."""
    return lambda api, x, *rest, **kw: getattr(x, name)(*rest, *kw.values())


def listed(name: str) -> Any:
    """Return a call whose result is a list or a tuple, as a tuple."""

    def call(api: Any, *xs: Any, **kw: Any) -> Any:
        out = getattr(api, name)(*xs, **kw)
        return tuple(out) if isinstance(out, list | tuple) else out

    return call


def unflatten_reference(x: np.ndarray, dim: int, sizes: tuple[int, ...]) -> np.ndarray:
    """Reshape with NumPy, which works out a -1 over the whole shape."""
    axis = dim % x.ndim
    return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])


ROWS: tuple[Row, ...] = (
    moved(
        "view",
        s((3, 4), shape=(2, 6)),
        s((3, 4), shape=(-1,)),
        s(of((4, 6), "steps"), shape=(2, 2, 6)),
        s((2, 0), shape=(0, 5)),
        reference=lambda x, shape: x.reshape(shape),
        call=method("view"),
        public=False,
    ),
    *(
        moved(
            name,
            s((3, 4), mask((2, 6))),
            s((6,), mask((3, 1, 2))),
            reference=lambda x, y: x.reshape(y.shape),
            call=method(name),
            public=False,
        )
        for name in ("view_as", "reshape_as")
    ),
    moved(
        "expand_as",
        s((3, 1), mask((2, 3, 4))),
        s((), mask((2,))),
        reference=lambda x, y: np.broadcast_to(x, y.shape),
        call=method("expand_as"),
        public=False,
    ),
    moved(
        "contiguous",
        s(of((3, 4), "columns")),
        s((3,)),
        s(of((3, 4), "expanded")),
        reference=lambda x: x,
        call=lambda api, x: x.contiguous().view(-1).view(x.shape),
        public=False,
    ),
    moved("ravel", s((2, 3)), s(()), s(of((3, 4), "columns")), s((0, 2)), reference=np.ravel),
    moved(
        "unflatten",
        s((2, 6), dim=1, sizes=(3, 2)),
        s((2, 6, 1), dim=-2, sizes=(-1, 3)),
        s((4,), dim=0, sizes=(2, 2, 1)),
        reference=unflatten_reference,
    ),
    *(
        moved(
            name,
            s((2, 3, 4), source=0, destination=2),
            s((2, 3, 4), source=(0, -1), destination=(1, 0)),
            s((3,), source=0, destination=-1),
            reference=np.moveaxis,
        )
        for name in ("movedim", "moveaxis")
    ),
    moved(
        "swapaxes",
        s((2, 3, 4), axis0=0, axis1=-1),
        reference=lambda x, axis0, axis1: np.swapaxes(x, axis0, axis1),
    ),
    moved(
        "swapdims",
        s((2, 3, 4), dim0=0, dim1=1),
        reference=lambda x, dim0, dim1: np.swapaxes(x, dim0, dim1),
    ),
    moved(
        "broadcast_to",
        s((3, 1), size=(2, 3, 4)),
        s((), size=(2,)),
        reference=lambda x, size: np.broadcast_to(x, size),
    ),
    moved(
        "broadcast_tensors",
        s((3, 1), (4,)),
        s((2, 1, 3), (), (4, 1)),
        reference=lambda *xs: tuple(np.broadcast_arrays(*xs)),
        call=listed("broadcast_tensors"),
    ),
    *(
        moved(
            name,
            s(()),
            s((3,)),
            s((2, 3)),
            s((2,), (1, 2, 3)),
            reference=getattr(np, name),
            call=listed(name),
        )
        for name in ("atleast_1d", "atleast_2d", "atleast_3d")
    ),
    moved(
        "repeat",
        s((2, 3), repeats=(2, 1)),
        s((2,), repeats=(2, 1, 3)),
        s((), repeats=(3,)),
        s((2, 3), repeats=(1, 1)),
        s((2,), repeats=(0,)),
        reference=lambda x, repeats: np.tile(x, repeats),
        call=method("repeat"),
        public=False,
    ),
    moved(
        "tile",
        s((2, 3), dims=(2,)),
        s((2,), dims=(2, 2)),
        reference=lambda x, dims: np.tile(x, dims),
    ),
    moved(
        "roll",
        s((2, 5), shifts=1),
        s((2, 5), shifts=-2, dims=1),
        s((3, 4), shifts=(1, 5), dims=(0, -1)),
        s((0, 2), shifts=3, dims=0),
        s(of((3, 4), "columns"), shifts=2, dims=0),
        reference=lambda x, shifts, dims=None: np.roll(x, shifts, dims),
    ),
    moved("fliplr", s((2, 3)), s((2, 3, 2)), reference=np.fliplr),
    moved("flipud", s((2, 3)), s((4,)), reference=np.flipud),
    moved(
        "rot90",
        *(s((2, 3), k=k) for k in (0, 1, 2, -1)),
        s((2, 3, 4), k=1, dims=(2, 0)),
        reference=lambda x, k, dims=(0, 1): np.rot90(x, k, dims),
    ),
    moved(
        "repeat_interleave",
        s((2, 3), repeats=2),
        s((2, 3), repeats=2, dim=-1),
        s((), repeats=3),
        s((3,), repeats=0, dim=0),
        reference=lambda x, repeats, dim=None: np.repeat(x, repeats, dim),
    ),
    moved(
        "as_strided",
        s((3, 4), size=(3, 2), stride=(4, 2)),
        s((6,), size=(2, 3), stride=(1, 1), storage_offset=2),
        s((2, 3), size=(2, 2, 2), stride=(0, 1, 1)),
        s((4,), size=(), stride=(), storage_offset=3),
        s((4,), size=(0, 2), stride=(9, 9)),
        reference=lambda x, size, stride, storage_offset=0: np.lib.stride_tricks.as_strided(
            x.reshape(-1)[storage_offset:], size, tuple(t * x.itemsize for t in stride)
        ),
    ),
)
