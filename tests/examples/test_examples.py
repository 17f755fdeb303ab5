"""The examples run, in both modes with the same bits, and reach what they claim."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_digits_reach_the_same_bits_in_both_modes() -> None:
    main = runpy.run_path(str(EXAMPLES / "digits_mlp.py"))["main"]
    eager, compiled = main(eager=True), main(eager=False)
    assert eager == compiled
    assert compiled[1] > 0.95


def test_the_tour_prints_equal_gradients(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "tour.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    eager, compiled = (next(x for x in lines if x.startswith(m)) for m in ("eager", "compiled"))
    assert eager.partition("[")[2] == compiled.partition("[")[2]
    assert any("tanh(" in line and "tour.py:11" in line for line in lines)
