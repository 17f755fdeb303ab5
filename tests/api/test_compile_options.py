"""The options that `compile` takes by PyTorch's names."""

import copy
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, CompileOptionWarning


def double(x: dg.Tensor) -> Any:
    """Return twice the tensor."""
    return x + x


def test_options_that_are_so_anyway() -> None:
    f = dg.compile(double, fullgraph=True, dynamic=False, backend="inductor", mode="default")
    assert f(dg.ones(2)).tolist() == [2.0, 2.0]
    assert len(f.traces) == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"fullgraph": False},
            "compile: fullgraph=False has no effect: a graph is always whole, and what it cannot "
            "hold is an error that names the line",
        ),
        (
            {"dynamic": True},
            "compile: dynamic=True has no effect: each shape has a trace of its own; pad to a few "
            "shapes where there would be many",
        ),
        (
            {"mode": "reduce-overhead"},
            "compile: mode='reduce-overhead' has no effect: a call of a program is one native call "
            "already",
        ),
        (
            {"mode": "max-autotune"},
            "compile: mode='max-autotune' has no effect: which kernel is the quickest must not "
            "decide about bits",
        ),
        (
            {"options": {"epilogue_fusion": True}},
            "compile: options={'epilogue_fusion': True} has no effect: they are settings of "
            "PyTorch's compiler",
        ),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_an_option_without_effect_says_so(options: dict[str, Any], text: str) -> None:
    with pytest.warns(CompileOptionWarning) as caught:
        f = dg.compile(double, **options)
    assert [str(w.message) for w in caught] == [text]
    assert caught[0].filename == __file__
    assert f(dg.ones(2)).tolist() == [2.0, 2.0]
    assert dg.compile(double, **options, disable=True) is double


def test_a_decorator_warns_once() -> None:
    with pytest.warns(CompileOptionWarning) as caught:

        @dg.compile(dynamic=True)
        def triple(x: dg.Tensor) -> Any:
            return x + x + x

    assert len(caught) == 1
    assert triple(dg.ones(1)).tolist() == [3.0]


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


def test_a_decorator_with_a_backend() -> None:
    @dg.compile(backend="interpreter")
    def triple(x: dg.Tensor) -> Any:
        return x + x + x

    assert triple(dg.ones(1)).tolist() == [3.0]
    assert triple.last.target.name == "interpreter"


def test_another_backend_compiles_anew() -> None:
    native = dg.compile(double)
    assert dg.compile(native, backend="cpu") is native
    other = dg.compile(native, backend="interpreter")
    assert other is not native
    assert dg.compile(other, backend="interpreter") is other
    assert other(dg.ones(2)).tolist() == native(dg.ones(2)).tolist()
    assert (other.last.target.name, native.last.target.name) == ("interpreter", "cpu")


class Doubler:
    """Has a compiled method."""

    @dg.compile(backend="interpreter")
    def double(self, x: dg.Tensor) -> Any:
        return x + x


def test_methods_and_copies_keep_the_backend() -> None:
    doubler = Doubler()
    assert doubler.double(dg.ones(1)).tolist() == [2.0]
    assert doubler.double.last.target.name == "interpreter"
    f = copy.copy(dg.compile(double, backend="interpreter"))
    assert f(dg.ones(1)).tolist() == [2.0]
    assert f.last.target.name == "interpreter"


def test_a_module_keeps_attributes_of_these_names() -> None:
    model = nn.Linear(2, 2)
    model.backend, model.target = "mine", "too"  # type: ignore[assignment]
    compiled = dg.compile(model, backend="interpreter")
    x = dg.ones(1, 2)
    assert compiled(x).tolist() == model(x).tolist()
    assert (compiled.backend, compiled.target) == ("mine", "too")
    assert compiled.last.target.name == "interpreter"


def test_what_it_does_not_take() -> None:
    for backend in ("eager", double, ["cpu"]):
        known = "the backends are 'cpu', 'inductor', 'interpreter'"
        with pytest.raises(ArgumentError, match=f"no backend .*: {known}; disable=True leaves"):
            dg.compile(double, backend=backend)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"there is no mode 'fast'; PyTorch's are default, "):
        dg.compile(double, mode="fast")
    with pytest.raises(ArgumentError, match="needs a function or a module, got int"):
        dg.compile(3, disable=True)  # type: ignore[arg-type]
