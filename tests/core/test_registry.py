"""Every op has every rule, a row in the table and a public name; no layer asks for its name."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.core.dispatch import state
from dualgraph.core.op import REGISTRY, Composite, Facts, Op, Refusal, Rule, Static, defop
from dualgraph.core.tensor import TensorBase
from dualgraph.core.types import Aval
from dualgraph.eager.frontend import WatchingFrontend
from dualgraph.errors import CompileError
from dualgraph.ir.graph import INPUT
from dualgraph.numerics.facts.elementwise import Elementwise
from dualgraph.numerics.facts.routine import Library, Line, Routine
from dualgraph.numerics.view import ExpandView
from dualgraph.targets.cpu.families.table import FAMILIES
from tests.core.readme import COMMAND, NAMESPACES, README, functions_in, parts, written
from tests.ops.op_table import ROWS, cases
from tests.ops.test_ops_compiled import leaves, listed

ROOT = Path(dg.__file__).parent
OP_NAMES = set(REGISTRY)
RANDOM = (
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_alpha_dropout",
    "gumbel_softmax",
    *(f"fractional_max_pool{n}d{more}" for n in (2, 3) for more in ("", "_with_indices")),
)
NOT_OPS = {
    "allclose",
    "equal",
    *(f"nn.functional.{f}" for f in RANDOM),
    "nn.functional.multi_head_attention_forward",
}  # tested by suites of their own


def public_functions() -> set[str]:
    """Return the public names of the op set; a function with several names counts once."""
    found: dict[Any, str] = {}
    for namespace in NAMESPACES:
        for name, function in functions_in(namespace).items():
            found.setdefault(function, name)
    return set(found.values())


class Spy(WatchingFrontend):
    """Remembers the names of the ops that ran."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def seen(self, op: Op, out: TensorBase) -> None:
        self.names.add(op.name)

    def record(self, op: Op, tensors: Any, static: Static, out: TensorBase) -> None:
        self.names.add(op.name)  # a composite
        super().record(op, tensors, static, out)


class Idle(Spy):
    """Infers and records every op that computes, and computes nothing: no kernel is compiled."""

    def run(self, op: Op, tensors: Any, static: Static) -> Any:
        return super().run(op if op.is_view else idle(op), tensors, static)


@cache
def idle(op: Op) -> Op:
    """Return an op whose results have the right shapes and dtypes, and hold nothing but ones."""

    def kernel(*arrays: np.ndarray, **static: Any) -> Any:
        inferred = op.infer(*arrays, **static)
        made = [ones(aval) for aval in (inferred if op.several else (inferred,))]
        return tuple(made) if op.several else made[0]

    return replace(op, kernel=kernel)


def ones(aval: Aval) -> np.ndarray:
    """Return ones, in the domain of any op; of integers zeros, which may be any index."""
    return np.full(aval.shape, aval.dtype.kind not in "iu", aval.dtype)


@pytest.fixture
def spy() -> Iterator[Spy]:
    """Watch the ops that are applied in this test."""
    with Idle() as watching:
        yield watching


def test_table_and_public_names_agree() -> None:
    """Each public op has a row, and each public row names a public op."""
    rows = {row.name for row in ROWS if row.public}
    public = public_functions() - NOT_OPS
    assert public - rows == set(), "public ops without a row in the table"
    methods = {name for name in rows - public if callable(getattr(dg.Tensor, name, None))}
    assert rows - public - methods - {"cast"} == set(), "rows of ops that are not public"


def test_the_readme_lists_every_public_op() -> None:
    """Its list is what the command writes, which asks the namespaces."""
    listed = parts(README.read_text())[1]
    assert listed == written(), f"the README's list of functions is old: run `{COMMAND}`"


def test_table_reaches_the_whole_registry(spy: Spy) -> None:
    """Running the rows, forward and backward, applies every registered op."""
    for case in cases(("float32", "int64", "bool")):
        tensors = leaves(case.arrays())
        outputs = listed(case.row.run(dg, tensors, case.sample.kwargs))
        for y in outputs:
            if case.row.differentiable and y.requires_grad and y.numel():
                y.sum().backward(retain_graph=True)
    assert OP_NAMES - spy.names == set(), "ops that no row reaches"
    assert spy.names - OP_NAMES == set(), "ops that ran without being registered"


@pytest.mark.parametrize("name", sorted(OP_NAMES))
def test_every_rule_is_there(name: str) -> None:
    """An op infers, computes, lowers, and says for each input what its derivative is."""
    op = REGISTRY[name]
    assert op.name == name
    assert callable(op.infer)
    assert callable(op.kernel)
    assert op.lower is not None
    assert len(op.rules) == len(op.needs) == len(op.inputs)
    assert all(rule is None or isinstance(rule, Rule | Refusal) for rule in op.rules)
    assert op.grad_name.endswith("Backward0")


def test_a_missing_rule_fails_at_definition() -> None:
    """Not at the first call, not at the first backward."""
    facts: dict[str, Any] = {"infer": len, "kernel": len, "lower": Composite()}
    with pytest.raises(TypeError, match="vjp"):
        defop("incomplete", inputs="x", **facts)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="2 inputs but 1 vjp rules"):
        defop("incomplete", inputs="x y", vjp=(None,), **facts)
    with pytest.raises(TypeError, match="asks for 'z'"):
        defop("incomplete", inputs="x", vjp=(lambda g, z: g,), **facts)
    with pytest.raises(TypeError, match="first parameter of a vjp rule is g"):
        defop("incomplete", inputs="x", vjp=(lambda x: x,), **facts)
    with pytest.raises(TypeError, match="defined twice"):
        defop("add", inputs="x", vjp=(None,), **facts)
    assert "incomplete" not in REGISTRY


def test_an_op_gets_its_kernel_from_the_target() -> None:
    """One that is defined later, by a user or a test, too; facts that it lacks are an error."""
    facts: dict[str, Any] = {"inputs": "x", "vjp": (None,)}
    x = np.array([0.5, 1.0], np.float32)
    try:
        op = defop("halved", infer=Aval, lower=Elementwise("{x} * {s}(0.5)"), **facts)
        assert op.kernel(x).tolist() == [0.25, 0.5]
        assert REGISTRY["halved"] is op
    finally:
        REGISTRY.pop("halved", None)
    for lower in (Routine("unwritten"), Line("unwritten"), Library("unwritten")):
        with pytest.raises(CompileError, match=r"^op unknown: the CPU .*'unwritten'"):
            defop("unknown", infer=Aval, lower=lower, **facts)
    with pytest.raises(CompileError, match="op unknown: the CPU has no kernel for ExpandView"):
        defop("unknown", infer=Aval, lower=ExpandView(), **facts)
    assert "unknown" not in REGISTRY


def test_every_op_of_a_graph_has_facts_and_a_kernel() -> None:
    """Each record says what it computes; nothing waits for a target any more."""
    for op in REGISTRY.values():
        assert isinstance(op.lower, Facts)
        assert op.kernel is not INPUT.kernel, f"{op.name} has no kernel"
    with pytest.raises(CompileError, match="no kernel"):
        INPUT.kernel()


def parsed(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the files of some layers with their syntax trees."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text())


def strings_allowed(tree: ast.Module) -> set[int]:
    """Return ids of the literals that may be op names: ``REGISTRY["add"]``, rewrite rows, docs.

    Names of methods (``"add_"``, ``getattr(elementwise, name)``) are the Tensor class's own.
    """
    allowed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_name(node.value, "REGISTRY"):
            allowed |= {id(n) for n in ast.walk(node.slice)}
        if isinstance(node, ast.Call) and _is_name(node.func, "Rewrite"):
            allowed.add(id(node.args[1]))
    return allowed


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def test_no_layer_decides_by_op_names() -> None:
    """Frontends, passes and the compiler read facts on the record; they never compare names."""
    for path, tree in parsed("eager", "ir", "trace", "passes", "targets", "grad"):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Compare):
                continue
            sides = [node.left, *node.comparators]
            names = [s for s in sides if isinstance(s, ast.Attribute) and s.attr == "name"]
            words = [s for s in sides if isinstance(s, ast.Constant) and s.value in OP_NAMES]
            assert not (names and words), f"{path}:{node.lineno} compares an op's name"


WORDS_OF_THE_TARGET = {
    "tile.py": {"add", "sub", "mul"},  # LLVM's instructions
    "scatter.py": {"add", "mul", "max", "min"},  # ways to combine
    "prelude.py": {"i1"},  # the letters of int8
}


def names_of_the_target(path: Path, tree: ast.Module) -> set[int]:
    """Return ids of the literals that name something of the target, as ops may be named too.

    They are the names under which routines are registered, the keys of tables (of functions that
    kernels call, of texts of lines, of library calls), families, and a few words of its own.
    """
    own = WORDS_OF_THE_TARGET.get(path.name, set()) | {family.name for family in FAMILIES.values()}
    allowed = {id(n) for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value in own}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            allowed |= {id(key) for key in node.keys}
        elif isinstance(node, ast.Call) and {"register", "_rows"} & {getattr(node.func, "id", "")}:
            allowed.add(id(node.args[0]))
    return allowed


def test_no_op_names_in_the_layers_above_the_ops() -> None:
    """An op's name as a string appears only where an op is fetched by it.

    In a target it may be the name of something else: a record names its routine, not the reverse.
    """
    for path, tree in parsed("ir", "trace", "passes", "targets", "grad"):
        allowed = strings_allowed(tree)
        if "targets" in path.parts:
            allowed |= names_of_the_target(path, tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in OP_NAMES:
                assert id(node) in allowed, f"{path}:{node.lineno} names the op {node.value!r}"


def vjp_sources() -> Iterator[tuple[Path, ast.AST]]:
    """Yield the expressions given as ``vjp=`` and every helper that they call, by file."""
    for path, tree in parsed("ops"):
        functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        rules = [k.value for n in ast.walk(tree) if isinstance(n, ast.Call)
                 for k in n.keywords if k.arg == "vjp"]  # fmt: skip
        rules += [a for n in ast.walk(tree) if isinstance(n, ast.Call) and n.args
                  for a in n.args if isinstance(a, ast.Tuple | ast.Lambda)]  # fmt: skip
        for rule in rules:
            yield path, rule
            lambdas = [n for n in ast.walk(rule) if isinstance(n, ast.Lambda)]
            called = {n.id for x in lambdas for n in ast.walk(x) if isinstance(n, ast.Name)}
            for name in called & functions.keys():
                if name.startswith("_"):
                    yield path, functions[name]


def test_derivatives_are_written_with_ops_only() -> None:
    """No vjp rule computes with NumPy (``np.argsort`` of static axes is the one exception)."""
    for path, rule in vjp_sources():
        for node in ast.walk(rule):
            if isinstance(node, ast.Attribute) and _is_name(node.value, "np"):
                assert node.attr in ("argsort", "dtype", "int64"), f"{path}:{node.lineno}"


def test_vjp_rules_are_found() -> None:
    """The analysis above sees the rules, and the helpers behind them."""
    found = [ast.unparse(rule) for _, rule in vjp_sources()]
    assert any("mul(g, cos(x))" in text for text in found)
    assert any("def _extreme_vjp" in text for text in found)


def test_views_are_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel whose record says view gives memory of its input, any other its own memory."""
    for name in ("permute", "expand", "slice", "reshape"):
        assert REGISTRY[name].is_view
    run = state.frontend.run

    def checked(op: Op, tensors: tuple, static: dict) -> Any:
        out = run(op, tensors, static)
        for one in out if op.several else (out,):
            if one.value.size and not (op.is_view and op.name == "reshape"):
                shared = any(np.shares_memory(one.value, t.value) for t in tensors)
                assert shared == op.is_view, op
        return out

    monkeypatch.setattr(state.frontend, "run", checked)
    for case in cases(("float32",)):
        case.row.run(dg, [dg.from_numpy(a) for a in case.arrays()], case.sample.kwargs)
