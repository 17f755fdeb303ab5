"""What can be compiled: functions in functions, methods, copies; each with its own traces."""

import copy
from typing import Any

import dualgraph as dg
from tests.bits import assert_bits_equal
from tests.trace.programs import mlp, numbers


def test_nested_compile() -> None:
    factor = 2.0
    inner = dg.compile(lambda x: x * factor)
    outer = dg.compile(lambda x: inner(x) + 1)
    assert outer(dg.tensor(3.0)).item() == 7.0
    assert not inner.traces
    factor = 4.0
    assert outer(dg.tensor(3.0)).item() == 13.0
    assert inner(dg.tensor(3.0)).item() == 12.0


def test_compile_of_a_compiled_function_is_itself() -> None:
    f = dg.compile(lambda x: x)
    assert dg.compile(f) is f


def test_a_bound_method() -> None:
    class Scale:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def apply(self, x: Any) -> Any:
            return x * self.factor

    scale = Scale(2.0)
    f = dg.compile(scale.apply)
    assert f(dg.tensor(3.0)).item() == 6.0
    scale.factor = 4.0
    assert f(dg.tensor(3.0)).item() == 12.0
    assert f.traces[-1].reason == "an attribute of Scale changed"


class Method:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    @dg.compile
    def apply(self, x: Any) -> Any:
        return x * self.factor


def test_a_decorated_method_of_two_instances() -> None:
    a, b = Method(2.0), Method(5.0)
    assert a.apply(dg.tensor(3.0)).item() == 6.0
    assert b.apply(dg.tensor(3.0)).item() == 15.0
    a.factor = 4.0
    assert a.apply(dg.tensor(3.0)).item() == 12.0
    assert b.apply(dg.tensor(3.0)).item() == 15.0
    assert len(a.apply.traces) == 2
    assert len(b.apply.traces) == 1


def test_a_copied_instance_has_traces_of_its_own() -> None:
    a = Method(2.0)
    a.apply(dg.tensor(3.0))
    b = copy.deepcopy(a)
    b.factor = 5.0
    assert b.apply(dg.tensor(3.0)).item() == 15.0
    assert a.apply(dg.tensor(3.0)).item() == 6.0


def test_a_copied_model() -> None:
    first = mlp()
    second = copy.deepcopy(first)
    x = numbers(4, 3)
    f, g = dg.compile(first), dg.compile(second)
    assert_bits_equal(f(x), g(x))
    with dg.no_grad():
        next(second.parameters()).mul_(2.0)
    assert_bits_equal(f(x), first(x))
    assert_bits_equal(g(x), second(x))
