"""What a user reads when a call is wrong: the class, what was wrong, where, and what to do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import (
    ArgumentError,
    ArgumentTypeError,
    AxisError,
    DTypeError,
    DualgraphError,
    GradError,
    ShapeError,
)
from tests.ops.error_cases import Bad, check_bad_call


def f(*shape: int) -> Any:
    """A float32 tensor of a shape."""
    return dg.zeros(shape)


def i(*values: int) -> Any:
    """An int64 vector."""
    return dg.tensor(list(values), dtype="int64")


def leaf(*shape: int) -> Any:
    """A float32 tensor that requires grad."""
    return dg.ones(shape, requires_grad=True)


B = dg.tensor([True, False])
D = dg.zeros(3, dtype=dg.float64)

CASES: dict[str, Bad] = {
    # shapes that do not fit
    "add: no broadcast": (
        lambda: f(2, 3) + f(4), ShapeError, ("(2, 3)", "(4,)", "broadcast", "equal or contain a 1"),
    ),
    "where: no broadcast": (
        lambda: dg.where(B, f(3), f(3)), ShapeError, ("(2,)", "(3,)", "broadcast"),
    ),
    "matmul: inner extents": (
        lambda: f(2, 3) @ f(4, 5), ShapeError, ("(2, 3)", "(4, 5)", "(3)", "(4)", "must equal"),
    ),
    "matmul: batch": (
        lambda: f(2, 3, 4) @ f(3, 4, 5), ShapeError, ("(2,)", "(3,)", "broadcast"),
    ),
    "matmul: scalar": (
        lambda: f(2, 3) @ f(), ShapeError, ("(2, 3)", "()", "at least 1 axis", "with *"),
    ),
    "matmul: vector": (lambda: f(2, 3) @ f(2), ShapeError, ("(2, 3)", "must equal")),
    "dot": (lambda: dg.dot(f(3), f(4)), ShapeError, ("(3,)", "(4,)", "one length")),
    "mm: not matrices": (lambda: dg.mm(f(3), f(3)), ArgumentError, ("matrices",)),
    "bmm: batches": (lambda: dg.bmm(f(2, 3, 4), f(3, 4, 5)), ArgumentError, ("(2, 3, 4)", "equal")),
    "reshape: count": (
        lambda: f(2, 3).reshape(4, 2), ShapeError, ("(2, 3)", "6 elements", "(4, 2)", "8"),
    ),
    "reshape: -1": (lambda: f(2, 3).reshape(4, -1), ShapeError, ("-1", "(4, -1)", "(2, 3)")),
    "reshape: two -1": (lambda: f(2, 3).reshape(-1, -1), ShapeError, ("-1", "(-1, -1)")),
    "reshape: negative": (lambda: f(2, 3).reshape(-2, -3), ShapeError, ("(-2, -3)",)),
    "reshape: not ints": (lambda: f(2, 3).reshape(2.0, 3), ArgumentTypeError, ("of ints", "2.0")),
    "expand": (lambda: f(3, 2).expand(3, 4), ShapeError, ("(3, 2)", "(3, 4)", "extent 1")),
    "expand: fewer axes": (lambda: f(3, 2).expand(2), ShapeError, ("(3, 2)", "(2,)")),
    "expand: new -1": (lambda: f(2).expand(-1, 2), ShapeError, ("-1",)),
    "cat: other axes": (
        lambda: dg.cat([f(2, 3), f(3, 4)]), ShapeError, ("cat", "(2, 3)", "(3, 4)", "dim 0"),
    ),
    "cat: ranks": (lambda: dg.cat([f(2), f(2, 3)]), ShapeError, ("(2,)", "(2, 3)", "equal rank")),
    "cat: nothing": (lambda: dg.cat([]), ArgumentError, ("at least one",)),
    "stack: shapes": (lambda: dg.stack([f(2), f(3)]), ShapeError, ("(2,)", "(3,)", "one shape")),
    "stack: nothing": (lambda: dg.stack([]), ArgumentError, ("at least one",)),
    "permute: not an order": (lambda: f(2, 3).permute(0, 0), ShapeError, ("(0, 0)", "2 axes")),
    "t: three axes": (lambda: f(2, 3, 4).t(), ArgumentError, ("at most 2", "3")),
    "split: sizes": (lambda: f(5).split([2, 2]), ArgumentError, ("[2, 2]", "extent 5")),
    "split: zero": (lambda: f(5).split(0), ArgumentError, ("positive", "0")),
    "chunk: zero": (lambda: f(5).chunk(0), ArgumentError, ("positive", "0")),
    "narrow: outside": (lambda: f(5).narrow(0, 3, 3), ShapeError, ("start 3", "length 3", "5")),
    "gather: ranks": (lambda: f(2, 3).gather(0, i(1)), ShapeError, ("(1,)", "(2, 3)", "dim 0")),
    "gather: larger": (
        lambda: f(2, 3).gather(0, dg.zeros(1, 4, dtype="int64")), ShapeError, ("(1, 4)", "(2, 3)"),
    ),
    "scatter_add: source": (
        lambda: f(4).scatter_add(0, i(1, 2, 3), f(2)), ShapeError, ("(3,)", "(2,)"),
    ),
    "amax: nothing": (lambda: f(2, 0).amax(1), ShapeError, ("(2, 0)", "no elements")),
    "argmax: nothing": (lambda: f(0).argmax(), ShapeError, ("argmax", "empty")),
    "item: several": (lambda: f(2).item(), ShapeError, ("exactly one", "(2,)")),
    "bool: several": (lambda: bool(f(2)), ShapeError, ("ambiguous", "(2,)", ".any()", ".all()")),
    "grad: shape": (lambda: setattr(f(2), "grad", f(3)), ShapeError, ("(3,)", "(2,)")),
    "in place: grows": (lambda: f(3).add_(f(2, 3)), ShapeError, ("(2, 3)", "(3,)", "grow")),
    "copy_: shape": (lambda: f(3).copy_(f(2)), ShapeError, ("(2,)", "(3,)")),
    "flatten: order": (lambda: f(2, 3).flatten(1, 0), ArgumentError, ("start_dim 1", "end_dim 0")),
    "full: bad shape": (lambda: dg.full((2, "3"), 1.0), ArgumentTypeError, ("ints", "'3'")),
    "zeros: negative": (lambda: dg.zeros(-2), ShapeError, ("-2",)),
    # axes and indices
    "sum: axis": (lambda: f(2, 3).sum(2), AxisError, ("dim 2", "2 dimensions", "-2 to 1")),
    "sum: twice": (lambda: f(2, 3).sum((0, -2)), AxisError, ("(0, -2)", "twice")),
    "sum: not an int": (lambda: f(2, 3).sum("rows"), ArgumentTypeError, ("'rows'", "int")),
    "softmax: axis": (lambda: f(2, 3).softmax(-3), AxisError, ("dim -3", "-2 to 1")),
    "transpose: axis": (lambda: f(2, 3).transpose(0, 5), AxisError, ("dim 5", "2 dimensions")),
    "unsqueeze: axis": (lambda: f(2, 3).unsqueeze(4), AxisError, ("dim 4", "-3 to 2")),
    "cat: axis": (lambda: dg.cat([f(2)], 1), AxisError, ("dim 1", "1 dimensions")),
    "select: index": (lambda: f(2, 3).select(1, 3), (AxisError, ShapeError), ("3", "dim 1")),
    "index: outside": (lambda: f(2, 3)[2], AxisError, ("index 2", "dim 0", "extent 2")),
    "index: too many": (lambda: f(2)[0, 0], AxisError, ("too many", "2", "1 dimensions")),
    "index: kind": (lambda: f(2)["a"], ShapeError, ("str", "ints, slices")),
    "gather: outside": (lambda: f(3).gather(0, i(0, 3)), AxisError, ("index 3", "extent 3")),
    "gather: negative": (lambda: f(3).gather(0, i(-1)), AxisError, ("index -1", "extent 3")),
    "index_select: outside": (lambda: f(3).index_select(0, i(7)), AxisError, ("index 7", "3")),
    "scatter_add: outside": (
        lambda: f(3).scatter_add(0, i(3), f(1)), AxisError, ("index 3", "extent 3"),
    ),
    "one_hot: negative": (lambda: dg.one_hot(i(-1), 3), DualgraphError, ("index -1",)),
    "one_hot: too large": (lambda: dg.one_hot(i(5), 3), DualgraphError, ("index 5", "extent 3")),
    # dtypes
    "matmul: dtypes": (
        lambda: f(2, 3) @ D, DTypeError, ("matmul", "float32", "float64", ".to("),
    ),
    "matmul: integers": (lambda: i(1, 2) @ f(2), DTypeError, ("int64", "float32")),
    "dot: dtypes": (lambda: dg.dot(f(3), D), DTypeError, ("float32", "float64")),
    "matmul: no tensor": (lambda: dg.matmul(f(2, 2), 3), DTypeError, ("expected", "int")),
    "mean: integers": (lambda: i(1).mean(), DTypeError, ("mean", "floating", "int64", "cast")),
    "softmax: integers": (lambda: i(1).softmax(0), DTypeError, ("softmax", "floating", "int64")),
    "add: alpha": (lambda: dg.add(i(1), i(2), alpha=0.5), ArgumentError, ("alpha", "int64", "0.5")),
    "argmax: bools": (lambda: B.argmax(), DTypeError, ("argmax", "bool")),
    "sub: bools": (lambda: B - B, DTypeError, ("bool", "logical_xor")),
    "neg: bools": (lambda: -B, DTypeError, ("bool", "logical_not")),
    "where: condition": (lambda: dg.where(f(2), f(2), f(2)), DTypeError, ("bool", "float32")),
    "gather: float index": (lambda: f(2).gather(0, f(2)), DTypeError, ("index", "float32")),
    "gather: bool index": (lambda: f(2).gather(0, B), DTypeError, ("index", "bool")),
    "index_select: matrix": (
        lambda: f(2).index_select(0, dg.zeros(1, 1, dtype="int64")), ArgumentError, ("1-D", "2-D"),
    ),
    "scatter_add: dtypes": (
        lambda: f(3).scatter_add(0, i(1), D[:1]), DTypeError, ("float32", "float64"),
    ),
    "add: a list": (lambda: f(2) * [1.0, 2.0], DTypeError, ("list", "dualgraph.tensor")),
    "exp: an array": (lambda: dg.exp(np.ones(2)), DTypeError, ("ndarray", "dualgraph.tensor")),
    "relu: a list": (lambda: dg.relu([1.0]), DTypeError, ("relu", "list")),
    "tensor: complex": (lambda: dg.tensor([1j]), DTypeError, ("complex", "not supported")),
    "tensor: ragged": (lambda: dg.tensor([[1], [1, 2]]), DTypeError, ("ragged",)),
    "tensor: text": (lambda: dg.tensor("a"), DTypeError, ("not supported",)),
    "tensor: dtype": (
        lambda: dg.tensor(1, dtype="complex64"), DTypeError, ("complex64", "float32"),
    ),
    "from_numpy: list": (lambda: dg.from_numpy([1]), DTypeError, ("list", "ndarray")),
    "from_numpy: complex": (
        lambda: dg.from_numpy(np.ones(1, np.complex64)), DTypeError, ("complex64", "float32"),
    ),
    "cast: unknown": (lambda: f(1).to("quad"), DTypeError, ("'quad'", "float64")),
    "requires_grad: ints": (lambda: i(1).requires_grad_(), DTypeError, ("floating", "int64")),
    "in place: category": (lambda: i(1).add_(1.5), DTypeError, ("float32", "int64")),
    "index with a float": (lambda: [1, 2][dg.tensor(1.0)], DTypeError, ("integer tensor",)),
    "rand: integers": (lambda: dg.rand(2, dtype="int64"), DTypeError, ("uniform", "int64")),
    "bernoulli: ints": (lambda: dg.bernoulli(i(1)), DTypeError, ("floating", "probabilities")),
    # values
    "clamp: no bound": (lambda: f(1).clamp(), ArgumentError, ("clamp", "min", "max")),
    "pow: negative": (lambda: i(2) ** -1, ArgumentError, ("negative", "-1", "float")),
    "arange: step": (lambda: dg.arange(0, 5, 0), ArgumentError, ("step", "0")),
    "softmax: no dim": (lambda: f(2).softmax(None), ArgumentError, ("softmax", "dim")),
    "a huge integer": (lambda: i(1) + 2**70, DualgraphError, (str(2**70), "int64")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_call(name: str) -> None:
    """One error of our own class, with the facts, the user's file and line."""
    check_bad_call(CASES[name])


def test_errors_are_also_the_builtin_ones() -> None:
    """``except ValueError`` and its like keep working."""
    pairs = [
        (ShapeError, ValueError), (DTypeError, TypeError), (AxisError, IndexError),
        (ArgumentError, ValueError), (GradError, RuntimeError),
    ]  # fmt: skip
    assert all(issubclass(ours, builtin) for ours, builtin in pairs)


def fails(call: Callable[[], Any], error: type[DualgraphError], *words: str) -> None:
    """Check the class, the words and the line of the error of a call."""
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    missing = [word for word in (*words, "test_op_errors.py:") if word not in message]
    assert not missing, f"{missing} not in: {message}"


def test_backward_on_a_non_scalar() -> None:
    """The message says how to reduce, and what else to pass."""
    y = leaf(2, 3) * 2
    fails(lambda: y.backward(), GradError, "(2, 3)", ".sum()", "gradient=")
    fails(lambda: y.backward(f(3)), ShapeError, "(3,)", "(2, 3)")


def test_backward_without_a_tape() -> None:
    """Nothing requires grad; or it was switched off."""
    fails(lambda: f(2).sum().backward(), GradError, "requires grad", "no_grad")
    with dg.no_grad():
        y = leaf(2).sum()
    fails(lambda: y.backward(), GradError, "requires grad")


def test_backward_twice() -> None:
    """The second walk through freed values names retain_graph; the gradient stays as it was."""
    x = leaf(2)
    y = (x * x).sum()
    y.backward()
    before = x.grad.numpy().copy()
    fails(lambda: y.backward(), GradError, "second time", "retain_graph=True")
    assert (x.grad.numpy() == before).all()


def test_in_place_on_a_leaf() -> None:
    """The leaf keeps its values, and no_grad is named."""
    x = leaf(2)
    fails(lambda: x.add_(1), GradError, "leaf", "no_grad")
    assert x.tolist() == [1.0, 1.0]


def test_in_place_on_a_saved_tensor() -> None:
    """Backward sees that a value which it needs was changed, and says which op needs it."""
    x = leaf(2)
    y = x * 3
    z = (y * y).sum()
    y.add_(1)
    words = ("(2,)", "MulBackward0", "version 1", "version 0", "clone")
    fails(lambda: z.backward(), GradError, *words)


def test_in_place_on_a_saved_output() -> None:
    """The same for an op that keeps its own output."""
    y = leaf(2).exp()
    z = y.sum()
    y.mul_(2)
    with pytest.raises(GradError, match="ExpBackward0"):
        (z + y.sum()).backward()


def test_in_place_through_a_view() -> None:
    """Views of leaves that require grad cannot be changed, nor can expanded memory."""
    fails(lambda: f(1).expand(3).add_(1), GradError, "expanded", "clone()")
    fails(lambda: f(4).requires_grad_()[0].fill_(1), GradError, "view")


def test_numpy_of_a_recorded_tensor() -> None:
    """detach() is named."""
    fails(lambda: leaf(2).numpy(), GradError, "detach()")


def test_stopping_a_non_leaf() -> None:
    """Only leaves can stop requiring grad; deepcopy and pickle want leaves too."""
    y = leaf(2) * 2
    fails(lambda: y.requires_grad_(False), GradError, "detach()")


def test_autograd_grad_errors() -> None:
    """Unused inputs, inputs without grad, unequal counts."""
    x, y = leaf(2), leaf(2)
    fails(lambda: dg.autograd.grad((x * 2).sum(), y), GradError, "not used", "allow_unused")
    fails(lambda: dg.autograd.grad((x * 2).sum(), f(2)), GradError, "does not require grad")
    fails(lambda: dg.autograd.grad([x.sum()], [x], [None, None]), ArgumentError, "1", "2")


def test_a_failed_call_changes_nothing() -> None:
    """After an error the tensor, its gradient and the tape are as before."""
    x = leaf(2, 3)
    y = x * 2
    calls = (lambda: y + f(4), lambda: y @ f(4, 5), lambda: y.reshape(5), lambda: y.backward())
    for wrong in calls:
        with pytest.raises(DualgraphError):
            wrong()
    y.sum().backward()
    assert x.grad.tolist() == [[2.0] * 3] * 2
