"""The module table is complete: every class, each in the modes it knows, each of its arguments."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn
from tests.nn.module_row import ModuleRow, module_of
from tests.nn.module_table import ROWS

ELSEWHERE = {  # classes without a row, and the tests that they have instead
    "Module": "tests/nn/test_nn.py, tests/nn/test_module_tree.py",
    "ModuleList": "tests/nn/test_nn.py, tests/nn/test_module_tree.py",
    "ModuleDict": "tests/nn/test_nn.py, tests/nn/test_module_tree.py",
    "ParameterList": "tests/nn/test_module_tree.py",
    "ParameterDict": "tests/nn/test_module_tree.py",
    "RNNBase": "its subclasses",
    "RNNCellBase": "its subclasses",
    **{n: "tests/nn/test_lazy.py" for n in vars(nn) if n.startswith("Lazy")},
}
UNCHANGED = {  # arguments that no row gives, and why
    **dict.fromkeys(["device", "dtype"], "see the test below"),
    "sparse": "says nothing here; PyTorch's gradients are sparse tensors then",
    "_freeze": "then there is no gradient to compare: tests/nn/test_nn_utils.py",
    "ConvTranspose1d.padding_mode": "zeros is the only one",
    "ConvTranspose2d.padding_mode": "zeros is the only one",
    "ConvTranspose3d.padding_mode": "zeros is the only one",
    "LinearCrossEntropyLoss.options": "None is the only one",
}
CLASSES = {
    name: kind
    for name, kind in vars(nn).items()
    if isinstance(kind, type) and issubclass(kind, nn.Module) and name not in ELSEWHERE
}


def rows_of(name: str) -> list[ModuleRow]:
    return [row for row in ROWS if row.name == name]


def changes(module: nn.Module) -> bool:
    """Return whether training changes what the module does, with these arguments."""
    for part in module.modules():
        idle = getattr(part, "p", None) == 0.0 or getattr(part, "dropout", None) == 0.0
        if trains_alone(part) and not idle:
            return True
    return False


def trains_alone(module: nn.Module) -> bool:
    kinds = type(module).__mro__[: type(module).__mro__.index(nn.Module)]
    return any("self.training" in inspect.getsource(kind) for kind in kinds)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_module_runs_in_both_frontends_in_the_modes_that_it_knows(name: str) -> None:
    rows = rows_of(name)
    assert any(row.modes for row in rows), f"{name} has no row that runs in both frontends"
    modes: set[bool] = set()
    for row in rows:
        modes.update(row.modes)
    if any(changes(module_of(dg, row)) for row in rows):
        assert modes == {True, False}, f"{name} runs in one mode only: {modes}"


def arguments(function: Any) -> Iterator[inspect.Parameter]:
    for p in inspect.signature(function).parameters.values():
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name != "self":
            yield p


def given(name: str) -> set[str]:
    """Return the arguments of the constructor that some row gives another value."""
    signature, found = inspect.signature(CLASSES[name]), set()
    for row in rows_of(name):
        for key, value in signature.bind(*row.args, **row.options).arguments.items():
            default = signature.parameters[key].default
            if default is inspect.Parameter.empty or repr(value) != repr(default):
                found.add(key)
    return found


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_argument_has_a_row(name: str) -> None:
    known = {p.name for p in arguments(CLASSES[name])}
    left = {a for a in known - given(name) if not {a, f"{name}.{a}"} & UNCHANGED.keys()}
    assert left == set(), f"no row of {name} gives {sorted(left)}"


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_argument_of_forward_has_a_row(name: str) -> None:
    named = [p.name for p in arguments(CLASSES[name].forward)]
    found: set[str] = set()
    for row in rows_of(name):
        found.update(named[: len(row.inputs)], row.given)
    left = set(named) - found
    assert left == set(), f"no row of {name} calls it with {sorted(left)}"


@pytest.mark.parametrize(
    "name", sorted(n for n, k in CLASSES.items() if "dtype" in inspect.signature(k).parameters)
)
def test_the_dtype_of_every_parameter_is_the_argument(name: str) -> None:
    row = next(r for r in rows_of(name) if "_weight" not in r.options)
    module = module_of(dg, row._replace(options={**row.options, "dtype": dg.float64}))
    held = [*module.parameters(), *module.buffers()]
    assert {t.dtype for t in held if t.is_floating_point()} <= {dg.float64}
    module_of(dg, row._replace(options={**row.options, "device": "cpu"}))


def test_every_module_of_pytorch_is_there_or_there_is_a_reason() -> None:
    torch = pytest.importorskip("torch")
    absent = {
        "CrossMapLRN2d": "not public: LocalResponseNorm",
        "DataParallel": "one device",
        "SyncBatchNorm": "one device",
        "NLLLoss2d": "deprecated: NLLLoss",
        "Container": "deprecated: Module",
    }
    modules = {
        name
        for name, value in vars(torch.nn).items()
        if isinstance(value, type) and issubclass(value, torch.nn.Module)
    }
    assert {name for name in modules if not hasattr(nn, name)} == set(absent)


def test_no_exception_is_stale() -> None:
    names = {name.partition(".")[0] for name in UNCHANGED if "." in name} | set(ELSEWHERE)
    assert names <= set(vars(nn))
    assert not {row.name for row in ROWS} & set(ELSEWHERE)
