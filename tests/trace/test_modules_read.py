"""Modules that a traced function calls or reads: their attributes, modes and parts."""

import copy
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import TraceError
from tests.bits import assert_bits_equal

SCALE = 2.0


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = 2.0
        self.table = {"shift": 1.0}

    def forward(self, x: Any) -> Any:
        if self.training:
            x = x + 100
        return self.scaled(x)

    def scaled(self, x: Any) -> Any:
        return x * self.factor + self.table["shift"] + SCALE


def test_module_attributes_that_change(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Scaled().eval()
    f = dg.compile(model)
    assert f(dg.tensor(1.0)).item() == 5.0
    model.factor = 3.0
    assert f(dg.tensor(1.0)).item() == 6.0
    assert f.traces[-1].reason == "attribute 'factor' of Scaled changed"
    model.table["shift"] = 2.0
    assert f(dg.tensor(1.0)).item() == 7.0
    assert f.traces[-1].reason == "attribute 'table' of Scaled changed"
    monkeypatch.setitem(globals(), "SCALE", 4.0)  # read in a method that forward calls
    assert f(dg.tensor(1.0)).item() == 9.0


def test_train_and_eval_and_back() -> None:
    model = Scaled()
    f = dg.compile(model)
    assert f(dg.tensor(1.0)).item() == 205.0
    model.eval()
    assert f(dg.tensor(1.0)).item() == 5.0
    assert f.traces[-1].reason == "attribute 'training' of Scaled changed"
    model.train()
    assert f(dg.tensor(1.0)).item() == 205.0
    assert len(f.traces) == 2


@pytest.mark.parametrize("how", ["method", "closure", "attribute"])
def test_train_and_eval_of_a_module_that_is_not_called(how: str) -> None:
    model = Scaled()
    functions = {
        "method": model.forward,
        "closure": lambda x: model.forward(x),
        "attribute": lambda x: x * 2 + (103 if model.training else 3) + 100 * model.training,
    }
    function = functions[how]
    f = dg.compile(function)
    x = dg.tensor(1.0)
    assert f(x).item() == function(x).item() == 205.0
    model.eval()
    assert f(x).item() == function(x).item() == 5.0


def test_a_compiled_module_is_the_module_in_all_but_the_call() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))
    model = dg.compile(module)
    assert model.eval() is model  # so that model = dg.compile(module).eval() stays compiled
    assert not module.training
    model.training = True
    assert module.training
    model.note = "kept"
    assert module.note == "kept"
    del model.note
    assert not hasattr(module, "note")
    assert repr(model) == f"compiled {module!r}"
    assert model.double().state_dict().keys() == module.state_dict().keys()
    assert model(dg.ones(1, 2, dtype=dg.float64)).dtype == dg.float64
    assert copy.deepcopy(model).eval()(dg.ones(1, 2, dtype=dg.float64)).shape == (1, 3)


def test_a_layer_that_is_replaced_through_the_compiled_module_is_seen() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 3)

        def forward(self, x: Any) -> Any:
            return self.layer(x)

    model = dg.compile(Model())
    assert model(dg.ones(1, 2)).shape == (1, 3)
    model.layer = nn.Linear(2, 5)
    assert model(dg.ones(1, 2)).shape == (1, 5)


def test_a_compiled_module_as_a_part_is_found_by_parameters() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = dg.compile(nn.Linear(2, 3))
            self.head = nn.Sequential(dg.compile(nn.Linear(3, 1)), nn.Tanh())

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x))

    model = Model()
    assert [n for n, _ in model.named_parameters()] == [
        "body.weight",
        "body.bias",
        "head.0.weight",
        "head.0.bias",
    ]
    assert isinstance(model.body, nn.Linear)
    x = dg.ones(1, 2)
    expected = nn.Sequential.forward(model.head, model.body.forward(x))
    assert_bits_equal(model(x), expected)
    assert_bits_equal(dg.compile(model)(x), expected)


def test_a_forward_that_sets_an_attribute_is_refused() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        def forward(self, x: Any) -> Any:
            self.calls = self.calls + 1
            return x * self.calls

    with pytest.raises(TraceError, match=r"Counting sets the attribute 'calls'"):
        dg.compile(Counting())(dg.ones(1))
