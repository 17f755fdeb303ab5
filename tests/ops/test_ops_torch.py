"""Against PyTorch, where it is installed: values, gradients, dtypes, and which calls are errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of, assert_bits_equal, ulp_distance
from tests.ops.op_row import DTYPES, EDGES, FLOATS, Row, promoted
from tests.ops.op_table import ROWS, Case, cases
from tests.ops.test_ops_compiled import leaves, listed

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated", "ignore:reduction")  # of its own


def differs(case: Case) -> bool:
    """Tell the few calls that PyTorch defines otherwise, or not at all."""
    name, (*shapes,) = case.row.name, (a.shape for a in case.sample.args)
    return (
        (name == "cast" and case.sample.kwargs["dtype"] == "uint8")  # of negative floats
        or (name == "scatter_add" and shapes[1] != shapes[2])  # its derivative fails there
        or (name == "nn.functional.hardsigmoid" and case.dtype == "float64")  # 1/6 in float32
        or (case.dtype == "float64" and trigamma_behind(case))  # 9 digits are right there
    )


def trigamma_behind(case: Case) -> bool:
    """Tell the calls whose value or gradient is PyTorch's trigamma."""
    return case.row.name == "digamma" or case.sample.kwargs.get("n") in (0, 1)


CASES = [
    pytest.param(c, id=str(c))
    for c in cases(("float32", "float64", "int64", "uint8", "bool"))
    if c.row.torch and not differs(c)
]
ULPS = {"float32": 16, "float64": 64}  # libraries differ: exp, pow and sums round otherwise


def torch_leaves(arrays: list[np.ndarray]) -> list[Any]:
    """Return torch tensors on copies of the arrays; the floating ones require grad."""
    tensors = [torch.tensor(np.ascontiguousarray(a)).reshape(a.shape) for a in arrays]
    return [t.requires_grad_() if t.is_floating_point() else t for t in tensors]


def torch_array(x: Any) -> np.ndarray:
    """Return the array of a torch tensor."""
    return x.detach().numpy()


def static_for_torch(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the static arguments as PyTorch takes them."""
    return {
        k: list(v) if k == "sections" and isinstance(v, tuple) else v for k, v in kwargs.items()
    }


def assert_near(actual: np.ndarray, expected: np.ndarray, label: str) -> None:
    """Same dtype and shape; floats within a few ULP of the largest element, all else equal."""
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape), label
    if actual.dtype.kind != "f":
        assert_bits_equal(actual, expected, label)
        return
    special = ~np.isfinite(expected)
    assert_bits_equal(actual[special], expected[special], label)
    a, e = actual[~special], expected[~special]
    scale = max(1.0, float(np.max(np.abs(e), initial=0.0)))
    error = np.max(np.abs(a.astype(np.float64) - e), initial=0.0)
    limit = ULPS[actual.dtype.name] * np.finfo(actual.dtype).eps * scale
    assert error <= limit, f"{label}: {error} > {limit}"


def weights_for(outputs: list[Any]) -> list[np.ndarray]:
    """Return random weights for the outputs with gradients."""
    rng = np.random.default_rng(5)
    return [rng.uniform(0.5, 1.5, tuple(y.shape)) for y in outputs if y.requires_grad]


def gradients(outputs: list[Any], tensors: list[Any], api: Any, make: Callable[..., Any]) -> list:
    """Return the gradients of the weighted sum of all outputs, or nothing."""
    moving = [y for y in outputs if y.requires_grad]
    if not moving:
        return []
    weights = [make(w, y) for w, y in zip(weights_for(outputs), moving, strict=True)]
    total = sum((y * w).sum() for y, w in zip(moving, weights, strict=True))
    wanted = [t for t in tensors if t.requires_grad]
    found = api.autograd.grad(total, wanted, allow_unused=True)
    return [None if g is None else g for g in found]


def ours(w: np.ndarray, y: Any) -> Any:
    """Return weights as a dualgraph tensor."""
    return dg.tensor(np.asarray(w).astype(y.dtype.name))


def theirs(w: np.ndarray, y: Any) -> Any:
    """Return weights as a torch tensor."""
    return torch.tensor(np.asarray(w)).to(y.dtype)


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(case: Case) -> None:
    """The same call gives near values of the same dtype and shape, and near gradients."""
    arrays = case.arrays()
    kwargs = static_for_torch(case.sample.kwargs)
    tensors, twins = leaves(arrays), torch_leaves(arrays)
    outputs = listed(case.row.run(dg, tensors, case.sample.kwargs))
    expected = listed(case.row.run(torch, twins, kwargs))
    assert len(outputs) == len(expected)
    for i, (a, e) in enumerate(zip(outputs, expected, strict=True)):
        assert_near(array_of(a), torch_array(e), f"{case}[{i}]")
        assert a.requires_grad == e.requires_grad, case
    found = gradients(outputs, tensors, dg, ours)
    wanted = gradients(expected, twins, torch, theirs)
    for a, e in zip(found, wanted, strict=True):
        assert_near(array_of(a), torch_array(e), f"gradient of {case}")


EDGE_ROWS = [
    pytest.param(row, dtype, id=f"{row.name}-{dtype}")
    for row in ROWS
    if row.edges and row.torch
    for dtype in FLOATS
    if dtype in row.dtypes
]


NAN_AT_RANDOM = {
    # whose derivative at NaN depends on the dtype and on where in memory the element lies
    "nn.functional.relu6", "nn.functional.hardtanh", "hardshrink", "nn.functional.softshrink",
}  # fmt: skip


def edge_arrays(row: Row, dtype: str) -> list[np.ndarray]:
    """Return the edge values, or all pairs of them."""
    edges = EDGES[dtype]
    if len(row.samples[0].args) == 1:
        return [edges]
    first, second = np.meshgrid(edges, edges, indexing="ij")
    return [first.ravel().copy(), second.ravel().copy()]


def negative_zero(x: np.ndarray) -> np.ndarray:
    """Return where -0 is."""
    return np.signbit(x) & (x == 0)


APART: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rsqrt": negative_zero,  # the power rule and 1 / sqrt differ in sign
    "logit": negative_zero,  # 1/(x (1 - x)) is -inf
    "lgamma": np.signbit,  # at and next to poles PyTorch's pi*x is rounded
    "digamma": np.signbit,
    "special.log_ndtr": np.isinf,  # the limit, where PyTorch has NaN
    "i0": np.isinf,  # infinite; in PyTorch it is NaN itself
    "special.i1": np.isnan,  # 1/2 for NaN in PyTorch
    "special.i1e": np.isnan,
}
"""Where gradients differ from PyTorch's on purpose."""


@pytest.mark.parametrize(("row", "dtype"), EDGE_ROWS)
def test_gradients_at_edge_values(row: Row, dtype: str) -> None:
    """NaN, infinities, zeros of both signs: finite, infinite and NaN gradients where PyTorch's are.

    Subnormals and huge values are left out: there, products of a rule may over- or underflow in
    another order.
    """
    arrays = edge_arrays(row, dtype)
    tame = np.ones(arrays[0].shape, bool)
    for a in arrays:
        with np.errstate(all="ignore"):
            tame &= ~np.isfinite(a) | (a == 0) | ((np.abs(a) > 1e-6) & (np.abs(a) < 80))
    if row.name in APART:
        tame &= ~APART[row.name](arrays[0])
    if row.name in NAN_AT_RANDOM:
        tame &= ~np.isnan(arrays[0])
    if row.name == "nn.functional.gelu":  # far below 0 its 1 + erf(x) has no digits left
        tame &= ~(arrays[0] < -5)
    arrays = [a[tame] for a in arrays]
    kwargs = row.samples[0].kwargs
    tensors, twins = leaves(arrays), torch_leaves(arrays)
    out, expected = row.run(dg, tensors, kwargs), row.run(torch, twins, kwargs)
    if not expected.requires_grad:
        return
    found = dg.autograd.grad(out.sum(), tensors, allow_unused=True)
    wanted = torch.autograd.grad(expected.sum(), twins, allow_unused=True)
    for i, (a, e) in enumerate(zip(found, wanted, strict=True)):
        x, y = array_of(a), torch_array(e)
        same = ulp_distance(x, y) <= (1 << 14 if dtype == "float32" else 1 << 40)
        wrong = ~np.asarray(same, bool) & ~((x == 0) & (y == 0))
        at = [v[wrong][:5] for v in arrays]
        assert not wrong.any(), f"{row.name}, input {i} at {at}: {x[wrong][:5]}, not {y[wrong][:5]}"


@pytest.mark.parametrize("rank", ["tensor", "scalar", "number"])
@pytest.mark.parametrize("first", DTYPES)
def test_the_promotion_table_is_pytorchs(first: str, rank: str) -> None:
    """The table that the other suites use is what torch.result_type says."""
    for second in ("bool", "int64", "float32") if rank == "number" else DTYPES:
        x = torch.ones(2, dtype=getattr(torch, first))
        y: Any = torch.ones({"tensor": 2}.get(rank, ()), dtype=getattr(torch, second))
        if rank == "number":
            y = {"bool": True, "int64": 1, "float32": 1.0}[second]
        assert str(torch.result_type(x, y)) == f"torch.{promoted(first, second, rank)}"


LENIENT = {
    # PyTorch has no kernel for these; here they are what the formula gives.
    ("pow", "bool", "bool"), ("argmax", "bool"),
}  # fmt: skip
BINARY = (
    "add", "mul", "div", "maximum", "eq", "lt", "where", "pow", "floor_divide", "remainder",
    "fmod", "fmax", "copysign", "bitwise_and", "bitwise_left_shift", "clamp_min", "heaviside",
)  # fmt: skip


def outcome(api: Any, name: str, first: str, second: str, shape: tuple[int, ...]) -> str:
    """Return the result's dtype, or that the call is an error."""
    x = api.ones(2, dtype=getattr(api, first))
    y = api.ones(shape, dtype=getattr(api, second))
    try:
        if name == "where":
            out = api.where(api.ones(2, dtype=api.bool), x, y)
        else:
            out = getattr(api, name)(x, y)
    except (RuntimeError, TypeError, ValueError):
        return "error"
    return str(out.dtype).split(".")[-1]


@pytest.mark.parametrize("shape", [(2,), ()], ids=["tensor", "scalar"])
@pytest.mark.parametrize("name", BINARY)
def test_result_dtypes(name: str, shape: tuple[int, ...]) -> None:
    """Every pair of dtypes gives PyTorch's dtype, with a 0-d tensor as second operand too."""
    wrong = []
    for first in DTYPES:
        for second in DTYPES:
            a, e = (outcome(api, name, first, second, shape) for api in (dg, torch))
            if a != e and (name, first, second) not in LENIENT:
                wrong.append((first, second, a, e))
    assert not wrong, wrong


UNARY = (
    "neg", "abs", "sign", "exp", "log", "sqrt", "tanh", "sigmoid", "relu", "floor", "round",
    "isnan", "logical_not", "square", "reciprocal", "sum", "prod", "mean", "amax", "argmax", "any",
    "all", "positive", "frac", "deg2rad", "signbit", "isposinf", "isreal", "nan_to_num",
    "bitwise_not", "sgn", "erf", "sin", "rsqrt", "clone", "cumsum", "softmax", "logsumexp",
)  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_unary_result_dtypes(name: str) -> None:
    """Each dtype gives PyTorch's dtype, or an error where PyTorch has one."""
    wrong = []
    for dtype in DTYPES:
        found = []
        for api in (dg, torch):
            x = api.ones(2, dtype=getattr(api, dtype))
            dim = (0,) if name in ("cumsum", "softmax", "logsumexp") else ()
            try:
                found.append(str(getattr(api, name)(x, *dim).dtype).split(".")[-1])
            except (RuntimeError, TypeError, ValueError):
                found.append("error")
        if found[0] != found[1] and (name, dtype) not in LENIENT:
            wrong.append((dtype, *found))
    assert not wrong, wrong


ERRORS: dict[str, Callable[[Any], Any]] = {
    "broadcast": lambda t: t.ones(2) + t.ones(3),
    "matmul": lambda t: t.ones(2, 3) @ t.ones(2, 3),
    "matmul dtype": lambda t: t.ones(2, 2) @ t.ones(2, 2, dtype=t.float64),
    "matmul 0-d": lambda t: t.ones(2, 2) @ t.tensor(1.0),
    "axis": lambda t: t.ones(2).sum(1),
    "axis twice": lambda t: t.ones(2, 2).sum((0, 0)),
    "reshape": lambda t: t.ones(2).reshape(3),
    "reshape of nothing": lambda t: t.ones(0, 2).reshape(-1, 0),
    "expand": lambda t: t.ones(2).expand(3),
    "cat": lambda t: t.cat([t.ones(2, 2), t.ones(3, 3)]),
    "cat of nothing": lambda t: t.cat([]),
    "stack": lambda t: t.stack([t.ones(2), t.ones(3)]),
    "index": lambda t: t.ones(2)[2],
    "gather": lambda t: t.ones(2).gather(0, t.tensor([2])),
    "gather float": lambda t: t.ones(2).gather(0, t.tensor([0.0])),
    "index_select": lambda t: t.ones(2).index_select(0, t.tensor([-1])),
    "mean of ints": lambda t: t.ones(2, dtype=t.int64).mean(),
    "amax of nothing": lambda t: t.ones(0).amax(),
    "argmax of nothing": lambda t: t.ones(0).argmax(),
    "backward non-scalar": lambda t: t.ones(2, requires_grad=True).mul(2).backward(),
    "backward no grad": lambda t: t.ones(()).backward(),
    "in place leaf": lambda t: t.ones(2, requires_grad=True).add_(1),
    "in place grows": lambda t: t.ones(2).add_(t.ones(2, 2)),
    "in place dtype": lambda t: t.ones(2, dtype=t.int64).add_(0.5),
    "in place expanded": lambda t: t.ones(1).expand(2).add_(t.ones(2)),
    "requires_grad ints": lambda t: t.ones(2, dtype=t.int64).requires_grad_(),
    "bool of two": lambda t: bool(t.ones(2)),
    "item of two": lambda t: t.ones(2).item(),
    "sub of bools": lambda t: t.tensor([True]) - t.tensor([True]),
    "neg of bools": lambda t: -t.tensor([True]),
    "clamp without bounds": lambda t: t.ones(2).clamp(),
    "pow negative": lambda t: t.tensor([2]) ** -1,
    "arange step": lambda t: t.arange(0, 2, 0),
    "permute": lambda t: t.ones(2, 2).permute(0, 0),
    "chunk": lambda t: t.ones(2).chunk(0),
    "narrow": lambda t: t.ones(2).narrow(0, 1, 2),
    "huge integer": lambda t: t.tensor([1]) + 2**70,
    "zeros negative": lambda t: t.zeros(-1),
}
ALLOWED: dict[str, Callable[[Any], Any]] = {
    "mean of nothing": lambda t: t.ones(0).mean(),
    "sum of nothing": lambda t: t.ones(0).sum(),
    "amax of rows of nothing": lambda t: t.ones(0, 3).amax(1),
    "matmul of nothing": lambda t: t.ones(2, 0) @ t.ones(0, 3),
    "cat with nothing": lambda t: t.cat([t.ones(0, 2), t.ones(1, 2)]),
    "reshape of nothing": lambda t: t.ones(0, 2).reshape(2, 0),
    "flip of nothing": lambda t: t.ones(0).flip(0),
    "negative axis": lambda t: t.ones(2, 3).sum(-1),
    "axis of a scalar": lambda t: t.tensor(2.0).sum(-1),
    "softmax of a scalar": lambda t: t.tensor(2.0).softmax(0),
    "slice past the end": lambda t: t.ones(3)[5:9],
    "0-d index": lambda t: t.ones(3)[t.tensor(1)],
    "gather of fewer": lambda t: t.ones(3, 3).gather(0, t.tensor([[1]])),
    "one_hot": lambda t: t.nn.functional.one_hot(t.tensor([1, 0])),
    "int division": lambda t: t.tensor([1, 2]) / 2,
    "bool plus int": lambda t: t.tensor([True]) + 1,
    "int plus float": lambda t: t.tensor([1]) + 0.5,
    "wrapping": lambda t: t.tensor([200], dtype=t.uint8) + 100,
    "int sum": lambda t: t.tensor([200, 100], dtype=t.uint8).sum(),
    "bool sum": lambda t: t.tensor([True, True]).sum(),
    "int pow": lambda t: t.tensor([3], dtype=t.uint8) ** 7,
    "max with indices": lambda t: t.tensor([[1.0, 5.0], [7.0, 2.0]]).max(1)[1],
    "NaN in max": lambda t: t.tensor([1.0, float("nan")]).max(),
    "round half to even": lambda t: t.round(t.tensor([0.5, 1.5, -2.5])),
    "sign of NaN": lambda t: t.sign(t.tensor([float("nan"), -0.0])),
    "clamp above below": lambda t: t.tensor([1.0]).clamp(2, 0),
    "argmax of equals": lambda t: t.tensor([1.0, 3.0, 3.0]).argmax(),
    "arange": lambda t: t.arange(0, 1, 0.3),
    "full bool": lambda t: t.full((2,), True),
}


@pytest.mark.parametrize("name", ERRORS)
def test_both_refuse(name: str) -> None:
    """What is an error there is one here, of the same builtin class or a close one."""
    kinds = (RuntimeError, ValueError, TypeError, IndexError, OverflowError, NotImplementedError)
    with pytest.raises(kinds):
        ERRORS[name](torch)
    with pytest.raises(dg.errors.DualgraphError):
        ERRORS[name](dg)


@pytest.mark.parametrize("name", ALLOWED)
def test_both_allow(name: str) -> None:
    """What works there works here, with the same result."""
    expected = ALLOWED[name](torch).numpy()
    assert_near(array_of(ALLOWED[name](dg)), expected, name)
