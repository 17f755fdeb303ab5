"""Random programs give the same bits eagerly, interpreted after every pass, and compiled.

``pytest tests/fuzz/test_fuzz.py --fuzz-examples 20000`` searches longer.
"""

import hypothesis
import pytest

from tests.fuzz.programs import Program, check, programs

PARTS = 8  # so that all workers of a test run share the search


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs(part: int, request: pytest.FixtureRequest) -> None:
    """No bit differs in any of the drawn programs, forward or backward."""
    examples = -(-request.config.getoption("--fuzz-examples") // PARTS)

    @hypothesis.settings(max_examples=examples, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(programs())
    def run(program: Program) -> None:
        hypothesis.note(str(program))
        check(program)

    if hypothesis.settings().derandomize:  # each part draws the same in every run, and its own
        hypothesis.seed(part)(run)
    run()
