"""Reductions, scans and sorting of float16: computed in float32, rounded once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of, assert_bits_equal
from tests.ops.test_ops_compiled import listed

X = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float16)
CALLS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: x.sum(1),
    "sum in float32": lambda x: x.sum(dtype=dg.float32),
    "mean": lambda x: x.mean(),
    "prod": lambda x: x.prod(0),
    "amax": lambda x: x.amax(1),
    "argmin": lambda x: x.argmin(1),
    "any": lambda x: x.any(),
    "count_nonzero": lambda x: dg.count_nonzero(x),
    "logsumexp": lambda x: x.logsumexp(0),
    "softmax": lambda x: x.softmax(1),
    "cumsum": lambda x: x.cumsum(1),
    "cumprod": lambda x: x.cumprod(1),
    "logcumsumexp": lambda x: dg.logcumsumexp(x, 1),
    "diff": lambda x: x.diff(),
    "trapezoid": lambda x: dg.trapezoid(x),
    "max": lambda x: x.max(),
    "max along": lambda x: x.max(1),
    "max of two": lambda x: dg.max(x, x),
    "aminmax": lambda x: dg.aminmax(x),
    "cummax": lambda x: dg.cummax(x, 1),
    "sort": lambda x: x.sort(1),
    "topk": lambda x: x.topk(2),
    "kthvalue": lambda x: x.kthvalue(2),
    "mode": lambda x: x.mode(),
    "searchsorted": lambda x: dg.searchsorted(x.sort().values, x),
    "histc": lambda x: x.histc(5),
    "var": lambda x: x.var(1),
    "std_mean": lambda x: dg.std_mean(x),
    "median": lambda x: x.median(),
    "nanmedian along": lambda x: x.nanmedian(1),
    "quantile": lambda x: x.quantile(0.3, 1),
    "nansum": lambda x: x.nansum(1),
    "nanmean": lambda x: x.nanmean(1),
    "norm": lambda x: x.norm(3, 1),
    "norm in float32": lambda x: x.norm(dtype=dg.float32),
}


@pytest.mark.parametrize("name", CALLS)
def test_computed_in_float32(name: str) -> None:
    """The result is that of the float32 input, rounded to float16 unless it says otherwise."""
    narrow = listed(CALLS[name](dg.from_numpy(X)))
    wide = listed(CALLS[name](dg.from_numpy(X.astype(np.float32))))
    for a, e in zip(narrow, wide, strict=True):
        kept = "in float32" in name or not e.is_floating_point()
        expected = array_of(e)
        assert_bits_equal(a, expected if kept else expected.astype(np.float16), name)


@pytest.mark.parametrize("name", ["sum", "softmax", "cumprod", "max along", "var", "quantile"])
def test_compiled_with_gradients(name: str) -> None:
    """Outputs and gradients have the same bits in a compiled function."""

    def function(x: Any) -> Any:
        y = listed(CALLS[name](x))
        return y, dg.autograd.grad((y[0] * y[0]).sum(), [x])

    x = dg.from_numpy(X).requires_grad_()
    outputs, gradients = function(x)
    compiled_outputs, compiled_gradients = dg.compile(function)(x)
    assert gradients[0].dtype == dg.float16
    assert_bits_equal(listed(compiled_outputs), outputs)
    assert_bits_equal(listed(compiled_gradients), listed(gradients))


def test_changed_indices_are_noticed() -> None:
    """The gradient of max needs the indices: changing them in place is an error in backward."""
    x = dg.tensor([[1.0, 2.0]], requires_grad=True)
    for values, indices in (x.max(1), x.sort(), x.topk(1), x.median(1)):
        indices.sub_(1)
        with pytest.raises(dg.errors.GradError, match="modified in place"):
            values.sum().backward()
