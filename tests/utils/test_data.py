"""Datasets, samplers, collating and the loader: one order, whatever the workers do."""

import gc
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import DataError, ShapeError
from dualgraph.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)

Point = namedtuple("Point", ["x", "y"])


class Squares(Dataset):
    """Squares, with noise from the default stream."""

    def __init__(self, count: int = 20, delay: float = 0.0, broken: int = -1) -> None:
        self.count, self.delay, self.broken = count, delay, broken

    def __getitem__(self, index: int) -> Any:
        if index == self.broken:
            raise KeyError(f"no sample {index}")
        time.sleep(self.delay * (index % 3))
        return index * index, dg.rand(2) + index

    def __len__(self) -> int:
        return self.count


class Shards(IterableDataset):
    """Counts; each worker takes its share."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        return iter(range(self.count)[info.id :: info.num_workers] if info else range(self.count))


def own_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("dualgraph-data")]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    gc.collect()
    limit = time.monotonic() + 5
    while own_threads() and time.monotonic() < limit:
        time.sleep(0.01)
    assert own_threads() == []


def flat(batches: Any) -> list[Any]:
    return [[np.asarray(part).tolist() for part in batch] for batch in batches]


# --- datasets and samplers -----------------------------------------------------------------------


def test_datasets_put_together() -> None:
    numbers = TensorDataset(dg.arange(6), dg.arange(6) * 10)
    part = Subset(numbers, [5, 1])
    both = numbers + part
    assert isinstance(both, ConcatDataset)
    assert [int(x) for x, _ in (both[i] for i in range(len(both)))] == [0, 1, 2, 3, 4, 5, 5, 1]
    assert int(both[-1][1]) == 10
    with pytest.raises(IndexError, match="index 8 of a ConcatDataset with 8"):
        both[8]
    assert list(Shards(2) + Shards(3)) == [0, 1, 0, 1, 2]
    assert len(StackDataset(numbers, numbers)) == 6
    assert StackDataset(a=[1, 2], b="xy")[1] == {"a": 2, "b": "y"}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: TensorDataset(dg.ones(2), dg.ones(3, 1)), ShapeError, r"\(2,\), \(3, 1\)"),
        (lambda: TensorDataset(dg.tensor(1.0)), ShapeError, "one first extent"),
        (lambda: StackDataset([1], [1, 2]), DataError, r"\[1, 2\]"),
        (lambda: ConcatDataset([]), DataError, "at least one"),
        (lambda: ConcatDataset([Shards(1)]), DataError, "use ChainDataset"),
        (lambda: list(ChainDataset([[1]])), DataError, "got list"),
        (lambda: random_split(range(5), [2, 2]), DataError, "do not add up to the 5"),
        (lambda: RandomSampler([]), DataError, "positive int, got 0"),
        (lambda: BatchSampler(range(3), 0, False), DataError, "positive int, got 0"),
        (lambda: WeightedRandomSampler([[1.0]], 1), DataError, "weights are a vector"),
    ],
)
def test_what_does_not_fit_is_named(make: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_random_split_is_a_partition_and_repeats() -> None:
    parts = random_split(range(10), [0.5, 0.3, 0.2], dg.Generator().manual_seed(3))
    again = random_split(range(10), [5, 3, 2], dg.Generator().manual_seed(3))
    assert [list(p) for p in parts] == [list(p) for p in again]
    assert sorted(x for p in parts for x in p) == list(range(10))
    assert [len(p) for p in random_split(range(7), [0.5, 0.5])] == [4, 3]


def test_samplers() -> None:
    g = dg.Generator().manual_seed(0)
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    assert sorted(RandomSampler("abcd", generator=g)) == [0, 1, 2, 3]
    assert len(list(RandomSampler("ab", num_samples=5, generator=g))) == 5
    assert set(RandomSampler("ab", replacement=True, num_samples=9, generator=g)) <= {0, 1}
    assert sorted(SubsetRandomSampler([7, 8, 9], generator=g)) == [7, 8, 9]
    assert set(WeightedRandomSampler([0.0, 1.0, 1.0], 20, generator=g)) == {1, 2}
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, True)) == 2


# --- collating ------------------------------------------------------------------------------------


def test_collate_goes_into_structures() -> None:
    sample = {"p": Point(1, 2.5), "n": [np.float32(3), True], "s": "word", "a": np.ones(2, "i2")}
    out = default_collate([sample, sample])
    assert isinstance(out["p"], Point)
    assert (out["p"].x.dtype, out["p"].y.dtype) == (dg.int64, dg.float64)
    assert (out["n"][0].dtype, out["n"][1].dtype) == (dg.float32, dg.bool)
    assert out["s"] == ["word", "word"]
    assert (out["a"].dtype, tuple(out["a"].shape)) == (dg.int16, (2, 2))
    assert isinstance(default_collate([OrderedDict(a=1)]), OrderedDict)
    assert type(default_collate([(1, 2), (3, 4)])) is list


def test_collate_keeps_gradients() -> None:
    x = dg.ones(2, requires_grad=True)
    default_collate([x, x * 2]).sum().backward()
    assert x.grad.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        (
            [{"x": dg.ones(2)}, {"x": dg.ones(3)}],
            r"shape \(in \['x'\].*\(2,\), sample 1 has \(3,\)",
        ),
        ([np.ones(1), np.ones(1, "f4")], "dtype: sample 0 of the batch has float64"),
        ([{"a": 1}, {"b": 1}], r"keys.*\['a'\], sample 1 has \['b'\]"),
        ([(1, 2), (1,)], "length 2, sample 1 has length 1"),
        ([1, "a"], "int, sample 1 has str"),
        ([(None,)], r"NoneType \(in \[0\] of the sample\)"),
        ([np.array(["a"])], "default_collate"),
        ([], "no samples"),
    ],
)
def test_collate_names_what_differs(batch: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        default_collate(batch)


def test_convert_leaves_batches_alone() -> None:
    out = default_convert({"a": np.ones(2), "b": ("x", np.int64(3)), "p": Point(1, [2])})
    assert out["a"].dtype == dg.float64
    assert out["b"][0] == "x"
    assert out["b"][1].item() == 3
    assert out["p"] == Point(1, [2])


# --- the loader -----------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_and_draws_do_not_depend_on_workers(workers: int, shuffle: bool) -> None:
    def run(n: int) -> list[Any]:
        dg.manual_seed(5)
        loader = DataLoader(Squares(delay=0.001), batch_size=3, shuffle=shuffle, num_workers=n)
        out = []
        for _ in range(2):
            for batch in loader:
                dg.rand(1)  # what the model draws changes nothing
                out.append(batch)
        return [*flat(out), dg.get_rng_state().tolist()]

    assert run(workers) == run(0)


def test_a_seed_gives_one_order() -> None:
    def order(seed: int) -> list[Any]:
        g = dg.Generator().manual_seed(seed)
        return flat(DataLoader(TensorDataset(dg.arange(16)), 4, shuffle=True, generator=g))

    assert order(1) == order(1) != order(2)
    before = dg.get_rng_state()
    order(1)
    assert before.tolist() == dg.get_rng_state().tolist()


def test_rows_of_a_tensor_dataset_are_what_collating_gives() -> None:
    data = Subset(TensorDataset(dg.randn(9, 2), dg.arange(9)), [8, 0, 3, 5, 5])
    quick = flat(DataLoader(data, 2))
    assert quick == flat(DataLoader(data, 2, collate_fn=lambda b: default_collate(b)))


def test_sizes() -> None:
    data = TensorDataset(dg.arange(7))
    assert [len(DataLoader(data, 3, drop_last=d)) for d in (False, True)] == [3, 2]
    assert len(list(DataLoader(data, 3, drop_last=True))) == 2
    assert len(DataLoader(data, batch_size=None)) == 7
    assert [x.item() for (x,) in DataLoader(data, batch_size=None)] == list(range(7))
    assert flat(DataLoader(data, batch_sampler=[[0], [6, 1]])) == [[[0]], [[6, 1]]]
    assert flat(DataLoader(data, 2, sampler=[3, 2, 1])) == [[[3, 2]], [[1]]]
    assert flat(DataLoader({"k": (1,)}, sampler=["k"])) == [[[1]]]


@pytest.mark.parametrize(("workers", "expected"), [(0, [[0, 1], [2, 3], [4]]), (2, None)])
def test_iterable_datasets(workers: int, expected: Any) -> None:
    batches = [b.tolist() for b in DataLoader(Shards(5), 2, num_workers=workers)]
    assert batches == (expected or [[0, 2], [1, 3], [4]])
    assert [b.item() for b in DataLoader(Shards(3), None, num_workers=0, collate_fn=dg.tensor)]
    assert len([*DataLoader(Shards(5), 2, num_workers=workers, drop_last=True)]) == 2


def test_fetching_a_whole_batch_at_once() -> None:
    class Whole(Squares):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return [10 * i for i in indices]

    assert next(iter(DataLoader(Whole(), 3))).tolist() == [0, 10, 20]


def test_workers_know_who_they_are() -> None:
    started = []
    data = Squares(8)
    data.__class__ = type("Who", (Squares,), {"__getitem__": lambda s, i: get_worker_info().id})
    loader = DataLoader(data, 2, num_workers=2, worker_init_fn=started.append)
    assert [b.tolist() for b in loader] == [[0, 0], [1, 1], [0, 0], [1, 1]]
    assert sorted(started) == [0, 1]
    assert get_worker_info() is None


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_says_where(workers: int) -> None:
    with pytest.raises(KeyError, match="no sample 7") as caught:
        list(DataLoader(Squares(broken=7), 2, num_workers=workers))
    text = "".join(traceback.format_exception(caught.value))
    assert "raise KeyError" in text  # the line in the dataset
    assert "raised by dataset[7]" in text
    assert ("worker 'dualgraph-data-1', while reading batch 3" in text) == bool(workers)


def test_other_errors_of_datasets() -> None:
    data = [dg.ones(2), dg.ones(2), dg.ones(4)]
    with pytest.raises(DataError, match=r"they are dataset\[1\] and dataset\[2\]"):
        list(DataLoader(data, batch_sampler=[[1, 0, 2]]))

    class Stops(Squares):
        def __getitem__(self, index: int) -> Any:
            raise StopIteration

    with pytest.raises(DataError, match=r"dataset\[0\] raised StopIteration"):
        list(DataLoader(Stops()))

    def fail(_: int) -> None:
        raise OSError("no such disk")

    with pytest.raises(OSError, match="no such disk") as caught:
        list(DataLoader(Squares(), num_workers=1, worker_init_fn=fail))
    assert "worker_init_fn" in caught.value.__notes__[0]


def test_a_loop_left_early_ends_its_threads() -> None:
    loader = DataLoader(Squares(1000, delay=0.001), num_workers=3)
    for _ in loader:
        assert len(own_threads()) == 3
        break
    assert own_threads() == []


def test_persistent_workers_stay() -> None:
    loader = DataLoader(Squares(6), 2, num_workers=2, persistent_workers=True)
    next(iter(loader))
    first = {t.ident for t in threading.enumerate()}
    assert len(list(loader)) == 3
    assert {t.ident for t in threading.enumerate()} == first
    a, b = iter(loader), iter(loader)  # two passes at once
    assert [next(a)[0].tolist(), next(b)[0].tolist()] == [[0, 1], [0, 1]]


def test_a_slow_worker_times_out() -> None:
    class Stuck(Squares):
        def __getitem__(self, index: int) -> Any:
            time.sleep(0.3)

    with pytest.raises(DataError, match=r"'dualgraph-data-0' did not deliver batch 0 within"):
        list(DataLoader(Stuck(), num_workers=1, timeout=0.05))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"multiprocessing_context": "spawn"}, "workers are threads"),
        ({"num_workers": -1}, "must not be negative"),
        ({"prefetch_factor": 2}, "needs workers"),
        ({"persistent_workers": True}, "needs num_workers"),
        ({"sampler": [0], "shuffle": True}, "not both"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "excludes"),
        ({"batch_size": None, "drop_last": True}, "excludes drop_last"),
        ({"batch_size": 0}, "positive int"),
        ({"dataset": []}, r"\(list\) is empty"),
        ({"dataset": iter([1])}, "no __getitem__ and no __len__"),
        ({"dataset": Shards(2), "shuffle": True}, "order of its own"),
        ({"dataset": Shards(2), "sampler": [1]}, "takes no sampler"),
    ],
)
def test_arguments_that_exclude_each_other(options: dict, text: str) -> None:
    with pytest.raises(DataError, match=text):
        DataLoader(**{"dataset": [1, 2, 3], **options})


def test_a_loader_is_not_read_while_tracing() -> None:
    loader = DataLoader(TensorDataset(dg.ones(2)))
    with pytest.raises(DataError, match="while a function is traced"):
        dg.compile(lambda x: next(iter(loader))[0] + x)(dg.ones(1))


SCRIPT = """
import os, signal, sys, threading, time
import dualgraph as dg
from dualgraph.utils.data import DataLoader

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start us without one

class Slow:
    def __len__(self): return 1000
    def __getitem__(self, i):
        if i == 6 and sys.argv[1] == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        return i

loader = DataLoader(Slow(), num_workers=2, persistent_workers=sys.argv[1] == "exit")
kept = iter(loader)
try:
    for i, _ in enumerate(kept):
        if i == 3 and sys.argv[1] == "exit":
            sys.exit(3)
except KeyboardInterrupt:
    del kept
    print("interrupted", [t.name for t in threading.enumerate() if "data" in t.name])
"""


@pytest.mark.parametrize(
    ("how", "code", "text"), [("exit", 3, ""), ("interrupt", 0, "interrupted []")]
)
def test_interpreter_exit_and_interrupt(how: str, code: int, text: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (code, text, "")
