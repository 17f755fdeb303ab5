"""What a traced function reads through objects, containers and functions is seen to change."""

from array import array
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.trace.guards import reach
from dualgraph.trace.guards.check import ModuleGuard
from tests.bits import assert_bits_equal

Case = tuple[Callable[..., Any], tuple, Callable[[], Any]]
CASES: list[Callable[[], Case]] = []


def case(make: Callable[[], Case]) -> Callable[[], Case]:
    """Register a function that returns (traced function, more arguments, change)."""
    CASES.append(make)
    return make


@case
def deep_in_an_object() -> Case:
    config = SimpleNamespace(a=SimpleNamespace(b=[{"c": {"d": 1.0}}]))
    change = partial(config.a.b[0]["c"].__setitem__, "d", 2.0)
    return lambda x: x * config.a.b[0]["c"]["d"], (), change


@case
def keys_that_are_equal() -> Case:
    table: dict[Any, float] = {1: 3.0}

    def change() -> None:
        del table[1]
        table[True] = 3.0

    return lambda x: x * (2.0 if type(next(iter(table))) is bool else 1.0), (), change


@case
def a_buffer() -> Case:
    numbers = array("d", [1.0])
    return lambda x: x * numbers[0], (), partial(numbers.__setitem__, 0, 2.0)


@case
def a_function_in_a_list() -> Case:
    scale = [1.0]
    functions = [lambda x: x * scale[0]]
    return lambda x: functions[0](x), (), partial(scale.__setitem__, 0, 2.0)


@case
def a_function_as_an_argument() -> Case:
    scale = [1.0]
    return lambda x, f: f(x), (lambda x: x * scale[0],), partial(scale.__setitem__, 0, 2.0)


@case
def the_method_of_a_part() -> Case:
    scale = [1.0]

    class Loss:
        def run(self, x: Any) -> Any:
            return x * scale[0]

    class Trainer:
        def __init__(self) -> None:
            self.loss = Loss()

        def step(self, x: Any) -> Any:
            return self.loss.run(x)

    return Trainer().step, (), partial(scale.__setitem__, 0, 2.0)


@case
def a_function_that_a_module_holds() -> Case:
    scale = [1.0]

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = lambda x: x * scale[0]

        def forward(self, x: Any) -> Any:
            return self.act(x)

    return Net(), (), partial(scale.__setitem__, 0, 2.0)


@case
def the_mode_of_a_module_that_is_only_read() -> Case:
    holder = SimpleNamespace(net=nn.Linear(1, 1))
    return lambda x: x * (2.0 if holder.net.training else 1.0), (), holder.net.eval


@case
def a_rate_read_through_an_object() -> Case:
    optimizer = optim.SGD([dg.ones(1, requires_grad=True)], lr=1.0)
    holder = SimpleNamespace(optimizer=optimizer)
    change = partial(optimizer.param_groups[0].__setitem__, "lr", 2.0)
    return lambda x: x * holder.optimizer.param_groups[0]["lr"], (), change


@case
def code_that_was_replaced() -> Case:
    def helper(x: Any) -> Any:
        return x * 1.0

    def newer(x: Any) -> Any:
        return x * 2.0

    return lambda x: helper(x), (), lambda: setattr(helper, "__code__", newer.__code__)


@case
def an_argument_of_a_partial() -> Case:
    table = {"k": 1.0}
    scaled = partial(lambda x, table: x * table["k"], table=table)
    return scaled, (), partial(table.__setitem__, "k", 2.0)


@case
def a_frozen_parameter_that_no_op_uses() -> Case:
    p = dg.ones(1, requires_grad=True)
    return lambda x: x * (1.0 if p.requires_grad else 2.0), (), partial(p.requires_grad_, False)


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_a_change_is_seen(make: Callable[[], Case]) -> None:
    function, more, change = make()
    compiled = dg.compile(function)
    x = dg.tensor([1.0, 2.0])
    first = compiled(x, *more)
    assert_bits_equal(first, function(x, *more))
    compiled(x, *more)
    assert len(compiled.traces) == 1
    change()
    assert_bits_equal(compiled(x, *more), function(x, *more))
    assert (compiled(x, *more) != first).all()


def test_every_module_is_looked_at_once_in_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    looked: list[Any] = []

    class Guard(ModuleGuard):
        def __init__(self, module: Any) -> None:
            looked.append(module)
            super().__init__(module)

    monkeypatch.setattr(reach, "ModuleGuard", Guard)
    dg.compile(lambda x: model(x))(dg.ones(1, 2))
    assert looked == [model, *model]
