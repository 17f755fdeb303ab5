"""The options that `compile` takes by PyTorch's names."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError


def double(x: dg.Tensor) -> Any:
    """Return twice the tensor."""
    return x + x


def test_options_that_change_nothing() -> None:
    f = dg.compile(double, fullgraph=True, dynamic=True, mode="max-autotune")
    assert f(dg.ones(2)).tolist() == [2.0, 2.0]
    assert len(f.traces) == 1


def test_disabled_is_the_function_itself() -> None:
    model = nn.Linear(2, 2)
    assert dg.compile(double, disable=True) is double
    assert dg.compile(model, disable=True) is model
    assert dg.compile(disable=True)(double) is double


def test_a_decorator_with_options() -> None:
    @dg.compile(fullgraph=True)
    def triple(x: dg.Tensor) -> Any:
        return x + x + x

    assert triple(dg.ones(1)).tolist() == [3.0]
    assert isinstance(triple, dg.CompiledFunction)


def test_what_it_does_not_take() -> None:
    with pytest.raises(ArgumentError, match=r"there is no backend 'eager'.*disable=True"):
        dg.compile(double, backend="eager")
    with pytest.raises(ArgumentError, match="needs a function or a module, got int"):
        dg.compile(3, disable=True)  # type: ignore[arg-type]
