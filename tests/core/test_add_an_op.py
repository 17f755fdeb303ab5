"""An element-wise op is a record with its function, and a row: the README's, added to a copy."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.readme import README

ROOT = README.parent
COPIED = ("dualgraph", "tests", "examples", "README.md", "CHANGELOG.md", "pyproject.toml")
IGNORED = shutil.ignore_patterns("__pycache__", ".*")
NEIGHBOUR = '    unary("square", np.square, dtypes=NUMBERS),\n'
SUITES = ("test_ops_eager", "test_ops_compiled", "test_ops_grad")


def blocks() -> list[str]:
    """Return the code of the README's section on how to add an op."""
    section = README.read_text().partition("\n## Add an op\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with the README's record and row, and nothing else."""
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=IGNORED)
        else:
            shutil.copy(ROOT / name, folder / name)
    record, row = blocks()
    records = folder / "dualgraph/ops/elementwise/pointwise.py"
    records.write_text(f"{records.read_text()}\n{record}")
    rows = folder / "tests/ops/rows/elementwise.py"
    assert NEIGHBOUR in rows.read_text()
    rows.write_text(rows.read_text().replace(NEIGHBOUR, NEIGHBOUR + row))
    return folder


def python(project: Path, *arguments: str) -> str:
    """Run Python in the copy; return what it printed, and fail where it failed."""
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def passed(project: Path, *arguments: str) -> int:
    """Run tests in the copy; return how many passed."""
    out = python(project, "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *arguments)
    found = re.search(r"(\d+) passed", out)
    return int(found[1]) if found else 0


def test_the_function_the_method_and_the_in_place_form_are_there(project: Path) -> None:
    """Documented, with equal bits in both frontends, the right gradient, and named errors."""
    python(project, "tests.core.added_op")


def test_its_row_gives_it_the_tests_of_the_op_table(project: Path) -> None:
    """Reference, compiled, gradients; the registry's own tests hold too."""
    suites = [f"tests/ops/{name}.py" for name in SUITES]
    assert passed(project, *suites, "-k", "square_plus") > 30
    surface = "tests/core/test_public_surface.py"
    assert passed(project, surface, "-k", "square_plus or listed or folder") == 3
    assert passed(project, "tests/core/test_registry.py", "-k", "square_plus or table_and") == 2


def test_commands_write_down_the_rest(project: Path) -> None:
    """The list in the README and the hashes of bits; their tests hold afterwards."""
    assert ", square_plus," in python(project, "tests.core.readme").replace("\n ", "")
    python(project, "tests.core.readme", "--write")
    assert passed(project, "tests/core/test_registry.py", "-k", "readme") == 1
    program = "elementwise.recorded.float32"
    said = python(project, "tests.golden", program, "--renew")
    assert "1 hashes, 1 moved" in said
    assert passed(project, "tests/golden/test_bits.py", "-k", "recorded or belongs") == 2
    assert passed(project, "tests/golden/test_complete.py", "-k", "function_is_called") == 1
