"""Values that a traced function reads from closures, globals and attributes: none is stale."""

import types
from functools import partial
from typing import Any

import pytest

import dualgraph as dg
from tests.bits import assert_bits_equal

SCALE = 2.0
WEIGHT = dg.tensor([1.0, 2.0])


class Config:
    scale = 2.0


def times_scale(x: Any) -> Any:
    return x * SCALE


def test_a_closure_number_that_changes() -> None:
    factor = 2.0

    def function(x: Any) -> Any:
        return x * factor

    f = dg.compile(function)
    x = dg.tensor([1.0, 3.0])
    assert f(x).tolist() == [2.0, 6.0]
    factor = 5.0
    assert f(x).tolist() == [5.0, 15.0]
    assert [t.reason for t in f.traces] == ["first call", "closure variable 'factor' changed"]


def test_a_closure_zero_that_changes_its_sign() -> None:
    zero = 0.0

    def function(x: Any) -> Any:
        return x * zero

    f = dg.compile(function)
    x = dg.tensor([1.0])
    assert_bits_equal(f(x), dg.tensor([0.0]))
    zero = -0.0
    assert_bits_equal(f(x), dg.tensor([-0.0]))


def test_a_global_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    f = dg.compile(times_scale)
    assert f(dg.tensor(3.0)).item() == 6.0
    monkeypatch.setitem(globals(), "SCALE", 4.0)
    assert f(dg.tensor(3.0)).item() == 12.0
    assert f.traces[-1].reason == "global 'SCALE' changed"
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    assert f(dg.tensor(3.0)).item() == 6.0
    assert len(f.traces) == 2  # the first trace serves again


def test_a_global_read_by_a_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    f = dg.compile(lambda x: times_scale(x) + 1)
    assert f(dg.tensor(3.0)).item() == 7.0
    monkeypatch.setitem(globals(), "SCALE", 4.0)
    assert f(dg.tensor(3.0)).item() == 13.0
    assert f.traces[-1].reason == "global 'SCALE' changed"


def test_a_global_read_in_an_inner_function(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(x: Any) -> Any:
        def inner(y: Any) -> Any:
            return y * SCALE

        return inner(x)

    f = dg.compile(function)
    assert f(dg.tensor(3.0)).item() == 6.0
    monkeypatch.setitem(globals(), "SCALE", 4.0)
    assert f(dg.tensor(3.0)).item() == 12.0


def test_a_class_attribute_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    f = dg.compile(lambda x: x * Config.scale)
    assert f(dg.tensor(3.0)).item() == 6.0
    monkeypatch.setattr(Config, "scale", 4.0)
    assert f(dg.tensor(3.0)).item() == 12.0
    assert "scale" in f.traces[-1].reason


def test_an_attribute_of_a_python_module_that_changes() -> None:
    helper = types.ModuleType("helper")
    helper.scale = 2.0  # type: ignore[attr-defined]
    f = dg.compile(lambda x: x * helper.scale)  # type: ignore[attr-defined]
    assert f(dg.tensor(3.0)).item() == 6.0
    helper.scale = 4.0  # type: ignore[attr-defined]
    assert f(dg.tensor(3.0)).item() == 12.0
    assert "scale" in f.traces[-1].reason


@pytest.mark.parametrize("container", [[2.0], {"k": 2.0}], ids=["list", "dict"])
def test_a_closure_container_that_is_mutated(container: Any) -> None:
    key = "k" if isinstance(container, dict) else 0

    def function(x: Any) -> Any:
        return x * container[key]

    f = dg.compile(function)
    assert f(dg.tensor(3.0)).item() == 6.0
    container[key] = 4.0
    assert f(dg.tensor(3.0)).item() == 12.0
    assert f.traces[-1].reason == "closure variable 'container' changed"


def test_default_arguments_that_change() -> None:
    def function(x: Any, factor: float = 2.0) -> Any:
        return x * factor

    f = dg.compile(function)
    assert f(dg.tensor(3.0)).item() == 6.0
    function.__defaults__ = (4.0,)
    assert f(dg.tensor(3.0)).item() == 12.0
    assert f.traces[-1].reason == "defaults of function changed"


def test_keyword_only_defaults_that_change() -> None:
    def function(x: Any, *, factor: float = 2.0) -> Any:
        return x * factor

    f = dg.compile(function)
    assert f(dg.tensor(3.0)).item() == 6.0
    function.__kwdefaults__ = {"factor": 4.0}
    assert f(dg.tensor(3.0)).item() == 12.0


def test_a_plain_object_in_the_closure() -> None:
    options = types.SimpleNamespace(scale=2.0)
    f = dg.compile(lambda x: x * options.scale)
    assert f(dg.tensor(3.0)).item() == 6.0
    options.scale = 4.0
    assert f(dg.tensor(3.0)).item() == 12.0


def test_an_object_with_slots_in_the_closure() -> None:
    class Options:
        __slots__ = ("scale",)

    options = Options()
    options.scale = 2.0
    f = dg.compile(lambda x: x * options.scale)
    assert f(dg.tensor(3.0)).item() == 6.0
    options.scale = 4.0
    assert f(dg.tensor(3.0)).item() == 12.0


def test_a_callable_object() -> None:
    class Scale:
        def __init__(self) -> None:
            self.factor = 2.0

        def __call__(self, x: Any) -> Any:
            return x * self.factor * SCALE

    scale = Scale()
    f = dg.compile(scale)
    assert f(dg.tensor(3.0)).item() == 12.0
    scale.factor = 4.0
    assert f(dg.tensor(3.0)).item() == 24.0


def test_a_partial_function() -> None:
    factor = [2.0]

    def function(scale: float, x: Any) -> Any:
        return x * scale * factor[0]

    f = dg.compile(partial(function, 3.0))
    assert f(dg.tensor(1.0)).item() == 6.0
    factor[0] = 4.0
    assert f(dg.tensor(1.0)).item() == 12.0


def test_a_global_tensor_that_is_rebound(monkeypatch: pytest.MonkeyPatch) -> None:
    f = dg.compile(lambda x: x * WEIGHT)
    x = dg.tensor([3.0, 3.0])
    assert f(x).tolist() == [3.0, 6.0]
    monkeypatch.setitem(globals(), "WEIGHT", dg.tensor([5.0, 7.0]))
    assert f(x).tolist() == [15.0, 21.0]
    assert f.traces[-1].reason == "global 'WEIGHT' changed"


def test_a_captured_tensor_that_is_changed_in_place() -> None:
    w = dg.tensor([1.0, 2.0])
    f = dg.compile(lambda x: x * w)
    x = dg.tensor([3.0, 3.0])
    f(x)
    w.add_(1.0)
    assert f(x).tolist() == [6.0, 9.0]
    assert len(f.traces) == 1
