"""Names, order and defaults of arguments are PyTorch's, or the difference is in the table below."""

import inspect
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest

import dualgraph as dg

torch = pytest.importorskip("torch")

NAMESPACES = (
    *("nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "nn.utils.parametrize"),
    *("nn.utils.parametrizations", "nn.Module", "optim", "optim.lr_scheduler"),
    *("optim.swa_utils", "optim.Optimizer", "utils.data", "autograd", "autograd.graph"),
)
IGNORED = {"out", "layout", "pin_memory", "memory_format", "_stacklevel"}
# absent here; what PyTorch has behind them is given by keyword, so that no position is mistaken
DEPRECATED = {"size_average", "reduce", "min_value", "max_value", "grad_variables"}
KNOWN = {
    "nn.Module.state_dict": "positional arguments are deprecated",
    "nn.RNNCellBase": "num_chunks follows from the class",
    "nn.utils.rnn.PackedSequence": "a plain tuple: batch_sizes must be given",
    "nn.functional.softmax": "dim must be given; PyTorch guesses it, and warns",
    "nn.functional.log_softmax": "dim must be given; PyTorch guesses it, and warns",
    "nn.functional.softmin": "dim must be given; PyTorch guesses it, and warns",
    "nn.functional.gumbel_softmax": "eps is deprecated",
    "utils.data.Sampler": "data_source is ignored, as it was in PyTorch",
    "utils.data.random_split": "generator: None is the default one",
    "autograd.gradgradcheck": "checks of batched and forward derivatives do not exist",
    "autograd.no_grad": "PyTorch hides that it takes a function to decorate, as enable_grad does",
    "autograd.graph.save_on_cpu": "there is no other device",
    "autograd.graph.Node": "a class of our own",
}
Argument = tuple[str, str, Any]


def at(space: Any, path: str) -> Any:
    return attrgetter(f"x.{path}")(SimpleNamespace(x=space))


def pairs() -> list[tuple[str, Any, Any]]:
    """Return (name, PyTorch's, ours) of what both have and is callable."""
    found = []
    for path in NAMESPACES:
        ours, theirs = at(dg, path), at(torch, path)
        for name in dir(ours):
            mine, other = getattr(ours, name), getattr(theirs, name, None)
            own = (getattr(mine, "__module__", None) or "").startswith("dualgraph")
            if name[0] != "_" and callable(mine) and callable(other) and own:
                found.append((f"{path}.{name}", other, mine))
    return found


def arguments(function: Any) -> list[Argument] | None:
    """Return (name, kind, default) of each; None where Python does not know them."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return None
    given = [p for p in signature.parameters.values() if p.name not in {*IGNORED, "self"}]
    if given and all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in given):
        return None
    return [(p.name, p.kind.name, _plain(p.default)) for p in given]


def _plain(default: Any) -> Any:
    if callable(default) and default is not inspect.Parameter.empty:
        return default.__name__  # of a function: relu
    return default


def without_deprecated(given: list[Argument]) -> list[Argument]:
    kept, seen = [], False
    for name, kind, default in given:
        seen = seen or name in DEPRECATED
        positional = kind == "POSITIONAL_OR_KEYWORD"
        if name not in DEPRECATED:
            kept.append((name, "KEYWORD_ONLY" if seen and positional else kind, default))
    return kept


def differs(theirs: Any, ours: Any) -> bool:
    expected, found = arguments(theirs), arguments(ours)
    if expected is None or found is None:
        return False
    return without_deprecated(expected) != without_deprecated(found)


PAIRS = pairs()


@pytest.mark.parametrize(("name", "theirs", "ours"), PAIRS, ids=[name for name, _, _ in PAIRS])
def test_arguments_are_pytorchs(name: str, theirs: Any, ours: Any) -> None:
    if name not in KNOWN and differs(theirs, ours):
        assert arguments(ours) == without_deprecated(arguments(theirs) or [])


def test_the_table_of_differences_holds_no_more() -> None:
    stale = [name for name, theirs, ours in PAIRS if name in KNOWN and not differs(theirs, ours)]
    assert stale == []
    assert set(KNOWN) <= {name for name, _, _ in PAIRS}


def test_forward_takes_pytorchs_names() -> None:
    """The tensors of a layer may be given by keyword."""
    for name, kind in vars(dg.nn).items():
        is_module = isinstance(kind, type) and issubclass(kind, dg.nn.Module)
        if is_module and hasattr(torch.nn, name) and not name.startswith("Lazy"):
            theirs, ours = arguments(getattr(torch.nn, name).forward), arguments(kind.forward)
            assert theirs is None or ours is None or ours == theirs, name
    x, y = dg.ones(2), dg.zeros(2)
    assert dg.nn.MSELoss()(input=x, target=y).item() == 1.0
    assert dg.nn.ReLU()(input=x).tolist() == [1.0, 1.0]


def test_enough_is_compared() -> None:
    assert len(PAIRS) > 400
