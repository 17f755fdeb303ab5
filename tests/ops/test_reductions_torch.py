"""Reductions, scans, sorting and statistics against PyTorch where it is a matter of convention."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of
from tests.ops.test_ops_compiled import listed
from tests.ops.test_ops_torch import assert_near, torch_array

torch = pytest.importorskip("torch")
NAN, INF = float("nan"), float("inf")

GRADIENTS: dict[str, tuple[Callable[[Any, Any], Any], list[float]]] = {
    "max over all shares": (lambda t, x: t.max(x), [3.0, 1.0, 3.0, 3.0]),
    "min over all shares": (lambda t, x: t.min(x), [1.0, 1.0, 3.0]),
    "max over all of NaN": (lambda t, x: t.max(x), [3.0, NAN, 1.0, NAN]),
    "max along takes one": (lambda t, x: t.max(x, 0).values, [3.0, 1.0, 3.0]),
    "max of two tensors": (lambda t, x: t.max(x, t.ones(3)), [1.0, 2.0, 0.0]),
    "aminmax": (lambda t, x: sum(t.aminmax(x)), [1.0, 1.0, 3.0, 3.0]),
    "median over all shares": (lambda t, x: t.median(x), [2.0, 1.0, 2.0, 1.0, 2.0]),
    "median of NaN": (lambda t, x: t.median(x), [2.0, NAN, 1.0]),
    "median along": (lambda t, x: t.median(x, 0).values, [4.0, 2.0, 1.0, 3.0]),
    "nanmedian over all": (lambda t, x: t.nanmedian(x), [2.0, NAN, 1.0, 2.0]),
    "mode": (lambda t, x: t.mode(x, 0).values, [2.0, 1.0, 2.0]),
    "prod without zero": (lambda t, x: t.prod(x), [2.0, 3.0, 4.0]),
    "prod with one zero": (lambda t, x: t.prod(x), [2.0, 0.0, 4.0]),
    "prod with two zeros": (lambda t, x: t.prod(x), [0.0, 0.0, 4.0]),
    "prod along with zero": (lambda t, x: t.prod(x.reshape(2, 2), 0), [2.0, 0.0, 4.0, 5.0]),
    "cumprod with zero": (lambda t, x: t.cumprod(x, 0), [2.0, 0.0, 4.0, 5.0]),
    "cumprod with zeros": (lambda t, x: t.cumprod(x, 0), [2.0, 0.0, 4.0, 0.0, 3.0]),
    "cummax of equals": (lambda t, x: t.cummax(x, 0).values, [1.0, 2.0, 2.0, 1.0]),
    "cummin of equals": (lambda t, x: t.cummin(x, 0).values, [2.0, 1.0, 1.0, 3.0]),
    "logcumsumexp of -inf": (lambda t, x: t.logcumsumexp(x, 0)[1:], [-INF, 1.0, 2.0]),
    "std of equals": (lambda t, x: t.std(x), [2.0, 2.0, 2.0]),
    "var of equals": (lambda t, x: t.var(x), [2.0, 2.0, 2.0]),
    "var of one": (lambda t, x: t.var(x), [2.0]),
    "norm at zero": (lambda t, x: t.norm(x), [0.0, 0.0]),
    "norm 1 at zero": (lambda t, x: t.norm(x, 1), [0.0, 2.0, -1.0]),
    "norm 3 at zero": (lambda t, x: t.norm(x, 3), [0.0, 0.0]),
    "norm 3 with zero": (lambda t, x: t.norm(x, 3), [0.0, 2.0]),
    "norm 1.5 with zero": (lambda t, x: t.norm(x, 1.5), [0.0, 2.0]),
    "norm 0.5 with zero": (lambda t, x: t.norm(x, 0.5), [0.0, 2.0]),
    "norm inf of equals": (lambda t, x: t.norm(x, INF), [1.0, -2.0, 2.0]),
    "norm -inf of equals": (lambda t, x: t.norm(x, -INF), [1.0, -1.0, 2.0]),
    "nansum": (lambda t, x: t.nansum(x), [1.0, NAN, 2.0]),
    "nanmean": (lambda t, x: t.nanmean(x), [1.0, NAN, 2.0]),
    "quantile on an element": (lambda t, x: t.quantile(x, 0.5), [1.0, 3.0, 2.0]),
    "quantile of NaN": (lambda t, x: t.quantile(x, 0.5), [1.0, NAN, 2.0]),
    "nanquantile": (lambda t, x: t.nanquantile(x, 0.3), [1.0, NAN, 2.0]),
    "sort of equals": (
        lambda t, x: t.sort(x, stable=True).values * t.arange(3.0), [1.0, 1.0, 0.0],
    ),
    "sort of NaN": (
        lambda t, x: t.sort(x, descending=True).values[1:] * t.arange(2.0), [1.0, NAN, 5.0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_gradients_at_kinks_and_ties(name: str) -> None:
    """Equal elements, zeros, NaN: value and gradient are PyTorch's."""
    f, at = GRADIENTS[name]
    x, twin = dg.tensor(at, requires_grad=True), torch.tensor(at, requires_grad=True)
    y, expected = f(dg, x), f(torch, twin)
    assert_near(array_of(y), torch_array(expected), name)
    y.sum().backward()
    expected.sum().backward()
    assert_near(array_of(x.grad), torch_array(twin.grad), f"gradient of {name}")


TWICE: dict[str, tuple[Callable[[Any, Any], Any], list[float]]] = {
    "prod with one zero": (lambda t, x: t.prod(x), [2.0, 0.0, 4.0]),
    "cumprod with zeros": (lambda t, x: t.cumprod(x, 0).sum(), [2.0, 0.0, 4.0, 0.0]),
    "std": (lambda t, x: t.std(x), [2.0, 0.5, 4.0]),
    "var": (lambda t, x: t.var(x) ** 2, [2.0, 0.5, 4.0]),
    "norm": (lambda t, x: t.norm(x), [2.0, 0.5, 4.0]),
    "norm 3": (lambda t, x: t.norm(x, 3), [2.0, -0.5, 4.0]),
    "logcumsumexp": (lambda t, x: t.logcumsumexp(x, 0).sum(), [2.0, -0.5, 1.0]),
    "sort": (lambda t, x: (t.sort(x).values ** 3).sum(), [2.0, -0.5, 1.0]),
    "max": (lambda t, x: t.max(x) ** 2, [2.0, -0.5, 2.0]),
}


@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives(name: str) -> None:
    """The Hessian times a vector is PyTorch's, also at zeros of a product."""
    f, at = TWICE[name]
    found = []
    for api in (dg, torch):
        x = api.tensor(at, requires_grad=True)
        (g,) = api.autograd.grad(f(api, x), x, create_graph=True)
        (h,) = api.autograd.grad((g * api.arange(1.0, len(at) + 1)).sum(), x)
        found.append(h.detach().numpy())
    assert_near(*found, name)


SAME: dict[str, Callable[[Any], Any]] = {
    "sum over no dims": lambda t: t.ones(3).sum(()),
    "sum in another dtype": lambda t: t.ones(3).sum(dtype=t.int64),
    "mean in another dtype": lambda t: t.ones(3, dtype=t.int64).mean(dtype=t.float64),
    "prod in another dtype": lambda t: t.tensor([1.5, 2.5]).prod(dtype=t.int32),
    "cumsum in another dtype": lambda t: t.tensor([True, True]).cumsum(0, dtype=t.float32),
    "any of uint8": lambda t: t.ones(2, 3, dtype=t.uint8).any(1),
    "all of uint8": lambda t: t.ones(2, 3, dtype=t.uint8).all(),
    "all of nothing": lambda t: t.ones(0).all(),
    "any of NaN": lambda t: t.tensor([NAN]).any(),
    "median of nothing": lambda t: t.ones(0).median(),
    "median of NaN": lambda t: t.tensor([[1.0, NAN, NAN], [3.0, 1.0, 2.0]]).median(1),
    "nanmedian of NaN alone": lambda t: t.tensor([[NAN, NAN], [NAN, 1.0]]).nanmedian(1)[0],
    "max of nothing along": lambda t: t.ones(0, 3).max(1),
    "max of bools": lambda t: t.tensor([[True, False], [False, False]]).max(1),
    "logsumexp of nothing": lambda t: t.ones(0, 3).logsumexp(0),
    "var of nothing": lambda t: t.ones(0).var(),
    "var of one": lambda t: t.ones(1).var(),
    "var, the old form": lambda t: t.tensor([1.0, 2.0]).var(False),
    "var, the old form along": lambda t: t.var(t.tensor([[1.0, 2.0]]), 1, False, True),
    "var, too large a correction": lambda t: t.var(t.ones(3), correction=5),
    "var_mean": lambda t: t.var_mean(t.tensor([[1.0, 2.0], [5.0, 9.0]]), (0, 1)),
    "norm of nothing": lambda t: t.norm(t.ones(0)),
    "norm in another dtype": lambda t: t.norm(t.ones(2, 3), "fro", (0, 1), dtype=t.float64),
    "sort of nothing": lambda t: t.sort(t.ones(0)),
    "sort of a scalar": lambda t: t.sort(t.tensor(2.0)),
    "sort of infinities": lambda t: t.sort(t.tensor([INF, NAN, -INF, 0.0, -1e-40, 1e-40])),
    "sort of the ends": lambda t: t.sort(t.tensor([2**63 - 1, -(2**63), 0]), descending=True),
    "cummax of nothing": lambda t: t.cummax(t.ones(0), 0),
    "cummax of NaN": lambda t: t.cummax(t.tensor([1.0, NAN, 3.0, NAN]), 0),
    "topk of a scalar": lambda t: t.topk(t.tensor(2.0), 1),
    "topk of NaN": lambda t: t.topk(t.tensor([1.0, NAN, 3.0]), 2),
    "quantile, several, kept": lambda t: t.quantile(
        t.arange(6.0).reshape(2, 3), t.tensor([0.1, 0.7]), keepdim=True
    ),
    "quantile of NaN": lambda t: t.quantile(t.tensor([[1.0, NAN], [2.0, 3.0]]), 0.5, 1),
    "nanquantile of NaN alone": lambda t: t.nanquantile(t.tensor([NAN, NAN]), 0.5),
    "quantile of a scalar": lambda t: t.quantile(t.tensor(2.0), 0.5),
    "diff of nothing": lambda t: t.diff(t.ones(0)),
    "trapezoid of ints": lambda t: t.trapezoid(t.tensor([1, 2])),
    "cumulative_trapezoid of ints": lambda t: t.cumulative_trapezoid(t.tensor([1, 2])),
    "trapezoid of nothing": lambda t: t.trapezoid(t.ones(2, 0)),
    "trapz": lambda t: t.trapz(t.tensor([1.0, 4.0]), dx=3),
    "searchsorted of a number": lambda t: t.searchsorted(t.tensor([1, 2, 3]), 2.5),
    "searchsorted of another dtype": lambda t: t.searchsorted(t.tensor([1, 2]), t.tensor([1.5])),
    "searchsorted with a sorter": lambda t: t.searchsorted(
        t.tensor([3.0, 1.0, 2.0]), t.tensor([1.5, 3.0]), sorter=t.tensor([1, 2, 0])
    ),
    "searchsorted for NaN": lambda t: t.searchsorted(t.tensor([1.0, 2.0]), t.tensor([NAN])),
    "bucketize of a number": lambda t: t.bucketize(2, t.tensor([1, 2])),
    "histc of equals": lambda t: t.histc(t.ones(3), 4),
    "histc with NaN": lambda t: t.histc(t.tensor([0.5, NAN, 1.0, 2.5]), 4, 0, 2),
    "bincount of nothing": lambda t: t.bincount(t.tensor([], dtype=t.int64), minlength=3),
    "bincount with int weights": lambda t: t.bincount(t.tensor([1, 1]), t.tensor([3, 4])),
    "unique of NaN": lambda t: t.unique(t.tensor([NAN, 1.0, NAN]), return_counts=True),
    "unique rows": lambda t: t.unique(
        t.tensor([[2, 1], [1, 3], [2, 1]]), dim=0, return_inverse=True, return_counts=True
    ),
    "unique columns": lambda t: t.unique(t.tensor([[2, 1, 2], [1, 3, 1]]), dim=1),
    "unique_consecutive rows": lambda t: t.unique_consecutive(
        t.tensor([[1, 2], [1, 2], [3, 4]]), dim=0, return_counts=True
    ),
    "kthvalue": lambda t: t.tensor([3.0, 1.0, 2.0]).kthvalue(2, 0, True),
    "argmax kept": lambda t: t.ones(2, 3).argmax(keepdim=True),
    "count_nonzero": lambda t: t.count_nonzero(t.tensor([[1, 0], [2, 3]]), (0, 1)),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_the_same_result(name: str) -> None:
    """Values, dtypes and shapes of unusual calls are PyTorch's."""
    found, expected = listed(SAME[name](dg)), listed(SAME[name](torch))
    assert len(found) == len(expected)
    for a, e in zip(found, expected, strict=True):
        assert_near(array_of(a), torch_array(e), name)


NAMES: dict[str, tuple[str, ...]] = {
    "max": ("values", "indices"), "sort": ("values", "indices"), "median": ("values", "indices"),
    "mode": ("values", "indices"), "cummax": ("values", "indices"), "aminmax": ("min", "max"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_results_have_names(name: str) -> None:
    """``.values`` and ``.indices``, eagerly and compiled, as in PyTorch."""
    kwargs = {"dim": 0}
    x = np.array([[3.0, 1.0], [2.0, 5.0], [0.5, 0.25]], np.float32)

    def f(x: Any) -> Any:
        return getattr(dg, name)(x, **kwargs)

    expected = getattr(torch, name)(torch.tensor(x), **kwargs)
    for out in (f(dg.tensor(x)), dg.compile(f)(dg.tensor(x))):
        assert out._fields == NAMES[name]
        for field in NAMES[name]:
            assert_near(array_of(getattr(out, field)), getattr(expected, field).numpy(), field)


REFUSED: dict[str, Callable[[Any], Any]] = {
    "aminmax of nothing": lambda t: t.aminmax(t.ones(0)),
    "cummax axis": lambda t: t.cummax(t.ones(2), 1),
    "diff of a scalar": lambda t: t.diff(t.tensor(1.0)),
    "kthvalue 0": lambda t: t.kthvalue(t.ones(3), 0),
    "logcumsumexp of ints": lambda t: t.logcumsumexp(t.tensor([1]), 0),
    "max of nothing": lambda t: t.max(t.ones(0)),
    "mean as int": lambda t: t.mean(t.ones(2), dtype=t.int64),
    "mode of nothing": lambda t: t.mode(t.ones(0)),
    "nanmean of ints": lambda t: t.nanmean(t.tensor([1])),
    "norm inf of nothing": lambda t: t.norm(t.ones(0), INF),
    "norm of ints": lambda t: t.norm(t.tensor([1])),
    "quantile dtype": lambda t: t.quantile(t.ones(3), t.tensor([0.5], dtype=t.float64)),
    "quantile of ints": lambda t: t.quantile(t.tensor([1]), 0.5),
    "quantile of nothing": lambda t: t.quantile(t.ones(0), 0.5),
    "quantile outside": lambda t: t.quantile(t.ones(3), 1.5),
    "quantile interpolation": lambda t: t.quantile(t.ones(3), 0.5, interpolation="cubic"),
    "topk too many": lambda t: t.topk(t.ones(3), 4),
    "var of ints": lambda t: t.var(t.tensor([1, 2])),
    "searchsorted shapes": lambda t: t.searchsorted(t.tensor([[1, 2]]), t.tensor([2])),
    "searchsorted sides": lambda t: t.searchsorted(
        t.tensor([1]), t.tensor([2]), right=True, side="left"
    ),
    "bucketize matrix": lambda t: t.bucketize(t.ones(2), t.ones(2, 2)),
    "bincount negative": lambda t: t.bincount(t.tensor([-1])),
    "bincount matrix": lambda t: t.bincount(t.tensor([[1]])),
    "bincount floats": lambda t: t.bincount(t.ones(1)),
    "histc of ints": lambda t: t.histc(t.tensor([1])),
    "histc ends": lambda t: t.histc(t.ones(1), 4, 2, 1),
    "histc bins": lambda t: t.histc(t.ones(1), 0),
    "trapezoid places": lambda t: t.trapezoid(t.ones(3), t.ones(4)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name: str) -> None:
    """What is an error there is one of our own here."""
    with pytest.raises((RuntimeError, ValueError, TypeError, IndexError, NotImplementedError)):
        REFUSED[name](torch)
    with pytest.raises(dg.errors.DualgraphError):
        REFUSED[name](dg)
