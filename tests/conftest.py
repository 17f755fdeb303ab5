"""Settings of the whole test session: where kernels are cached, and that graphs are checked."""

import os
import shutil
import tempfile
from collections.abc import Iterator

_FRESH = None if os.environ.get("DUALGRAPH_CACHE") else tempfile.mkdtemp(prefix="dualgraph-tests-")
if _FRESH:  # before dualgraph is imported: it reads the environment once
    os.environ["DUALGRAPH_CACHE"] = _FRESH

import hypothesis  # noqa: E402
import pytest  # noqa: E402

import dualgraph  # noqa: E402, F401
from dualgraph.config import settings  # noqa: E402

settings.checks = True  # verify every graph after the trace and after each pass

hypothesis.settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, database=None
)
hypothesis.settings.register_profile("search", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person search longer than CI does."""
    parser.addoption(
        "--fuzz-examples", type=int, default=500, help="random programs that test_fuzz tries"
    )


@pytest.fixture(scope="session", autouse=True)
def _kernel_cache() -> Iterator[None]:
    """Remove the session's own cache folder at the end."""
    yield
    if _FRESH:
        shutil.rmtree(_FRESH, ignore_errors=True)
