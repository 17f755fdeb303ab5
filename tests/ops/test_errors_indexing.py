"""What a user reads when an index, a mask or a scatter is wrong."""

from operator import setitem
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, AxisError, DTypeError, DualgraphError, ShapeError
from tests.ops.error_cases import Bad, check_bad_call


def f(*shape: int) -> Any:
    """A float32 tensor of a shape."""
    return dg.zeros(shape)


def i(*values: int) -> Any:
    """An int64 vector."""
    return dg.tensor(list(values), dtype="int64")


B = dg.tensor([True, False])
TWO_LINES = slice(0, 2)

CASES: dict[str, Bad] = {
    # reading
    "tensor: outside": (lambda: f(2, 3)[i(0, 5)], AxisError, ("index 5", "extent 2")),
    "tensor: below": (lambda: f(2, 3)[:, i(-4)], AxisError, ("index -4", "extent 3")),
    "list: outside": (lambda: f(2)[[2]], AxisError, ("index 2", "extent 2")),
    "0-d: outside": (lambda: f(2)[dg.tensor(2)], AxisError, ("index 2", "extent 2")),
    "tensor: too many": (lambda: f(2)[i(0), i(0)], AxisError, ("too many", "2", "1 dim")),
    "mask: too many": (lambda: f(2)[dg.tensor([[True]])], AxisError, ("too many", "2")),
    "mask: extent": (lambda: f(3, 2)[B], ShapeError, ("(2,)", "(3, 2)", "equal")),
    "tensors: broadcast": (lambda: f(2, 3)[i(0, 1), i(0, 1, 2)], ShapeError, ("(2,)", "(3,)")),
    "tensor: floats": (lambda: f(2)[f(1)], DTypeError, ("float32", "integers or bools")),
    "tensor: uint8": (
        lambda: f(2)[dg.tensor([1], dtype="uint8")], DTypeError, ("uint8", "bool", "int64"),
    ),
    "list: floats": (lambda: f(2)[[0.5]], DTypeError, ("float64", "integers or bools")),
    "list: ragged": (lambda: f(2, 2)[0, [[0], [0, 1]]], DTypeError, ("ragged",)),
    "slice: backwards": (lambda: f(2)[::-1], ArgumentError, ("positive step", "-1", "flip")),
    "slice: floats": (lambda: f(2)[0:1.5], ArgumentError, ("slice", "integers")),
    "slice: zero": (lambda: f(2)[::0], ArgumentError, ("step", "zero")),
    "ellipsis: two": (lambda: f(2, 2)[..., 0, ...], AxisError, ("one Ellipsis",)),
    "text": (lambda: f(2)["a"], ShapeError, ("str", "ints, slices")),
    # writing
    "set: shape": (lambda: setitem(f(2, 3), 0, f(2)), ShapeError, ("(2,)", "(3,)", "broadcast")),
    "set: rank": (lambda: setitem(f(3), slice(None), f(2, 3)), ShapeError, ("(2, 3)", "(3,)")),
    "set: rows": (lambda: setitem(f(4, 3), i(0, 1), f(3, 3)), ShapeError, ("(3, 3)", "(2, 3)")),
    "set: outside": (lambda: setitem(f(2), i(2), 1.0), AxisError, ("index 2", "extent 2")),
    "set: mask count": (
        lambda: setitem(f(2), B, dg.ones(3)), ShapeError, ("3 values", "1 elements", "mask holds"),
    ),
    "set: mask shape": (
        lambda: setitem(f(2, 3), B, f(2)), ShapeError, ("(2,)", "(2, 3)", "broadcast"),
    ),
    "set: list": (lambda: setitem(f(2), 0, [1.0]), DTypeError, ("list", "dualgraph.tensor")),
    # along an axis
    "gather: no tensor": (lambda: dg.gather(f(2), 0, [0]), DTypeError, ("gather", "list")),
    "take: outside": (lambda: dg.take(f(2, 2), i(4)), AxisError, ("take", "index 4", "extent 4")),
    "take_along_dim: ranks": (
        lambda: dg.take_along_dim(f(2, 2), i(0), 0), ArgumentError, ("(2, 2)", "(1,)", "rank"),
    ),
    "scatter: nothing": (lambda: dg.scatter(f(2), 0, i(0)), ArgumentError, ("src", "value")),
    "scatter: reduce": (
        lambda: dg.scatter(f(2), 0, i(0), f(1), reduce="max"), ArgumentError, ("'max'", "'add'"),
    ),
    "scatter: negative": (lambda: f(2).scatter(0, i(-1), 1.0), AxisError, ("index -1", "extent 2")),
    "scatter: index shape": (
        lambda: f(2, 3).scatter(0, dg.zeros(1, 4, dtype="int64"), 1.0), ShapeError, ("(1, 4)",),
    ),
    "scatter: src": (lambda: f(3).scatter(0, i(0, 1), f(1)), ShapeError, ("(2,)", "(1,)")),
    "scatter: dtypes": (
        lambda: f(3).scatter(0, i(0), i(1)), DTypeError, ("scatter", "float32", "int64"),
    ),
    "scatter_reduce: name": (
        lambda: f(2).scatter_reduce(0, i(0), f(1), "median"), ArgumentError, ("'median'", "amax"),
    ),
    "scatter_reduce: mean of ints": (
        lambda: i(1).scatter_reduce(0, i(0), i(1), "mean"), DTypeError, ("mean", "int64"),
    ),
    "index_add: source": (
        lambda: f(4, 3).index_add(0, i(0, 1), f(2, 2)), ShapeError, ("(2, 2)", "(4, 3)", "(2, 3)"),
    ),
    "index_copy: outside": (
        lambda: f(2).index_copy(0, i(2), f(1)), AxisError, ("index 2", "extent 2"),
    ),
    "index_fill: value": (lambda: f(2).index_fill(0, i(0), f(1)), ArgumentError, ("0-d", "(1,)")),
    "index_reduce: sum": (
        lambda: f(2).index_reduce(0, i(0), f(1), "sum"), ArgumentError, ("index_add",),
    ),
    "index_put: no tuple": (lambda: f(2).index_put(i(0), f(1)), DTypeError, ("tuple", "Tensor")),
    "index_put: dtypes": (
        lambda: f(2).index_put((i(0),), i(1)), DTypeError, ("float32", "int64", "one dtype"),
    ),
    "index_put: too many": (
        lambda: f(2).index_put((i(0), i(0)), f(1)), AxisError, ("too many", "2"),
    ),
    "put: count": (lambda: f(2).put(i(0, 1), f(1)), ShapeError, ("2 positions", "got 1")),
    # masks and parts
    "masked_fill: mask": (lambda: f(2).masked_fill(f(2), 1), DTypeError, ("bool", "float32")),
    "masked_fill: value": (lambda: f(2).masked_fill(B, f(1)), ArgumentError, ("0-d", "(1,)")),
    "masked_fill: array": (lambda: f(2).masked_fill(np.ones(2), 1), DTypeError, ("ndarray",)),
    "masked_select: shapes": (lambda: f(3).masked_select(B), ShapeError, ("(3,)", "(2,)")),
    "masked_scatter: dtypes": (
        lambda: f(2).masked_scatter(B, i(1)), DTypeError, ("float32", "int64", "one dtype"),
    ),
    "masked_scatter: too few": (
        lambda: f(2).masked_scatter(B, f(0)), ShapeError, ("0 values", "1 elements"),
    ),
    "nonzero: list": (lambda: dg.nonzero([1]), DTypeError, ("nonzero", "list")),
    "slice_scatter: shape": (
        lambda: dg.slice_scatter(f(4), f(1), 0, 0, 2), ShapeError, ("(1,)", "(2,)", "equal"),
    ),
    "slice_scatter: step": (
        lambda: dg.slice_scatter(f(4), f(4), step=-1), ArgumentError, ("step", "-1"),
    ),
    "slice_scatter: dtypes": (
        lambda: dg.slice_scatter(f(2), i(1, 2)), DTypeError, ("int64", "float32"),
    ),
    "select_scatter: outside": (
        lambda: dg.select_scatter(f(2, 3), f(2), 1, 3), AxisError, ("index 3", "extent 3"),
    ),
    "diagonal_scatter: axes": (
        lambda: dg.diagonal_scatter(f(2, 2), f(2), 0, 1, -1), ArgumentError, ("dim1", "1"),
    ),
    "fill_diagonal_: vector": (lambda: f(2).fill_diagonal_(1), ArgumentError, ("matrix", "(2,)")),
    "one_hot: list": (lambda: dg.one_hot([1]), DTypeError, ("one_hot", "list")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_call(name: str) -> None:
    """One error of our own class, with the facts and the user's file."""
    check_bad_call(CASES[name])


def test_a_failed_write_changes_nothing() -> None:
    """The tensor is as before."""
    x = dg.arange(4)
    for index, value in ((i(0, 9), 1), (TWO_LINES, i(1, 2, 3)), (i(0, 1), i(1, 2, 3))):
        with pytest.raises(DualgraphError):
            x[index] = value
    assert x.tolist() == [0, 1, 2, 3]
