"""Ops with several results on the tape: one node, an output number for each, rules called once."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.core.dispatch import apply_several, compose_several
from dualgraph.core.op import REGISTRY, Composite, Op, defcomposite, defop
from dualgraph.core.types import Aval
from dualgraph.errors import GradError
from tests.bits import assert_bits_equal


def infer(x: Any, y: Any) -> tuple[Aval, ...]:
    return Aval(x.shape, x.dtype), Aval(x.shape, x.dtype), Aval(x.shape, np.dtype("int64"))


def kernel(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    return x * y, x + y, (x > y).astype(np.int64)


@pytest.fixture
def op() -> Iterator[Op]:
    """An op of two floating results and one of integers."""
    made = defop(
        "both",
        inputs="x y",
        results="product total larger",
        infer=infer,
        kernel=kernel,
        lower=Composite(),
        vjp=(
            lambda g_product, g_total, y: g_product * y + g_total,
            lambda g_product, x, g_total=None: (
                g_product * x if g_total is None else g_product * x + g_total
            ),
        ),
    )
    yield made
    del REGISTRY["both"]


def inputs() -> tuple[Any, Any]:
    return dg.tensor([1.0, 2.0], requires_grad=True), dg.tensor([3.0, 5.0], requires_grad=True)


def test_one_node_with_an_output_number_for_each_result(op: Op) -> None:
    x, y = inputs()
    product, total, larger = apply_several(op, x, y)
    assert product.grad_fn is total.grad_fn
    assert (product.output_nr, total.output_nr) == (0, 1)
    assert product.grad_fn.name() == "BothBackward0"
    assert larger.grad_fn is None
    assert not larger.requires_grad
    (edge, number), _ = (total * product).grad_fn.next_functions
    assert (edge, number) == (total.grad_fn, 1)


def test_cotangents_of_all_results_meet_in_the_rules(op: Op) -> None:
    x, y = inputs()
    product, total, _ = apply_several(op, x, y)
    (product * 10 + total).sum().backward()
    assert x.grad.tolist() == [31.0, 51.0]
    assert y.grad.tolist() == [11.0, 21.0]


def test_an_absent_cotangent_is_zeros_or_none(op: Op) -> None:
    x, y = inputs()
    product, total, _ = apply_several(op, x, y)
    assert [g.tolist() for g in dg.autograd.grad(product.sum(), [x, y], retain_graph=True)] == [
        [3.0, 5.0],
        [1.0, 2.0],
    ]
    assert [g.tolist() for g in dg.autograd.grad(total.sum(), [x, y])] == [[1.0, 1.0], [1.0, 1.0]]


def test_hooks_and_retained_gradients_belong_to_one_output(op: Op) -> None:
    x, y = inputs()
    product, total, _ = apply_several(op, x, y)
    seen: list[Any] = []
    product.register_hook(lambda g: seen.append(("product", g.tolist())))
    total.register_hook(lambda g: g * 100)
    total.retain_grad()
    (total * 2).sum().backward()
    assert seen == []
    assert total.grad.tolist() == [200.0, 200.0]
    assert product.grad is None
    assert x.grad.tolist() == [200.0, 200.0]


def test_node_hooks_see_every_output(op: Op) -> None:
    x, y = inputs()
    product, total, _ = apply_several(op, x, y)
    seen: list[Any] = []

    def before(grads: tuple[Any, ...]) -> tuple[Any, ...]:
        seen.append([g is None for g in grads])
        return (grads[0] * 2, *grads[1:])

    product.grad_fn.register_prehook(before)
    product.grad_fn.register_hook(lambda into, out: seen.append((len(into), out[0].tolist())))
    product.sum().backward()
    assert seen == [[False, True, True], (2, [2.0, 2.0])]
    assert x.grad.tolist() == [6.0, 10.0]
    _, total, _ = apply_several(op, x, y)
    total.grad_fn.register_prehook(lambda grads: grads[:1])
    with pytest.raises(GradError, match="returned 1 gradients for 3 outputs"):
        dg.autograd.grad(total.sum(), x)


def test_a_result_is_itself_a_place_to_differentiate_to(op: Op) -> None:
    x, y = inputs()
    product, total, _ = apply_several(op, x, y)
    loss = (product * total).sum()
    found = dg.autograd.grad(loss, [total, product, x])
    assert found[0].tolist() == product.tolist()
    assert found[1].tolist() == total.tolist()
    assert found[2].tolist() == (total * y + product).tolist()


def test_second_derivatives(op: Op) -> None:
    x, y = inputs()
    product, _, _ = apply_several(op, x, y)
    (first,) = dg.autograd.grad((product * product).sum(), x, create_graph=True)
    (second,) = dg.autograd.grad(first.sum(), x)
    assert second.tolist() == [18.0, 50.0]  # d(2 x y^2)/dx


def test_anomaly_names_the_op_and_its_line(op: Op) -> None:
    x, _ = inputs()
    with dg.autograd.detect_anomaly():
        product, total, _ = apply_several(op, x, dg.tensor([float("nan"), 1.0]))
        loss = (product + total).sum()
        with pytest.raises(GradError, match="the forward of BothBackward0 was the first"):
            loss.backward()


def test_saved_results_are_at_their_place_on_the_tape() -> None:
    made = defop(
        "doubled",
        inputs="x",
        results="twice count",
        infer=lambda x: (Aval(x.shape, x.dtype), Aval(x.shape, np.dtype("int64"))),
        kernel=lambda x: (x * 2, np.full(x.shape, 3)),
        lower=Composite(),
        vjp=(lambda g_twice, twice, count: g_twice * twice * count,),
    )
    del REGISTRY["doubled"]
    x = dg.tensor([1.0, 2.0], requires_grad=True)
    twice, count = apply_several(made, x)
    (first,) = dg.autograd.grad(twice.sum(), x, create_graph=True)
    assert first.tolist() == [6.0, 12.0]
    (second,) = dg.autograd.grad(first.sum(), x, retain_graph=True)
    assert second.tolist() == [18.0, 36.0]
    count.zero_()
    with pytest.raises(GradError, match="DoubledBackward0 needs for backward was modified"):
        dg.autograd.grad(twice.sum(), x)


def test_a_second_backward_is_refused(op: Op) -> None:
    x, y = inputs()
    product, total, _ = apply_several(op, x, y)
    product.sum().backward()
    with pytest.raises(GradError, match="second time"):
        total.sum().backward()


def test_an_in_place_change_moves_a_result_to_a_node_of_its_own(op: Op) -> None:
    x, y = inputs()
    _, total, _ = apply_several(op, x, y)
    total.mul_(3)
    assert (total.grad_fn.name(), total.output_nr) == ("MulBackward0", 0)
    total.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_composite_with_several_results_is_one_node() -> None:
    made = defcomposite(
        "halves",
        inputs="x",
        results="low high",
        forward=lambda x: (x * 0.5, x + 1),
        vjp=(lambda g_low, g_high: g_low * 0.5 + g_high,),
    )
    del REGISTRY["halves"]
    x = dg.tensor([1.0, 4.0], requires_grad=True)
    low, high = compose_several(made, x)
    assert low.grad_fn is high.grad_fn
    assert low.tolist() == [0.5, 2.0]
    (low + high).sum().backward()
    assert x.grad.tolist() == [1.5, 1.5]


def test_wrong_rules_fail_at_import() -> None:
    for rule in (lambda g, x: g, lambda g_other: g_other):
        with pytest.raises(TypeError, match="op wrong: vjp rule asks for 'g"):
            defop(
                "wrong",
                inputs="x",
                results="one two",
                infer=infer,
                kernel=kernel,
                lower=Composite(),
                vjp=(rule,),
            )


SQUARE = [[4.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, 0.25, 2.0]]
OPS: dict[str, tuple[Any, str]] = {
    "sort": (lambda x: dg.sort(x, 1), "SortBackward0"),
    "topk": (lambda x: dg.topk(x, 2), "TopkBackward0"),
    "kthvalue": (lambda x: dg.kthvalue(x, 2), "KthvalueBackward0"),
    "max": (lambda x: dg.max(x, 1), "MaxBackward0"),
    "min": (lambda x: dg.min(x, 0, keepdim=True), "MinBackward0"),
    "median": (lambda x: dg.median(x, 1), "MedianBackward0"),
    "nanmedian": (lambda x: dg.nanmedian(x, 1), "NanmedianBackward0"),
    "mode": (lambda x: dg.mode(x, 1), "ModeBackward0"),
    "cummax": (lambda x: dg.cummax(x, 1), "CummaxBackward0"),
    "cummin": (lambda x: dg.cummin(x, 0), "CumminBackward0"),
    "eigh": (lambda x: dg.linalg.eigh(x), "EighBackward0"),
    "svd": (lambda x: dg.linalg.svd(x), "SvdBackward0"),
    "qr": (lambda x: dg.linalg.qr(x), "QrBackward0"),
    "lu_factor": (lambda x: dg.linalg.lu_factor(x), "LuFactorBackward0"),
    "slogdet": (lambda x: dg.linalg.slogdet(x), "SlogdetBackward0"),
}


@pytest.mark.parametrize("name", OPS)
def test_ops_of_the_set_have_one_node_for_all_results(name: str) -> None:
    """Floating results share it; integers have none, and compiled code ends with the same bits."""
    function, expected = OPS[name]
    x = dg.tensor(SQUARE, requires_grad=True)
    outs = function(x)
    nodes = {out.grad_fn for out in outs if out.dtype.is_floating_point}
    assert [node.name() for node in nodes] == [expected]
    assert all(out.grad_fn is None for out in outs if not out.dtype.is_floating_point)
    numbers = [k for k, out in enumerate(outs) if out.grad_fn]
    assert [outs[k].output_nr for k in numbers] == numbers

    def step(x: Any) -> Any:
        floating = [out for out in function(x) if out.dtype.is_floating_point]
        (g,) = dg.autograd.grad(sum((out * out).sum() for out in floating), x)
        return (*function(x), g)

    assert_bits_equal(dg.compile(step)(x), step(x))
