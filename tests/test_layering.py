"""Imports go downward only, are never inside functions, and have no cycles."""

import ast
from functools import cache
from pathlib import Path

import pytest

import dualgraph
from dualgraph.targets.cpu.toolchain.native import SOURCES

ROOT = Path(dualgraph.__file__).parent
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "config", "extras", "vendor"),
    ("core",),
    ("numerics",),
    ("ops",),
    ("grad",),
    ("eager",),
    ("ir",),
    ("trace",),
    ("passes",),
    ("targets",),
    ("control",),
    ("api",),
    ("amp",),
    ("accelerator", "backends", "cuda"),
    ("autograd", "linalg", "special"),
    ("nn",),
    ("optim", "func"),
    ("utils", "datasets"),
    ("compare",),
)
TOP = ("", "cli", "__main__")  # may import everything
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
FILES = sorted(ROOT.rglob("*.py"))


def module_of(path: Path) -> tuple[str, ...]:
    """Return the module's path below the package: ``("core", "op")``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {module_of(p): p for p in FILES}


def imported(path: Path, node: ast.Import | ast.ImportFrom) -> list[tuple[str, ...]]:
    """Return the modules of our own that a statement imports."""
    if isinstance(node, ast.Import):
        names = [alias.name.split(".") for alias in node.names]
        return [tuple(n[1:]) for n in names if n[0] == "dualgraph"]
    if node.level:
        package = path.relative_to(ROOT).parent.parts
        base = package[: len(package) - node.level + 1]
    elif node.module and node.module.split(".")[0] == "dualgraph":
        base = ()
    else:
        return []
    inside = tuple(node.module.split(".")) if node.module else ()
    base = (*base, *(inside if node.level else inside[1:]))
    found = [(*base, alias.name) for alias in node.names]
    return [full if full in MODULES else base for full in found]


def import_statements(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    """Return every import of a file, wherever it stands."""
    return [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]


@cache
def graph() -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """Return which module imports which."""
    edges: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for module, path in MODULES.items():
        statements = import_statements(ast.parse(path.read_text()))
        edges[module] = {m for s in statements for m in imported(path, s)} - {module}
    return edges


def layer_of(module: tuple[str, ...]) -> str:
    """Return the name that decides a module's layer."""
    return module[0] if module else ""


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downward(path: Path) -> None:
    """A module imports only from its own layer or from lower ones (cycles: see below)."""
    module = module_of(path)
    name = layer_of(module)
    if name in TOP:
        return
    assert name in RANK, f"{name} has no place among the layers of this test"
    for target in graph()[module]:
        other = layer_of(target)
        assert other not in TOP, f"{path} imports {'.'.join(target) or 'the whole package'}"
        allowed = RANK[other] <= RANK[name]
        assert allowed, f"{path} ({name}) imports {'.'.join(target)} ({other})"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_own_import_inside_functions(path: Path) -> None:
    """Nothing of our own is imported inside a function or a class."""
    tree = ast.parse(path.read_text())
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    for scope in ast.walk(tree):
        if isinstance(scope, scopes):
            hidden = [s for s in import_statements(scope) if imported(path, s)]
            assert not hidden, f"{path}:{hidden[0].lineno} imports inside {type(scope).__name__}"


def reached_from(*starts: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return the modules that these import, directly or through others; themselves included."""
    reached, waiting = set(), [*starts]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting.extend(graph().get(module, ()))
    return reached


@pytest.mark.parametrize("layer", ["core", "numerics", "ops", "nn", "optim", "func"])
def test_who_says_what_an_op_is_imports_no_target(layer: str) -> None:
    """Records hold facts, wherever they stand; a target reads them and binds its kernels."""
    forbidden = {"targets"} | ({"ops"} if layer in ("core", "numerics") else set())
    for module in (m for m in MODULES if layer_of(m) == layer):
        found = {m for m in graph()[module] if layer_of(m) in forbidden}
        assert not found, f"{'.'.join(module)} imports {found}"


def test_facts_are_plain_data() -> None:
    """What a family's facts import is other facts, the record, and no compiler."""
    facts = [m for m in MODULES if m[:2] == ("numerics", "facts")]
    for module in facts:
        found = {m[0] for m in graph()[module]} - {"core", "errors"}
        assert found <= {"numerics"}, f"{'.'.join(module)} imports {found}"
        text = MODULES[module].read_text()
        assert "numba" not in text.replace("Numba's", "")
        assert "llvm" not in text
    assert len(facts) > 5


def test_the_cache_key_covers_what_kernels_import() -> None:
    """Kernels import the prelude; whatever that and the compiler reach is part of their key."""
    start = ("targets", "cpu")
    kernels = reached_from((*start, "prelude"), (*start, "toolchain", "native"))
    needed = {MODULES[m] for m in kernels if m and m[0] in ("numerics", "targets", "vendor")}
    assert needed - set(SOURCES) == set()


def test_no_cycles() -> None:
    """The modules can be put in an order in which each imports earlier ones only."""
    edges = {m: set(targets) & MODULES.keys() for m, targets in graph().items()}
    while edges:
        free = {m for m, targets in edges.items() if not targets}
        assert free, f"cycle among {sorted('.'.join(m) for m in edges)}"
        edges = {m: targets - free for m, targets in edges.items() if m not in free}


def test_the_test_sees_imports() -> None:
    """The analysis finds imports that are known to exist."""
    edges = graph()
    assert ("core", "types") in edges[("ops", "build")]
    assert ("errors",) in edges[("core", "op")]
    assert len(MODULES) > 40
