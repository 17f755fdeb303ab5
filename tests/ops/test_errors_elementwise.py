"""What a user reads when an element-wise op or an activation is called wrongly."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, DTypeError, GradError, ShapeError
from tests.ops.error_cases import Bad, check_bad_call

F = dg.nn.functional
X, N, B = dg.ones(3), dg.tensor([1, 2, 3]), dg.tensor([True, False, True])
D = dg.ones(3, dtype=dg.float64)

CASES: dict[str, Bad] = {
    # what is no tensor
    "neg of a list": (lambda: dg.neg([1]), DTypeError, ("neg:", "list", "dualgraph.tensor")),
    "exp of None": (lambda: dg.exp(None), DTypeError, ("exp:", "NoneType")),
    "add a list": (lambda: X.add([1]), DTypeError, ("add:", "list", "dualgraph.tensor")),
    "in place": (lambda: X.mul_([1]), DTypeError, ("mul_:", "list")),
    "relu of None": (lambda: dg.relu(None), DTypeError, ("relu:", "NoneType")),
    "relu in place of None": (lambda: dg.relu(None, True), DTypeError, ("relu", "NoneType")),
    "floor of a list": (lambda: dg.floor([1.0]), DTypeError, ("floor:", "list")),
    "shift by None": (lambda: N << None, DTypeError, ("bitwise_left_shift:", "NoneType")),
    "list @": (lambda: [1] @ X, DTypeError, ("matmul", "list")),
    "lerp of a list": (lambda: dg.lerp([1], X, 0.5), DTypeError, ("lerp", "list")),
    "silu of a list": (lambda: F.silu([1]), DTypeError, ("silu", "list", "dualgraph.tensor")),
    "where of a list": (lambda: dg.where([True], X, X), DTypeError, ("where", "list")),
    # dtypes
    "neg of bools": (lambda: -B, DTypeError, ("neg", "bool", "logical_not")),
    "abs of bools": (lambda: abs(B), DTypeError, ("abs", "bool")),
    "plus bools": (lambda: +B, DTypeError, ("positive", "bool")),
    "relu of bools": (lambda: dg.relu(B), DTypeError, ("relu", "bool")),
    "trunc of bools": (lambda: dg.trunc(B), DTypeError, ("trunc", "bool")),
    "bools // bools": (lambda: B // B, DTypeError, ("floor_divide", "bool")),
    "bools % bools": (lambda: B % True, DTypeError, ("remainder", "bool")),
    "addcmul of bools": (lambda: dg.addcmul(B, B, B), DTypeError, ("addcmul", "bool")),
    "bits of floats": (lambda: X & 1, DTypeError, ("bitwise_and", "float32", "logical_and")),
    "not of floats": (lambda: ~X, DTypeError, ("bitwise_not", "float32", "logical_not")),
    "shift of bools": (lambda: B << B, DTypeError, ("bitwise_left_shift", "integer", "bool")),
    "frac of ints": (lambda: dg.frac(N), DTypeError, ("frac", "floating", "int64")),
    "gelu of ints": (lambda: F.gelu(N), DTypeError, ("gelu", "floating", "int64")),
    "elu of ints": (lambda: F.elu(N), DTypeError, ("elu", "floating", "int64")),
    "lerp of two dtypes": (lambda: dg.lerp(X, D, 0.5), DTypeError, ("float32", "float64", "cast")),
    "addcdiv of ints": (lambda: dg.addcdiv(N, N, N), DTypeError, ("addcdiv", "int64")),
    "isclose of two": (lambda: dg.isclose(X, D), DTypeError, ("isclose", "float32", "float64")),
    "heaviside of two": (lambda: dg.heaviside(X, D), DTypeError, ("heaviside", "float64")),
    "round of ints": (lambda: dg.round(N, decimals=1), DTypeError, ("round", "int64")),
    "/= of ints": (lambda: N.clone().div_(2), DTypeError, ("in-place", "float32", "int64")),
    # values
    "div mode": (
        lambda: dg.div(X, X, rounding_mode="up"), ArgumentError, ("'trunc'", "'floor'", "'up'"),
    ),
    "int // 0": (lambda: N // 0, ArgumentError, ("floor_divide", "zero")),
    "int % 0": (lambda: N % 0, ArgumentError, ("remainder", "zero")),
    "addcmul value": (lambda: dg.addcmul(N, N, N, value=0.5), ArgumentError, ("value", "0.5")),
    "isclose rtol": (lambda: dg.isclose(X, X, rtol=-1.0), ArgumentError, ("rtol", "-1.0")),
    "hardtanh": (lambda: F.hardtanh(X, 1, 0), ArgumentError, ("min_val 1", "max_val 0")),
    "rrelu": (lambda: F.rrelu(X, 0.5, 0.1), ArgumentError, ("lower 0.5", "upper 0.1")),
    "celu": (lambda: F.celu(X, 0.0), ArgumentError, ("celu", "alpha", "0")),
    "softshrink": (lambda: F.softshrink(X, -1.0), ArgumentError, ("lambd", "-1.0")),
    "gelu": (lambda: F.gelu(X, "fast"), ArgumentError, ("none or tanh", "'fast'")),
    # shapes
    "prelu": (lambda: F.prelu(dg.ones(2, 3), dg.ones(2)), ShapeError, ("(2,)", "(2, 3)", "(3,)")),
    "glu": (lambda: F.glu(X), ShapeError, ("glu", "dim -1", "extent 3", "halved")),
    "// shapes": (lambda: X // dg.ones(2), ShapeError, ("(3,)", "(2,)", "broadcast")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_message(name: str) -> None:
    """The class, the facts, the remedy and the line of this file."""
    check_bad_call(CASES[name])


@pytest.mark.parametrize("name", ["neg of a list", "silu of a list", "bits of floats", "int // 0"])
def test_the_same_while_tracing(name: str) -> None:
    """A traced function raises the same error."""
    call, kind, words = CASES[name]
    with pytest.raises(kind, match=words[0]):
        dg.compile(lambda x: (call(), x + 1)[1])(X)


@pytest.mark.parametrize("op", [dg.floor_divide, dg.heaviside])
def test_step_functions_have_no_derivative(op: Any) -> None:
    """As in PyTorch, asking for it is an error, not zero."""
    x = dg.ones(3, requires_grad=True)
    with pytest.raises(GradError, match="step function"):
        op(x, dg.ones(3)).sum().backward()
