"""How tensors and containers print: PyTorch's text, stored, and compared where it is installed."""

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError

NAN, INF = float("nan"), float("inf")
VALUES: dict[str, Any] = {
    "scalar": 2.5,
    "whole": [1.0, -20.0, 300.0],
    "digits": [0.5, -1.25, 3.14159],
    "small": [1e-5, 1.0],
    "ratio": [0.001, 5.0],
    "large": [1e9, 1.0],
    "at 1e8": [1e8, 1e8],
    "wide whole": [1.0, 2000.0],
    "special": [1.0, NAN, INF, -INF],
    "special digits": [1.5, NAN, -INF],
    "only special": [NAN, INF],
    "zeros": [0.0, -0.0],
    "tiny": 1e-30,
    "ints": [1, -20, 300],
    "bools": [True, False],
    "empty": [],
    "matrix": [[1.0, 2.5], [-3.0, 4.0]],
    "long line": (np.arange(58) / 7).tolist(),
    "three axes": np.arange(12.0).reshape(2, 3, 2).tolist(),
    "summary": np.arange(1200.0).tolist(),
    "summary of rows": (np.arange(2000.0).reshape(50, 40) / 3).tolist(),
    "summary of narrow rows": np.arange(3000).reshape(1000, 3).tolist(),
    "four axes": np.arange(16).reshape(2, 2, 2, 2).tolist(),
}


@pytest.mark.parametrize("dtype", [None, "float64", "int32"])
@pytest.mark.parametrize("name", VALUES)
def test_tensors_print_as_pytorchs(name: str, dtype: str | None) -> None:
    torch = pytest.importorskip("torch")
    value = VALUES[name]
    if dtype == "int32" and not np.all(np.isfinite(value)):
        value = [1, 2]
    ours = dg.tensor(value, dtype=dtype)
    theirs = torch.tensor(value, dtype=getattr(torch, dtype) if dtype else None)
    assert repr(ours) == repr(theirs).replace("torch.", "dualgraph.")
    if theirs.is_floating_point() and dtype is None:  # a longer dtype is wrapped elsewhere
        assert repr(ours.requires_grad_() * 2) == repr(theirs.requires_grad_() * 2).replace(
            "torch.", "dualgraph."
        )
        assert repr(ours) == repr(theirs).replace("torch.", "dualgraph.")


def test_shapes_of_nothing() -> None:
    torch = pytest.importorskip("torch")
    for shape in ((0,), (0, 3), (2, 0)):
        for dtype in ("float32", "int64"):
            ours = dg.zeros(shape, dtype=dtype)
            theirs = torch.zeros(shape, dtype=getattr(torch, dtype))
            assert repr(ours) == repr(theirs).replace("torch.", "dualgraph.")


def test_stored_texts() -> None:
    x = dg.tensor([0.5, -1.25], requires_grad=True)
    assert repr(x) == "tensor([ 0.5000, -1.2500], requires_grad=True)"
    assert repr(x * 1000) == "tensor([  500., -1250.], grad_fn=<MulBackward0>)"
    assert repr(dg.tensor([1e-6, 1.0])) == "tensor([1.0000e-06, 1.0000e+00])"
    assert repr(dg.zeros(0, 2, dtype="int64")) == "tensor([], size=(0, 2), dtype=dualgraph.int64)"


def test_formats_are_those_of_the_number() -> None:
    x = dg.tensor(0.1)
    assert f"{x}" == str(x.item())
    assert f"{x:.2f} {dg.tensor(3):03d}" == "0.10 003"
    assert f"{dg.tensor([1.0])}" == "tensor([1.])"
    with pytest.raises(TypeError):
        f"{dg.tensor([1.0]):.2f}"


def build(nn: Any) -> list[Any]:
    """Return containers of many kinds, made of the same parts."""
    rows = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    rows.append(nn.ReLU()).extend([nn.ReLU(), nn.Sequential(nn.Dropout(0.1), nn.Tanh())])
    named = nn.ModuleDict({"a": nn.Linear(2, 1), "b": nn.Sequential()})
    named.update([("c", nn.Embedding(4, 3, padding_idx=1))])
    row = nn.Sequential(OrderedDict(a=nn.Linear(2, 3), b=nn.Sigmoid(), c=nn.Identity()))
    row.append(nn.Dropout2d(0.25))
    short = nn.ModuleList([nn.ReLU(), nn.Tanh(), nn.ReLU()])
    short.insert(1, nn.Linear(1, 1))
    del short[0]
    losses = [nn.MSELoss(), nn.CrossEntropyLoss(), nn.CTCLoss(), nn.EmbeddingBag(4, 3)]
    return [rows, named, row, row[1:], rows[:2], rows[-1], nn.ModuleList(), short, *losses]


def test_containers_print_as_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    for a, b in zip(build(nn), build(torch.nn), strict=True):
        assert repr(a) == repr(b)
        assert list(a.state_dict()) == list(b.state_dict())


def test_lists_behave_as_lists() -> None:
    one, two, three = nn.ReLU(), nn.Tanh(), nn.Linear(1, 1)
    held = nn.ModuleList([one, two])
    held.insert(0, three)
    assert list(held) == [three, one, two]
    assert [n for n, _ in held.named_parameters()] == ["0.weight", "0.bias"]
    held[1] = three
    assert held[1] is three
    assert held.pop() is two
    assert len(held) == 2
    held += [one]
    assert held[-1] is one
    with pytest.raises(IndexError):
        held[5]
    with pytest.raises(ArgumentError, match="part 3 is a int"):
        held.append(3)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        held(dg.ones(1))


def test_dicts_behave_as_dicts() -> None:
    held = nn.ModuleDict([("a", nn.ReLU())])
    held["b"] = nn.Tanh()
    held.update({"c": nn.Sigmoid(), "a": nn.Identity()})
    assert list(held) == list(held.keys()) == ["a", "b", "c"]
    assert isinstance(held["a"], nn.Identity)
    assert dict(held.items())["b"] is held["b"]
    assert held.pop("b").__class__ is nn.Tanh
    assert "b" not in held
    assert len(held) == len(list(held.values())) == 2
    with pytest.raises(KeyError):
        held["b"]
    with pytest.raises(ArgumentError, match="'keys' cannot name"):
        held["keys"] = nn.ReLU()
    held.clear()
    assert not len(held)
