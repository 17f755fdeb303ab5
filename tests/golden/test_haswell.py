"""The pinned bits are those of AVX2 as well: other machine code, by other processes.

Every kernel has to be compiled a second time for it, so CI runs, eager and compiled, programs that
reach every kind of kernel in each width of floats that its code tells apart; ``--every`` runs all.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dualgraph.config import settings
from tests.golden.as_haswell import can_run, environment
from tests.golden.internals import kinds_of, library_ops, op_names, watched
from tests.golden.program import EAGER
from tests.golden.stored import hashes_of, modes_of, moved, stored, stored_of
from tests.golden.table import EAGER_ONLY, PROGRAMS

ROOT = Path(__file__).parents[2]
COVERING = (  # by cost, so that each share gets its part of it
    "elementwise.smooth.float32",
    "windows.pooling.float64",
    "elementwise.casts",
    "contract.matrices.float64",
    "reductions.plain.float64",
    "windows.convolutions.float16",
    "elementwise.binary.float16",
    "elementwise.integer.uint8",
    "random.samplers",
    "reductions.scans.float64",
    "reductions.edges.float64",
    "reductions.sorting.float64",
    "elementwise.second.float64",
    "reductions.plain.float16",
    "large.ops.float32",
    "contract.products.float64",
    "contract.products.float16",
    "windows.resizing.float64",
    "windows.norms.float16",
    "shape.repeating.float32",
    "index.scattering.float64",
    "index.integers.int64",
    "index.gathering.float64",
    "shape.joining.float16",
    "contract.integers.uint8",
    "large.training",
    "large.sampling",
    "control.float32",
)
SHARES = 3

pytestmark = pytest.mark.skipif(not can_run(), reason="the processor lacks AVX2, FMA or F16C")


def run(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the command of this package as on a Haswell."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(str(cache)),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def check(names: Sequence[str]) -> None:
    """Run programs in each of their modes and compare what they end with."""
    done = run("--digests", *names, cache=settings.cache_dir / "haswell")
    found, pinned = json.loads(done.stdout), stored()
    lines = [
        f"({'compiled' if mode.compiled else 'eager'}) {line}"
        for name in names
        for mode, hashes in zip(modes_of(name), found[name], strict=True)
        for line in moved(hashes, stored_of(name, pinned))
    ]
    assert lines == []


@pytest.mark.parametrize("share", range(SHARES))
def test_the_bits_are_the_pinned_ones(share: int) -> None:
    check(COVERING[share::SHARES])


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [n for n in PROGRAMS if n not in COVERING])
def test_the_bits_of_all_other_programs(name: str) -> None:
    check((name,))


def test_the_code_is_avx2s(tmp_path: Path) -> None:
    done = run("--assembly", "contract.integers.uint8", "contract.products.float64", cache=tmp_path)
    assert "ymm" in done.stdout
    assert "zmm" not in done.stdout
    assert "%k1" not in done.stdout  # masks came with AVX-512


def test_the_shares_reach_every_kind_of_kernel() -> None:
    assert set(COVERING) <= set(PROGRAMS) - EAGER_ONLY
    with watched() as seen:
        for name in COVERING:
            hashes_of(name, EAGER)
    assert kinds_of(op_names() - library_ops()) == kinds_of(seen)
