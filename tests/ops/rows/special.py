"""Rows of the trigonometric, hyperbolic and special functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops import special_references as ref
from tests.ops.op_row import FLOATS, Row, Sample, number, of, s

ONE = (s(()), s((0,)), s((37,)), s(of((3, 4), "columns")), s(of((4, 6), "steps")))
TWO = (
    s((3, 4), (3, 4)),
    s((3, 1), (1, 4)),
    s((), (3,)),
    s(of((3, 4), "columns"), of((3, 4), "steps")),
    s((2, 0), (1,)),
)
ACCURATE = "1 ULP in float32 and 2 in float64 are promised; the reference is rounded too"
SPECIAL = "4 ULP are promised away from zeros; the reference is rounded too"
ODD = {"asin", "asinh", "atan", "atanh", "erfinv", "i1", "i1e", "sinh", "tan"}


def one(name: str, domain: tuple[float, float], **more: Any) -> Row:
    """Return the row of a function of one operand, with the mpmath reference of its name."""
    short = name.rpartition(".")[2]
    lift = ref.lifted_odd if short in ODD else ref.lifted
    return Row(
        name,
        more.pop("samples", ONE),
        more.pop("reference", None) or lift(ref.UNARY[short]),
        domain=domain,
        wide=True,
        edges=more.pop("edges", True),
        ulps=more.pop("ulps", (1, 2)),
        why=more.pop("why", ACCURATE),
        **more,
    )


def special(name: str, domain: tuple[float, float], **more: Any) -> Row:
    """Return the row of a special function."""
    return one(name, domain, ulps=more.pop("ulps", (1, 5)), why=more.pop("why", SPECIAL), **more)


def two(name: str, reference: Callable[..., Any], samples: tuple[Sample, ...], **more: Any) -> Row:
    """Return the row of a function of two operands."""

    def positional(x: Any, y: Any = None, other: Any = None) -> Any:
        return reference(x, other if y is None else y)

    defaults: dict[str, Any] = {"wide": True, "edges": True, "ulps": (1, 3), "why": ACCURATE}
    return Row(name, samples, positional, **(defaults | more))


def xlogy_reference(log: Callable[..., Any]) -> Callable[..., Any]:
    """Multiply; 0 where x is, unless y is NaN."""
    return lambda x, y: np.where(np.isnan(y), y, np.where(x == 0, 0.0, x * log(y)))


def logit_reference(x: np.ndarray, eps: float | None = None) -> np.ndarray:
    """Limit, then take log(x/(1 - x))."""
    if eps is not None and eps >= 0:
        x = np.where(x < eps, eps, np.where(x > 1 - eps, 1 - eps, x))
    return ref.lifted(ref.UNARY["logit"])(x)


def entr_reference(x: np.ndarray) -> np.ndarray:
    """-x log(x)."""
    return np.where(x > 0, -x * np.log(x), np.where(x == 0, 0.0, np.where(x < 0, -np.inf, x)))


def erfinv_reference(x: np.ndarray) -> np.ndarray:
    """By ndtri: erf(z) = 2 ndtr(sqrt(2) z) - 1."""
    root = ref.mp.sqrt(2)
    inverse = ref.odd_ends(lambda v: ref.ndtri((v + 1) / 2) / root)
    return np.where(np.abs(x) < 1e-30, x * np.sqrt(np.pi) / 2, ref.lifted_odd(inverse)(x))


def digamma_reference(x: np.ndarray) -> np.ndarray:
    """As -1/x at both zeros."""
    return np.where(x == 0, -1 / x, ref.lifted(ref.UNARY["digamma"])(x))


def polygamma_reference(x: np.ndarray, n: int) -> np.ndarray:
    """Derivatives of digamma; mpmath's psi is right for positive arguments."""
    return ref.lifted(lambda v: ref.mp.psi(n, v))(x)


def mvlgamma_reference(x: np.ndarray, p: int) -> np.ndarray:
    """Sum of lgamma."""
    lgamma = ref.lifted(ref.UNARY["lgamma"])
    return sum(lgamma(x - j / 2) for j in range(p)) + p * (p - 1) / 4 * np.log(np.pi)


PLANE = (
    one("tan", (-1.2, 1.2)),
    one("asin", (-0.9, 0.9)),
    one("acos", (-0.9, 0.9)),
    one("atan", (-3.0, 3.0)),
    one("sinh", (-3.0, 3.0)),
    one("cosh", (-3.0, 3.0)),
    one("asinh", (-3.0, 3.0)),
    one("acosh", (1.2, 4.0)),
    one("atanh", (-0.9, 0.9)),
    special("sinc", (-3.0, 3.0)),
    two("atan2", np.arctan2, TWO),
    two("hypot", np.hypot, TWO, domain=(0.3, 3.0)),
)

LOGARITHMS = (
    special(
        "logit",
        (0.1, 0.9),
        reference=logit_reference,
        samples=(*ONE[:4], s((3, 4), eps=0.25), s((5,), eps=-1.0)),
        ulps=(2, 5),
        why=f"{SPECIAL}; eps itself is rounded to float32",
    ),
    two("logaddexp", np.logaddexp, TWO, domain=(0.2, 3.0), edges=False, ulps=(1, 4)),
    two("logaddexp2", np.logaddexp2, TWO, domain=(0.2, 3.0), edges=False, ulps=(1, 4)),
    two(
        "xlogy",
        xlogy_reference(np.log),
        (*TWO, *number("other", 2, 2.5)),
        domain=(0.3, 3.0),
        ulps=(2, 3),
        why="the logarithm and the product are rounded",
    ),
    two(
        "special.xlog1py",
        xlogy_reference(np.log1p),
        TWO,
        domain=(0.3, 3.0),
        ulps=(2, 3),
        why="the logarithm and the product are rounded",
    ),
    one(
        "special.entr",
        (0.1, 3.0),
        reference=entr_reference,
        ulps=(2, 3),
        why="the logarithm and the product are rounded",
    ),
    Row(
        "float_power",
        (
            s((3, 4), (4,)),
            s((3,), exponent=2),
            s((5,), exponent=-1.5, only=FLOATS),
            s((2, 0), (1,)),
        ),
        lambda x, exponent: np.float_power(x, exponent),
        dtypes=(*FLOATS, "int64"),
        domain=(1.0, 3.0),
        wide=True,
        ulps=(4, 4),
        smooth=False,  # float32 inputs give float64 results; `pow` has the derivatives tested
        why=ACCURATE,
    ),
)

GAMMA = (
    special("lgamma", (0.3, 9.0), ulps=(1, 8), why=f"{SPECIAL}; the edge -2.5 lies next to one"),
    special(
        "digamma",
        (0.3, 9.0),
        reference=digamma_reference,
        ulps=(1, 8),
        why=f"{SPECIAL}; the edge -0.5 lies next to one",
    ),
    Row(
        "polygamma",
        (s((7,), n=0), s((7,), n=1), s(of((3, 4), "columns"), n=2), s((5,), n=3), s((0,), n=4)),
        polygamma_reference,
        call=lambda api, x, n: api.polygamma(n, x),
        domain=(0.6, 9.0),
        wide=True,
        ulps=(1, 6),
        why=SPECIAL,
    ),
    Row(
        "mvlgamma",
        (s((7,), p=1), s((3, 4), p=3), s((), p=2), s((0,), p=2)),
        mvlgamma_reference,
        domain=(2.0, 9.0),
        wide=True,
        ulps=(4, 8),
        scaled=True,
        why="a sum of terms of both signs",
    ),
    Row(
        "special.zeta",
        (  # it has no derivative for the first argument
            s(of((3, 4), dtype="int64", domain=(2, 5)), (3, 4)),
            s(of((3, 1), dtype="int64", domain=(2, 5)), of((1, 4), "columns")),
            s(of((), dtype="int64", domain=(3, 3)), (0,)),
        ),
        ref.lifted(ref.mp.zeta),
        domain=(0.5, 6.0),
        wide=True,
        ulps=(1, 5),
        why=SPECIAL,
    ),
)

NORMAL = (
    one("erfinv", (-0.9, 0.9), reference=erfinv_reference, ulps=(4, 5), why=SPECIAL),
    special("special.erfcx", (-1.5, 3.0)),
    special("special.ndtr", (-3.0, 3.0)),
    special("special.log_ndtr", (-3.0, 3.0)),
    special("special.ndtri", (0.05, 0.95)),
)

BESSEL = (
    special("i0", (-9.0, 9.0)),
    special("special.i0e", (-9.0, 9.0)),
    special("special.i1", (-9.0, 9.0)),
    special("special.i1e", (-9.0, 9.0)),
)

ROWS: tuple[Row, ...] = (*PLANE, *LOGARITHMS, *GAMMA, *NORMAL, *BESSEL)
