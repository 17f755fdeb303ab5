"""scan: the loop in Python, the op in eager, the native loop, all with the same bits."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.control import scan
from dualgraph.trace.tree import flatten, unflatten
from tests.bits import assert_bits_equal, differing

from .scan_programs import PROGRAMS, Program


def leaves(tree: Any) -> list[Any]:
    found: list[Any] = []
    flatten(tree, found)
    return found


def unrolled(step: Any, init: Any, xs: Any, *, reverse: bool, length: int | None) -> Any:
    """Return what scan says that it computes, by a loop in Python."""
    count = leaves(xs)[0].shape[0] if length is None else length
    parts: list[Any] = []
    tree = flatten(xs, parts)
    carry, rows = init, [None] * count
    for k in reversed(range(count)) if reverse else range(count):
        carry, rows[k] = step(carry, unflatten(tree, [x[k] for x in parts]))
    columns = zip(*map(leaves, rows), strict=True)
    stacks = [dg.stack(list(column)) for column in columns]
    return carry, unflatten(flatten(rows[0], []), stacks)


class Case:
    """A program with its operands; the floating ones require grad."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.init, self.xs = program.init(), program.xs()
        self.captured = program.captured()
        for x in self.operands:
            x.requires_grad_(x.is_floating_point())

    @property
    def operands(self) -> list[Any]:
        return leaves((self.init, self.xs, self.captured))

    @property
    def wanted(self) -> list[Any]:
        return [x for x in self.operands if x.requires_grad]

    def run(self, loop: Any, init: Any, xs: Any, captured: Any) -> list[Any]:
        p = self.program
        step = p.step(*captured)
        return leaves(loop(step, init, xs, reverse=p.reverse, length=p.length))

    def function(self, loop: Any) -> Any:
        """Return the results and the gradients of a loss of them, as a function of operands."""

        def results(init: Any, xs: Any, captured: Any) -> list[Any]:
            return self.run(loop, init, xs, captured)

        return results

    def arguments(self) -> tuple[Any, ...]:
        return self.init, self.xs, self.captured


def loss(results: list[Any]) -> Any:
    terms = [(r * r * (k + 1)).sum() for k, r in enumerate(results) if r.requires_grad]
    return sum(terms[1:], terms[0])


def gradients(case: Case, loop: Any) -> list[Any]:
    results = case.run(loop, *case.arguments())
    return [*dg.autograd.grad(loss(results), case.wanted, allow_unused=True)]


@pytest.fixture(params=PROGRAMS)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(PROGRAMS[request.param])


def has_steps(case: Case) -> bool:
    return case.program is not PROGRAMS["no steps"]


def test_eager_is_the_loop_in_python(case: Case) -> None:
    if has_steps(case):
        expected = case.run(unrolled, *case.arguments())
        assert_bits_equal(case.run(scan, *case.arguments()), expected)
    else:
        h, ys = case.run(scan, *case.arguments())
        assert_bits_equal(h, case.init)
        assert ys.shape == (0, *case.init.shape)


def test_gradients_are_those_of_the_loop_in_python(case: Case) -> None:
    if not has_steps(case):
        results = case.run(scan, *case.arguments())
        assert_bits_equal(dg.autograd.grad(results[0].sum(), case.init)[0], dg.ones_like(case.init))
        return
    found, expected = gradients(case, scan), gradients(case, unrolled)
    for g, e in zip(found, expected, strict=True):
        if g is None or e is None:
            assert g is None or not g.any()
            assert e is None or not e.any()
        elif case.program.exact:
            same = ~differing(g.numpy(), e.numpy()) | ((g == 0) & (e == 0)).numpy()
            assert same.all()
        else:
            bar = {2: 2e-2, 4: 2e-5, 8: 1e-12}[g.numpy().itemsize]
            np.testing.assert_allclose(g.numpy(), e.numpy(), rtol=bar, atol=bar)


@pytest.mark.parametrize("backend", ["cpu", "interpreter"])
def test_compiled_results_have_the_bits_of_eager(case: Case, backend: str) -> None:
    function = case.function(scan)
    with dg.no_grad():
        expected = function(*case.arguments())
        found = dg.compile(function, backend=backend)(*case.arguments())
    assert_bits_equal(found, expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_gradients_have_the_bits_of_eager(case: Case, threads: int) -> None:
    def step(init: Any, xs: Any, captured: Any) -> Any:
        results = case.run(scan, init, xs, captured)
        wanted = [x for x in leaves((init, xs, captured)) if x.requires_grad]
        return results, dg.autograd.grad(loss(results), wanted, allow_unused=True)

    before = dg.get_num_threads()
    dg.set_num_threads(threads)
    try:
        found = dg.compile(step)(*case.arguments())
    finally:
        dg.set_num_threads(before)
    assert_bits_equal(found, step(*case.arguments()))


def test_backward_from_outside_of_a_compiled_loop_has_the_bits_of_eager(case: Case) -> None:
    compiled = dg.compile(case.function(scan))
    results = compiled(*case.arguments())
    found = dg.autograd.grad(loss(results), case.wanted, allow_unused=True)
    assert_bits_equal([*found], gradients(case, scan))


def test_second_derivatives(case: Case) -> None:
    if not has_steps(case):
        return

    def second(loop: Any, function: Any = None) -> list[Any]:
        results = (function or case.function(loop))(*case.arguments())
        firsts = dg.autograd.grad(loss(results), case.wanted, create_graph=True, allow_unused=True)
        again = [g for g in firsts if g is not None and g.requires_grad]
        if not again:
            return []
        total = sum(((g * g).sum() for g in again[1:]), (again[0] * again[0]).sum())
        return [*dg.autograd.grad(total, case.wanted, allow_unused=True)]

    found, expected = second(scan), second(unrolled)
    for g, e in zip(found, expected, strict=True):
        if g is None or e is None:
            assert g is None or not g.any()
            assert e is None or not e.any()
            continue
        bar = {2: 1e-1, 4: 1e-3, 8: 1e-10}[g.numpy().itemsize]
        scale = max(1.0, float(e.abs().max()))
        np.testing.assert_allclose(g.numpy() / scale, e.numpy() / scale, rtol=bar, atol=bar)


def test_create_graph_does_not_change_a_bit_of_the_first_gradient(case: Case) -> None:
    def first(create: bool) -> list[Any]:
        results = case.run(scan, *case.arguments())
        grads = dg.autograd.grad(loss(results), case.wanted, create_graph=create, allow_unused=True)
        return [*grads]

    assert_bits_equal(first(True), first(False))


def test_a_result_without_cotangent(case: Case) -> None:
    if len(case.run(scan, *case.arguments())) < 2 or not has_steps(case):
        return

    def of_last(loop: Any) -> list[Any]:
        results = [r for r in case.run(loop, *case.arguments()) if r.requires_grad]
        return [*dg.autograd.grad(results[-1].sum(), case.wanted, allow_unused=True)]

    for g, e in zip(of_last(scan), of_last(unrolled), strict=True):
        if g is None or e is None:
            assert g is None or not g.any()
        else:
            bar = {2: 2e-2, 4: 2e-5, 8: 1e-12}[g.numpy().itemsize]
            np.testing.assert_allclose(g.numpy(), e.numpy(), rtol=bar, atol=bar)
    compiled = dg.compile(lambda: of_last(scan))
    assert_bits_equal(compiled(), of_last(scan))
