"""Wrong calls of the trigonometric and special functions, and how their in-place forms end."""

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, DTypeError, GradError, ShapeError
from tests.bits import assert_bits_equal
from tests.ops.error_cases import Bad, check_bad_call

X = dg.tensor([0.5, 2.0])
CASES: dict[str, Bad] = {
    "tan: a list": (lambda: dg.tan([1.0]), DTypeError, ("list", "dualgraph.tensor")),
    "lgamma: an array": (lambda: dg.lgamma(np.ones(2)), DTypeError, ("ndarray",)),
    "atan2: shapes": (lambda: dg.atan2(X, dg.ones(3)), ShapeError, ("(2,)", "(3,)", "broadcast")),
    "hypot: a list": (lambda: dg.hypot(X, [1.0, 2.0]), DTypeError, ("list",)),
    "logit: eps": (lambda: dg.logit(X, eps="low"), ArgumentError, ("logit", "eps", "'low'")),
    "polygamma: negative": (lambda: dg.polygamma(-1, X), ArgumentError, ("polygamma", "n", "-1")),
    "polygamma: a float": (lambda: dg.polygamma(1.5, X), ArgumentError, ("int", "1.5")),
    "polygamma: method": (lambda: X.polygamma(True), ArgumentError, ("int", "True")),
    "mvlgamma: zero": (lambda: dg.mvlgamma(X, 0), ArgumentError, ("mvlgamma", "p", "0")),
    "mvlgamma: a float": (lambda: X.mvlgamma(2.0), ArgumentError, ("mvlgamma", "int", "2.0")),
    "float_power: numbers": (lambda: dg.float_power(2, 3), DTypeError, ("float_power", "Tensor")),
    "float_power: in place": (
        lambda: X.clone().float_power_(2), DTypeError, ("float64", "float32"),
    ),
    "tan: in place": (lambda: dg.tensor([1]).tan_(), DTypeError, ("float32", "int64")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_call(name: str) -> None:
    """One error of our own class, with the facts, the user's file and line."""
    check_bad_call(CASES[name])


def test_zeta_has_no_derivative_for_its_first_argument() -> None:
    s = dg.tensor([2.0], requires_grad=True)
    with pytest.raises(GradError, match=r"zeta.*first argument"):
        dg.special.zeta(s, X).sum().backward()


def test_in_place_forms_with_arguments_in_another_order_or_dtype() -> None:
    """``polygamma_`` takes the order; ``float_power_`` needs a float64 tensor."""
    x = dg.tensor([0.5, 2.0])
    expected = dg.polygamma(1, x)
    assert x.polygamma_(1) is x
    assert_bits_equal(x, expected)
    y = dg.tensor([0.5, 2.0], dtype="float64")
    assert y.float_power_(2).tolist() == [0.25, 4.0]


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"), ("arctan2", "atan2"),
        ("arcsinh", "asinh"), ("arccosh", "acosh"), ("arctanh", "atanh"),
        ("special.expit", "sigmoid"), ("special.psi", "digamma"), ("special.gammaln", "lgamma"),
        ("special.multigammaln", "mvlgamma"), ("special.i0", "i0"), ("special.sinc", "sinc"),
    ],
)  # fmt: skip
def test_aliases_are_the_same_function(alias: str, name: str) -> None:
    owner = dg.special if alias.startswith("special.") else dg
    assert getattr(owner, alias.removeprefix("special.")) is getattr(dg, name)
    if owner is dg:
        assert getattr(dg.Tensor, alias) is getattr(dg.Tensor, name)


KINKS = {
    "xlogy at 0, 0": (lambda x: dg.xlogy(x, dg.zeros(1)), 0.0, 0.0),
    "logit below eps": (lambda x: dg.logit(x, eps=0.25), 0.1, 0.0),
    "logit outside": (lambda x: dg.logit(x), 1.5, np.nan),
    "atan2 at the origin": (lambda x: dg.atan2(x, dg.zeros(1)), 0.0, 0.0),
    "hypot at the origin": (lambda x: dg.hypot(x, dg.zeros(1)), 0.0, np.nan),
    "sinc at 0": (dg.sinc, 0.0, 0.0),
    "i1 at 0": (dg.special.i1, 0.0, 0.5),
    "asin at 1": (dg.asin, 1.0, np.inf),
    "entr at 0": (dg.special.entr, 0.0, np.inf),
    "digamma at a pole": (dg.digamma, -1.0, np.inf),
    "trigamma far out": (lambda x: dg.polygamma(1, x), np.inf, 0.0),
    "logaddexp of -inf": (lambda x: dg.logaddexp(x, x.detach()), -np.inf, np.nan),
}


@pytest.mark.parametrize("name", KINKS)
def test_where_the_derivative_is_a_convention(name: str) -> None:
    """What PyTorch gives, or at poles and far out the limit."""
    function, at, expected = KINKS[name]
    x = dg.tensor([at], requires_grad=True)
    function(x).sum().backward()
    assert_bits_equal(np.abs(x.grad.numpy()), np.array([expected], np.float32))
