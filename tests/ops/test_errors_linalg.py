"""What a user reads when a contraction or an op of linear algebra is called wrongly."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import (
    ArgumentError,
    AxisError,
    DTypeError,
    GradError,
    LinAlgError,
    ShapeError,
)
from tests.ops.error_cases import Bad, check_bad_call


def f(*shape: int) -> Any:
    """A float32 tensor of zeros."""
    return dg.zeros(shape)


def i(*shape: int) -> Any:
    """An int64 tensor of zeros."""
    return dg.zeros(shape, dtype=dg.int64)


D = dg.zeros((2, 2), dtype=dg.float64)
NAN = dg.tensor([[np.nan, 1.0], [1.0, 1.0]])
CASES: dict[str, Bad] = {
    # einsum
    "einsum: operands": (
        lambda: dg.einsum("ij,jk", f(2, 2)), ArgumentError, ("2 operands", "1 are given"),
    ),
    "einsum: rank": (lambda: dg.einsum("ijk", f(2, 2)), ArgumentError, ("'ijk'", "2 axes")),
    "einsum: few labels": (lambda: dg.einsum("i", f(2, 2)), ArgumentError, ("'i'", "2 axes")),
    "einsum: extents": (
        lambda: dg.einsum("ij,jk", f(2, 3), f(4, 5)), ShapeError, ("'j'", "3 and 4", "(2, 3)"),
    ),
    "einsum: output": (lambda: dg.einsum("ij->k", f(2, 2)), ArgumentError, ("'k'", "no operand")),
    "einsum: twice": (lambda: dg.einsum("ij->ii", f(2, 2)), ArgumentError, ("'i' twice",)),
    "einsum: letter": (lambda: dg.einsum("i1", f(2, 2)), ArgumentError, ("'1'", "letters")),
    "einsum: diagonal": (lambda: dg.einsum("ii", f(2, 3)), ShapeError, ("'i'", "(2, 3)")),
    "einsum: label": (lambda: dg.einsum(f(2), [99]), ArgumentError, ("0 to 51", "99")),
    "einsum: sublist": (lambda: dg.einsum(f(2), f(2)), ArgumentError, ("list of labels",)),
    "einsum: no tensor": (lambda: dg.einsum("i", 3), DTypeError, ("einsum", "int")),
    # products
    "dot: bool": (lambda: dg.dot(f(2) > 0, f(2) > 0), DTypeError, ("bool", "any()")),
    "mm: list": (lambda: dg.mm([1], f(2, 2)), DTypeError, ("mm", "list")),
    "matmul: integers": (lambda: i(2, 3) @ i(2, 3), ShapeError, ("(2, 3)", "must equal")),
    "matmul: bools": (lambda: (f(2, 2) > 0) @ (f(2, 2) > 0), DTypeError, ("bool", "matmul")),
    "mv": (lambda: dg.mv(f(2), f(2)), ArgumentError, ("a matrix and a vector", "(2,)")),
    "outer": (lambda: dg.outer(f(2, 2), f(2)), ArgumentError, ("two vectors", "(2, 2)")),
    "inner": (lambda: dg.inner(f(2, 3), f(2)), ShapeError, ("(2, 3)", "last axes")),
    "addmm: dtypes": (lambda: dg.addmm(D, f(2, 2), f(2, 2)), DTypeError, ("float64", "float32")),
    "addmm: shape": (lambda: dg.addmm(f(3, 3), f(2, 2), f(2, 2)), ShapeError, ("(3, 3)",)),
    "addmm: alpha": (
        lambda: dg.addmm(i(2, 2), i(2, 2), i(2, 2), alpha=0.5), ArgumentError, ("integers",),
    ),
    "addbmm": (lambda: dg.addbmm(f(2), f(2, 2), f(2, 2)), ArgumentError, ("batches",)),
    "multi_dot": (lambda: dg.linalg.multi_dot([f(2, 2)]), ArgumentError, ("at least 2",)),
    "multi_dot: rank": (
        lambda: dg.linalg.multi_dot([f(2, 2), f(2, 2, 2), f(2, 2)]), ArgumentError, ("tensor 1",),
    ),
    "tensordot: count": (lambda: dg.tensordot(f(2), f(2), 3), ArgumentError, ("3 axes",)),
    "tensordot: extents": (lambda: dg.tensordot(f(2, 3), f(2, 3), 1), ShapeError, ("(2, 3)",)),
    "tensordot: lists": (
        lambda: dg.tensordot(f(2, 3), f(2, 3), ([0], [0, 1])), ArgumentError, ("length",),
    ),
    "cross": (lambda: dg.cross(f(2, 2), f(2, 2)), ArgumentError, ("extent 3", "(2, 2)")),
    "linalg.cross": (lambda: dg.linalg.cross(f(3, 2), f(3, 2)), ShapeError, ("dim -1", "be 3")),
    "trace": (lambda: dg.trace(f(2)), ArgumentError, ("matrix", "(2,)")),
    "diagonal": (lambda: dg.linalg.diagonal(f(2, 2), dim1=1), ArgumentError, ("dims 1 and -1",)),
    "diagonal: axis": (lambda: dg.linalg.diagonal(f(2, 2), dim1=4), AxisError, ("4", "range")),
    "cdist": (lambda: dg.cdist(f(2, 3), f(2, 4)), ShapeError, ("(2, 3)", "(2, 4)")),
    "cdist: integers": (lambda: dg.cdist(i(2, 3), i(2, 3)), DTypeError, ("cdist", "int64")),
    "cosine: integers": (
        lambda: dg.cosine_similarity(i(2, 3), i(2, 3)), DTypeError, ("floating", "int64"),
    ),
    "bilinear": (
        lambda: dg.bilinear(f(2, 3), f(2, 4), f(5, 4, 3)), ShapeError, ("(o, i, j)", "(5, 4, 3)"),
    ),
    # linear algebra
    "inv: not square": (lambda: dg.linalg.inv(f(2, 3)), ShapeError, ("square", "2 by 3")),
    "inv: vector": (lambda: dg.linalg.inv(f(3)), ShapeError, ("matrix", "(3,)")),
    "inv: integers": (lambda: dg.linalg.inv(i(2, 2)), DTypeError, ("int64", "cast")),
    "inv: list": (lambda: dg.linalg.inv([[1.0]]), DTypeError, ("Tensor", "list")),
    "inv: singular": (lambda: dg.linalg.inv(dg.ones(2, 2)), LinAlgError, ("singular", "element 1")),
    "solve: singular": (lambda: dg.linalg.solve(f(2, 2), f(2)), LinAlgError, ("singular",)),
    "solve: shapes": (lambda: dg.linalg.solve(f(2, 2), f(3, 1)), ShapeError, ("(3, 1)", "fit")),
    "solve: dtypes": (lambda: dg.linalg.solve(D, f(2, 2)), DTypeError, ("float64", "float32")),
    "lu_factor: singular": (lambda: dg.linalg.lu_factor(f(2, 2)), LinAlgError, ("singular",)),
    "lu: pivot": (lambda: dg.linalg.lu(f(2, 2), pivot=False), ArgumentError, ("pivot",)),
    "cholesky": (
        lambda: dg.linalg.cholesky(-dg.ones(2, 2)), LinAlgError, ("positive-definite", "element 0"),
    ),
    "qr: mode": (lambda: dg.linalg.qr(f(2, 2), "full"), ArgumentError, ("'full'", "reduced")),
    "eigh: uplo": (lambda: dg.linalg.eigh(f(2, 2), "X"), ArgumentError, ("UPLO", "'X'")),
    "svd: NaN": (lambda: dg.linalg.svd(NAN), LinAlgError, ("svd", "converge")),
    "lstsq: shapes": (lambda: dg.linalg.lstsq(f(3, 2), f(2, 1)), ShapeError, ("(3, 2)", "fit")),
    "lstsq: driver": (
        lambda: dg.linalg.lstsq(f(2, 2), f(2, 1), driver="x"), ArgumentError, ("gelsy", "'x'"),
    ),
    "matrix_power": (lambda: dg.matrix_power(f(2, 2), 0.5), ArgumentError, ("int", "0.5")),
    "vector_norm: integers": (lambda: dg.linalg.vector_norm(i(2)), DTypeError, ("int64",)),
    "vector_norm: text": (lambda: dg.linalg.vector_norm(f(2), "fro"), ArgumentError, ("number",)),
    "matrix_norm: ord": (lambda: dg.linalg.matrix_norm(f(2, 2), 5), ArgumentError, ("5", "fro")),
    "matrix_norm: dim": (
        lambda: dg.linalg.matrix_norm(f(2, 2), dim=(0,)), ArgumentError, ("two axes", "(0,)"),
    ),
    "norm: axes": (lambda: dg.linalg.norm(f(2, 2, 2), 2), ShapeError, ("one axis or two", "3")),
    "qr: gradient": (
        lambda: dg.linalg.qr(dg.ones(3, 2, requires_grad=True), "r").R.sum().backward(),
        GradError,
        ("mode 'r'", "reduced"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_bad_call_says_what_is_wrong(name: str) -> None:
    """The class, the facts, and the user's line."""
    check_bad_call(CASES[name])


LATE = {
    "inv": (dg.linalg.inv, "singular"),
    "cholesky": (dg.linalg.cholesky, "positive-definite"),
    "svdvals": (dg.linalg.svdvals, "converge"),
}


@pytest.mark.parametrize("name", LATE)
def test_a_matrix_without_a_result_is_named_when_compiled(name: str) -> None:
    """The program raises the same class, with the op's line; the next call is sound."""
    function, word = LATE[name]
    compiled = dg.compile(lambda x: function(x) * 2)
    good = dg.tensor([[2.0, 1.0], [1.0, 2.0]])
    expected = function(good) * 2
    assert (compiled(good) == expected).all()
    with pytest.raises(LinAlgError) as raised:
        compiled(good * np.nan if name == "svdvals" else dg.zeros(2, 2))
    assert word in str(raised.value)
    assert "test_errors_linalg.py:" in str(raised.value)
    assert (compiled(good) == expected).all()
