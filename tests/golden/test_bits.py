"""Every golden program ends with the pinned bits: eager and compiled, on one thread and on two.

When one fails: find the cause. When the change is meant, ``python -m tests.golden --renew`` writes
the new hashes, and CHANGELOG.md says what moved and why.
"""

from collections.abc import Iterator

import pytest

import dualgraph as dg
from tests.golden.stored import hashes_of, modes_of, moved, stored, stored_of
from tests.golden.table import PROGRAMS

PINNED = stored()


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = dg.get_num_threads()
    yield
    dg.set_num_threads(before)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_bits_are_the_pinned_ones(name: str) -> None:
    lines = []
    for mode in modes_of(name):
        for threads in (1, 2):
            dg.set_num_threads(threads)
            found = moved(hashes_of(name, mode), stored_of(name, PINNED))
            way = f"{'compiled' if mode.compiled else 'eager'}, threads: {threads}"
            lines += [f"({way}) {line}" for line in found]
    assert lines == []


def test_every_line_of_the_file_belongs_to_a_program() -> None:
    assert {key.partition("/")[0] for key in PINNED} == set(PROGRAMS)
    assert list(PINNED) == sorted(PINNED)
