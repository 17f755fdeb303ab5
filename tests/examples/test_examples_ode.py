"""The example that learns a motion through an unrolled integrator: the same bits in both modes."""

import runpy
from pathlib import Path

import pytest

from tests.bits import assert_bits_equal

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_pendulum_is_learned() -> None:
    main = runpy.run_path(str(EXAMPLES / "pendulum.py"))["main"]
    eager, compiled = main(eager=True), main(eager=False)
    assert eager[2] == compiled[2]
    for one, other in zip(eager[:2], compiled[:2], strict=True):
        assert_bits_equal(list(other.parameters()), list(one.parameters()))
    found = compiled[2]
    assert found["constants"] == pytest.approx([4.0, 0.3], rel=5e-3)
    assert found["misfit"] < 4.5e-4  # the noise is 4e-4
    assert found["loss"] < 2e-3
    assert found["unseen"] < 2.5e-3
