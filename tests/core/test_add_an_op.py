"""An element-wise op is a record with its function, and a row: the README's, added to a copy."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.core.readme import README

ROOT = README.parent
COPIED = ("dualgraph", "tests", "examples", "README.md", "CHANGELOG.md", "pyproject.toml")
IGNORED = shutil.ignore_patterns("__pycache__", ".*")
CHOSEN = "square_plus or surface and (listed or folder) or table_and"
NEIGHBOUR = '    unary("square", np.square, dtypes=NUMBERS),\n'
SUITES = ("test_ops_eager", "test_ops_compiled", "test_ops_grad")
OWN = ("test_public_surface", "test_registry")


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


def passed(project: Path, *arguments: str) -> Counter[str]:
    """Run tests in the copy, all at once; return how many passed in each file."""
    out = python(project, "pytest", "-v", "-n", "0", "-p", "no:cacheprovider", *arguments)
    return Counter(re.findall(r"^tests/(?:\w+/)*(\w+)\.py::.* PASSED", out, re.MULTILINE))


def test_the_function_the_method_and_the_in_place_form_are_there(project: Path) -> None:
    """Documented, with equal bits in both frontends, the right gradient, and named errors."""
    python(project, "tests.core.added_op")


def test_its_row_gives_it_the_tests_of_the_op_table(project: Path) -> None:
    """Reference, compiled, gradients; the registry's own tests hold too."""
    files = [*(f"tests/ops/{name}.py" for name in SUITES), *(f"tests/core/{n}.py" for n in OWN)]
    found = passed(project, *files, "-k", CHOSEN)
    assert sum(found[name] for name in SUITES) > 30
    assert [found[name] for name in OWN] == [3, 2]


def test_commands_write_down_the_rest(project: Path) -> None:
    """The list in the README and the hashes of bits; their tests hold afterwards."""
    python(project, "tests.core.readme", "--write")
    assert ", square_plus," in (project / "README.md").read_text().replace("\n", " ")
    program = "elementwise.recorded.float32"
    said = python(project, "tests.golden", program, "--renew")
    assert "1 hashes, 1 moved" in said
    wanted = {"test_registry": 1, "test_bits": 2, "test_complete": 1}
    files = ("tests/core/test_registry.py", "tests/golden/test_bits.py")
    chosen = "readme or recorded or belongs or function_is_called"
    assert passed(project, *files, "tests/golden/test_complete.py", "-k", chosen) == wanted
