"""The examples that use loaders, files and gradients of gradients: the same bits in both modes."""

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_greeks_agree_with_the_closed_form() -> None:
    main = runpy.run_path(str(EXAMPLES / "black_scholes.py"))["main"]
    eager, compiled = main(eager=True), main(eager=False)
    assert eager == compiled
    assert compiled[1] < 1e-11


def test_logistic_regression_resumes_to_the_same_bits() -> None:
    main = runpy.run_path(str(EXAMPLES / "digits_logistic.py"))["main"]
    eager, compiled = main(eager=True), main(eager=False)
    assert eager == compiled
    assert compiled[0] == compiled[1]
    assert compiled[2] > 0.93
