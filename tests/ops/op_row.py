"""What a row of the op table is: samples, domain, reference.

A sample says the shapes and the memory layout of the tensors and the other arguments; a suite asks
it for arrays of a dtype and calls the op with them, through ``row.run(api, ...)`` where ``api`` is
dualgraph or torch.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

FLOATS = ("float32", "float64")
INTS = ("int32", "int64")
NUMBERS = (*FLOATS, *INTS, "uint8")
EVERY = (*NUMBERS, "bool")
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")

PROMOTION = dict(
    zip(
        DTYPES,
        (
            ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"),
            ("uint8", "uint8", "int16", "int16", "int32", "int64", "float32", "float64"),
            ("int8", "int16", "int8", "int16", "int32", "int64", "float32", "float64"),
            ("int16", "int16", "int16", "int16", "int32", "int64", "float32", "float64"),
            ("int32", "int32", "int32", "int32", "int32", "int64", "float32", "float64"),
            ("int64", "int64", "int64", "int64", "int64", "int64", "float32", "float64"),
            ("float32",) * 7 + ("float64",),
            ("float64",) * 8,
        ),
        strict=True,
    )
)
"""The dtype of an operation on two tensors, by the first's; in the order of DTYPES, as PyTorch."""


def promoted(tensor: str, other: str, rank: str = "tensor") -> str:
    """Return the result's dtype; ``other`` is a "tensor", a "scalar" (0-d) or a Python "number"."""
    kinds = [CATEGORY[np.dtype(d).kind] for d in (tensor, other)]
    if rank != "tensor" and kinds[1] <= kinds[0]:
        return tensor
    return PROMOTION[tensor][DTYPES.index(other)]


CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}


@dataclass(frozen=True)
class Arg:
    """An input tensor: its shape, how it lies in memory, and what it is filled with."""

    shape: tuple[int, ...]
    layout: str = "rows"
    dtype: str | None = None  # None: the dtype that the suite asks for
    domain: tuple[float, float] | None = None  # None: the row's

    def build(self, rng: np.random.Generator, dtype: str, domain: tuple[float, float]) -> Any:
        """Return an array of this description."""
        kind = np.dtype(self.dtype or dtype)
        low, high = self.domain or domain
        return LAYOUTS[self.layout](self.shape, lambda shape: fill(rng, shape, kind, low, high))


def fill(
    rng: np.random.Generator, shape: tuple[int, ...], kind: np.dtype, low: float, high: float
) -> np.ndarray:
    """Return random values of a dtype within a domain (bools at random)."""
    if kind.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if kind.kind == "f":
        return np.asarray(rng.uniform(low, high, shape)).astype(kind)
    floor = max(math.ceil(low), 0) if kind.kind == "u" else math.ceil(low)
    return np.asarray(rng.integers(floor, math.floor(high), shape, endpoint=True)).astype(kind)


Make = Callable[[tuple[int, ...]], np.ndarray]


def _steps(shape: tuple[int, ...], make: Make) -> np.ndarray:
    return make((*shape[:-1], 2 * shape[-1]))[..., ::2]


def _expanded(shape: tuple[int, ...], make: Make) -> np.ndarray:
    return np.broadcast_to(make((1, *shape[1:])), shape)


def _gaps(shape: tuple[int, ...], make: Make) -> np.ndarray:
    x = make(shape)
    if x.dtype.kind == "f":
        x.reshape(-1)[1::3] = np.nan
    return x


LAYOUTS: dict[str, Callable[[tuple[int, ...], Make], np.ndarray]] = {
    "rows": lambda shape, make: make(shape),
    "columns": lambda shape, make: make(shape[::-1]).T,
    "steps": _steps,
    "reversed": lambda shape, make: make(shape)[..., ::-1],
    "expanded": _expanded,
    "offset": lambda shape, make: make((shape[0] + 1, *shape[1:]))[1:],
    "gaps": _gaps,  # NaN here and there
}


@dataclass(frozen=True)
class Sample:
    """Tensors and static arguments of one call."""

    args: tuple[Arg, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] | None = None  # dtypes, where not every one of the row

    @property
    def label(self) -> str:
        """Return a short name for test ids: ``3x4T,4 dim=1``."""
        shapes = ["x".join(map(str, a.shape)) or "0d" for a in self.args]
        marks = [a.layout[0] if a.layout != "rows" else "" for a in self.args]
        said = [f"{s}{m}" for s, m in zip(shapes, marks, strict=True)]
        static = [f"{k}={v}".replace(" ", "") for k, v in self.kwargs.items()]
        return " ".join([",".join(said), *static]).strip()


@dataclass(frozen=True)
class Row:
    """One public op; see the fields' comments."""

    name: str  # below the package: "sin", "linalg.inv", "nn.functional.conv2d"
    samples: tuple[Sample, ...]
    reference: Callable[..., Any]
    call: Callable[..., Any] | None = None  # (api, *tensors, **kwargs); None: api.name(...)
    dtypes: tuple[str, ...] = FLOATS
    domain: tuple[float, float] = (-2.0, 2.0)
    wide: bool = False  # the reference takes and gives float64
    ulps: tuple[int, int] = (0, 0)  # allowed in float32 and float64; 0 is exact
    scaled: bool = False  # measure the error against the largest element, not against each
    why: str = ""  # what a tolerance is for
    edges: bool = False  # element-wise: also tried on the edge values
    differentiable: bool = True
    smooth: bool = True  # False: finite differences say nothing about it
    twice: bool = True  # has a second derivative that is not zero everywhere
    rtol: float = 1e-6  # of gradients against finite differences
    step: float = 6e-6  # of finite differences
    torch: bool = True  # means the same in PyTorch
    torch_ulps: tuple[int, int] | None = None  # against PyTorch; None: as against the reference
    public: bool = True  # False: reached through the Tensor class only
    compiled: bool = True

    def run(self, api: Any, tensors: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call the op on an API (dualgraph or torch)."""
        if self.call is not None:
            return self.call(api, *tensors, **kwargs)
        return attrgetter(self.name)(api)(*tensors, **kwargs)

    def arrays(self, sample: Sample, dtype: str) -> list[np.ndarray]:
        """Return the input arrays of a sample, the same at every call."""
        seed = zlib.crc32(f"{self.name} {sample.label} {dtype}".encode())
        rng = np.random.default_rng(seed)
        return [a.build(rng, dtype, self.domain) for a in sample.args]

    def expected(self, arrays: list[np.ndarray], kwargs: dict[str, Any]) -> Any:
        """Return what the reference gives."""
        if self.wide:
            arrays = [a.astype(np.float64) if a.dtype.kind != "b" else a for a in arrays]
        with np.errstate(all="ignore"):
            return self.reference(*arrays, **kwargs)

    def allowed(self, dtype: str) -> int:
        """Return the tolerance in ULP."""
        return self.ulps[FLOATS.index(dtype)] if dtype in FLOATS else 0


def s(*args: Any, only: tuple[str, ...] | None = None, **kwargs: Any) -> Sample:
    """Make a sample: tuples are shapes of plain tensors."""
    return Sample(tuple(a if isinstance(a, Arg) else Arg(a) for a in args), kwargs, only)


def of(shape: tuple[int, ...], layout: str = "rows", **more: Any) -> Arg:
    """Make an input in a memory layout."""
    return Arg(shape, layout, **more)


def index(shape: tuple[int, ...], extent: int, layout: str = "rows") -> Arg:
    """Make an int64 input with values below an extent."""
    return Arg(shape, layout, "int64", (0, extent - 1))


EDGES = {
    name: np.array(
        [
            0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.0, -2.0, 2.5, 3.0, -3.0, 10.0, -10.0, 88.0,
            -104.0, 710.0, -745.2, 1e-5, -1e-5, 16777217.0, -16777217.0, 0.1,
            *(f * sign for sign in (1, -1) for f in (
                np.inf, np.nan, np.finfo(name).max, np.finfo(name).tiny,
                np.finfo(name).smallest_subnormal, np.finfo(name).tiny / 4,
                1 - np.finfo(name).epsneg, 1 + np.finfo(name).eps,
            )),
        ],
        dtype=name,
    )
    for name in FLOATS
}  # fmt: skip

LAYOUT_SAMPLES = (
    s(of((3, 4), "columns")),
    s(of((4, 6), "steps")),
    s(of((2, 5), "reversed")),
    s(of((4, 3), "expanded")),
    s(of((3, 5), "offset")),
)
UNARY = (s(()), s((0,)), s((1,)), s((37,)), s((2, 3, 4)), s((2, 0, 3)), *LAYOUT_SAMPLES)
FEW = (s(()), s((0,)), s((5,)), s(of((3, 4), "columns")))
BINARY = (
    s((3, 4), (3, 4)),
    s((3, 4), (4,)),
    s((3, 1), (1, 4)),
    s((2, 1, 3), (4, 1)),
    s((), (3,)),
    s((3,), ()),
    s((), ()),
    s((2, 0), (1,)),
    s(of((3, 4), "columns"), (3, 4)),
    s(of((3, 4), "steps"), of((3, 4), "columns")),
    s((3, 5), of((3, 5), "expanded")),
    s(of((4, 3), "reversed"), of((4, 3), "offset")),
)


def number(name: str, *values: Any) -> tuple[Sample, ...]:
    """Return samples with a Python number as second operand."""
    fit = {int: None, float: FLOATS, bool: None}
    return tuple(s((3,), only=fit[type(v)], **{name: v}) for v in values)


def unary(name: str, reference: Callable[..., Any], **more: Any) -> Row:
    """Return the row of an exact element-wise op with one operand."""
    return Row(name, more.pop("samples", UNARY), reference, edges=True, **more)


def smooth(name: str, reference: Callable[..., Any], **more: Any) -> Row:
    """Return the row of an elementary function: 1 ULP in float32; float64 sees the reference's."""
    return Row(
        name,
        more.pop("samples", UNARY),
        reference,
        wide=True,
        edges=True,
        ulps=more.pop("ulps", (1, 4)),
        why="correct rounding is not promised: 1 and 2 ULP are, and libm errs by up to 2",
        **more,
    )


def binary(name: str, reference: Callable[..., Any], **more: Any) -> Row:
    """Return the row of an exact element-wise op with two operands."""
    samples = (*BINARY, *more.pop("extra", number("other", 2, 2.5)))

    def positional(x: Any, *y: Any, other: Any = None, **kw: Any) -> Any:
        return reference(x, *(y or (other,)), **kw)

    return Row(name, samples, positional, edges=True, **more)


def comparison(name: str, reference: Callable[..., Any]) -> Row:
    """Return the row of a comparison: any dtype, no derivative."""
    return binary(name, reference, dtypes=EVERY, differentiable=False)


def mask(shape: tuple[int, ...], layout: str = "rows") -> Arg:
    """Make a bool input."""
    return Arg(shape, layout, "bool")


CLOSE = "exp and log of the reference are within 1 ULP, and sums round in another order"
