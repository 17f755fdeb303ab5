"""Rows of what makes tensors, random ones included."""

import math
from typing import Any

import numpy as np

from dualgraph import Generator
from tests.ops import references as ref
from tests.ops.op_row import EVERY, Row, Sample, of, s


def of_kind(api: Any, dtype: str | None) -> dict[str, Any]:
    """Return the keyword argument that names a dtype in an API, or none."""
    return {} if dtype is None else {"dtype": getattr(api, dtype)}


def created(name: str, *samples: Sample, reference: Any, **more: Any) -> Row:
    """Return the row of an op that makes a tensor from numbers."""

    def call(api: Any, dtype: str | None = None, **kw: Any) -> Any:
        return getattr(api, name)(*kw.values(), **of_kind(api, dtype))

    return Row(name, samples, reference, call, ("float32",), differentiable=False, **more)


def alike(name: str, reference: Any, **more: Any) -> Row:
    """Return the row of an op that makes a tensor like another."""

    def call(api: Any, x: Any, dtype: str | None = None, **kw: Any) -> Any:
        return getattr(api, name)(x, *kw.values(), **of_kind(api, dtype))

    static = {"fill_value": 3} if name == "full_like" else {}
    return Row(
        name,
        (s((2, 3), **static), s((), **static), s((0,), dtype="float64", **static)),
        reference,
        call,
        EVERY,
        differentiable=False,
        **more,
    )


def random(name: str, reference: Any, **more: Any) -> Row:
    """Return the row of a random op, drawn from a generator of its own."""

    def call(api: Any, size: tuple[int, ...], dtype: str, seed: int) -> Any:
        generator = Generator().manual_seed(seed)
        return getattr(api, name)(size, dtype=getattr(api, dtype), generator=generator)

    samples = (
        s(size=(5,), dtype="float32", seed=7),
        s(size=(3, 4), dtype="float64", seed=2**40 + 1),
        s(size=(), dtype="float32", seed=0),
        s(size=(0, 2), dtype="float64", seed=-1),
    )
    return Row(
        name, samples, reference, call, ("float32",), differentiable=False, torch=False, **more
    )


def random_like(name: str, of_size: str) -> Row:
    """Return the row of a random op that takes shape and dtype from a tensor."""

    def call(api: Any, x: Any, seed: int) -> Any:
        api.manual_seed(seed)
        return getattr(api, name)(x)

    def reference(x: np.ndarray, seed: int) -> np.ndarray:
        return getattr(ref, of_size)(x.shape, x.dtype.name, seed)

    return Row(
        name,
        (s((2, 3), seed=5), s((0,), seed=1)),
        reference,
        call,
        differentiable=False,
        torch=False,
        compiled=False,  # seeding is a side effect; the generator suite traces these
        **(NORMAL if "randn" in name else {}),
    )


def bernoulli_call(api: Any, x: Any, seed: int) -> Any:
    """Draw with a stream of its own."""
    return api.bernoulli(x, generator=Generator().manual_seed(seed))


def linspace_reference(start: float, end: float, steps: int, dtype: str = "float32") -> np.ndarray:
    """Return the points; integers are truncated."""
    return np.linspace(start, end, steps).astype(dtype)


def logspace_reference(
    start: float, end: float, steps: int, base: float = 10.0, dtype: str = "float32"
) -> np.ndarray:
    """Return the powers of the points; integers saturate, as float conversions do here."""
    points = base ** np.linspace(start, end, steps)
    return np.minimum(points, 2.0**62).astype(dtype)


NORMAL: dict[str, Any] = {
    "ulps": (1, 64),
    "scaled": True,
    "why": "log and cos of the reference are libm's; next to a zero of cos the error is absolute",
}
ROWS: tuple[Row, ...] = (
    created(
        "full",
        s(size=(2, 3), fill_value=1.5),
        s(size=(), fill_value=2),
        s(size=(2,), fill_value=True),
        s(size=(0, 2), fill_value=1, dtype="float64"),
        reference=lambda size, fill_value, dtype=None: np.full(
            size,
            fill_value,
            dtype or {float: "float32", int: "int64", bool: "bool"}[type(fill_value)],
        ),
    ),
    *(
        created(
            name,
            s(size=(2, 3)),
            s(size=()),
            s(size=(3,), dtype="int64"),
            s(size=(0, 2), dtype="bool"),
            reference=lambda size, dtype="float32", value=value: np.full(size, value, dtype),
        )
        for name, value in (("zeros", 0), ("ones", 1))
    ),
    alike("zeros_like", lambda x, dtype=None: np.zeros(x.shape, dtype or x.dtype)),
    alike("ones_like", lambda x, dtype=None: np.ones(x.shape, dtype or x.dtype)),
    alike(
        "full_like",
        lambda x, fill_value, dtype=None: np.full(x.shape, fill_value, dtype or x.dtype),
    ),
    created(
        "arange",
        s(end=5),
        s(start=2, end=9, step=3),
        s(start=5, end=0, step=-2),
        s(start=0, end=1, step=0.1),
        s(start=3, end=3),
        s(end=4, dtype="float64"),
        s(start=-1.5, end=4.0, step=0.7, dtype="float64"),
        s(start=1, end=200, step=3, dtype="int32"),
        reference=lambda start=0, end=0, step=1, dtype=None: np.array(
            [start + i * step for i in range(max(0, math.ceil((end - start) / step)))]
        ).astype(dtype or (np.float32 if isinstance(step, float) else np.int64)),
        ulps=(1, 0),
        why="start + i*step is rounded twice in float32, the reference once",
        torch_ulps=(1, 1),
    ),
    *(
        created(
            name,
            s(start=0, end=1, steps=5),
            s(start=-3.0, end=2.5, steps=12, dtype="float64"),
            s(start=10, end=0, steps=4, dtype="int64"),
            s(start=2, end=9, steps=1),
            s(start=0, end=1, steps=0),
            *((s(start=0, end=3, steps=4, base=2.0),) if name == "logspace" else ()),
            reference=reference,
            ulps=(1, 4),
            why="NumPy reckons every point from the start, and pow is not correctly rounded",
        )
        for name, reference in (("linspace", linspace_reference), ("logspace", logspace_reference))
    ),
    created(
        "eye",
        s(n=3),
        s(n=2, m=4, dtype="int64"),
        s(n=0),
        reference=lambda n, m=None, dtype="float32": np.eye(n, m, dtype=dtype),
    ),
    created(
        "empty",
        s(size=(0, 2)),
        reference=lambda size, dtype="float32": np.zeros(size, dtype),
        torch=False,
    ),
    alike("empty_like", lambda x, dtype=None: np.zeros(x.shape, dtype or x.dtype), torch=False),
    Row(
        "vander",
        (s((3,)), s((4,), N=2), s((2,), N=3, increasing=True), s((3,), N=0)),
        lambda x, N=None, increasing=False: np.vander(x, N, increasing),
        dtypes=("float32", "float64", "int64"),
        ulps=(2, 2),
        why="NumPy multiplies step by step, pow rounds once",
        torch=False,  # PyTorch's has no gradient
    ),
    random("rand", ref.rand_reference),
    random("randn", ref.randn_reference, **NORMAL),
    random_like("rand_like", "rand_reference"),
    random_like("randn_like", "randn_reference"),
    Row(
        "bernoulli",
        (s(of((3, 4), domain=(0.0, 1.0)), seed=3), s(of((40,), domain=(0.0, 1.0)), seed=9)),
        lambda x, seed: (ref.rand_reference(x.shape, x.dtype.name, seed) < x).astype(x.dtype),
        bernoulli_call,
        differentiable=False,
        torch=False,
    ),
)
