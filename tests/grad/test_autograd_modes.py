"""Anomaly mode, inference mode, saved-tensor hooks, and what backward and grad may be asked for."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.autograd.graph import saved_tensors_hooks
from dualgraph.errors import GradError
from tests.bits import assert_bits_equal


def leaf(*values: float) -> Any:
    """A float32 vector that requires grad."""
    return dg.tensor(list(values), requires_grad=True)


def test_anomaly_mode_names_op_and_line() -> None:
    """The op whose rule made the NaN, and where the user called it."""
    x = leaf(0.0)
    with dg.autograd.detect_anomaly():
        y = dg.sqrt(x) * 0  # here
        with pytest.raises(GradError, match="SqrtBackward0 returned nan values in its 0th") as seen:
            y.sum().backward()
    assert "test_autograd_modes.py" in str(seen.value)
    (x / x).sum().backward()  # outside of the mode a NaN is a value
    assert np.isnan(x.grad.numpy()).all()


def test_anomaly_mode_sees_into_compiled_functions() -> None:
    """They run eagerly in it."""
    step = dg.compile(lambda x: (x / x).sum())
    x = leaf(0.0)
    with dg.autograd.detect_anomaly(), pytest.raises(GradError, match="DivBackward0"):
        step(x).backward()
    assert not step.traces


def test_set_detect_anomaly() -> None:
    """As a function and as a context."""
    with dg.autograd.set_detect_anomaly(True):
        with pytest.raises(GradError, match="nan"):
            (leaf(0.0) / leaf(0.0)).sum().backward()
        with dg.autograd.set_detect_anomaly(False):
            (leaf(0.0) / leaf(0.0)).sum().backward()


def test_inference_mode() -> None:
    """As `no_grad`, also within `enable_grad`; `inference_mode(False)` records."""
    x = leaf(1.0)
    with dg.inference_mode():
        assert not (x * 2).requires_grad
        with dg.enable_grad():
            assert not (x * 2).requires_grad
        with dg.inference_mode(False):
            assert (x * 2).requires_grad
    with dg.no_grad(), dg.inference_mode(False):
        assert (x * 2).requires_grad
    assert not dg.inference_mode()(lambda: x * 2)().requires_grad


def test_backward_into_chosen_inputs() -> None:
    """Only those get a .grad, and they may be results of ops."""
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * w
    (y * y).sum().backward(inputs=[w, y])
    assert x.grad is None
    assert w.grad.tolist() == [6.0, 32.0]
    assert y.grad.tolist() == [6.0, 16.0]
    dg.autograd.backward((x * w).sum(), inputs=x)
    assert x.grad.tolist() == [3.0, 4.0]
    with pytest.raises(GradError, match="inputs must be tensors that require grad"):
        (x * 2).sum().backward(inputs=[dg.ones(1)])


def test_materialized_gradients() -> None:
    """Zeros where the outputs do not depend on an input."""
    x, w = leaf(1.0), leaf(2.0, 3.0)
    with pytest.raises(GradError, match="allow_unused"):
        dg.autograd.grad(x.sum(), (x, w))
    assert dg.autograd.grad(x.sum(), (x, w), allow_unused=True)[1] is None
    assert dg.autograd.grad(x.sum(), (x, w), materialize_grads=True)[1].tolist() == [0.0, 0.0]


def test_saved_tensor_hooks() -> None:
    """What the tape keeps goes through pack, and comes back through unpack."""
    seen: list[str] = []

    def pack(t: Any) -> Any:
        seen.append("pack")
        return t.detach().numpy().copy()

    def unpack(a: Any) -> Any:
        seen.append("unpack")
        return dg.tensor(a) * 10

    x = leaf(1.0, 2.0)
    with saved_tensors_hooks(pack, unpack):
        y = (x * x).exp()
    packed = len(seen)
    y.sum().backward()
    assert seen == ["pack"] * packed + ["unpack"] * (len(seen) - packed)
    plain = leaf(1.0, 2.0)
    ((plain * plain).exp()).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), plain.grad.numpy() * 100, rtol=1e-6)


def test_saved_tensor_hooks_in_a_trace() -> None:
    """The hooks run on symbols: their ops are part of the graph."""

    def function(x: Any) -> Any:
        with saved_tensors_hooks(lambda t: t * 2, lambda t: t / 2):
            y = dg.tanh(x) * x
        return dg.autograd.grad(y.sum(), x)[0]

    x = leaf(0.5, -1.0)
    assert_bits_equal(dg.compile(function)(x), function(x))
