"""Passes: each rewrite row with its text before and after and its bits over an edge grid.

Also what must not be rewritten, common subexpressions, folding, dead code, views, the pipeline and
the verifier.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.core.dispatch import apply, literal
from dualgraph.core.op import REGISTRY
from dualgraph.core.types import Aval
from dualgraph.errors import GraphError
from dualgraph.ir.graph import Graph, Node, constant, print_graph
from dualgraph.ir.interpreter import run
from dualgraph.ir.verifier import verify_graph
from dualgraph.passes import pipeline
from dualgraph.passes.cse import common_subexpressions
from dualgraph.passes.dead import dead_code
from dualgraph.passes.fold import fold_constants
from dualgraph.passes.pipeline import PIPELINE, PassRecord, optimize
from dualgraph.passes.rewrites import REWRITES
from dualgraph.passes.simplify import simplify
from dualgraph.passes.views import materialize_views
from dualgraph.targets.cpu.program import CPU
from dualgraph.targets.protocol import Fresh
from dualgraph.trace.tracer import traced
from tests.bits import assert_bits_equal
from tests.ops.op_row import EDGES

F4 = np.dtype("float32")
INTEGERS = {
    "int64": [0, 1, -1, 2, -7, 2**62, 2**63 - 1, -(2**63), -(2**63) + 1, 255],
    "int32": [0, 1, -1, 2, -7, 2**30, 2**31 - 1, -(2**31), 255, -255],
    "uint8": [0, 1, 2, 127, 128, 254, 255, 7, 64, 100],
}
FLOATS = ("float32", "float64")
Function = Callable[..., Any]


def grid(dtype: str) -> Any:
    """Return a tensor of shape (n, 2, 1) with the edge values of a dtype."""
    if dtype == "bool":
        values = np.array([False, True, True])
    else:
        values = EDGES[dtype] if dtype in FLOATS else np.array(INTEGERS[dtype], dtype)
    return dg.tensor(np.stack([values, values[::-1]], 1)[:, :, None])


def op(name: str, *tensors: Any, **static: Any) -> Any:
    """Run one op's record directly: no public function rewrites its operands first."""
    return apply(REGISTRY[name], *tensors, **static)


def number(value: Any, like: Any) -> Any:
    """Return a literal in the dtype of a tensor."""
    return literal(value, like.value.dtype)


def graph_of(function: Function, *tensors: Any) -> Graph:
    """Trace a function and return its graph as recorded."""
    tracer, out = traced(function, list(tensors), lambda symbols: (symbols, {}))
    outs = out if isinstance(out, tuple) else (out,)
    return tracer.graph([tracer.lift(t) for t in outs])


def compiled(graph: Graph, *arrays: np.ndarray) -> list[np.ndarray]:
    """Run a graph as a native program."""
    program = CPU.compile(graph, [Fresh()] * len(graph.outputs))
    fresh = [np.empty(n.shape, n.dtype) for n in program.fresh]
    program.run((*[np.ascontiguousarray(a) for a in arrays], *fresh))
    return fresh


def body(graph: Graph) -> list[str]:
    """Return the printed lines between the braces."""
    return [line.strip() for line in print_graph(graph, location=False).splitlines()[1:-1]]


# --- every row of the table ----------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """How to trigger one row, its text for float32[3,2,1] (or the first dtype), and its dtypes."""

    algebra: str
    function: Function
    before: list[str]
    after: list[str]
    dtypes: tuple[str, ...] = FLOATS


def one_op(text: str, dtype: str = "float32", const: str = "") -> list[str]:
    """Return the lines of a graph of one op, perhaps on a constant."""
    if not const:
        return [f"%1: {dtype}[3,2,1] = {text}", "return %1"]
    return [f"%1: {dtype}[] = const {const}", f"%2: {dtype}[3,2,1] = {text}", "return %2"]


def two_ops(name: str, dtype: str = "float32") -> list[str]:
    kind = f"{dtype}[3,2,1]"
    return [f"%1: {kind} = {name}(%0)", f"%2: {kind} = {name}(%1)", "return %2"]


NOTHING = ["return %0"]
ARITHMETIC = (*FLOATS, *INTEGERS)
CASES = [
    Case(
        "x * 1 -> x",
        lambda x: op("mul", x, number(1, x)),
        one_op("mul(%0, %1)", const="1.0"),
        NOTHING,
        ARITHMETIC,
    ),
    Case(
        "1 * x -> x",
        lambda x: op("mul", number(1, x), x),
        one_op("mul(%1, %0)", const="1.0"),
        NOTHING,
        ARITHMETIC,
    ),
    Case(
        "x / 1 -> x",
        lambda x: op("div", x, number(1.0, x)),
        one_op("div(%0, %1)", const="1.0"),
        NOTHING,
    ),
    Case(
        "x / 2**k -> x * 2**-k",
        lambda x: op("div", x, number(-4.0, x)),
        one_op("div(%0, %1)", const="-4.0"),
        one_op("mul(%0, %1)", const="-0.25"),
    ),
    Case(
        "x - (+0) -> x",
        lambda x: op("sub", x, number(0.0 if x.is_floating_point() else 0, x)),
        one_op("sub(%0, %1)", const="0.0"),
        NOTHING,
        ARITHMETIC,
    ),
    Case(
        "x + (-0) -> x",
        lambda x: op("add", x, number(-0.0, x)),
        one_op("add(%0, %1)", const="-0.0"),
        NOTHING,
    ),
    Case(
        "(-0) + x -> x",
        lambda x: op("add", number(-0.0, x), x),
        one_op("add(%1, %0)", const="-0.0"),
        NOTHING,
    ),
    Case(
        "n + 0 -> n",
        lambda x: op("add", x, number(0, x)),
        one_op("add(%0, %1)", "int64", "0"),
        NOTHING,
        tuple(INTEGERS),
    ),
    Case(
        "0 + n -> n",
        lambda x: op("add", number(0, x), x),
        one_op("add(%1, %0)", "int64", "0"),
        NOTHING,
        tuple(INTEGERS),
    ),
    Case("-(-x) -> x", lambda x: op("neg", op("neg", x)), two_ops("neg"), NOTHING, ARITHMETIC),
    Case(
        "||x|| -> |x|",
        lambda x: op("abs", op("abs", x)),
        two_ops("abs"),
        one_op("abs(%0)"),
        ARITHMETIC,
    ),
    Case(
        "not not b -> b",
        lambda x: op("logical_not", op("logical_not", x)),
        two_ops("logical_not", "bool"),
        NOTHING,
        ("bool",),
    ),
    Case(
        "copy of x -> x",
        lambda x: op("clone", x),
        one_op("clone(%0)"),
        NOTHING,
        (*ARITHMETIC, "bool"),
    ),
    Case(
        "row-major x -> x",
        lambda x: op("contiguous", x),
        one_op("contiguous(%0)"),
        NOTHING,
        (*ARITHMETIC, "bool"),
    ),
    Case(
        "x overwritten by y -> y",
        lambda x: op("overwrite", number(1, x), x),
        one_op("overwrite(%1, %0)", const="1.0"),
        NOTHING,
        ARITHMETIC,
    ),
    Case(
        "x as its own dtype -> x",
        lambda x: op("cast", x, dtype=x.value.dtype),
        one_op("cast(%0, dtype=float32)"),
        NOTHING,
        (*ARITHMETIC, "bool"),
    ),
    Case(
        "x in its own shape -> x",
        lambda x: op("reshape", x, shape=x.shape),
        one_op("reshape(%0, shape=(3, 2, 1))"),
        NOTHING,
    ),
    Case(
        "x expanded to its own shape -> x",
        lambda x: op("expand", x, shape=x.shape),
        one_op("expand(%0, shape=(3, 2, 1))"),
        NOTHING,
    ),
    Case(
        "axes kept in order -> x",
        lambda x: op("permute", x, dims=(0, 1, 2)),
        one_op("permute(%0, dims=(0, 1, 2))"),
        NOTHING,
    ),
    Case(
        "permute of permute -> one permute",
        lambda x: op("permute", op("permute", x, dims=(1, 2, 0)), dims=(1, 0, 2)),
        [
            "%1: float32[2,1,3] = permute(%0, dims=(1, 2, 0))",
            "%2: float32[1,2,3] = permute(%1, dims=(1, 0, 2))",
            "return %2",
        ],
        ["%1: float32[1,2,3] = permute(%0, dims=(2, 1, 0))", "return %1"],
    ),
    Case(
        "reshape of reshape -> one reshape",
        lambda x: op("reshape", op("reshape", x, shape=(x.size(0) * 2,)), shape=(2, x.size(0))),
        [
            "%1: float32[6] = reshape(%0, shape=(6,))",
            "%2: float32[2,3] = reshape(%1, shape=(2, 3))",
            "return %2",
        ],
        ["%1: float32[2,3] = reshape(%0, shape=(2, 3))", "return %1"],
    ),
]
IDS = [c.algebra for c in CASES]
BITS = [pytest.param(c, d, id=f"{c.algebra} {d}") for c in CASES for d in c.dtypes]


def test_every_row_has_a_case() -> None:
    assert sorted(IDS) == sorted(row.algebra for row in REWRITES)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_text_before_and_after(case: Case) -> None:
    x = dg.zeros(3, 2, 1, dtype=case.dtypes[0])
    graph = graph_of(case.function, x)
    assert body(graph) == case.before
    assert body(dead_code(simplify(graph))) == case.after


@pytest.mark.parametrize(("case", "dtype"), BITS)
def test_bits_over_the_edge_grid(case: Case, dtype: str) -> None:
    """Eager, the interpreter on the rewritten graph, and compiled code of it agree."""
    x = grid(dtype)
    eager = case.function(x)
    graph = dead_code(simplify(graph_of(case.function, x)))
    assert_bits_equal(run(graph, [x.numpy()]), [eager], f"interpreter of {case.algebra}")
    graph = materialize_views(graph)
    assert_bits_equal(compiled(graph, x.numpy()), [eager], f"compiled {case.algebra}")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("divisor", [0.5, -2.0, 2.0**90, -(2.0**-90), 8])
def test_division_by_powers_of_two(dtype: str, divisor: float) -> None:
    """Also where the quotient is subnormal or overflows."""
    x = grid(dtype)
    function = lambda x: op("div", x, number(divisor, x))  # noqa: E731
    graph = simplify(graph_of(function, x))
    assert "= mul(" in str(graph)
    assert_bits_equal(run(graph, [x.numpy()]), [function(x)])


# --- what must stay ------------------------------------------------------------------------------

KEPT: dict[str, Function] = {
    "x + 0": lambda x: op("add", x, number(0.0, x)),
    "0 + x": lambda x: op("add", number(0.0, x), x),
    "x - (-0)": lambda x: op("sub", x, number(-0.0, x)),
    "0 - x": lambda x: op("sub", number(0.0, x), x),
    "x * 0": lambda x: op("mul", x, number(0.0, x)),
    "x * -1": lambda x: op("mul", x, number(-1.0, x)),
    "x - x": lambda x: op("sub", x, x),
    "x / x": lambda x: op("div", x, x),
    "x / 3": lambda x: op("div", x, number(3.0, x)),
    "x / 0": lambda x: op("div", x, number(0.0, x)),
    "x / inf": lambda x: op("div", x, number(float("inf"), x)),
    "x / 2**120": lambda x: op("div", x, number(2.0**120, x)),
    "1 / x": lambda x: op("div", number(1.0, x), x),
    "log(exp(x))": lambda x: op("log", op("exp", x)),
    "exp(log(x))": lambda x: op("exp", op("log", x)),
    "sqrt(x * x)": lambda x: op("sqrt", op("mul", x, x)),
    "(x + 1) + 2": lambda x: op("add", op("add", x, number(1.0, x)), number(2.0, x)),
    "(x * 3) * 5": lambda x: op("mul", op("mul", x, number(3.0, x)), number(5.0, x)),
    "x * 3 + x * 5": lambda x: op(
        "add", op("mul", x, number(3.0, x)), op("mul", x, number(5.0, x))
    ),
    "abs(neg(x))": lambda x: op("abs", op("neg", x)),
    "float32 as float64 as float32": lambda x: op(
        "cast", op("cast", x, dtype=np.dtype("float64")), dtype=F4
    ),
    "float64 as float32 as float64": lambda x: op(
        "cast", op("cast", x, dtype=F4), dtype=np.dtype("float64")
    ),
    "float as int as float": lambda x: op("cast", op("cast", x, dtype=np.dtype("int64")), dtype=F4),
    "sum(softmax(x))": lambda x: dg.softmax(x, 0).sum(0),
    "x + 1 on a broadcast one": lambda x: op("mul", x[:1], dg.ones(3, 2, 1)),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_could_change_a_bit_is_kept(name: str) -> None:
    x = dg.zeros(3, 2, 1, dtype="float64" if name.startswith("float64") else "float32")
    graph = graph_of(KEPT[name], x)
    after, _ = optimize(graph)
    kept = [n.op.name for n in graph.nodes if n.op.name not in ("const", "expand", "reshape")]
    assert [n.op.name for n in after.nodes if n.op.name in kept] == kept


@pytest.mark.parametrize("name", [k for k in KEPT if "one" not in k])
def test_what_is_kept_has_the_bits_of_eager(name: str) -> None:
    x = grid("float64" if name.startswith("float64") else "float32")
    graph, _ = optimize(graph_of(KEPT[name], x))
    assert_bits_equal(compiled(graph, x.numpy()), [KEPT[name](x)])


def test_an_identity_that_broadcasts_is_kept() -> None:
    """1 * x is not x where x is the smaller operand."""
    graph = graph_of(
        lambda x: op("mul", number(1, x), op("sum", x, axes=(0,), keepdim=False)), dg.ones(3)
    )
    assert "return %1" in body(simplify(graph))[-1]
    wide = Node(REGISTRY["mul"], (constant(1, F4), graph.inputs[0]), {}, (Aval((2, 3), F4),))
    assert not any(row.when(wide) for row in REWRITES if row.op == "mul")


# --- common subexpressions -----------------------------------------------------------------------


def count(graph: Graph, name: str) -> int:
    return sum(n.op.name == name for n in graph.nodes)


def test_equal_nodes_are_computed_once() -> None:
    function = lambda x, y: op("mul", op("tanh", x), op("tanh", x))  # noqa: E731
    graph = common_subexpressions(graph_of(function, dg.ones(3), dg.ones(3)))
    assert body(graph) == [
        "%2: float32[3] = tanh(%0)",
        "%3: float32[3] = mul(%2, %2)",
        "return %3",
    ]


@pytest.mark.parametrize(
    ("name", "left"), [("add", 1), ("mul", 1), ("eq", 1), ("sub", 2), ("div", 2)]
)
def test_operands_of_commutative_ops_in_either_order(name: str, left: int) -> None:
    graph = graph_of(lambda x, y: (op(name, x, y), op(name, y, x)), dg.ones(3), dg.ones(3))
    graph = common_subexpressions(graph)
    assert count(graph, name) == left
    assert (graph.outputs[0] is graph.outputs[1]) == (left == 1)


def test_maximum_is_not_commutative_in_bits() -> None:
    """max(+0, -0) is its first operand."""
    graph = graph_of(
        lambda x, y: (op("maximum", x, y), op("maximum", y, x)), dg.ones(3), dg.ones(3)
    )
    assert count(common_subexpressions(graph), "maximum") == 2


def test_other_static_arguments_are_other_values() -> None:
    def function(x: Any) -> Any:
        sums = [op("sum", x, axes=(a,), keepdim=k) for a in (0, 1) for k in (True, False)]
        return (*sums, op("sum", x, axes=(0,), keepdim=True))

    graph = common_subexpressions(graph_of(function, dg.ones(3, 3)))
    assert count(graph, "sum") == 4
    assert graph.outputs[0] is graph.outputs[4]


def test_constants_are_equal_by_dtype_and_bits() -> None:
    def function(x: Any) -> Any:
        zeros = [literal(v, F4) for v in (0.0, -0.0)] + [literal(0.0, np.dtype("float64"))]
        return tuple(op("clone", z) for z in zeros)

    graph = common_subexpressions(graph_of(function, dg.ones(1)))
    assert count(graph, "const") == 3
    assert count(graph, "clone") == 3


def test_chains_merge_from_the_front() -> None:
    function = lambda x: (dg.exp(dg.tanh(x) * 2), dg.exp(dg.tanh(x) * 2))  # noqa: E731
    graph = common_subexpressions(graph_of(function, dg.ones(3)))
    assert graph.outputs[0] is graph.outputs[1]
    assert len(graph.nodes) == 4


# --- folding, dead code, views -------------------------------------------------------------------


def test_scalars_are_folded_by_the_ops_own_kernel() -> None:
    def function(x: Any) -> Any:
        return x * dg.exp(op("mul", number(3.0, x), number(0.1, x)))

    graph = dead_code(fold_constants(graph_of(function, dg.ones(2))))
    expected = dg.exp(dg.tensor(3.0) * dg.tensor(0.1)).item()
    assert body(graph) == [
        f"%1: float32[] = const {expected!r}",
        "%2: float32[2] = mul(%0, %1)",
        "return %2",
    ]


def test_folding_runs_the_kernel_on_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(lambda x: x * dg.exp(literal(1.0, F4)), dg.ones(2))
    good = REGISTRY["exp"].kernel
    object.__setattr__(REGISTRY["exp"], "kernel", lambda x: np.full((), 7, x.dtype))
    try:
        assert "const 7.0" in str(fold_constants(graph))
    finally:
        object.__setattr__(REGISTRY["exp"], "kernel", good)


@pytest.mark.parametrize(
    ("left", "right", "dtype"),
    [(-0.0, 1.0, "float32"), (1.0, 0.0, "float64"), (0.0, 0.0, "float32"), (1e-40, 1.0, "float32")],
)
def test_folded_edge_values(left: float, right: float, dtype: str) -> None:
    """Signed zeros, infinities, NaN and subnormals survive as literals of generated code."""
    kind = np.dtype(dtype)
    function = lambda x: op("add", x, op("div", literal(left, kind), literal(right, kind)))  # noqa: E731
    x = dg.tensor(np.array([-0.0, 1.0, -1e-40], kind))
    graph = dead_code(fold_constants(graph_of(function, x)))
    assert len(graph.nodes) == 2
    assert_bits_equal(compiled(graph, x.numpy()), [function(x)])


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(-(2**63), "int64"), (2**63 - 1, "int64"), (255, "uint8"), (-128, "int8"), (True, "bool")],
)
def test_integer_literals_of_generated_code(value: Any, dtype: str) -> None:
    kind = np.dtype(dtype)
    function = lambda x: op("where", x, literal(value, kind), literal(0, kind))  # noqa: E731
    x = dg.tensor([True, False])
    assert_bits_equal(compiled(graph_of(function, x), x.numpy()), [function(x)])


def test_tensors_are_not_folded() -> None:
    """A constant with axes would be data in the program: it stays an op on a scalar."""
    graph = graph_of(lambda x: x + dg.full((2,), 3.0), dg.ones(2))
    assert count(fold_constants(graph), "expand") == 1


def test_dead_code_is_dropped_and_inputs_stay() -> None:
    def function(x: Any, y: Any) -> Any:
        dg.exp(dg.tanh(x)) * y
        return x + 1

    graph = graph_of(function, dg.ones(2), dg.ones(2))
    assert len(graph.nodes) == 5
    graph = dead_code(graph)
    assert body(graph) == ["%2: float32[] = const 1.0", "%3: float32[2] = add(%0, %2)", "return %3"]
    assert len(graph.inputs) == 2


def test_a_reshape_of_a_transposed_tensor_is_copied() -> None:
    graph = materialize_views(graph_of(lambda x: x.t().reshape(6), dg.ones(2, 3)))
    assert body(graph) == [
        "%1: float32[3,2] = permute(%0, dims=(1, 0))",
        "%2: float32[3,2] = clone(%1)",
        "%3: float32[6] = reshape(%2, shape=(6,))",
        "return %3",
    ]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.reshape(2, 2, 3).reshape(12),
        lambda x: x.t().reshape(3, 2, 2),
        lambda x: x[1:, :].reshape(9),
        lambda x: x.reshape(4, 3, 1).permute(2, 0, 1).reshape(12),
    ],
)
def test_views_that_strides_express_are_not_copied(function: Function) -> None:
    x = dg.arange(12, dtype="float32").reshape(4, 3)
    graph = materialize_views(graph_of(function, x))
    assert count(graph, "clone") == 0
    assert_bits_equal(compiled(graph, x.numpy()), [function(x)])


def test_a_view_of_a_copied_view() -> None:
    """The layout after the copy is the one that the next view starts from."""
    function = lambda x: x.t().reshape(6)[1::2].reshape(3, 1) * 2  # noqa: E731
    x = dg.arange(6, dtype="float32").reshape(2, 3)
    graph = materialize_views(graph_of(function, x))
    assert count(graph, "clone") == 1
    assert_bits_equal(compiled(graph, x.numpy()), [function(x)])


# --- the pipeline --------------------------------------------------------------------------------


def test_the_pipeline_is_one_literal_tuple() -> None:
    tree = ast.parse(Path(pipeline.__file__).read_text())
    found = [s for s in tree.body if isinstance(s, ast.AnnAssign) and s.target.id == "PIPELINE"]
    assert len(found) == 1
    assert isinstance(found[0].value, ast.Tuple)
    names = [e.id for e in found[0].value.elts]
    assert names == [p.__name__ for p in PIPELINE]
    assert {"fold_constants", "simplify", "common_subexpressions", "dead_code"} <= set(names)
    assert names[-1] == "materialize_views"


def test_the_pass_log_counts_nodes() -> None:
    def function(x: Any) -> Any:
        dg.exp(x)  # dead
        y = x * 1.0
        return (y + y.t().reshape(2, 3)) * (x + y.t().reshape(2, 3)) * (dg.log(literal(2.0, F4)))

    graph, log = optimize(graph_of(function, dg.ones(2, 3)))
    counts = [len(graph_of(function, dg.ones(2, 3)).nodes), *(r.after for r in log)]
    assert [r.before for r in log] == counts[:-1]
    assert [r.name for r in log] == [p.__name__ for p in PIPELINE]
    by_name = {r.name: r for r in log}
    assert log[0] == PassRecord("dead_code", 13, 12)
    assert by_name["fold_constants"] == PassRecord("fold_constants", 12, 12)
    assert by_name["simplify"] == PassRecord("simplify", 12, 11)
    assert log[-1].after == len(graph.nodes) == log[-1].before + 1  # one copy before the reshape


def test_every_pass_leaves_the_bits() -> None:
    def function(x: Any) -> Any:
        y = dg.tanh(x / 2.0) * 1.0 + -0.0
        grads = dg.autograd.grad((y * y.t().reshape(3, 3)).sum(), x)
        return (y, *grads)

    rng = np.random.default_rng(0)
    x = dg.tensor(rng.normal(size=(3, 3)).astype("float32"), requires_grad=True)
    expected = list(function(x))
    graph = graph_of(function, x)
    inputs = [x.detach().numpy()]
    assert_bits_equal(run(graph, inputs), expected, "the trace")
    for step in PIPELINE:
        graph = step(graph)
        verify_graph(graph, step.__name__)
        assert_bits_equal(run(graph, inputs), expected, step.__name__)


# --- the verifier --------------------------------------------------------------------------------


def pieces() -> tuple[Graph, Node, Node]:
    """Return the graph exp(tanh(x)) and its two nodes."""
    graph = graph_of(lambda x: dg.exp(dg.tanh(x)), dg.ones(2))
    tanh, exp = graph.nodes
    return graph, tanh, exp


def refused(graph: Graph) -> str:
    with pytest.raises(GraphError) as caught:
        verify_graph(graph, "my_pass")
    return str(caught.value)


def test_a_good_graph_passes() -> None:
    verify_graph(pieces()[0], "the trace")


def test_wrong_order_is_refused() -> None:
    graph, tanh, exp = pieces()
    text = refused(Graph(graph.inputs, (exp, tanh), (exp,)))
    assert text.startswith("after my_pass: node takes a value that is not defined yet:\n  ")
    assert "%1: float32[2] = exp(%2)" in text
    assert f"{__file__}:" in text


def test_a_wrong_type_is_refused() -> None:
    graph, tanh, exp = pieces()
    wrong = exp.beside(exp.op, (tanh,), {}, Aval((3,), exp.dtype))
    text = refused(Graph(graph.inputs, (tanh, wrong), (wrong,)))
    assert "node is float32[3], but its op infers float32[2]:" in text
    assert "%2: float32[3] = exp(%1)" in text
    wrong = exp.beside(exp.op, (tanh,), {}, Aval((2,), np.dtype("float64")))
    text = refused(Graph(graph.inputs, (tanh, wrong), (wrong,)))
    assert "node is float64[2], but its op infers float32[2]:" in text


def test_an_undefined_value_is_refused() -> None:
    graph, _, exp = pieces()
    text = refused(Graph(graph.inputs, (exp,), (exp,)))
    assert "takes a value that is not defined yet" in text
    assert "%1: float32[2] = exp(%?)" in text


def test_an_undefined_output_is_refused() -> None:
    graph, tanh, exp = pieces()
    text = refused(Graph(graph.inputs, (tanh,), (exp,)))
    assert "node is returned but not defined:\n  %?: float32[2] = exp(%1)" in text


def test_a_node_twice_and_a_misplaced_input_are_refused() -> None:
    graph, tanh, exp = pieces()
    assert "is defined twice" in refused(Graph(graph.inputs, (tanh, tanh, exp), (exp,)))
    body_input = Graph(graph.inputs, (graph.inputs[0], tanh, exp), (exp,))
    assert "is an input inside of the body" in refused(body_input)
    assert "is listed as input but is none" in refused(Graph((tanh,), (exp,), (exp,)))


def test_a_broken_pass_is_named_when_checks_are_on() -> None:
    def break_it(graph: Graph) -> Graph:
        return Graph(graph.inputs, graph.nodes[::-1], graph.outputs)

    with pytest.raises(GraphError, match="after break_it: node takes a value"):
        optimize(pieces()[0], (dead_code, break_it))
