"""Sharing the items of one eager kernel call between threads.

The chunks are those that compiled programs use: of a fixed size, whatever the number of threads,
so the bits cannot depend on it. Native code runs without Python's lock.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from itertools import count
from typing import Any

from ....config import settings

WORTH = 16  # chunks of some 20 us each: below that, waking a thread costs what it gains


def run_shared(entry: Callable[[Any, int, int], None], block: Any, items: int, grain: int) -> None:
    """Call ``entry(block, lo, hi)`` for all items, on several threads when there are enough."""
    chunks = -(-items // grain)
    if chunks < WORTH or settings.num_threads < 2:
        entry(block, 0, items)
        return
    numbers = count()  # next() is atomic: each chunk is taken once

    def work() -> None:
        while (c := next(numbers)) < chunks:
            entry(block, c * grain, min(items, (c + 1) * grain))

    helpers = min(settings.num_threads, chunks) - 1
    pool = _pool(helpers)
    others = [pool.submit(work) for _ in range(helpers)]
    work()
    wait(others)


@lru_cache(maxsize=1)
def _pool(helpers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(helpers, "dualgraph")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of the threads
