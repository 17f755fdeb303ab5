"""The pinned bits are those of AVX2 as well: other machine code, by another process.

Every kernel has to be compiled a second time for it, so CI runs the compiled programs in which
vectors, fma and conversions decide; ``--every`` runs all programs, eager and compiled.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dualgraph.config import settings
from tests.golden.as_haswell import can_run, environment
from tests.golden.stored import moved, stored, stored_of
from tests.golden.table import EAGER_ONLY, PROGRAMS

ROOT = Path(__file__).parents[2]
COVERING = (  # by cost, so that each share gets its part of it
    "elementwise.smooth.float32",
    "layers.recurrent",
    "contract.products.float32",
    "elementwise.binary.float32",
    "elementwise.smooth.float64",
    "random.samplers",
    "contract.matrices.float64",
    "layers.attention",
    "elementwise.special.float64",
    "optimizers.float64",
    "layers.norms",
    "reductions.plain.float64",
    "reductions.plain.float16",
    "windows.convolutions.float64",
    "windows.pooling.float64",
    "large.ops.float32",
    "contract.products.float16",
    "elementwise.binary.float16",
    "elementwise.integer.uint8",
    "elementwise.casts",
    "reductions.scans.float64",
    "reductions.edges.float32",
    "large.training",
    "large.sampling",
    "contract.integers.int64",
)
SHARES = 4

pytestmark = pytest.mark.skipif(not can_run(), reason="the processor lacks AVX2, FMA or F16C")


def run(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the command of this package as on a Haswell."""
    return subprocess.run(
        [sys.executable, "-m", "tests.golden.as_haswell", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(str(cache)),
        check=False,
    )


def check(mode: str, names: tuple[str, ...]) -> None:
    """Run programs in one mode and compare what they end with."""
    done = run("--digests", mode, *names, cache=settings.cache_dir / "haswell")
    assert done.returncode == 0, done.stderr
    pinned = stored()
    expected = {k: v for name in names for k, v in stored_of(name, pinned).items()}
    assert moved(json.loads(done.stdout), expected) == []


@pytest.mark.parametrize("share", range(SHARES))
def test_the_bits_are_the_pinned_ones(share: int) -> None:
    check("compiled", COVERING[share::SHARES])


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [n for n in PROGRAMS if n not in COVERING])
def test_the_bits_of_all_other_programs(name: str) -> None:
    check("eager" if name in EAGER_ONLY else "compiled", (name,))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [n for n in PROGRAMS if n not in EAGER_ONLY])
def test_the_bits_of_eager(name: str) -> None:
    check("eager", (name,))


def test_the_code_is_avx2s(tmp_path: Path) -> None:
    done = run("--assembly", "contract.integers.int64", "large.training", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ymm" in done.stdout
    assert "zmm" not in done.stdout
    assert "%k1" not in done.stdout  # masks came with AVX-512


def test_programs_of_the_share_exist() -> None:
    assert set(COVERING) <= set(PROGRAMS) - EAGER_ONLY
