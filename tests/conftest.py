"""Settings of the whole test session: where kernels are cached, and that graphs are checked."""

import gc
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
    parser.addoption(
        "--every", action="store_true", help="also the cases marked exhaustive, which CI leaves out"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out (visibly: "deselected") what only a person who has time runs."""
    if config.getoption("--every"):
        return
    left_out = [i for i in items if i.get_closest_marker("exhaustive")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [i for i in items if not i.get_closest_marker("exhaustive")]


def pytest_collection_finish() -> None:
    """Keep what stays for the whole session, thousands of tests, away from the collector of cycles.

    Else each of its passes takes a second, and a test that asks for one waits for it.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _kernel_cache() -> Iterator[None]:
    """Remove the session's own cache folder at the end."""
    yield
    if _FRESH:
        shutil.rmtree(_FRESH, ignore_errors=True)
