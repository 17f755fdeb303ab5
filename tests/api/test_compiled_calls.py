"""What a compiled call does around its program: guards at a glance, and its node on the tape."""

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import GradError
from tests.bits import assert_bits_equal

OPTIONS: tuple | None = None


def test_a_tuple_counts_by_value_and_its_replacement_is_seen() -> None:
    pair = (2.0, 3.0)
    f = dg.compile(lambda x: x * pair[0] + pair[1])
    x = dg.tensor(1.0)
    assert f(x).item() == 5.0
    pair = tuple(map(float, (2, 3)))  # equal, another object
    assert f(x).item() == 5.0
    assert len(f.traces) == 1
    pair = (2.0, 4.0)
    assert f(x).item() == 6.0
    assert f.traces[-1].reason == "closure variable 'pair' changed"


def test_a_tuple_that_holds_a_list_is_looked_into() -> None:
    pair = (2.0, [3.0])
    f = dg.compile(lambda x: x * pair[0] + pair[1][0])
    assert f(dg.tensor(1.0)).item() == 5.0
    pair[1][0] = 4.0
    assert f(dg.tensor(1.0)).item() == 6.0


def test_a_global_none_that_becomes_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    f = dg.compile(lambda x: x * (1.0 if OPTIONS is None else OPTIONS[0]))
    assert f(dg.tensor(3.0)).item() == 3.0
    monkeypatch.setitem(globals(), "OPTIONS", (2.0,))
    assert f(dg.tensor(3.0)).item() == 6.0


def test_a_closure_variable_that_is_deleted() -> None:
    factor = 2.0
    f = dg.compile(lambda x: x * factor)
    assert f(dg.tensor(3.0)).item() == 6.0
    assert f.function.__closure__ is not None
    del f.function.__closure__[0].cell_contents
    with pytest.raises(NameError):
        f(dg.tensor(3.0))


def test_a_module_elsewhere_that_changes_costs_no_trace() -> None:
    dg.manual_seed(0)
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    f = dg.compile(model)
    x = dg.randn(4, 3)
    before = f(x)
    other.eval()
    other.weight = nn.Parameter(dg.zeros(2, 3))
    assert_bits_equal(f(x), before, "after")
    assert len(f.traces) == 1


def test_a_module_changed_and_changed_back_keeps_its_trace() -> None:
    dg.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    f = dg.compile(model)
    x = dg.ones(2, 3)
    for _ in range(2):
        model.train()
        f(x)
        model.eval()
        assert_bits_equal(f(x), model(x), "eval")
    assert len(f.traces) == 2


def test_tensors_captured_in_any_layout_and_replaced() -> None:
    x = dg.ones(2, 3)
    model = nn.Linear(3, 2)
    model.held = dg.from_numpy(np.arange(6, dtype=np.float32).reshape(3, 2)).T
    f = dg.compile(lambda x: model(x) + (x * model.held).sum())
    for _ in range(2):
        eager = model(x) + (x * model.held).sum()
        assert_bits_equal(f(x), eager, "loose")


def test_the_only_output_has_the_compiled_node() -> None:
    w = dg.tensor([1.0, 2.0], requires_grad=True)
    out = dg.compile(lambda w: (w * w).sum())(w)
    assert out.grad_fn.name() == "CompiledFunctionBackward"
    assert out.grad_fn.next_functions[0][0].variable is w
    seen: list[float] = []
    out.register_hook(lambda g: seen.append(g.item()))
    out.register_hook(lambda g: g * 10)
    out.backward()
    assert seen == [1.0]
    assert w.grad.tolist() == [20.0, 40.0]
    with pytest.raises(GradError, match="second time"):
        out.backward()


def test_the_gradient_of_an_output_with_respect_to_itself() -> None:
    w = dg.tensor([1.0, 2.0], requires_grad=True)
    out = dg.compile(lambda w: (w * w).sum())(w)
    (g,) = dg.autograd.grad(out, out, retain_graph=True)
    assert g.item() == 1.0
    first, second = dg.autograd.grad(out, [out, w])
    assert first.item() == 1.0
    assert second.tolist() == [2.0, 4.0]


def test_a_node_hook_that_wants_input_gradients_is_a_named_error() -> None:
    out = dg.compile(lambda w: (w * w).sum())(dg.ones(2, requires_grad=True))
    with pytest.raises(GradError, match="register hooks on the tensors"):
        out.grad_fn.register_hook(lambda inputs, outputs: None)


def test_a_node_prehook_sees_the_cotangent() -> None:
    w = dg.tensor([1.0, 2.0], requires_grad=True)
    out = dg.compile(lambda w: (w * w).sum())(w)
    out.grad_fn.register_prehook(lambda g: (g[0] * 3,))
    out.backward()
    assert w.grad.tolist() == [6.0, 12.0]


def test_an_input_changed_after_forward_is_refused() -> None:
    w = dg.ones(2, requires_grad=True)
    x = dg.ones(2)
    out = dg.compile(lambda w, x: (w * x).sum())(w, x)
    x.add_(1.0)
    with pytest.raises(GradError, match="modified in place"):
        out.backward()
