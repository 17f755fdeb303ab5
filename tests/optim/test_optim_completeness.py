"""Every optimizer and every schedule has rows, and so has each of their arguments."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import optim
from dualgraph.optim import lr_scheduler
from dualgraph.optim.optimizer import HINTS
from tests.optim import test_lr_schedulers, test_optimizers

OPTIMIZERS = {
    name: kind
    for name, kind in vars(optim).items()
    if isinstance(kind, type) and issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer
}
SCHEDULES = {
    name: kind
    for name, kind in vars(lr_scheduler).items()
    if isinstance(kind, type) and hasattr(kind, "get_last_lr") and name != "LRScheduler"
}


def rows_of(name: str) -> Iterator[dict[str, Any]]:
    """Yield the options with which an optimizer is run in both frontends."""
    if name == "LBFGS":
        yield from test_optimizers.LBFGS_ROWS
    yield from (options for n, options in test_optimizers.ROWS if n == name)


def unchanged(kind: Any, rows: list[dict[str, Any]], left_out: set[str]) -> set[str]:
    """Return the arguments that every row leaves at their defaults."""
    signature = inspect.signature(kind)
    known = {p.name: p.default for p in signature.parameters.values() if p.name not in left_out}
    return {a for a, d in known.items() if all(row.get(a, d) == d for row in rows)}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_option_of_an_optimizer_has_a_row(name: str) -> None:
    left = unchanged(OPTIMIZERS[name], list(rows_of(name)), {"params", *HINTS})
    assert left == set(), f"no row of {name} changes {sorted(left)}"


class Recorder:
    """Stands in for the module of schedules, and notes what each is made with."""

    def __init__(self) -> None:
        self.seen: dict[str, list[dict[str, Any]]] = {}

    def __getattr__(self, name: str) -> Any:
        kind = getattr(lr_scheduler, name)

        def make(*args: Any, **kwargs: Any) -> Any:
            bound = inspect.signature(kind).bind(*args, **kwargs).arguments
            self.seen.setdefault(name, []).append(bound)
            return kind(*args, **kwargs)

        return make


def recorded() -> dict[str, list[dict[str, Any]]]:
    recorder = Recorder()
    for make in test_lr_schedulers.ROWS.values():
        make(recorder, test_lr_schedulers.optimizer_of(optim, dg.tensor))
    return recorder.seen


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_every_argument_of_a_schedule_has_a_row(name: str) -> None:
    rows = recorded().get(name, [])
    left = unchanged(SCHEDULES[name], rows, {"optimizer", "last_epoch"})
    assert left == set(), f"no row of {name} changes {sorted(left)}"


def test_every_optimizer_and_schedule_of_pytorch_is_there_or_there_is_a_reason() -> None:
    torch = pytest.importorskip("torch")
    absent = {
        "SparseAdam": "no sparse tensors",
        "Muon": "it orthogonalises in bfloat16, which does not exist here",
        "Adafactor": "not written yet",
    }
    theirs = {
        n
        for n, kind in vars(torch.optim).items()
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)
    }
    assert {n for n in theirs if not hasattr(optim, n)} == set(absent)
    names = {n for n in torch.optim.lr_scheduler.__all__ if not hasattr(lr_scheduler, n)}
    assert names == set()
