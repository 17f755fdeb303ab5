"""Composites are traced once for each kind of call and replayed: the same bits, the same errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph.core.dispatch import compose, literal
from dualgraph.core.frontend import Frontend
from dualgraph.core.op import NONDIFF, REGISTRY, Op, defcomposite
from dualgraph.eager.frontend import EagerFrontend
from dualgraph.errors import AxisError, GraphError
from dualgraph.ir.interpreter import Plan
from dualgraph.trace.composites import CompositeCache, OpTracer
from tests.bits import assert_bits_equal

CALLS: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda x: F.softmax(x, 0),
    "log_softmax": lambda x: F.log_softmax(x, 0),
    "logsumexp": lambda x: dg.logsumexp(x, 1, keepdim=True),
    "cross_entropy": lambda x: F.cross_entropy(x, TARGET, ignore_index=1),
    "cross_entropy weighted": lambda x: F.cross_entropy(x, TARGET, dg.arange(5).float()),
    "mse_loss": lambda x: F.mse_loss(x, x * 2),
    "mse_loss of one tensor": lambda x: F.mse_loss(x, x),
    "var": lambda x: dg.var(x, 1),
    "norm": lambda x: dg.linalg.vector_norm(x, 3, 1),
    "index_select": lambda x: dg.index_select(x, 1, TARGET),
    "det": lambda x: dg.linalg.det(x[:, :4]),
    "linear of a literal": lambda x: F.linear(x, x, literal(2.0, x.value.dtype).expand(4)),
}
TARGET = dg.tensor([0, 4, 1, 2])
OTHER = dg.tensor([1.0, 2.0, 3.0])


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> CompositeCache:
    """A cache of the test's own."""
    fresh = CompositeCache()
    monkeypatch.setattr(EagerFrontend, "replays", fresh)
    return fresh


@pytest.fixture
def op_by_op() -> Iterator[Callable[[], Any]]:
    """A context in which composites run as they are."""

    @contextmanager
    def off() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(EagerFrontend, "replays", None)
            yield

    return off


def composite(forward: Callable[..., Any], inputs: str = "x") -> Op:
    """Return a composite of the test's own, which `REGISTRY` forgets at once."""
    op = defcomposite(
        "of_this_test", inputs=inputs, forward=forward, vjp=(NONDIFF,) * len(inputs.split())
    )
    del REGISTRY["of_this_test"]
    return op


def plans_of(cache: CompositeCache, op: Op) -> list[Plan | None]:
    """Return what the cache holds for the calls of one composite."""
    return [plan for key, plan in cache.plans.items() if key[0] is op]


def values(seed: int) -> Any:
    """A (4, 5) leaf of normal numbers."""
    numbers = np.random.default_rng(seed).standard_normal((4, 5)).astype(np.float32)
    return dg.tensor(numbers, requires_grad=True)


def outcome(call: Callable[[Any], Any], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the value and the gradient of a call."""
    x = values(seed)
    out = call(x)
    (out * out).sum().backward()
    return out.detach().numpy(), x.grad.numpy()


# --- replays -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
def test_a_replayed_call_gives_the_bits_of_op_by_op(
    name: str, cache: CompositeCache, op_by_op: Callable[[], Any]
) -> None:
    outcome(CALLS[name], 2)
    assert any(cache.plans.values())
    before = len(cache.plans)
    found = outcome(CALLS[name], 1)
    assert len(cache.plans) == before
    with op_by_op():
        expected = outcome(CALLS[name], 1)
    for a, b in zip(found, expected, strict=True):
        assert_bits_equal(a, b)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.t().contiguous().t(),
        lambda x: x.t(),
        lambda x: x[:, ::2],
        lambda x: x[:0],
        lambda x: x[:1].expand(4, 5),
        lambda x: x.double(),
        lambda x: x.flip(1),
    ],
)
def test_other_layouts(change: Callable[[Any], Any], op_by_op: Callable[[], Any]) -> None:
    """Strides are no part of a kind: one plan serves them all, and keeps the order of eager."""
    x = change(values(3).detach())
    replayed = F.softmax(x, 0), F.softmax(x, 0)
    with op_by_op():
        expected = F.softmax(x, 0)
    for out in replayed:
        assert out.stride() == expected.stride()
        assert_bits_equal(out, expected)


def test_one_tensor_twice_says_nothing_about_others() -> None:
    """An operand that is given twice counts as two."""
    x, y = dg.tensor([1, 0, 0, 2, 1, 3, 1]), dg.tensor([-1, 0, -5, -2, -1, -3, -4])
    assert dg.index_select(x, 0, x).tolist() == [0, 1, 1, 0, 0, 2, 0]
    assert dg.index_select(y, 0, x).tolist() == [0, -1, -1, -5, 0, -2, 0]
    assert dg.index_select(y, 0, x).tolist() == [0, -1, -1, -5, 0, -2, 0]


def test_an_operand_that_is_a_literal_is_none_of_the_composite(cache: CompositeCache) -> None:
    op = composite(lambda x, y: x * y + literal(2.0, x.value.dtype), "x y")
    two = literal(2.0, OTHER.value.dtype)
    assert compose(op, OTHER, two).tolist() == [4.0, 6.0, 8.0]
    assert compose(op, OTHER, dg.tensor(3.0)).tolist() == [5.0, 8.0, 11.0]
    assert len(plans_of(cache, op)) == 1


def test_kinds_are_told_apart(cache: CompositeCache) -> None:
    """Equal static arguments of other types, shapes, dtypes and the default dtype."""

    def forward(x: Any, *, by: float) -> Any:
        return x * literal(
            3.0 if type(by) is bool else -0.0 if str(by) == "-0.0" else 1.0, x.value.dtype
        )

    op = composite(forward)
    x = dg.tensor([1.0, 2.0])
    found = [compose(op, x, by=by).tolist() for by in (1, True, 1.0, 0.0, -0.0)]
    assert found == [[1.0, 2.0], [3.0, 6.0], [1.0, 2.0], [1.0, 2.0], [-0.0, -0.0]]
    compose(op, x.double(), by=1)
    compose(op, x.reshape(2, 1), by=1)
    assert len(plans_of(cache, op)) == 7


def test_the_cache_is_bounded() -> None:
    cache = CompositeCache(limit=2)
    op = composite(lambda x: x * x)
    for extent in (1, 2, 3, 2, 1):
        assert_bits_equal(cache.values(op, (dg.ones(extent),), {}), [np.ones(extent, np.float32)])
        assert len(cache.plans) <= 2


@pytest.mark.parametrize("mode", [dg.no_grad, dg.inference_mode, dg.autograd.detect_anomaly])
def test_modes_are_those_of_the_caller(mode: Callable[[], Any]) -> None:
    """The first call of a kind traces: what it switches is switched back, also on the tape."""
    for _ in range(2):
        x = dg.ones(3, 7, requires_grad=True)
        with mode():
            out = F.softmax(x, 0)
            assert out.requires_grad == dg.is_grad_enabled()
        assert dg.is_grad_enabled()


def test_what_the_tape_keeps_is_seen_by_hooks() -> None:
    packed: list[Any] = []
    for _ in range(2):
        x = dg.ones(3, 8, requires_grad=True)
        with dg.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):
            F.softmax(x, 0).sum().backward()
    assert len(packed) == 2  # the output, of each call
    assert all(type(t) is dg.Tensor for t in packed)


def test_a_result_can_be_changed_in_place() -> None:
    """A view of what the composite computed is nobody else's memory."""
    op = composite(lambda x: (x * literal(2.0, x.value.dtype)).reshape(3, 1))
    for _ in range(2):
        out = compose(op, OTHER)
        assert out.add_(1).tolist() == [[3.0], [5.0], [7.0]]
        assert out.is_leaf
        assert out.base is None
    op = composite(lambda x: literal(2.0, x.value.dtype).expand(3) * x)
    for _ in range(2):
        assert compose(op, OTHER).add_(1).tolist() == [3.0, 5.0, 7.0]


# --- what is run op by op ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: x * float(x.sum().item()),  # reads a value
        lambda x: x + OTHER,  # reads a tensor that is no operand
        lambda x: x * dg.rand(3),  # draws
        lambda x: x,  # runs no op
        lambda x: x * (2.0 if x.requires_grad else 3.0),  # asks for what is no part of the kind
        lambda x: x * float(x.stride(0)),
        lambda x: x * dg.zeros(3).add_(x),  # changes a tensor
    ],
)
def test_what_is_more_than_ops_is_run_as_it_is(
    forward: Callable[[Any], Any], cache: CompositeCache
) -> None:
    op = composite(forward)
    for number in (1.0, 2.0, 3.0):
        x = dg.full((3,), number, requires_grad=number == 2.0)
        dg.manual_seed(0)
        expected = forward(x).detach().numpy().copy()
        dg.manual_seed(0)
        assert_bits_equal(compose(op, x).detach().numpy(), expected)
        OTHER.add_(1)
    assert plans_of(cache, op) == [None]


def test_a_static_argument_whose_repr_is_not_all_of_it(cache: CompositeCache) -> None:
    class Factor:
        def __init__(self, by: float) -> None:
            self.by = by

        def __repr__(self) -> str:
            return "a factor"

    op = composite(lambda x, by: x * literal(by.by, x.value.dtype))
    for by in (2.0, 3.0):
        assert compose(op, dg.ones(1), by=Factor(by)).item() == by
    assert plans_of(cache, op) == [None]


def test_only_ops_are_traced() -> None:
    """Whatever else a frontend can be asked for is refused, or does not depend on the call."""
    allowed = {"run", "composite", "record", "concrete"}
    asked = {name for name in vars(Frontend) if name[0] != "_"}
    assert {name for name in asked if getattr(OpTracer, name) is OpTracer._refuse} == (
        asked - allowed
    )


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["right", "wrong"])
def test_an_error_of_a_kernel_is_that_of_its_op(
    first: str, cache: CompositeCache, op_by_op: Callable[[], Any]
) -> None:
    """With the op's words and the user's line, whether the kind is new or not."""
    x, wrong = dg.ones(4, 5), dg.tensor([0, 7, 1, 2])
    with op_by_op(), pytest.raises(AxisError) as expected:
        F.nll_loss(x, wrong)
    if first == "right":
        F.nll_loss(x, TARGET)
    with pytest.raises(AxisError, match=r"index 7(.|\n)*test_composites.py") as found:
        F.nll_loss(x, wrong)
    assert type(found.value) is type(expected.value)
    assert found.value.args == expected.value.args
    assert found.value.__context__ is None or not isinstance(found.value.__context__, AxisError)


def test_operands_that_do_not_fit(cache: CompositeCache, op_by_op: Callable[[], Any]) -> None:
    """Wrong at the trace already: the ops say what is wrong, and nothing is kept."""
    op = composite(lambda x, y: x + y, "x y")
    with op_by_op(), pytest.raises(ValueError, match="add") as expected:
        compose(op, dg.ones(3), dg.ones(4))
    with pytest.raises(type(expected.value)) as found:
        compose(op, dg.ones(3), dg.ones(4))
    assert found.value.args == expected.value.args
    assert plans_of(cache, op) == []


def test_a_replay_that_fails_alone_is_a_fault_of_ours(cache: CompositeCache) -> None:
    op = composite(lambda x: x * x)
    compose(op, dg.ones(3))
    (plan,) = plans_of(cache, op)
    assert plan is not None

    def broken(*arrays: np.ndarray) -> np.ndarray:
        raise ValueError("no")

    plan.steps = tuple([step._replace(kernel=broken) for step in plan.steps])
    with pytest.raises(GraphError, match=r"of_this_test.*ValueError: no"):
        compose(op, dg.ones(3))
