"""Settings that hold for the whole process, read once from the environment.

- ``DUALGRAPH_CACHE``: folder of compiled kernels (default: the user's cache folder).
- ``DUALGRAPH_CHECKS=1``: verify the graph after the trace and after every pass.
- ``DUALGRAPH_NUM_THREADS``: threads of compiled programs (default: the cores of this process).
"""

import os
from pathlib import Path


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
        self.num_threads = int(os.environ.get("DUALGRAPH_NUM_THREADS") or _cores())


settings = Settings()
