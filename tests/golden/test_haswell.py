"""The pinned bits are those of AVX2 as well: other machine code, by another process.

Compiled programs run here all; of the eager ones those whose kernels are not the compiled ones.
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
SHARES = 6
COMPILED = [name for name in PROGRAMS if name not in EAGER_ONLY]

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


@pytest.mark.parametrize("share", range(SHARES))
def test_the_bits_are_the_pinned_ones(share: int) -> None:
    names = COMPILED[share::SHARES]
    done = run("--digests", "compiled", *names, cache=settings.cache_dir / "haswell")
    assert done.returncode == 0, done.stderr
    pinned = stored()
    expected = {k: v for name in names for k, v in stored_of(name, pinned).items()}
    assert moved(json.loads(done.stdout), expected) == []


def test_the_code_is_avx2s(tmp_path: Path) -> None:
    done = run("--assembly", "contract.integers.int64", "large.training", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ymm" in done.stdout
    assert "zmm" not in done.stdout
    assert "%k1" not in done.stdout  # masks came with AVX-512
