"""Fusion, shared kernels, the arena, and the text of generated code."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.passes.pipeline import optimize
from dualgraph.targets.cpu.arena import ALIGNMENT, PAGE, plan
from dualgraph.targets.cpu.executable import Program
from dualgraph.targets.cpu.program import CPU
from dualgraph.targets.cpu.rows import Buffer, Row
from dualgraph.targets.cpu.toolchain.native import source_path, stats
from dualgraph.targets.protocol import Fresh
from dualgraph.trace.tracer import traced
from tests.bits import assert_bits_equal


def numbers(*shape: int, seed: int = 0) -> Any:
    return dg.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def program_of(function: Callable[..., Any], *tensors: Any) -> Program:
    """Compile a function and check that its results have the bits of eager."""
    f = dg.compile(function)
    assert_bits_equal(listed(f(*tensors)), listed(function(*tensors)))
    return f.traces[-1].program


def listed(out: Any) -> list[Any]:
    return list(out) if isinstance(out, tuple) else [out]


def groups(program: Program) -> list[str]:
    """Return the groups in order, each as the names of its nodes."""
    return [f"{g.family}: {' '.join(n.op.name for n in g.nodes)}" for g in program.groups]


# --- what fuses ----------------------------------------------------------------------------------


def test_a_chain_is_one_kernel() -> None:
    program = program_of(lambda x, y: dg.exp(dg.tanh(x * y) + 1) / 3 - x, numbers(4, 5), numbers(5))
    assert groups(program) == ["loop: mul tanh add exp div sub"]
    assert len(program.rows) == 1
    assert program.fused_ops == 6
    assert program.arena_bytes == 0


def test_branches_of_one_shape_are_one_kernel_with_several_results() -> None:
    function = lambda x: (dg.exp(x) * 2, dg.exp(x) + x, dg.sin(x))  # noqa: E731
    assert groups(program_of(function, numbers(7))) == ["loop: exp mul add", "loop: sin"]


def test_producers_go_into_a_reduction() -> None:
    program = program_of(lambda x, y: ((x - y) ** 2).sum(1), numbers(4, 6), numbers(4, 6))
    assert groups(program) == ["reduce: sub mul sum"]
    program = program_of(lambda x: (dg.exp(x) * x).sum(0), numbers(4, 6))
    assert groups(program) == ["reduce: exp mul sum"]


def test_a_value_that_others_need_stays_out_of_the_reduction() -> None:
    def function(x: Any) -> Any:
        y = dg.exp(x)
        return y, y.sum(1), y.amax(1)

    found = groups(program_of(function, numbers(4, 6)))
    assert sorted(found) == ["loop: exp", "reduce: amax", "reduce: sum"]


def test_a_broadcast_producer_goes_into_the_reduction() -> None:
    program = program_of(lambda x, row: (x * row).sum(1), numbers(4, 6), numbers(6))
    assert groups(program) == ["reduce: mul sum"]


def test_views_cost_nothing() -> None:
    function = lambda x: dg.exp(x.t()[1:, ::2]) * x[::2, 1:].t() + x.t()[1:, 1::2]  # noqa: E731
    program = program_of(function, numbers(6, 5))
    assert groups(program) == ["loop: exp mul add"]


def test_gather_fuses_with_what_uses_it() -> None:
    index = dg.tensor([2, 0, 1])
    function = lambda x, i: dg.exp(x.gather(0, i * 1 + 0) * 2)  # noqa: E731
    assert groups(program_of(function, numbers(3), index)) == ["loop: gather mul exp"]


def mlp_step(widths: tuple[int, ...], adam: bool = False) -> tuple[Any, nn.Module]:
    dg.manual_seed(0)
    layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    model = nn.Sequential(*[m for linear in layers for m in (linear, nn.Tanh())])
    opt = optim.Adam(model.parameters()) if adam else optim.SGD(model.parameters(), momentum=0.9)

    def step(x: Any, y: Any) -> Any:
        opt.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    return step, model


@pytest.mark.parametrize("adam", [False, True], ids=["sgd", "adam"])
def test_optimizer_updates_share_one_kernel(adam: bool) -> None:
    """One call per parameter, one kernel for all, whatever their shapes."""
    step, model = mlp_step((3, 5, 4, 2), adam)
    f = dg.compile(step)
    x, y = numbers(6, 3), numbers(6, 2)
    f(x, y)
    f(x, y)
    program = f.traces[-1].program
    values = [p.detach().numpy() for p in model.parameters()]
    updates = [r for r in program.rows if "# in place" in r.text and r.nodes[-1].op.name == "sub"]
    assert sorted(r.items for r in updates) == sorted(v.size for v in values)
    assert len({r.name for r in updates}) == 1
    assert all(len(r.nodes) == (13 if adam else 4) for r in updates)


# --- what must not fuse --------------------------------------------------------------------------


def test_a_path_that_leaves_and_comes_back() -> None:
    """exp -> sum -> div: the division needs the whole sum, so exp cannot share its loop."""

    def function(x: Any) -> Any:
        e = dg.exp(x)
        return e / e.sum(1, keepdim=True)

    assert groups(program_of(function, numbers(4, 6))) == ["loop: exp", "reduce: sum", "loop: div"]


def test_a_path_around_through_two_groups() -> None:
    def function(x: Any, w: Any) -> Any:
        a = dg.tanh(x)
        b = (a @ w).sum(0)
        return a * b + dg.exp(a)

    found = groups(program_of(function, numbers(5, 5), numbers(5, 5)))
    assert "gemm: matmul" in found
    assert not any("tanh" in g and "mul" in g.split() for g in found)


def test_a_path_around_through_a_group_that_starts_early_and_ends_late() -> None:
    """The gradient and its last use are one loop, so that what starts late leads to ``first``."""

    def f(x: dg.Tensor, y: dg.Tensor) -> tuple[dg.Tensor, dg.Tensor]:
        wave = dg.sin(x)
        (g,) = dg.autograd.grad(dg.cos(y).sum(), y)
        first = wave + dg.softmax(g, -1)
        return first, dg.softmax(wave, -1) + g

    x, y = dg.ones(4, 8), dg.ones(4, 8, requires_grad=True)
    for eager, compiled in zip(f(x, y), dg.compile(f)(x, y), strict=True):
        assert_bits_equal(compiled.numpy(), eager.numpy())


def test_a_view_of_a_value_of_the_own_group() -> None:
    """a.t() needs all of a: the sum of both cannot share the loop that makes a."""

    def function(x: Any) -> Any:
        a = dg.exp(x)
        return a + a.t()

    assert groups(program_of(function, numbers(5, 5))) == ["loop: exp", "loop: add"]


def test_a_shifted_view_of_the_own_group() -> None:
    def function(x: Any) -> Any:
        a = dg.exp(x)
        b = a * 2
        return a[1:] + b[:-1], b

    found = groups(program_of(function, numbers(9)))
    assert found == ["loop: exp mul", "loop: add"]


def test_a_gather_table_of_the_own_group() -> None:
    """A gather reads any element of its table: it comes after the loop that makes the table."""

    def function(x: Any, index: Any) -> Any:
        table = dg.exp(x)
        return table.gather(0, index) + table

    found = groups(program_of(function, numbers(4), dg.tensor([3, 2, 1, 0])))
    assert found[0] == "loop: exp"
    assert found[1:] == ["loop: gather add"]


def test_other_shapes_are_other_loops() -> None:
    function = lambda x: (dg.exp(x), dg.exp(x)[:2] * 2, dg.exp(x)[0] * 3)  # noqa: E731
    assert len(groups(program_of(function, numbers(3, 4)))) == 3


def test_long_chains_are_cut() -> None:
    def function(x: Any) -> Any:
        for i in range(60):
            x = x * 1.5 + float(i)
        return x

    program = program_of(function, numbers(4))
    sizes = [len(g.nodes) for g in program.groups]
    assert sum(sizes) == 120
    assert max(sizes) <= 48


def test_many_operands_are_cut() -> None:
    tensors = [numbers(5, seed=i) for i in range(30)]

    def function(*xs: Any) -> Any:
        total = xs[0]
        for x in xs[1:]:
            total = total * x
        return total

    program = program_of(function, *tensors)
    assert 1 < len(program.rows) < 8


def test_the_order_of_groups_respects_dependences() -> None:
    """Diamonds over reductions, products and loops, in several random shapes."""

    def function(x: Any, w: Any) -> Any:
        a = dg.tanh(x @ w)
        b = dg.softmax(a, 1) * a.sum(0) + a.t().sum(0).reshape(-1, 1)
        c = dg.cumsum(b, 1) - b.amax(1, keepdim=True) * a
        return (c @ w.t()).sum() + (a * b * c).mean(), b, c

    for n, m in [(3, 3), (4, 7)]:
        program_of(function, numbers(n, m), numbers(m, m))


# --- kernels are shared --------------------------------------------------------------------------


def test_a_new_batch_size_compiles_nothing() -> None:
    step, _ = mlp_step((3, 8, 2), adam=True)
    f = dg.compile(step)
    for _ in range(2):
        f(numbers(6, 3), numbers(6, 2))
    traces, compiled, loaded = len(f.traces), stats.compiled, stats.loaded
    for batch in (7, 33, 5):  # not 32: the mean over 2**k elements multiplies, another kernel
        f(numbers(batch, 3), numbers(batch, 2))
    assert len(f.traces) > traces
    assert (stats.compiled, stats.loaded) == (compiled, loaded)
    assert all(t.program.cost.compiled == 0 for t in f.traces[traces:])


def test_an_equal_kernel_of_another_graph_is_shared() -> None:
    first = program_of(lambda x: dg.tanh(x * 3) + 1, numbers(4))
    before = stats.compiled
    second = program_of(lambda a, b: (dg.tanh(a * 3) + 1, b), numbers(2, 9), numbers(1))
    assert first.kernels[0].name in {k.name for k in second.kernels}
    assert stats.compiled == before


def test_shape_one_and_broadcasts_are_other_kernels() -> None:
    """Whether an operand steps or stays is part of the text; the extents are not."""
    names = set()
    for shape in ((4, 5), (1, 5), (4, 1), (1, 1)):
        program = program_of(lambda x, y: x * 7 + y, numbers(4, 5), numbers(*shape, seed=1))
        names |= {k.name for k in program.kernels}
    assert 2 <= len(names) <= 4


# --- the arena -----------------------------------------------------------------------------------


def live_ranges(program: Program) -> dict[Buffer, tuple[int, int]]:
    found: dict[Buffer, tuple[int, int]] = {}
    rows = [r for r in program.rows if r.items > 0]
    for i, row in enumerate(rows):
        for buffer in (*row.reads, *row.writes):
            if buffer.kind == "arena":
                found[buffer] = (found.get(buffer, (i, i))[0], i)
    return found


def check_plan(program: Program) -> None:
    """No two buffers that live together overlap; all are aligned and inside of the arena."""
    ranges = live_ranges(program)
    for a, (first, last) in ranges.items():
        assert a.offset >= 0
        assert a.offset % ALIGNMENT == 0
        assert a.offset + a.nbytes <= program.arena_bytes
        for b, (start, end) in ranges.items():
            if a is not b and first <= end and start <= last:
                assert a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset


def chain_of_products(x: Any, w: Any) -> Any:
    for _ in range(8):
        x = dg.tanh(x @ w)
    return x


def test_memory_is_reused() -> None:
    program = program_of(chain_of_products, numbers(32, 32), numbers(32, 32))
    total = sum(b.nbytes for b in live_ranges(program))
    assert total >= 15 * 32 * 32 * 4
    assert program.arena_bytes <= 3 * (32 * 32 * 4 + ALIGNMENT)
    check_plan(program)


def test_the_plan_of_a_training_step() -> None:
    step, _ = mlp_step((16, 64, 64, 8), adam=True)
    f = dg.compile(step)
    for _ in range(2):
        f(numbers(24, 16), numbers(24, 8))
    for trace in f.traces:
        check_plan(trace.program)
        intermediates = sum(b.nbytes for b in live_ranges(trace.program))
        assert 0 < trace.program.arena_bytes < intermediates


def test_the_plan_of_a_forward_and_a_backward_program() -> None:
    dg.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
    f = dg.compile(model)
    f(numbers(16, 8)).sum().backward()
    check_plan(f.last.program)
    assert f.last.joint.programs
    for made in f.last.joint.programs.values():
        check_plan(made.program)


def row(reads: list[Buffer], writes: list[Buffer]) -> Row:
    return Row("", "", [], 1, 1, reads, writes)


def test_a_plan_by_hand() -> None:
    """a dies when c is made: d takes its place; b lives on."""
    a, b, c, d = (Buffer(n, "arena") for n in (100, 64, 32, 90))
    outside = Buffer(8, "object")
    rows = [row([outside], [a]), row([a], [b]), row([a, b], [c]), row([c, b], [d])]
    size = plan([*rows, row([d, b], [outside])])
    assert d.offset == a.offset == 0
    assert {x.offset % ALIGNMENT for x in (a, b, c, d)} == {0}
    assert len({a.offset, b.offset, c.offset}) == 3
    assert size == 128 + 64 + 64
    assert outside.offset == -1


def test_large_buffers_are_kept_off_page_distances() -> None:
    """Loads falsely depend on stores whose address differs by a multiple of 4096 bytes."""
    a, b, c = (Buffer(2 * PAGE, "arena") for _ in range(3))
    plan([row([], [a]), row([a], [b]), row([a, b], [c])])
    starts = sorted(x.offset for x in (a, b, c))
    assert all((y - x) % PAGE for x, y in pairwise(starts))


def test_the_arena_starts_on_a_cache_line() -> None:
    program = program_of(chain_of_products, numbers(3, 3), numbers(3, 3))
    table = program.memory[2]
    addresses = {r.address for r in program.rows}
    assert set(table[: len(program.rows), 0].tolist()) == addresses
    first = next(r for r in program.rows if r.writes[0].kind == "arena")
    at = first.arguments.index(
        next(x for x in first.arguments if getattr(x, "buffer", None) is first.writes[0])
    )
    blocks = program.memory[1]
    assert blocks[at] % ALIGNMENT == first.writes[0].offset % ALIGNMENT == 0


def test_results_have_memory_of_their_own() -> None:
    """What goes to the user is never in the arena, nor are two results one array."""
    f = dg.compile(lambda x: (dg.exp(x), dg.exp(x), x * 1, x))
    x = numbers(4)
    a, b, c, d = f(x)
    assert d is x
    arrays = [t.numpy() for t in (a, b, c, x)]
    for i, one in enumerate(arrays):
        for other in arrays[i + 1 :]:
            assert not np.shares_memory(one, other)


# --- the text of kernels -------------------------------------------------------------------------


def test_generated_source_is_readable() -> None:
    program = program_of(lambda x, y: dg.tanh(x * 0.5) + y, numbers(4, 5), numbers(5))
    (kernel,) = program.kernels
    assert kernel.source == (
        "from dualgraph.targets.cpu.prelude import ptr_f4, ptr_i8, tanh_f4\n"
        "\n"
        "\n"
        "def KERNEL(args, lo, hi):\n"
        "    a = ptr_i8(args)\n"
        "    s0_0 = a[5]\n"
        "    s1_0 = a[7]\n"
        "    s2_0 = a[9]\n"
        "    k0 = ptr_f4(args + 88)[0]\n"
        "    n = a[4]\n"
        "    for row in range(lo, hi):\n"
        "        i0 = row\n"
        "        p0 = ptr_f4(a[0] + (i0 * s0_0) * 4)\n"
        "        p1 = ptr_f4(a[1] + (i0 * s1_0) * 4)\n"
        "        p2 = ptr_f4(a[2] + (i0 * s2_0) * 4)\n"
        "        for i in range(n):\n"
        "            x0 = p0[i]\n"
        "            x1 = p1[i]\n"
        "            v0 = x0 * k0\n"
        "            v1 = tanh_f4(v0)\n"
        "            v2 = v1 + x1\n"
        "            p2[i] = v2\n"
    )
    written = source_path(kernel.name).read_text()
    assert written == kernel.source.replace("KERNEL", kernel.name)


def test_the_source_of_a_program_names_lines_and_shapes() -> None:
    program = program_of(lambda x: dg.exp(x * 2).sum(), numbers(4, 5))
    text = program.source
    assert f"# exp -> float32[4,5]  {__file__}:" in text
    assert f"{program.rows[0].name}(arguments, 0, 1)" in text
    assert f"def {program.rows[0].name}(args, lo, hi):" in text
    compile(text, "program", "exec")


def test_a_graph_can_be_built_without_compile() -> None:
    tracer, out = traced(lambda x: dg.exp(x) * 2, [numbers(3)], lambda symbols: (symbols, {}))
    graph, _ = optimize(tracer.graph([out.value]))
    program = CPU.compile(graph, [Fresh()])
    result = np.empty(3, np.float32)
    program.run((numbers(3).numpy(), result))
    assert_bits_equal(result, dg.exp(numbers(3)) * 2)
