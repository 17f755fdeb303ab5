"""What a new element-wise op has, run in a copy of the project to which the README's was added.

See `tests.core.test_add_an_op`, which runs it as ``python -m tests.core.added_op``.
"""

import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import dualgraph
from tests.bits import array_of, assert_bits_equal

dg: Any = dualgraph  # static checkers do not know the op


def names_exist() -> None:
    """The function, the method and the in-place form are there, documented, and pickled by name."""
    assert dg.square_plus.__name__ == "square_plus"
    assert inspect.getdoc(dg.square_plus) == "Return the square plus one."
    assert dg.Tensor.square_plus is dg.square_plus
    assert inspect.getdoc(dg.Tensor.square_plus_) == (
        "Do `square_plus` in place and return the tensor."
    )
    assert pickle.loads(pickle.dumps(dg.square_plus)) is dg.square_plus


def bits_and_gradient() -> None:
    """Eager and compiled give the same bits, forward and backward; the gradient is 2x."""

    def run(x: Any) -> Any:
        y = dg.square_plus(x)
        return y, dg.autograd.grad(y.sum(), x)[0]

    x = dg.tensor([-1.5, 0.1, 3.0, 1e20], requires_grad=True)
    y, slope = run(x)
    assert_bits_equal(list(dg.compile(run)(x)), [y, slope])
    values = array_of(x.detach())
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(array_of(y.detach()), values * values + np.float32(1))
    np.testing.assert_array_equal(array_of(slope), values * 2)


def in_place() -> None:
    """The in-place form writes into the tensor, eagerly and compiled."""

    def run(x: Any) -> Any:
        return (x * 2).square_plus_()

    x = dg.tensor([1.0, -2.0])
    assert_bits_equal(dg.compile(run)(x), run(x))
    assert x.square_plus_() is x
    assert x.tolist() == [2.0, 5.0]


def wrong_operands() -> None:
    """An error names the function and says what it was given."""
    for wrong, said in (("a", "str"), (None, "NoneType"), (np.zeros(2), "ndarray")):
        message = f"^square_plus: expected a Tensor or a number, got {said}"
        with pytest.raises(dualgraph.errors.DTypeError, match=message):
            dg.square_plus(wrong)


if __name__ == "__main__":
    for check in (names_exist, bits_and_gradient, in_place, wrong_operands):
        check()
