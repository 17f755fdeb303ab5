"""One row per public op: samples, domain, reference. Every op suite is driven by this table.

A sample says the shapes and the memory layout of the tensors and the other arguments; a suite asks
it for arrays of a dtype and calls the op with them, through ``row.run(api, ...)`` where ``api`` is
dualgraph or torch.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests import references as ref

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


LAYOUTS: dict[str, Callable[[tuple[int, ...], Make], np.ndarray]] = {
    "rows": lambda shape, make: make(shape),
    "columns": lambda shape, make: make(shape[::-1]).T,
    "steps": _steps,
    "reversed": lambda shape, make: make(shape)[..., ::-1],
    "expanded": _expanded,
    "offset": lambda shape, make: make((shape[0] + 1, *shape[1:]))[1:],
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

    name: str
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
        return getattr(api, self.name)(*tensors, **kwargs)

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


def scaled(x: np.ndarray, other: Any, alpha: float) -> Any:
    """Return ``alpha * other`` in the dtype of x."""
    return other if alpha == 1 else np.multiply(other, np.asarray(alpha).astype(x.dtype))


def div_reference(x: Any, other: Any) -> np.ndarray:
    """Divide; integers as float32."""
    if np.asarray(x).dtype.kind != "f":
        x, other = np.asarray(x).astype(np.float32), np.asarray(other).astype(np.float32)
    return np.divide(x, other)


ARITHMETIC = (
    binary(
        "add",
        lambda x, other, alpha=1: np.add(x, scaled(x, other, alpha)),
        extra=(*number("other", 2, 2.5), s((3,), (3,), alpha=2), s((3,), (1,), alpha=3)),
        dtypes=EVERY,
        twice=False,
    ),
    binary(
        "sub",
        lambda x, other, alpha=1: np.subtract(x, scaled(x, other, alpha)),
        extra=(*number("other", 2, 2.5), s((3,), (3,), alpha=2)),
        dtypes=NUMBERS,
        twice=False,
    ),
    binary("mul", np.multiply, dtypes=EVERY),
    binary("div", div_reference, dtypes=EVERY, domain=(0.5, 4.0)),
    unary("neg", np.negative, dtypes=NUMBERS, twice=False),
    unary("abs", np.abs, dtypes=NUMBERS, twice=False),
    unary(
        "sign",
        lambda x: ((x > 0).astype(np.int8) - (x < 0).astype(np.int8)).astype(x.dtype),
        dtypes=NUMBERS,
        twice=False,
    ),
    smooth(
        "pow",
        ref.pow_reference,
        samples=(
            *BINARY,
            *number("other", 2, 1, -1, 0, 3, 0.5, 1.5, -2.5, -0.5),
            s((2, 3), of((2, 3), dtype="int64")),
        ),
        domain=(0.4, 3.0),
        call=lambda api, x, y=None, other=None: api.pow(x, other if y is None else y),
    ),
    Row(
        "pow",
        (s((3, 4), (4,)), s((3,), exponent=2), s((3,), exponent=0), s(of((3, 4), "columns"), ())),
        lambda x, exponent: np.power(x, exponent),
        dtypes=(*INTS, "uint8"),
        domain=(0, 9),
        differentiable=False,
    ),
    unary("square", np.square, dtypes=NUMBERS),
    unary("reciprocal", lambda x: np.divide(x.dtype.type(1), x), domain=(0.4, 3.0)),
)


def where_reference(condition: np.ndarray, input: Any, other: Any) -> np.ndarray:
    """Select."""
    return np.where(condition, input, other)


def mask(shape: tuple[int, ...], layout: str = "rows") -> Arg:
    """Make a bool input."""
    return Arg(shape, layout, "bool")


CHOICE = (
    comparison("eq", np.equal),
    comparison("ne", np.not_equal),
    comparison("lt", np.less),
    comparison("le", np.less_equal),
    comparison("gt", np.greater),
    comparison("ge", np.greater_equal),
    Row(
        "where",
        (
            s(mask((3, 4)), (3, 4), (3, 4)),
            s(mask((3, 1)), (4,), (3, 4)),
            s(mask(()), (3,), ()),
            s(mask((4, 3), "columns"), of((4, 3), "steps"), of((4, 3), "expanded")),
            s(mask((2, 0)), (1,), (2, 1)),
        ),
        where_reference,
        dtypes=EVERY,
        twice=False,
    ),
    binary("maximum", ref.larger_of, dtypes=EVERY, twice=False, extra=()),
    binary("minimum", ref.smaller_of, dtypes=EVERY, twice=False, extra=()),
    Row(
        "clamp",
        (
            s((3, 4), min=-1, max=1, only=(*FLOATS, *INTS)),
            s((3, 4), min=1),
            s((37,), max=0),
            s((5,), min=-0.5, max=0.25, only=FLOATS),
            s(of((3, 4), "columns"), min=0),
            s((), max=1),
            s((0,), min=1, max=2),
            s((3, 4), (4,), (3, 1)),
            s((2, 3), (), ()),
        ),
        ref.clamp_reference,
        dtypes=NUMBERS,
        edges=True,
        twice=False,
    ),
    unary("isnan", np.isnan, dtypes=(*FLOATS, "int32"), differentiable=False),
    unary("isinf", np.isinf, dtypes=(*FLOATS, "int32"), differentiable=False),
    unary("isfinite", np.isfinite, dtypes=(*FLOATS, "int32"), differentiable=False),
    binary("logical_and", np.logical_and, dtypes=EVERY, differentiable=False, extra=()),
    binary("logical_or", np.logical_or, dtypes=EVERY, differentiable=False, extra=()),
    binary("logical_xor", np.logical_xor, dtypes=EVERY, differentiable=False, extra=()),
    unary("logical_not", np.logical_not, dtypes=EVERY, differentiable=False),
    Row(
        "cast",
        (*(s((7,), dtype=d) for d in DTYPES), s(of((3, 4), "columns"), dtype="float64")),
        ref.cast_reference,
        call=lambda api, x, dtype: x.to(getattr(api, dtype)),
        dtypes=DTYPES,
        domain=(-100.0, 100.0),
        smooth=False,  # to float32: a step function
        twice=False,
    ),
    unary("clone", np.copy, dtypes=EVERY, twice=False),
    Row(
        "copy_",
        (
            s((3, 4), (3, 4)),
            s((3, 4), (4,)),
            s((3, 4), ()),
            s((), ()),
            s((0, 2), (2,)),
            s((2, 3), of((2, 3), "columns")),
        ),
        lambda x, y: np.array(np.broadcast_to(y, x.shape)),
        call=lambda api, x, y: x.clone().copy_(y),
        dtypes=EVERY,
        twice=False,
    ),
)

LN2, LN10 = math.log(2), math.log(10)
ELEMENTARY = (
    smooth("exp", np.exp),
    smooth("exp2", np.exp2),
    smooth("expm1", np.expm1),
    smooth("log", np.log, domain=(0.1, 5.0)),
    smooth("log2", np.log2, domain=(0.1, 5.0)),
    smooth("log10", np.log10, domain=(0.1, 5.0)),
    smooth("log1p", np.log1p, domain=(-0.8, 5.0)),
    smooth("tanh", np.tanh),
    smooth("sigmoid", lambda x: np.where(x > 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))),
    unary("relu", lambda x: np.where(x <= 0, x.dtype.type(0), x), dtypes=NUMBERS, twice=False),
    unary("sqrt", np.sqrt, domain=(0.2, 5.0)),
    smooth("rsqrt", lambda x: 1 / np.sqrt(x), domain=(0.2, 5.0)),
    smooth("sin", np.sin),
    smooth("cos", np.cos),
    smooth("erf", ref.elementwise(math.erf), ulps=(2, 6)),
    smooth("erfc", ref.elementwise(math.erfc), ulps=(3, 6)),
    unary("floor", np.floor, dtypes=(*FLOATS, "int64"), twice=False),
    unary("ceil", np.ceil, dtypes=(*FLOATS, "int64"), twice=False),
    unary("trunc", np.trunc, dtypes=(*FLOATS, "int64"), twice=False),
    unary("round", lambda x: np.rint(x).astype(x.dtype), dtypes=(*FLOATS, "int64"), twice=False),
)

REDUCED = (
    s((3, 4)),
    s(()),
    s((), dim=0),
    s((3, 4), dim=0),
    s((3, 4), dim=1, keepdim=True),
    s((2, 3, 4), dim=(0, 2)),
    s((2, 3, 4), dim=(0, -1), keepdim=True),
    s((2, 3, 4), dim=1),
    s((200,), dim=0),
    s(of((3, 130), "columns"), dim=-1),
    s(of((130, 5), "steps"), dim=0),
    s(of((4, 6), "expanded"), dim=(0, 1)),
    s(of((2, 33), "reversed"), dim=1),
)
EMPTY = (s((0,)), s((2, 0, 3), dim=1), s((0, 3), dim=1), s((2, 0), dim=0, keepdim=True))
DISTINCT = tuple(x for x in REDUCED if x.args[0].layout != "expanded")  # no ties in an extreme
LONG = (s((20_000,)), s((300, 7), dim=0), s((2, 40, 30, 2), dim=(1, 2)))
FIRST_AXIS = tuple(x for x in REDUCED if not isinstance(x.kwargs.get("dim"), tuple))


def reduced(name: str, reference: Callable[..., Any], **more: Any) -> Row:
    """Return the row of a reduction whose order of operations is written down."""
    return Row(name, more.pop("samples", (*REDUCED, *EMPTY, *LONG)), reference, **more)


CLOSE = "exp and log of the reference are within 1 ULP, and sums round in another order"
REDUCTIONS = (
    reduced("sum", ref.sum_reference, dtypes=EVERY, twice=False),
    reduced("mean", ref.mean_reference, twice=False),
    reduced(
        "prod",
        ref.prod_reference,
        samples=(*FIRST_AXIS, *EMPTY, s((300, 2), dim=0), s((3, 4))),
        dtypes=(*FLOATS, "int64"),
        domain=(0.6, 1.4),
    ),
    reduced("amax", ref.amax_reference, samples=(*DISTINCT, *LONG), dtypes=EVERY, twice=False),
    reduced("amin", ref.amin_reference, samples=(*DISTINCT, *LONG), dtypes=EVERY, twice=False),
    reduced(
        "any",
        ref.truth(np.any),
        dtypes=EVERY,
        differentiable=False,
    ),
    reduced(
        "all",
        ref.truth(np.all),
        dtypes=EVERY,
        differentiable=False,
    ),
    reduced(
        "argmax",
        ref.position(np.argmax),
        samples=(*FIRST_AXIS, s((0, 3), dim=1)),
        dtypes=NUMBERS,
        differentiable=False,
    ),
    reduced(
        "argmin",
        ref.position(np.argmin),
        samples=(*FIRST_AXIS, s((0, 3), dim=1)),
        dtypes=NUMBERS,
        differentiable=False,
    ),
    Row(
        "cumsum",
        (
            s((5,), dim=0),
            s((3, 4), dim=0),
            s((2, 3, 4), dim=-2),
            s((), dim=0),
            s((0, 3), dim=0),
            s(of((3, 4), "columns"), dim=1),
            s(of((3, 4), "reversed"), dim=1),
            s((700,), dim=0),
        ),
        ref.cumsum_reference,
        dtypes=EVERY,
        twice=False,
    ),
    Row(
        "logsumexp",
        (
            s((3, 4), dim=1),
            s((2, 3, 4), dim=(0, 2)),
            s((2, 3, 4), dim=1, keepdim=True),
            s((5,), dim=0),
            s((), dim=0),
            s(of((3, 4), "columns"), dim=0),
        ),
        ref.logsumexp_reference,
        wide=True,
        ulps=(8, 16),
        scaled=True,
        why=CLOSE,
    ),
    *(
        Row(
            name,
            (
                s((3, 4), dim=1),
                s((3, 4), dim=0),
                s((2, 3, 4), dim=1),
                s((10,), dim=-1),
                s((), dim=0),
                s((2, 0, 3), dim=1),
                s(of((3, 5), "columns"), dim=1),
                s((2, 150), dim=1),
            ),
            reference,
            wide=True,
            ulps=(8, 16),
            scaled=True,
            why=CLOSE,
            domain=(-5.0, 5.0),
        )
        for name, reference in (
            ("softmax", ref.softmax_reference),
            ("log_softmax", ref.log_softmax_reference),
        )
    ),
)


def shaped(name: str, samples: tuple[Sample, ...], reference: Any, call: Any = None) -> Row:
    """Return the row of an op that only moves elements."""
    return Row(name, samples, reference, call, dtypes=("float32", "float64", "bool"), twice=False)


def each(*samples: Sample) -> tuple[Sample, ...]:
    """Return the samples."""
    return samples


def with_list(name: str) -> Callable[..., Any]:
    """Return a call that passes its tensors as one list."""
    return lambda api, *xs, **kw: getattr(api, name)(list(xs), **kw)


JOINED = (
    s((3, 4), (2, 4), dim=0),
    s((3, 4), (3, 1), (3, 2), dim=1),
    s((2,), (0,), (3,), dim=-1),
    s(of((3, 4), "columns"), of((3, 4), "steps"), dim=0),
)
SHAPES = (
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
)

INDEXING = (
    Row(
        "gather",
        (
            s((3, 4), index((3, 2), 4), dim=1),
            s((3, 4), index((5, 4), 3), dim=0),
            s((3, 4), index((2, 3), 3), dim=0),
            s((5,), index((0,), 5), dim=0),
            s((5,), index((7,), 5), dim=-1),
            s((2, 3, 4), index((2, 3, 1), 4), dim=2),
            s(of((3, 4), "columns"), index((3, 4), 4, "columns"), dim=1),
        ),
        ref.gather_reference,
        lambda api, x, at, dim: api.gather(x, dim, at),
        dtypes=("float32", "float64", "int64", "bool"),
        twice=False,
    ),
    Row(
        "scatter_add",
        (
            s((3, 4), index((3, 6), 4), (3, 6), dim=1),
            s((3, 4), index((5, 4), 3), (5, 4), dim=0),
            s((3, 4), index((2, 3), 3), (4, 4), dim=0),
            s((5,), index((9,), 2), (9,), dim=0),
            s((5,), index((0,), 5), (0,), dim=0),
            s(of((3, 4), "columns"), index((3, 4), 4), of((3, 4), "columns"), dim=1),
        ),
        ref.scatter_add_reference,
        lambda api, x, at, src, dim: api.scatter_add(x, dim, at, src),
        dtypes=("float32", "float64", "int64"),
        twice=False,
    ),
    Row(
        "index_select",
        (
            s((3, 4), index((5,), 3), dim=0),
            s((3, 4), index((2,), 4), dim=1),
            s((3, 4), index((), 4), dim=-1),
            s((4,), index((0,), 4), dim=0),
            s(of((2, 3, 4), "columns"), index((3,), 3), dim=1),
        ),
        lambda x, at, dim: np.take(x, np.atleast_1d(at), axis=dim),
        lambda api, x, at, dim: api.index_select(x, dim, at),
        dtypes=("float32", "float64", "int64", "bool"),
        twice=False,
    ),
    Row(
        "one_hot",
        (
            s(index((5,), 3), num_classes=3),
            s(index((2, 3), 4), num_classes=6),
            s(index((), 3), num_classes=4),
            s(index((0,), 3), num_classes=2),
        ),
        ref.one_hot_reference,
        lambda api, x, **kw: (
            getattr(api, "one_hot", None)(x, **kw)
            if hasattr(api, "one_hot")
            else api.nn.functional.one_hot(x, **kw)
        ),
        dtypes=("int64",),
        differentiable=False,
    ),
)

PRODUCTS = "the exact chain of fma is tested elsewhere; NumPy sums in another order"


def product(name: str, *samples: Sample, reference: Any = np.matmul) -> Row:
    """Return the row of a contraction."""
    return Row(name, samples, reference, ulps=(64, 64), scaled=True, why=PRODUCTS)


CONTRACTIONS = (
    product(
        "matmul",
        s((3, 4), (4, 5)),
        s((4,), (4,)),
        s((3, 4), (4,)),
        s((4,), (4, 5)),
        s((2, 3, 4), (4, 5)),
        s((2, 3, 4), (2, 4, 5)),
        s((2, 1, 3, 4), (3, 4, 2)),
        s((4,), (2, 4, 3)),
        s((2, 3, 4), (4,)),
        s((0, 4), (4, 3)),
        s((3, 0), (0, 2)),
        s(of((4, 3), "columns"), of((3, 5), "columns")),
        s(of((4, 3), "steps"), of((3, 5), "reversed")),
        s(of((6, 3), "expanded"), (3, 2)),
        s((33, 70), (70, 40)),
    ),
    product("dot", s((5,), (5,)), s((0,), (0,)), s(of((300,), "steps"), (300,))),
    product("mm", s((3, 4), (4, 5)), s(of((4, 3), "columns"), (3, 5))),
    product("bmm", s((2, 3, 4), (2, 4, 5)), s((0, 3, 4), (0, 4, 5))),
)


def of_kind(api: Any, dtype: str | None) -> dict[str, Any]:
    """Return the keyword argument that names a dtype in an API, or none."""
    return {} if dtype is None else {"dtype": getattr(api, dtype)}


def created(name: str, *samples: Sample, reference: Any, **more: Any) -> Row:
    """Return the row of an op that makes a tensor from numbers."""

    def call(api: Any, dtype: str | None = None, **kw: Any) -> Any:
        return getattr(api, name)(*kw.values(), **of_kind(api, dtype))

    return Row(name, samples, reference, call, ("float32",), differentiable=False, **more)


def alike(name: str, reference: Any) -> Row:
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
    )


def random(name: str, reference: Any, **more: Any) -> Row:
    """Return the row of a random op, drawn from a generator of its own."""

    def call(api: Any, size: tuple[int, ...], dtype: str, seed: int) -> Any:
        generator = api.Generator().manual_seed(seed)
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
    return api.bernoulli(x, generator=api.Generator().manual_seed(seed))


NORMAL: dict[str, Any] = {
    "ulps": (1, 64),
    "scaled": True,
    "why": "log and cos of the reference are libm's; next to a zero of cos the error is absolute",
}
CREATION = (
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
        reference=lambda start=0, end=0, step=1, dtype=None: np.array(
            [start + i * step for i in range(max(0, math.ceil((end - start) / step)))]
        ).astype(dtype or (np.float32 if isinstance(step, float) else np.int64)),
        ulps=(1, 0),
        why="start + i*step is rounded twice in float32, the reference once",
        torch_ulps=(1, 1),
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


def functional(name: str, *samples: Sample, reference: Any, **more: Any) -> Row:
    """Return the row of a function of ``nn.functional``, which is made of ops."""

    def call(api: Any, x: Any, *more: Any, **kw: Any) -> Any:
        if name == "layer_norm":  # the one whose static argument comes second
            more = (kw.pop("normalized_shape"), *more)
        return getattr(api.nn.functional, name)(x, *more, **kw)

    return Row(
        name,
        samples,
        reference,
        call,
        wide=True,
        ulps=(32, 64),
        scaled=True,
        why=CLOSE,
        public=False,
        **more,
    )


FUNCTIONAL = (
    functional(
        "linear",
        s((3, 4), (5, 4), (5,)),
        s((2, 3, 4), (5, 4), (5,)),
        s((4,), (5, 4), (5,)),
        s((3, 4), (5, 4)),
        s((0, 4), (5, 4), (5,)),
        s(of((3, 4), "columns"), of((5, 4), "steps"), of((5,), "reversed")),
        reference=lambda x, w, b=0.0: x @ w.T + b,
    ),
    functional(
        "gelu",
        s((3, 4)),
        s((), approximate="tanh"),
        s(of((3, 4), "columns"), approximate="tanh"),
        reference=ref.gelu_reference,
    ),
    functional(
        "layer_norm",
        s((3, 4), normalized_shape=(4,)),
        s((2, 3, 4), (3, 4), (3, 4), normalized_shape=(3, 4)),
        reference=ref.layer_norm_reference,
        rtol=1e-5,
    ),
    functional(
        "mse_loss",
        s((3, 4), (3, 4)),
        s((5,), of((5,), "steps"), reduction="sum"),
        s((2, 3), (2, 3), reduction="none"),
        reference=lambda x, y, reduction="mean": ref.reduced(np.square(x - y), reduction),
    ),
    functional(
        "cross_entropy",
        s((3, 4), index((3,), 4)),
        s((4,), index((), 4)),
        s((2, 3, 4), index((2, 4), 3), reduction="sum"),
        s((5, 3), index((5,), 3), reduction="none"),
        s((6, 3), index((6,), 3), ignore_index=1),
        s((6, 3), index((6,), 3), label_smoothing=0.1),
        reference=ref.cross_entropy_reference,
    ),
    functional(
        "nll_loss",
        s((3, 4), index((3,), 4)),
        s((3, 4), index((3,), 4), Arg((4,), domain=(0.5, 2.0))),
        reference=ref.nll_reference,
        twice=False,
    ),
)

ROWS: tuple[Row, ...] = (
    *ARITHMETIC,
    *CHOICE,
    *ELEMENTARY,
    *REDUCTIONS,
    *SHAPES,
    *INDEXING,
    *CONTRACTIONS,
    *CREATION,
    *FUNCTIONAL,
)


@dataclass(frozen=True)
class Case:
    """One call that a suite makes: a row, one of its samples, a dtype."""

    row: Row
    sample: Sample
    dtype: str

    def __str__(self) -> str:
        return f"{self.row.name}[{self.sample.label}]{self.dtype}"

    def arrays(self) -> list[np.ndarray]:
        """Return the input arrays."""
        return self.row.arrays(self.sample, self.dtype)


def cases(dtypes: tuple[str, ...] = DTYPES, differentiable: bool = False) -> list[Case]:
    """Return every call of the table in some dtypes."""
    return [
        Case(row, sample, dtype)
        for row in ROWS
        if row.differentiable or not differentiable
        for sample in row.samples
        for dtype in sample.only or row.dtypes
        if dtype in dtypes
    ]
