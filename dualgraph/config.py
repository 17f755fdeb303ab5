"""Settings that hold for the whole process, read once from the environment.

- ``DUALGRAPH_CACHE``: folder of compiled kernels (default: the user's cache folder).
- ``DUALGRAPH_CHECKS=1``: verify the graph after the trace and after every pass.
- ``DUALGRAPH_NUM_THREADS``: threads of compiled programs (default: the cores of this process).
- ``DUALGRAPH_COMPILE_WORKERS``: processes that help to compile where many kernels are new (0: none;
  default: the cores that are free).
"""

import os
from pathlib import Path

from .errors import ArgumentError


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dualgraph"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings:
    """The process-wide settings; assign to an attribute to change one."""

    def __init__(self) -> None:
        self.cache_dir = Path(os.environ.get("DUALGRAPH_CACHE") or _default_cache())
        self.checks = os.environ.get("DUALGRAPH_CHECKS", "0") == "1"
        self.cores = _cores()
        self.num_threads = int(os.environ.get("DUALGRAPH_NUM_THREADS") or self.cores)
        helpers = os.environ.get("DUALGRAPH_COMPILE_WORKERS")
        self.compile_workers = int(helpers) if helpers else None


settings = Settings()


def set_num_threads(count: int) -> None:
    """Set how many threads compiled programs use; results have the same bits for any number."""
    if count < 1:
        raise ArgumentError(f"set_num_threads: expected at least 1, got {count}")
    settings.num_threads = count


def get_num_threads() -> int:
    """Return how many threads compiled programs use."""
    return settings.num_threads


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Do nothing: every result is deterministic already, in every bit."""


def are_deterministic_algorithms_enabled() -> bool:
    """Return True: there are no others."""
    return True


def set_float32_matmul_precision(precision: str) -> None:
    """Do nothing: it only permits less precision, and products always have the highest.

    Raises `ArgumentError` unless it is 'highest', 'high' or 'medium'.
    """
    if precision not in ("highest", "high", "medium"):
        raise ArgumentError(
            "set_float32_matmul_precision: expected 'highest', 'high' or 'medium', "
            f"got {precision!r}"
        )


def get_float32_matmul_precision() -> str:
    """Return 'highest'."""
    return "highest"
