"""Eager routines on several threads: every item once, the same bits for any number of threads."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph.targets.cpu.eager.threads import WORTH, run_shared
from tests.bits import assert_bits_equal


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = dg.get_num_threads()
    yield
    dg.set_num_threads(before)


@pytest.mark.parametrize(("threads", "items"), [(1, 1000), (2, 1001), (5, 16 * 64), (3, 64)])
def test_every_item_is_done_once_in_fixed_chunks(threads: int, items: int) -> None:
    done: list[tuple[int, int]] = []
    lock = threading.Lock()

    def entry(block: int, lo: int, hi: int) -> None:
        with lock:
            done.append((lo, hi))

    dg.set_num_threads(threads)
    run_shared(entry, 0, items, 64)
    covered = [i for lo, hi in sorted(done) for i in range(lo, hi)]
    assert covered == list(range(items))
    if threads > 1 and items >= 64 * WORTH:
        assert {lo % 64 for lo, _ in done} == {0}


def test_the_bits_do_not_depend_on_threads() -> None:
    x = dg.tensor(np.random.default_rng(0).standard_normal((4, 16, 40, 40)).astype(np.float32))
    weight = x[:, :, :3, :3] * 1
    found = []
    for threads in (1, 2, 4):
        dg.set_num_threads(threads)
        found.append([F.conv2d(x, weight), F.max_pool2d(x, 2), dg.sort(x, 1).values])
    for several in found[1:]:
        for a, b in zip(found[0], several, strict=True):
            assert_bits_equal(a.numpy(), b.numpy())
