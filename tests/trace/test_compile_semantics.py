"""The known ways in which jit compilers fool their users.

Each test ends in the right result or in an error of our own whose text is checked.
"""

import copy
import gc
import inspect
import os
import subprocess
import sys
import threading
import types
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.config import settings
from dualgraph.core.dispatch import state
from dualgraph.core.scope import scopes
from dualgraph.eager.frontend import eager_frontend
from dualgraph.errors import ArgumentError, AxisError, GradError, RetraceWarning, TraceError
from dualgraph.targets.cpu.toolchain.native import stats
from tests.bits import assert_bits_equal


def line_of(function: Any, text: str) -> str:
    """Return ``file:line`` of the first line of a function that holds this text."""
    lines, start = inspect.getsourcelines(function)
    at = next(i for i, line in enumerate(lines) if text in line)
    return f"{inspect.getsourcefile(function)}:{start + at}"


def numbers(*shape: int, seed: int = 0, dtype: str = "float32") -> Any:
    """Return a tensor of normal numbers."""
    return dg.tensor(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def mlp(seed: int = 0) -> nn.Module:
    """Return a small model, always with the same parameters for one seed."""
    dg.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))


def train_step(model: nn.Module, opt: Any) -> Any:
    """Return a whole training step for a model."""

    def step(x: Any, y: Any) -> Any:
        opt.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    return step


def momentum(model: nn.Module) -> optim.SGD:
    return optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def state_of(model: nn.Module) -> list[Any]:
    return [*model.parameters(), *(p.grad for p in model.parameters())]


# --- closures, globals, attributes: no stale value -----------------------------------------------

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


# --- results and arguments -----------------------------------------------------------------------


def test_the_second_call_keeps_the_first_result() -> None:
    f = dg.compile(lambda x: x * 2)
    first = f(dg.tensor([1.0, 2.0]))
    f(dg.tensor([5.0, 6.0]))
    assert first.tolist() == [2.0, 4.0]


def test_a_returned_input_is_that_input() -> None:
    x = dg.tensor([1.0])
    assert dg.compile(lambda x: x)(x) is x


def test_a_returned_view_of_an_input() -> None:
    x = numbers(2, 3)
    out = dg.compile(lambda x: x.t())(x)
    assert_bits_equal(out, x.t())
    before = out.numpy().copy()
    dg.compile(lambda x: x + 1)(x)
    assert_bits_equal(out, before)


def test_a_returned_input_that_was_changed() -> None:
    def function(x: Any) -> Any:
        x.add_(1.0)
        return x, x * 2

    x = dg.tensor([1.0, 2.0])
    same, doubled = dg.compile(function)(x)
    assert same is x
    assert x.tolist() == [2.0, 3.0]
    assert doubled.tolist() == [4.0, 6.0]


def test_one_result_returned_several_times() -> None:
    """Eager returns one object; gradients of three uses are then added in one order."""

    def function(x: Any) -> Any:
        y = x * 3
        return y, y, y

    def gradient(f: Any) -> Any:
        x = numbers(64).requires_grad_()
        a, b, c = f(x)
        (a * 0.1 + b * 0.7 + c * 1e-7).sum().backward()
        return x.grad, a is b

    assert_bits_equal(gradient(dg.compile(function))[0], gradient(function)[0])
    assert gradient(dg.compile(function))[1]


def test_an_argument_that_is_changed_has_a_new_version() -> None:
    def function(x: Any) -> None:
        x.add_(1)

    f = dg.compile(function)
    x = dg.tensor([1.0])
    before = x._version
    assert f(x) is None
    assert x.tolist() == [2.0]
    assert x._version == before + 1
    f(x)
    assert x.tolist() == [3.0]


def test_a_changed_argument_refuses_an_older_tape() -> None:
    w = dg.tensor([2.0], requires_grad=True)
    x = dg.tensor([3.0])
    y = w * x
    dg.compile(lambda x: x.add_(1))(x)
    with pytest.raises(GradError, match="modified in place"):
        y.backward()


def test_an_argument_put_on_the_tape_in_place() -> None:
    """Eager gives x a grad_fn; a graph cannot, and says so."""

    def function(x: Any, w: Any) -> Any:
        x.mul_(w)
        return x

    w = dg.tensor([2.0], requires_grad=True)
    x = dg.tensor([3.0])
    with pytest.raises(TraceError, match="would put an argument on the tape"):
        dg.compile(function)(x, w)
    assert x.tolist() == [3.0]


def test_repeated_arguments() -> None:
    def function(x: Any, y: Any) -> Any:
        x.add_(1.0)
        return x * y

    f = dg.compile(function)
    x, y = dg.tensor([1.0]), dg.tensor([10.0])
    assert f(x, y).tolist() == [20.0]
    assert f(x, x).tolist() == [9.0]
    assert len(f.traces) == 2
    assert "tensors are new" in f.traces[-1].reason


def test_gradients_of_repeated_arguments() -> None:
    f = dg.compile(lambda x, y: x * y)
    x = dg.tensor(3.0, requires_grad=True)
    f(x, x).backward()
    assert x.grad.item() == 6.0


@pytest.mark.parametrize("first", [False, True], ids=["later", "at once"])
def test_arguments_that_share_memory(first: bool) -> None:
    """A change of one is seen through the other, or the call is refused."""

    def function(x: Any, y: Any) -> Any:
        x.add_(1.0)
        return y * 2

    f = dg.compile(function)
    if not first:
        f(dg.ones(4), dg.ones(4))
    x = dg.ones(4)
    with pytest.raises(TraceError, match="changes the argument 0 in place, whose memory"):
        f(x, x.detach())
    assert x.tolist() == [1.0] * 4


def test_an_argument_that_is_also_captured() -> None:
    w = dg.tensor([1.0])
    f = dg.compile(lambda x: x + w)
    with pytest.raises(TraceError, match="is an argument of the traced function and is also used"):
        f(w)
    assert f(dg.tensor([2.0])).tolist() == [3.0]


def test_an_argument_that_is_also_captured_later() -> None:
    """The trace of another argument must not serve when the change would be seen twice."""
    w = dg.tensor([1.0])

    def function(x: Any) -> Any:
        x.add_(1.0)
        return x + w

    f = dg.compile(function)
    assert f(dg.tensor([2.0])).tolist() == [4.0]
    with pytest.raises(TraceError):
        f(w)


def test_a_tensor_computed_outside_with_gradients() -> None:
    h = dg.tensor([1.0], requires_grad=True) * 2
    with pytest.raises(TraceError, match="pass it as an argument, or detach"):
        dg.compile(lambda x: x * h)(dg.tensor([1.0]))


def test_keyword_arguments_in_any_order() -> None:
    f = dg.compile(lambda x, y, scale=1.0: (x - y) * scale)
    a, b = dg.tensor([5.0]), dg.tensor([3.0])
    assert f(x=a, y=b).tolist() == [2.0]
    assert f(y=b, x=a).tolist() == [2.0]
    assert f(a, y=b, scale=3.0).tolist() == [6.0]
    assert f(a, b, scale=4.0).tolist() == [8.0]


def test_trees_in_and_out() -> None:
    def function(tree: Any) -> Any:
        (a, b), c = tree["pair"], tree["deep"]["deeper"][0]["deepest"]
        return {"sum": a + b, "more": (c * 2, [a, None, "text"])}

    f = dg.compile(function)

    def call() -> Any:
        deep = {"deeper": [{"deepest": dg.tensor([3.0])}]}
        return f({"pair": (dg.tensor([1.0]), dg.tensor([2.0])), "deep": deep})

    for _ in range(3):
        out = call()
    assert out["sum"].tolist() == [3.0]
    assert out["more"][0].tolist() == [6.0]
    assert out["more"][1][1:] == [None, "text"]
    assert len(f.traces) == 1


Pair = namedtuple("Pair", "a b")


def test_named_tuples_do_not_retrace() -> None:
    f = dg.compile(lambda p: Pair(p.a + p.b, p.b))
    for i in range(3):
        out = f(Pair(dg.tensor([1.0]), dg.tensor([float(i)])))
    assert isinstance(out, Pair)
    assert out.a.tolist() == [3.0]
    assert len(f.traces) == 1


@pytest.mark.parametrize(
    "values",
    [(np.float32(2), np.float32(2), np.float32(3)), (slice(0, 1), slice(0, 1), slice(0, 2))],
    ids=["numpy scalar", "slice"],
)
def test_values_that_count_by_value(values: tuple) -> None:
    def function(x: Any, v: Any) -> Any:
        return x[v] if isinstance(v, slice) else x * v

    f = dg.compile(function)
    x = dg.tensor([1.0, 2.0])
    for v in values:
        assert_bits_equal(f(x, v), function(x, v))
    assert len(f.traces) == 2


def test_a_changed_python_argument_names_its_reason() -> None:
    f = dg.compile(lambda x, n: x * n)
    assert f(dg.tensor(2.0), 3).item() == 6.0
    assert f(dg.tensor(2.0), 4).item() == 8.0
    assert f.traces[-1].reason.startswith("other arguments are new")


def test_a_changed_shape_names_its_reason() -> None:
    f = dg.compile(lambda x: x * 2)
    f(dg.ones(2))
    f(dg.ones(3))
    assert f.traces[-1].reason.startswith("tensors are new: float32 (3,) after ")


@pytest.mark.parametrize("changed", [False, True])
def test_a_tensor_made_inside_is_new_at_every_call(changed: bool) -> None:
    def function(x: Any) -> Any:
        total = dg.tensor([1.0])
        if changed:
            total.add_(x)
        return total

    f = dg.compile(function)
    x = dg.tensor([2.0])
    first = f(x)
    assert_bits_equal(first, function(x))
    first.add_(10.0)
    assert_bits_equal(f(x), function(x))


def test_a_generator_made_inside_is_new_at_every_call() -> None:
    function = lambda x: x + dg.rand(4, generator=dg.Generator())  # noqa: E731
    f = dg.compile(function)
    x = dg.zeros(4)
    assert_bits_equal([f(x), f(x)], [function(x), function(x)])


def test_an_array_in_the_closure_that_is_mutated() -> None:
    array = np.ones(3, np.float32)
    f = dg.compile(lambda x: x + dg.tensor(array))
    x = dg.zeros(3)
    assert f(x).tolist() == [1.0, 1.0, 1.0]
    array[1] = 5.0
    assert f(x).tolist() == [1.0, 5.0, 1.0]


# --- what is compiled ----------------------------------------------------------------------------


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


# --- what a static graph cannot hold -------------------------------------------------------------


def branch(x: Any) -> Any:
    if x.sum() > 0:  # here
        return x
    return -x


def loop(x: Any) -> Any:
    while x.sum() < 10:  # here
        x = x * 2
    return x


READERS = {
    "if": (branch, "bool()"),
    "while": (loop, "bool()"),
    "bool": (lambda x: bool(x[0] > 0), "bool()"),
    "int": (lambda x: x * int(x[0]), "item()"),
    "float": (lambda x: x * float(x[0]), "item()"),
    "item": (lambda x: x * x[0].item(), "item()"),
    "numpy": (lambda x: x.numpy(), "numpy()"),
    "asarray": (lambda x: np.asarray(x), "numpy()"),
    "tolist": (lambda x: x.tolist(), "tolist()"),
    "range": (lambda x: list(range(x.long()[0])), "item()"),
    "one_hot": (lambda x: dg.one_hot(x.long()), "item()"),
}


@pytest.mark.parametrize("name", READERS)
def test_reading_numbers_is_a_named_error(name: str) -> None:
    function, what = READERS[name]
    f = dg.compile(function)
    with pytest.raises(TraceError) as caught:
        f(dg.tensor([1.0, 2.0]))
    text = str(caught.value)
    assert text.startswith(f"{what} needs the numbers of a tensor of shape ")
    assert "which are not known while the function is traced" in text
    for way_out in ("where()", "return the tensor and read it outside", "eagerly"):
        assert way_out in text
    where = line_of(function, "# here") if name in ("if", "while") else f"{__file__}:"
    assert f"\n  at {where}" in text
    assert state.frontend is eager_frontend
    assert not state.tracing


def test_in_place_on_a_view_that_may_be_a_copy_is_a_named_error() -> None:
    def function(x: Any) -> Any:
        x.t().reshape(-1).add_(1.0)  # here
        return x

    x = dg.ones(2, 2)
    with pytest.raises(TraceError, match="merges axes of a tensor that is changed") as caught:
        dg.compile(function)(x)
    assert line_of(function, "# here") in str(caught.value)
    assert x.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_an_in_place_op_that_puts_a_captured_tensor_on_the_tape() -> None:
    w, buffer = dg.ones(1, requires_grad=True), dg.ones(1)

    def function(x: Any) -> Any:
        buffer.mul_(w)
        return x + buffer

    with pytest.raises(TraceError, match="would put a captured tensor on the tape"):
        dg.compile(function)(dg.ones(1))
    assert buffer.tolist() == [1.0]
    assert buffer.grad_fn is None


def test_an_exception_leaves_no_trace_of_tracing() -> None:
    model = mlp()
    opt = momentum(model)
    x = numbers(4, 3)
    model(x).sum().backward()
    grads = [p.grad for p in model.parameters()]
    values = [p.detach().numpy().copy() for p in model.parameters()]

    def step(x: Any) -> Any:
        opt.zero_grad()
        model(x).sum().backward()
        with dg.no_grad():
            opt.step()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        dg.compile(step)(x)
    assert state.frontend is eager_frontend
    assert state.grad_enabled
    assert not state.tracing
    assert state.visiting is None
    assert scopes.names == []
    assert scopes.seen is None
    assert all(p.grad is g for p, g in zip(model.parameters(), grads, strict=True))
    assert_bits_equal(list(model.parameters()), values)


# --- randomness ----------------------------------------------------------------------------------


def test_random_streams_are_those_of_eager() -> None:
    drop = nn.Dropout(0.4)

    def function(x: Any) -> Any:
        return drop(x) + dg.rand(50) * dg.randn(50)

    x = numbers(50)
    f = dg.compile(function)

    def streams(g: Any) -> list[Any]:
        dg.manual_seed(7)
        first = [g(x), g(x), dg.rand(3), g(x)]
        dg.manual_seed(7)
        return [*first, g(x)]

    eager, compiled = streams(function), streams(f)
    assert_bits_equal(compiled, eager)
    assert_bits_equal(compiled[0], compiled[4])
    assert np.any(compiled[0].numpy() != compiled[1].numpy())
    assert len(f.traces) == 1


def test_dropout_gradients_use_the_mask_of_forward() -> None:
    drop = nn.Dropout(0.5)

    def run(g: Any) -> list[Any]:
        dg.manual_seed(3)
        found = []
        for _ in range(3):
            x = dg.ones(40, requires_grad=True)
            y = g(x)
            y.sum().backward()
            found += [y, x.grad]
        return found

    assert_bits_equal(run(dg.compile(lambda x: drop(x) * 3)), run(lambda x: drop(x) * 3))


def test_manual_seed_inside_of_the_function() -> None:
    def function(x: Any) -> Any:
        dg.manual_seed(5)
        return x + dg.rand(4)

    f = dg.compile(function)
    x = dg.zeros(4)
    assert_bits_equal([f(x), f(x), dg.rand(2)], [function(x), function(x), dg.rand(2)])


# --- training steps ------------------------------------------------------------------------------


@contextmanager
def traced_once(f: Any, traces: int = 1) -> Iterator[None]:
    """Check that a compiled function has so many traces in the end."""
    yield
    assert len(f.traces) == traces, [t.reason for t in f.traces]


def two_models(make: Any = momentum) -> list[tuple[nn.Module, Any]]:
    models = [mlp(), mlp()]
    return [(m, make(m)) for m in models]


def batch(i: int) -> tuple[Any, Any]:
    return numbers(6, 3, seed=i), numbers(6, 2, seed=100 + i)


def test_a_learning_rate_takes_effect_without_a_retrace() -> None:
    (a, opt_a), (b, opt_b) = two_models()
    eager, compiled = train_step(a, opt_a), dg.compile(train_step(b, opt_b))
    for i, rate in enumerate([0.1, 0.1, 0.1, 0.01, 0.5]):
        opt_a.param_groups[0]["lr"] = opt_b.param_groups[0]["lr"] = rate
        assert_bits_equal(compiled(*batch(i)), eager(*batch(i)))
        assert_bits_equal(state_of(b), state_of(a))
    assert len(compiled.traces) <= 2  # without gradients, and with those of the step before


def test_a_learning_rate_read_as_a_python_number() -> None:
    opt = optim.SGD([dg.ones(1, requires_grad=True)], lr=0.5)
    f = dg.compile(lambda x: x * opt.param_groups[0]["lr"])
    assert f(dg.ones(1)).tolist() == [0.5]
    opt.param_groups[0]["lr"] = 2.0
    assert f(dg.ones(1)).tolist() == [2.0]


def test_another_option_retraces() -> None:
    (a, opt_a), (b, opt_b) = two_models()
    eager, compiled = train_step(a, opt_a), dg.compile(train_step(b, opt_b))
    for i, decay in enumerate([0.0, 0.0, 0.5]):
        opt_a.param_groups[0]["weight_decay"] = opt_b.param_groups[0]["weight_decay"] = decay
        assert_bits_equal(compiled(*batch(i)), eager(*batch(i)))
        assert_bits_equal(state_of(b), state_of(a))
    assert compiled.traces[-1].reason == "an option or the state of SGD changed"


def adam(model: nn.Module) -> optim.Adam:
    return optim.Adam(model.parameters(), lr=0.01)


@pytest.mark.parametrize("make", [momentum, adam], ids=["sgd", "adam"])
def test_loading_state_between_steps(make: Any) -> None:
    (a, opt_a), (b, opt_b) = two_models(make)
    eager, compiled = train_step(a, opt_a), dg.compile(train_step(b, opt_b))
    for step, model, opt in ((eager, a, opt_a), (compiled, b, opt_b)):
        step(*batch(0))
        saved = copy.deepcopy((model.state_dict(), opt.state_dict()))
        step(*batch(1))
        step(*batch(2))
        model.load_state_dict(saved[0])
        opt.load_state_dict(saved[1])
        step(*batch(3))
    assert_bits_equal(state_of(b), state_of(a))


def accumulate(model: nn.Module, x: Any) -> None:
    model(x).square().mean().backward()


def test_grad_absent_and_present() -> None:
    a, b = mlp(), mlp()
    x = numbers(5, 3)
    f = dg.compile(lambda x: accumulate(b, x))
    for i in range(3):
        accumulate(a, x)
        f(x)
        assert_bits_equal(state_of(b), state_of(a), f"step {i}")
    reasons = [t.reason for t in f.traces]
    assert len(reasons) == 2
    assert reasons[1].startswith(".grad of captured tensor of shape")
    assert reasons[1].endswith("was None when traced")
    b.zero_grad()
    f(x)
    assert len(f.traces) == 2  # the first trace serves again


def test_a_grad_object_is_changed_in_place_or_replaced_as_eagerly() -> None:
    def objects(wrap: Any) -> list[bool]:
        model = mlp()
        f = wrap(lambda x: accumulate(model, x))
        x = numbers(5, 3)
        f(x)
        first = [p.grad for p in model.parameters()]
        f(x)
        return [p.grad is g for p, g in zip(model.parameters(), first, strict=True)]

    assert objects(dg.compile) == objects(lambda f: f)


def test_zero_grad_to_zeros() -> None:
    (a, opt_a), (b, opt_b) = two_models()

    def step_of(model: nn.Module, opt: Any) -> Any:
        def step(x: Any) -> None:
            opt.zero_grad(set_to_none=False)
            accumulate(model, x)
            opt.step()

        return step

    eager, compiled = step_of(a, opt_a), dg.compile(step_of(b, opt_b))
    for i in range(4):
        eager(batch(i)[0])
        compiled(batch(i)[0])
        assert_bits_equal(state_of(b), state_of(a), f"step {i}")


def test_gradients_accumulate_over_two_backward_calls() -> None:
    a, b = mlp(), mlp()
    f = dg.compile(b)
    for i in range(2):
        for model, g in ((a, a), (b, f)):
            (g(numbers(4, 3, seed=i)) * 3).sum().backward()
            assert all(p.grad is not None for p in model.parameters())
    assert_bits_equal(state_of(b), state_of(a))
    assert len(f.traces) == 1


def test_requires_grad_of_a_parameter_that_is_flipped() -> None:
    model = mlp()
    f = dg.compile(model)
    x = numbers(4, 3)
    f(x).sum().backward()
    first = next(model.parameters())
    before = first.grad.numpy().copy()
    first.requires_grad_(False)
    f(x).sum().backward()
    assert_bits_equal(first.grad, before)
    assert f.traces[-1].reason == "requires_grad of a captured tensor (8, 3) changed"
    first.requires_grad_(True)
    f(x).sum().backward()
    assert len(f.traces) == 2


def test_grad_modes_inside_and_outside() -> None:
    w = dg.tensor([2.0], requires_grad=True)

    def function(x: Any) -> Any:
        with dg.no_grad():
            a = x * w
            with dg.enable_grad():
                b = x * w
        return a, b, x * w

    f = dg.compile(function)
    x = dg.tensor([3.0])
    assert [t.requires_grad for t in f(x)] == [False, True, True]
    with dg.no_grad():
        assert [t.requires_grad for t in f(x)] == [t.requires_grad for t in function(x)]
    assert f.traces[-1].reason.startswith("grad mode")
    _, b, c = f(x)
    (b * 10 + c).backward()
    assert w.grad.tolist() == [33.0]


def test_a_leaf_made_inside_that_requires_grad() -> None:
    f = dg.compile(lambda x: dg.ones(2, requires_grad=True))
    out = f(dg.ones(1))
    assert out.requires_grad
    assert out.is_leaf


def test_a_leaf_made_inside_that_has_a_grad_is_a_named_error() -> None:
    def function(x: Any) -> Any:
        w = dg.ones(2, requires_grad=True)
        (w * x).sum().backward()
        return w

    with pytest.raises(TraceError, match=r"gave a \.grad, which would be lost"):
        dg.compile(function)(dg.ones(2))


def test_backward_twice_raises() -> None:
    f = dg.compile(lambda x: (x * x).sum())
    x = dg.tensor([1.0, 2.0], requires_grad=True)
    y = f(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(GradError, match="called a second time"):
        y.backward()


def test_create_graph_through_a_compiled_function() -> None:
    function = lambda x: (dg.exp(x) * x).sum()  # noqa: E731

    def second(g: Any) -> Any:
        x = numbers(9).requires_grad_()
        (first,) = dg.autograd.grad(g(x), x, create_graph=True)
        return first, dg.autograd.grad(first.sum(), x)

    assert_bits_equal(second(dg.compile(function)), second(function))


def test_only_one_of_several_outputs_in_the_loss() -> None:
    w = numbers(7, seed=1).requires_grad_()

    def function(x: Any) -> Any:
        y = dg.tanh(x * w)
        return y, dg.exp(y) * w, (y * y).sum()

    def gradients(g: Any, k: int) -> Any:
        x = numbers(7).requires_grad_()
        return dg.autograd.grad(g(x)[k].sum(), [x, w])

    f = dg.compile(function)
    for k in (2, 0, 1):
        assert_bits_equal(gradients(f, k), gradients(function, k), f"output {k}")
    assert len(f.traces) == 1


@pytest.mark.parametrize("order", ["before", "after", "both"])
def test_a_parameter_used_inside_and_outside(order: str) -> None:
    """The additions happen in the order of an eager run, in every bit."""
    w = numbers(500, seed=1).requires_grad_()

    def function(x: Any) -> Any:
        return dg.tanh(x * w) + w * 0.1 + dg.exp(-w * w)

    def gradient(g: Any) -> Any:
        x = numbers(500)
        first = (w * 0.3 + dg.sin(w)) if order != "after" else dg.zeros(500)
        y = g(x)
        last = (w * 0.7 + dg.cos(w)) if order != "before" else dg.zeros(500)
        return dg.autograd.grad((first + y * 3 + last * 1e-3).sum(), w)

    assert_bits_equal(gradient(dg.compile(function)), gradient(function))


def test_a_value_computed_outside_used_inside_and_outside() -> None:
    function = lambda h: dg.tanh(h) * h + h * 0.1  # noqa: E731

    def gradient(g: Any) -> Any:
        x = numbers(300).requires_grad_()
        h = dg.sin(x) * 3
        early = h * 0.3
        y = g(h)
        return dg.autograd.grad((early + y * h + g(y)).sum(), x)

    assert_bits_equal(gradient(dg.compile(function)), gradient(function))


def test_changing_a_parameter_between_forward_and_backward() -> None:
    w = dg.tensor([2.0], requires_grad=True)
    y = dg.compile(lambda x: x * w)(dg.tensor([3.0], requires_grad=True))
    with dg.no_grad():
        w.add_(1.0)
    with pytest.raises(GradError, match="modified in place"):
        y.backward()


# --- threads -------------------------------------------------------------------------------------


def test_two_threads_at_once() -> None:
    w = numbers(32)
    function = lambda x: (dg.tanh(x * w[: x.shape[1]]) + x).sum(1)  # noqa: E731
    f = dg.compile(function)
    inputs = [numbers(3, 4 * (1 + i % 8), seed=i) for i in range(16)]
    expected = [function(x).numpy() for x in inputs]
    failures: list[BaseException] = []
    gate = threading.Barrier(2)

    def work(start: int) -> None:
        try:
            gate.wait()
            for i in range(200):
                k = (start + i) % len(inputs)
                assert_bits_equal(f(inputs[k]), expected[k])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(s,)) for s in (0, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[0]


TWO_SHARED = """
import threading
import numpy as np
import dualgraph as dg
from dualgraph.config import settings

settings.num_threads = 2
x = dg.tensor(np.linspace(-2, 2, 2_000_000, dtype=np.float32).reshape(2000, 1000))
functions = [dg.compile(lambda x: dg.tanh(x) * 2), dg.compile(lambda x: (dg.exp(x) + x).sum(1))]
expected = [f(x).numpy() for f in functions]
assert all(f.last.program.shares for f in functions)
wrong = []

def work(f, right):
    for _ in range(40):
        if np.any(f(x).numpy() != right):
            wrong.append(f)

threads = [threading.Thread(target=work, args=a) for a in zip(functions, expected)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(wrong))
"""


def test_two_threads_with_programs_that_use_threads_themselves() -> None:
    """Numba's simplest threading layer ends the process when it is entered twice."""
    environment = {
        **os.environ,
        "NUMBA_THREADING_LAYER": "workqueue",
        "NUMBA_NUM_THREADS": "2",
        "DUALGRAPH_CACHE": str(settings.cache_dir),
    }
    command = [sys.executable, "-c", TWO_SHARED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0"]


@contextmanager
def num_threads(count: int) -> Iterator[None]:
    before = settings.num_threads
    settings.num_threads = count
    try:
        yield
    finally:
        settings.num_threads = before


def wide(x: Any, w: Any, table: Any, index: Any) -> Any:
    """Every kernel family at sizes above the grain of parallel rows."""
    h = dg.tanh(x @ w)
    loss = (h * dg.softmax(h, 1)).sum() + dg.cumsum(h, 1).mean()
    loss = loss + dg.index_select(table, 0, index).sum()
    return loss, h, h.sum(0), h.t().sum(0), h.amax(1), dg.cat([h, h * 2]), h.argmax(1)


def test_the_number_of_threads_moves_no_bit() -> None:
    x, w = numbers(300, 130).requires_grad_(), numbers(130, 310, seed=1).requires_grad_()
    table = numbers(500, 64, seed=2)
    index = dg.tensor(np.random.default_rng(0).integers(0, 500, 1500))

    def function(x: Any, w: Any) -> Any:
        out = wide(x, w, table, index)
        return out, dg.autograd.grad(out[0], [x, w])

    expected = function(x, w)
    f = dg.compile(function)
    for count in (1, 2):
        with num_threads(count):
            assert_bits_equal(f(x, w), expected, f"{count} threads")
    assert f.last.program.shares


def test_the_chunk_size_moves_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows cut into other chunks: what the shared driver does with another grain."""
    x, w = numbers(70, 40), numbers(40, 90, seed=1)
    table, index = numbers(50, 64, seed=2), dg.tensor(np.arange(40))
    f = dg.compile(wide)
    expected = wide(x, w, table, index)
    f(x, w, table, index)
    rows = f.last.program.memory[2]
    with num_threads(2):
        for grain in (1, 3, 17):
            rows[:, 3] = np.where(rows[:, 4] != 0, rows[:, 3], grain)
            (segment,) = f.last.program.steps
            segment.shares = True
            assert_bits_equal(f(x, w, table, index), expected, f"grain {grain}")


# --- indices out of range ------------------------------------------------------------------------


def test_an_index_out_of_range_is_named_with_its_line() -> None:
    def function(x: Any, index: Any) -> Any:
        y = x * 2
        return y.gather(0, index) + 1  # here

    f = dg.compile(function)
    x = dg.tensor([1.0, 2.0])
    assert f(x, dg.tensor([1, 0])).tolist() == [5.0, 3.0]
    for bad in (7, -1):
        with pytest.raises(AxisError) as caught:
            f(x, dg.tensor([0, bad]))
        text = str(caught.value)
        assert text.startswith(f"index {bad} is out of range in a compiled function (")
        assert f"gather of shapes (2,), (2,) at {line_of(function, '# here')}" in text
    assert f(x, dg.tensor([1, 0])).tolist() == [5.0, 3.0]


def test_only_ops_that_index_are_blamed() -> None:
    f = dg.compile(lambda x, i: dg.exp(x * 2).gather(0, i) * 3 + 1)
    with pytest.raises(AxisError) as caught:
        f(dg.ones(2), dg.tensor([5, 0]))
    assert "exp" not in str(caught.value)
    assert "add at" not in str(caught.value)


def test_an_index_out_of_range_in_scatter_add() -> None:
    f = dg.compile(lambda x, i: x.scatter_add(0, i, dg.ones(2)))
    assert f(dg.zeros(2), dg.tensor([1, 1])).tolist() == [0.0, 2.0]
    with pytest.raises(AxisError, match=r"index 2 is out of range .*scatter_add of shapes .* at"):
        f(dg.zeros(2), dg.tensor([1, 2]))


def test_a_failed_step_changes_no_parameter() -> None:
    dg.manual_seed(0)
    model, loss = nn.Linear(3, 4), nn.CrossEntropyLoss()
    opt = momentum(model)

    def step(x: Any, target: Any) -> Any:
        opt.zero_grad()
        value = loss(model(x), target)
        value.backward()
        opt.step()
        return value

    f = dg.compile(step)
    x = numbers(2, 3)
    f(x, dg.tensor([0, 3]))
    f(x, dg.tensor([0, 3]))
    held = [*model.parameters(), *(t for s in opt.state.values() for t in s.values())]
    before = [(t.detach().numpy().copy(), t._version) for t in held]
    with pytest.raises(AxisError, match="index 4 is out of range"):
        f(x, dg.tensor([0, 4]))
    assert_bits_equal(held, [values for values, _ in before])
    assert [t._version for t in held] == [version for _, version in before]


@pytest.mark.parametrize("fused", [False, True], ids=["apart", "fused"])
def test_a_failed_gather_before_an_update(fused: bool) -> None:
    """The update must not run first, nor share a loop with the gather that fails."""

    def function(x: Any, index: Any, p: Any) -> Any:
        y = x.gather(0, index)
        p.add_(y if fused else 1.0)
        return y * 2 + p

    f = dg.compile(function)
    p = dg.zeros(3)
    f(dg.ones(3), dg.tensor([0, 1, 2]), p)
    assert p.tolist() == [1.0] * 3
    with pytest.raises(AxisError):
        f(dg.ones(3), dg.tensor([0, 1, 3]), p)
    assert p.tolist() == [1.0] * 3


# --- shapes and layouts --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
def test_zero_size_arguments(shape: tuple) -> None:
    def function(x: Any) -> Any:
        y = dg.tanh(x * 2).reshape(-1, shape[-1]) if 0 not in shape[-1:] else dg.exp(x)
        grads = dg.autograd.grad((y * y).sum(), x)
        return y, x.sum(), x.sum(0), dg.cat([x, x]), x.prod(-1), grads

    x = dg.zeros(*shape, requires_grad=True)
    assert_bits_equal(dg.compile(function)(x), function(x))


def test_a_matrix_product_over_nothing() -> None:
    f = dg.compile(lambda a, b: a @ b + 1)
    assert_bits_equal(f(dg.zeros(2, 0), dg.zeros(0, 3)), dg.ones(2, 3))
    assert f(dg.zeros(0, 2), dg.zeros(2, 3)).shape == (0, 3)


def test_zero_dimensional_arguments() -> None:
    function = lambda x, n: (dg.exp(x) * n, x.sum(), x.reshape(1) + n, dg.stack([x, x]))  # noqa: E731
    x, n = dg.tensor(0.3), dg.tensor(2)
    assert_bits_equal(dg.compile(function)(x, n), function(x, n))


def test_arguments_in_any_layout() -> None:
    def function(x: Any, y: Any) -> Any:
        return x * 2 + y, x @ y.t(), (x * y).sum(0), x.reshape(-1)

    f = dg.compile(function)
    whole = np.random.default_rng(0).normal(size=(8, 12)).astype(np.float32)
    layouts = [whole[:4, :6], whole[::2, ::2], whole.T[:8:2, :6], whole[3::-1, 5::-1]]
    for a in layouts:
        for b in layouts:
            x, y = dg.from_numpy(a), dg.from_numpy(b)
            assert_bits_equal(f(x, y), function(x, y))
    assert len(f.traces) == 1


def test_a_strided_argument_that_is_changed() -> None:
    f = dg.compile(lambda x: x.mul_(2.0))
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    f(dg.from_numpy(array[:, ::2]))
    assert array[:, ::2].tolist() == [[0, 4], [8, 12], [16, 20]]
    assert array[:, 1::2].tolist() == [[1, 3], [5, 7], [9, 11]]


def test_an_argument_that_starts_to_require_grad() -> None:
    f = dg.compile(lambda x: x * 2)
    x = dg.tensor([1.0])
    assert not f(x).requires_grad
    x.requires_grad_()
    f(x).backward()
    assert x.grad.tolist() == [2.0]


# --- traces --------------------------------------------------------------------------------------


def test_the_second_call_runs_no_python_and_compiles_nothing() -> None:
    calls = []
    model = mlp()
    opt = momentum(model)
    inner = train_step(model, opt)

    def step(x: Any, y: Any) -> Any:
        calls.append(None)
        return inner(x, y)

    f = dg.compile(lambda x, y: (step(x, y), x * 2)[0])
    x, y = batch(0)
    f(x, y)
    f(x, y)
    before = len(calls), stats.compiled, stats.loaded, len(f.traces)
    for _ in range(3):
        f(x, y)
    assert (len(calls), stats.compiled, stats.loaded, len(f.traces)) == before
    assert len(calls) <= 2


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


def test_the_collector_is_as_it_was_after_a_trace() -> None:
    seen = []
    f = dg.compile(lambda x: seen.append(gc.isenabled()) or bool(x))
    with pytest.raises(TraceError):
        f(dg.tensor(1.0))
    assert seen == [False]
    assert gc.isenabled()


class Part:
    """A node of a tree or of a chain, that may know its parent."""

    def __init__(self, label: int, *parts: "Part", linked: bool = False) -> None:
        self.label, self.parts = label, list(parts)
        for part in parts if linked else ():
            part.parent = self


@pytest.mark.parametrize("linked", [False, True])
def test_a_change_deep_inside_of_an_argument_is_seen(linked: bool) -> None:
    def total(part: Part, x: Any) -> Any:
        return sum((total(p, x) for p in part.parts), x * part.label)

    leaf = root = Part(1)
    for _ in range(8):
        root = Part(0, root, Part(2), linked=linked)
    f, x = dg.compile(total), dg.tensor(1.0)
    assert f(root, x).item() == f(root, x).item() == 17.0
    assert len(f.traces) == 1
    leaf.label = 5
    assert f(root, x).item() == 21.0


def test_a_change_deep_inside_of_a_closure_is_seen() -> None:
    table = [[[[[[1.0]]]]]]
    f, x = dg.compile(lambda x: x * table[0][0][0][0][0][0]), dg.tensor(2.0)
    assert f(x).item() == f(x).item() == 2.0
    assert len(f.traces) == 1
    table[0][0][0][0][0][0] = 3.0
    assert f(x).item() == 6.0


def test_a_chain_of_any_length_is_an_argument() -> None:
    def last(part: Part, x: Any) -> Any:
        while part.parts:
            part = part.parts[0]
        return x * part.label

    end = chain = Part(1)
    for _ in range(5000):
        chain = Part(0, chain)
    f, x = dg.compile(last), dg.tensor(2.0)
    assert f(chain, x).item() == 2.0
    end.label = 3
    assert f(chain, x).item() == 6.0


def test_many_traces_warn() -> None:
    f = dg.compile(lambda x, n: x + n)
    x = dg.tensor(1.0)
    for n in range(15):
        f(x, n)
    with pytest.warns(RetraceWarning, match=r"was traced 16 times, last because: other arguments"):
        assert f(x, 15).item() == 16.0


@pytest.mark.filterwarnings("ignore::dualgraph.errors.RetraceWarning")
def test_the_list_of_traces_is_bounded() -> None:
    f = dg.compile(lambda x, n: x + n)
    x = dg.tensor(1.0)
    for n in range(70):
        assert f(x, n).item() == 1.0 + n
    assert len(f.traces) == 64
    assert sum(len(kept) for kept in f.entries.values()) == 64
    assert f(x, 0).item() == 1.0


@pytest.mark.filterwarnings("ignore::dualgraph.errors.RetraceWarning")
def test_the_trace_that_was_not_used_for_the_longest_time_is_dropped() -> None:
    f = dg.compile(lambda x, n: x + n)
    x = dg.tensor(1.0)
    for n in range(64):
        f(x, n)
    f(x, 0)
    f(x, 64)  # drops that of 1
    f(x, 0)
    assert (len(f.traces), f.made) == (64, 65)
    f(x, 1)
    assert (len(f.traces), f.made) == (64, 66)


def test_reasons_are_written_like_the_calls() -> None:
    f = dg.compile(lambda shape, x, scale=1.0: x * scale if shape else x)
    x = dg.ones(2, 1)
    f((), x)
    f(((), [(), "a"]), x, scale=0.5)
    assert f.traces[-1].reason == (
        "other arguments are new: ((), [(), 'a']), tensor, scale=0.5 after (), tensor"
    )
    f((), dg.ones(3, dtype=dg.int64).t())
    assert f.traces[-1].reason == "tensors are new: int64 (3,) after float32 (2, 1)"


def test_explain_names_reasons_passes_and_costs() -> None:
    f = dg.compile(lambda x: dg.exp(x * 1))
    f(dg.ones(3))
    text = f.explain()
    assert "trace 0: first call" in text
    assert "simplify: 3 -> 2 nodes" in text
    assert "1 calls of 1 kernels" in text


def test_a_returned_view_of_an_argument_shares_its_memory() -> None:
    x = dg.randn(2, 3)
    y = dg.compile(lambda x: x.t()[1:])(x)
    y.add_(1)
    expected = x.t()[1:]
    assert_bits_equal(y, expected)
    assert x._version == 1


def test_a_returned_view_is_on_the_tape_of_its_argument() -> None:
    x = dg.randn(2, 3, requires_grad=True)
    y = dg.compile(lambda x: x.reshape(3, 2))(x)
    (y * y).sum().backward()
    assert_bits_equal(x.grad, (x * 2).detach())


def test_a_returned_view_of_a_changed_argument_has_the_new_values() -> None:
    x = dg.ones(2, 2)

    def function(x: Any) -> Any:
        x.add_(1)
        return x.t()

    assert dg.compile(function)(x).tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_a_traced_tensor_that_leaks_is_named() -> None:
    kept = []

    def leaking(x: Any) -> Any:
        y = x * 2
        kept.append(y)
        return y

    dg.compile(leaking)(dg.ones(2))
    for use in (lambda: kept[0] + 1, lambda: kept[0].numpy(), lambda: kept[0].tolist()):
        with pytest.raises(TraceError, match="kept beyond its return"):
            use()


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


def test_an_index_out_of_range_names_the_op_that_failed() -> None:
    def function(x: Any, first: Any, second: Any) -> Any:
        a = dg.gather(x, 0, first)
        a = a.sum(1, keepdim=True)
        return dg.gather(a, 0, second)  # this one

    x, index = dg.randn(3, 2), dg.tensor([[0, 1]])
    bad = dg.tensor([[7]])
    with pytest.raises(AxisError, match="index 7 is out of range") as caught:
        dg.compile(function)(x, index, bad)
    assert str(caught.value).count("gather of shapes") == 1


def test_cotangents_of_a_returned_view_arrive_in_the_order_of_eager() -> None:
    def function(x: Any) -> Any:
        first = x.mean(-1, True)
        view = x.transpose(0, 1)
        last = x * 0.3
        return first, view, last, x

    x = dg.randn(17, 17, 3, requires_grad=True)
    weights = [dg.randn(17, 17, 1), dg.randn(17, 17, 3), dg.randn(17, 17, 3), dg.randn(17, 17, 3)]
    grads = []
    for run in (function, dg.compile(function)):
        x.grad = None
        dg.autograd.backward(list(run(x)), weights)
        grads.append(x.grad)
    assert_bits_equal(*grads)


def test_a_trace_says_what_it_is_in_one_line() -> None:
    """In a terminal, ``f.traces`` must not print arrays and graphs."""
    f = dg.compile(lambda x: (x.exp() * 2).sum())
    f(dg.ones(3))
    said = "<Trace (first call): 4 ops in <Program: 1 calls, 0 bytes of scratch memory>>"
    assert repr(f.last) == said


def test_the_strides_of_an_argument_are_guarded() -> None:
    """What eager refuses for a tensor that is not contiguous, a trace does not answer otherwise."""
    f = dg.compile(lambda x: (x.as_strided((2, 2), (1, 2)), x.is_contiguous()))
    x = dg.arange(4).reshape(2, 2)
    assert f(x)[0].tolist() == [[0, 2], [1, 3]]
    with pytest.raises(ArgumentError, match=r"call contiguous\(\) first"):
        f(x.t())
    g = dg.compile(lambda x: (x + 1, x.is_contiguous()))
    assert [g(x)[1], g(x.t())[1], g(x)[1]] == [True, False, True]
    assert "other strides of argument 0" in g.traces[1].reason


def test_an_op_without_derivative_is_refused_in_backward_only() -> None:
    """As eagerly: the forward runs, and outputs that do not depend on it have their gradients."""

    def function(x: Any) -> Any:
        return dg.floor_divide(x, 2.0).sum(), (x * 3).sum()

    x = dg.tensor([3.0, 5.0], requires_grad=True)
    steps, line = dg.compile(function)(x)
    assert steps.item() == 3.0
    line.backward(retain_graph=True)
    assert x.grad.tolist() == [3.0, 3.0]
    with pytest.raises(GradError, match="floor_divide has no derivative here"):
        steps.backward()


class Restless:
    """An attribute that is another at every look."""

    def __init__(self) -> None:
        self.looks = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "__dict__":
            object.__setattr__(self, "looks", object.__getattribute__(self, "looks") + 1)
        return object.__getattribute__(self, name)


def test_a_value_that_no_trace_can_hold_is_named() -> None:
    """A named error instead of a trace for every call."""
    restless = Restless()
    with pytest.raises(TraceError, match="so that no trace would ever hold"):
        dg.compile(lambda x: x * restless.looks)(dg.ones(2))
