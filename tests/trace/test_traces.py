"""Traces: made once for a kind of call, bounded in number, each with its reason."""

import gc
from typing import Any

import pytest

import dualgraph as dg
from dualgraph.errors import RetraceWarning, TraceError
from dualgraph.targets.cpu.toolchain.native import stats
from tests.trace.programs import batch, mlp, momentum, train_step


def test_the_second_call_runs_no_python_and_compiles_nothing() -> None:
    calls = []
    model = mlp()
    opt = momentum(model)
    inner = train_step(model, opt)

    def step(x: Any, y: Any) -> Any:
        calls.append(None)
        return inner(x, y)

    f = dg.compile(lambda x, y: (step(x, y), x * 2)[0])
    x, y = batch(0)
    f(x, y)
    f(x, y)
    before = len(calls), stats.compiled, stats.loaded, len(f.traces)
    for _ in range(3):
        f(x, y)
    assert (len(calls), stats.compiled, stats.loaded, len(f.traces)) == before
    assert len(calls) <= 2


def test_the_collector_is_as_it_was_after_a_trace() -> None:
    seen = []
    f = dg.compile(lambda x: seen.append(gc.isenabled()) or bool(x))
    with pytest.raises(TraceError):
        f(dg.tensor(1.0))
    assert seen == [False]
    assert gc.isenabled()


def test_many_traces_warn() -> None:
    f = dg.compile(lambda x, n: x + n)
    x = dg.tensor(1.0)
    for n in range(15):
        f(x, n)
    with pytest.warns(RetraceWarning, match=r"was traced 16 times, last because: other arguments"):
        assert f(x, 15).item() == 16.0


@pytest.mark.filterwarnings("ignore::dualgraph.errors.RetraceWarning")
def test_the_list_of_traces_is_bounded() -> None:
    f = dg.compile(lambda x, n: x + n)
    x = dg.tensor(1.0)
    for n in range(70):
        assert f(x, n).item() == 1.0 + n
    assert len(f.traces) == 64
    assert sum(len(kept) for kept in f.entries.values()) == 64
    assert f(x, 0).item() == 1.0


@pytest.mark.filterwarnings("ignore::dualgraph.errors.RetraceWarning")
def test_the_trace_that_was_not_used_for_the_longest_time_is_dropped() -> None:
    f = dg.compile(lambda x, n: x + n)
    x = dg.tensor(1.0)
    for n in range(64):
        f(x, n)
    f(x, 0)
    f(x, 64)  # drops that of 1
    f(x, 0)
    assert (len(f.traces), f.made) == (64, 65)
    f(x, 1)
    assert (len(f.traces), f.made) == (64, 66)


def test_reasons_are_written_like_the_calls() -> None:
    f = dg.compile(lambda shape, x, scale=1.0: x * scale if shape else x)
    x = dg.ones(2, 1)
    f((), x)
    f(((), [(), "a"]), x, scale=0.5)
    assert f.traces[-1].reason == (
        "other arguments are new: ((), [(), 'a']), tensor, scale=0.5 after (), tensor"
    )
    f((), dg.ones(3, dtype=dg.int64).t())
    assert f.traces[-1].reason == "tensors are new: int64 (3,) after float32 (2, 1)"


def test_explain_names_reasons_passes_and_costs() -> None:
    f = dg.compile(lambda x: dg.exp(x * 1))
    f(dg.ones(3))
    text = f.explain()
    assert "trace 0: first call" in text
    assert "simplify: 3 -> 2 nodes" in text
    assert "1 calls of 1 kernels" in text


def test_a_trace_says_what_it_is_in_one_line() -> None:
    """In a terminal, ``f.traces`` must not print arrays and graphs."""
    f = dg.compile(lambda x: (x.exp() * 2).sum())
    f(dg.ones(3))
    said = "<Trace (first call): 4 ops in <Program: 1 calls, 0 bytes of scratch memory>>"
    assert repr(f.last) == said
