"""The protocol of frontends, the base of tensors, and the switch of the grad mode."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.core.dispatch import assign, in_grad_mode, literal, state
from dualgraph.core.frontend import Frontend
from dualgraph.core.op import Op
from dualgraph.core.tensor import TensorBase
from dualgraph.eager.frontend import EagerFrontend, WatchingFrontend
from dualgraph.errors import ArgumentError, DualgraphError
from dualgraph.ops.build import is_tensor
from dualgraph.trace.tracer import Tracer


def methods(kind: type) -> dict[str, Callable[..., object]]:
    """Return the public methods that a class defines itself."""
    return {n: f for n, f in vars(kind).items() if inspect.isfunction(f) and n[0] != "_"}


@pytest.mark.parametrize("kind", [EagerFrontend, WatchingFrontend, Tracer])
@pytest.mark.parametrize("name", sorted(methods(Frontend)))
def test_frontends_have_the_methods_of_the_protocol(kind: type, name: str) -> None:
    """Each method is there, with the parameters that the protocol declares."""
    wanted = inspect.signature(getattr(Frontend, name)).parameters
    assert list(inspect.signature(getattr(kind, name)).parameters) == list(wanted)


def test_every_method_of_the_protocol_is_documented() -> None:
    """The protocol is small, and says of each method what it does."""
    assert all(f.__doc__ for f in methods(Frontend).values())
    assert len(methods(Frontend)) <= 18


def test_a_tensor_is_an_instance_of_the_base_class() -> None:
    """Tensors, parameters and literals are; what merely looks like one is not."""

    class Lookalike:
        value = np.zeros(2)
        tracked = False

    for x in (dg.ones(2), dg.nn.Parameter(dg.ones(2)), literal(1.0, np.dtype("float32"))):
        assert isinstance(x, TensorBase)
        assert is_tensor(x)
    assert not is_tensor(Lookalike())
    assert not is_tensor(np.zeros(2))
    with pytest.raises(DualgraphError, match="Lookalike"):
        dg.sin(Lookalike())  # type: ignore[arg-type]


def test_grad_mode_comes_back_after_an_error() -> None:
    """Calls nest, and an exception leaves the mode as it was."""

    def inner() -> None:
        raise KeyError(state.grad_enabled)

    def outer() -> bool:
        with pytest.raises(KeyError, match="True"):
            in_grad_mode(inner, enabled=True)
        return state.grad_enabled

    assert not in_grad_mode(outer, enabled=False)
    assert state.grad_enabled


def test_watching_sees_the_ops_of_composites() -> None:
    """A watching frontend sees each op, also those of which a composite is made."""

    class Names(WatchingFrontend):
        def __init__(self) -> None:
            self.names: list[str] = []

        def seen(self, op: Op, out: TensorBase) -> None:
            self.names.append(op.name)

    before = state.frontend
    x, weight, bias = dg.ones(2, 3), dg.ones(2, 3), dg.ones(2)
    with Names() as watching:
        dg.nn.functional.linear(x, weight, bias)
    assert state.frontend is before
    assert {"matmul", "add"} <= set(watching.names)
    assert "linear" not in watching.names


def test_literals_are_shared_and_checked() -> None:
    """The same number is the same tensor, zeros keep their sign, integers their range."""
    float32, int8 = np.dtype("float32"), np.dtype("int8")
    assert literal(2.0, float32) is literal(2.0, float32)
    assert np.signbit(literal(-0.0, float32).value)
    assert not np.signbit(literal(0.0, float32).value)
    with pytest.raises(ArgumentError, match="does not fit"):
        literal(1e9, int8)
    with dg.no_grad(), pytest.raises(DualgraphError, match="read-only"):
        dg.Tensor.add_(literal(2.0, float32), 1.0)


def test_assign_counts_as_a_change() -> None:
    """Values that were saved for backward are known to be overwritten."""
    x = dg.ones(2, requires_grad=True) * 1
    y = (x * x).sum()
    assign(x.detach(), np.zeros(2, np.float32))
    assert x.tolist() == [0.0, 0.0]
    with pytest.raises(DualgraphError, match="modified in place"):
        y.backward()
