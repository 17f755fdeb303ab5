"""What a user reads when a reduction, a scan, a sort or a search is called wrongly."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, AxisError, DTypeError, ShapeError, TraceError
from tests.ops.error_cases import Bad, check_bad_call


def f(*shape: int) -> Any:
    """A float32 tensor of a shape."""
    return dg.zeros(shape)


def i(*values: int) -> Any:
    """An int64 vector."""
    return dg.tensor(list(values), dtype="int64")


D = dg.zeros(3, dtype=dg.float64)

CASES: dict[str, Bad] = {
    # what is no tensor
    "sum: a list": (lambda: dg.sum([1.0]), DTypeError, ("sum", "Tensor", "list")),
    "any: a list": (lambda: dg.any([True]), DTypeError, ("any", "list")),
    "argmax: a number": (lambda: dg.argmax(3), DTypeError, ("argmax", "int")),
    "max: a list": (lambda: dg.max([1.0]), DTypeError, ("max", "list")),
    "max: two, a list": (lambda: dg.max(f(2), other=[1.0]), DTypeError, ("list",)),
    "var: a list": (lambda: dg.var([1.0]), DTypeError, ("var", "list")),
    "sort: a list": (lambda: dg.sort([1.0]), DTypeError, ("sort", "list")),
    "norm: a list": (lambda: dg.norm([1.0]), DTypeError, ("norm", "list")),
    "cumsum: a list": (lambda: dg.cumsum([1.0], 0), DTypeError, ("cumsum", "list")),
    "diff: a list": (lambda: dg.diff([1.0]), DTypeError, ("diff", "list")),
    "unique: a list": (lambda: dg.unique([1]), DTypeError, ("unique", "list")),
    "searchsorted: a list": (lambda: dg.searchsorted([1], 1), DTypeError, ("list",)),
    "trapezoid: x is a list": (lambda: dg.trapezoid(f(2), [1, 2]), DTypeError, ("list",)),
    "bincount: weights": (lambda: dg.bincount(i(1), [1.0]), DTypeError, ("list",)),
    # axes
    "max: axis": (lambda: f(2, 3).max(2), AxisError, ("dim 2", "2 dimensions")),
    "sort: axis": (lambda: f(2).sort(1), AxisError, ("dim 1", "-1 to 0")),
    "var: axis": (lambda: f(2).var(3), AxisError, ("dim 3",)),
    "median: axis": (lambda: f(2).median(1), AxisError, ("dim 1",)),
    "cumprod: axis": (lambda: f(2).cumprod(1), AxisError, ("dim 1",)),
    "aminmax: axes": (
        lambda: dg.aminmax(f(2, 3), dim=(0, 1)), ArgumentError, ("aminmax", "one axis"),
    ),
    # shapes
    "max: nothing": (lambda: f(0).max(), ShapeError, ("(0,)", "no elements")),
    "median: nothing": (lambda: f(2, 0).median(1), ArgumentError, ("median", "(2, 0)", "empty")),
    "mode: nothing": (lambda: f(0).mode(), ShapeError, ("mode", "empty")),
    "quantile: nothing": (lambda: f(0).quantile(0.5), ArgumentError, ("quantile", "(0,)", "empty")),
    "norm: nothing": (lambda: f(0).norm(float("inf")), ShapeError, ("no elements",)),
    "diff: scalar": (lambda: f().diff(), ArgumentError, ("diff", "one dimension")),
    "trapezoid: scalar": (lambda: dg.trapezoid(f()), ArgumentError, ("one dimension",)),
    "trapezoid: places": (
        lambda: dg.trapezoid(f(3), f(4)), ArgumentError, ("trapezoid", "(4,)", "3 places"),
    ),
    "searchsorted: shapes": (
        lambda: dg.searchsorted(f(2, 3), f(4)), ShapeError, ("(4,)", "(2, 3)", "1-D"),
    ),
    "searchsorted: scalar": (lambda: dg.searchsorted(f(), 1.0), ArgumentError, ("one dimension",)),
    "searchsorted: sorter": (
        lambda: dg.searchsorted(f(3), 1.0, sorter=i(0, 1)), ArgumentError, ("sorter", "one shape"),
    ),
    "bucketize: matrix": (lambda: dg.bucketize(1, f(2, 2)), ArgumentError, ("vector", "2")),
    "bincount: matrix": (
        lambda: dg.bincount(i(1).reshape(1, 1)), ArgumentError, ("vector", "2 dimensions"),
    ),
    "bincount: weights shape": (
        lambda: dg.bincount(i(1, 2), f(3)), ArgumentError, ("one shape", "(3,)", "(2,)"),
    ),
    # dtypes
    "mean: int dtype": (lambda: f(2).mean(dtype="int64"), DTypeError, ("mean", "int64")),
    "nanmean: ints": (lambda: i(1).nanmean(), DTypeError, ("nanmean", "int64")),
    "var: ints": (lambda: i(1).var(), DTypeError, ("var", "floating", "int64")),
    "std_mean: ints": (lambda: dg.std_mean(i(1)), DTypeError, ("std", "int64")),
    "norm: ints": (lambda: i(1).norm(), DTypeError, ("norm", "int64")),
    "quantile: ints": (lambda: i(1).quantile(0.5), DTypeError, ("quantile", "int64")),
    "quantile: q": (lambda: f(3).quantile(D), DTypeError, ("float64", "float32", "equal")),
    "logcumsumexp: ints": (lambda: i(1).logcumsumexp(0), DTypeError, ("logcumsumexp", "int64")),
    "histc: ints": (lambda: i(1).histc(), DTypeError, ("histc", "int64")),
    "bincount: floats": (lambda: f(2).bincount(), DTypeError, ("bincount", "float32")),
    # values
    "topk: too many": (lambda: f(3).topk(4), ArgumentError, ("topk", "extent 3", "4")),
    "topk: not an int": (lambda: f(3).topk(1.0), ArgumentError, ("topk", "1.0")),
    "kthvalue: zero": (lambda: f(3).kthvalue(0), ArgumentError, ("kthvalue", "from 1", "0")),
    "quantile: outside": (lambda: f(3).quantile(1.5), ArgumentError, ("0 to 1", "1.5")),
    "quantile: rank": (lambda: f(3).quantile(f(2, 2)), ArgumentError, ("vector", "2 dimensions")),
    "quantile: outside, a tensor": (
        lambda: f(3).quantile(dg.tensor(1.5)), AxisError, ("out of range",),
    ),
    "quantile: interpolation": (
        lambda: f(3).quantile(0.5, interpolation="cubic"), ArgumentError, ("'cubic'", "midpoint"),
    ),
    "var: both": (
        lambda: f(3).var(unbiased=True, correction=0), ArgumentError, ("unbiased", "correction"),
    ),
    "norm: nuclear": (lambda: f(3, 3).norm("nuc"), ArgumentError, ("'nuc'", "'fro'")),
    "diff: negative": (lambda: f(3).diff(-1), ArgumentError, ("diff", "-1")),
    "trapezoid: both": (lambda: dg.trapezoid(f(2), f(2), dx=1), ArgumentError, ("x or dx",)),
    "searchsorted: side": (
        lambda: dg.searchsorted(f(3), 1.0, side="up"), ArgumentError, ("'left'", "'right'", "'up'"),
    ),
    "searchsorted: contradiction": (
        lambda: dg.searchsorted(f(3), 1.0, right=True, side="left"),
        ArgumentError,
        ("contradicts",),
    ),
    "bincount: negative": (lambda: i(-3).bincount(), ArgumentError, ("negative", "-3")),
    "bincount: minlength": (lambda: i(3).bincount(None, -1), ArgumentError, ("minlength", "-1")),
    "histc: bins": (lambda: f(3).histc(0), ArgumentError, ("bins", "0")),
    "histc: ends": (lambda: f(3).histc(4, 2, 1), ArgumentError, ("max 1", "min 2")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_call(name: str) -> None:
    """One error of our own class, with the facts, the user's file and line."""
    check_bad_call(CASES[name])


DATA = {
    "unique": lambda: dg.unique,
    "unique_consecutive": lambda: dg.unique_consecutive,
    "bincount": lambda: dg.bincount,
}


@pytest.mark.parametrize("name", DATA)
def test_sizes_that_depend_on_values_cannot_be_compiled(name: str) -> None:
    """A traced function has no numbers to size the result by; the error says so."""
    with pytest.raises(TraceError, match=rf"{name}\(\) needs the numbers"):
        dg.compile(lambda x: DATA[name]()(x))(i(1, 2, 2))
