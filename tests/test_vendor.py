"""Contracts with what Numba, NumPy and CPython do not document: one test for each private part.

Where one fails, that release changed the part which the test is named after; `dualgraph.vendor` is
the one file to change.
"""

import ast
import ctypes
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.compiler import Compiler

import dualgraph
from dualgraph import vendor

PACKAGE = Path(dualgraph.__file__).parent
PRIVATE_MODULES = ("numba.core", "numba.cpython", "numba.np", "numpy._core", "numpy.core")
PRIVATE_NAMES = {"pythonapi", "_UFUNC_API", "_ARRAY_API", "_library", "PyCapsule_GetPointer"}
FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p.name != "vendor.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_private_names_of_others_are_only_in_vendor(path: Path) -> None:
    """No other file imports or reads what a library does not document."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""] if not node.level else []
        else:
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        where = f"{path}:{getattr(node, 'lineno', 0)}"
        assert not [m for m in modules if m.startswith(PRIVATE_MODULES)], where
        if isinstance(node, ast.Attribute):
            own = ast.unparse(node.value) == "self"
            assert own or node.attr not in PRIVATE_NAMES, f"{path}:{node.lineno} reads {node.attr}"
            assert node.attr != "from_address" or "id(" not in ast.unparse(node), path


def _compiled(function: object) -> object:
    return numba.cfunc(numba.types.int64(numba.types.int64))(function)


WORD = numba.types.int64
KERNEL = numba.types.void(WORD)


def test_numba_compiles_without_machine_code_of_its_own() -> None:
    """A function with an entry for C, and one that it calls, become one object file."""
    inner = vendor.CPUDispatcher(
        py_func=lambda x: x + 1,
        locals={},
        targetoptions={"nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True},
        pipeline_class=vendor.InnerCompiler,
    )

    def kernel(x: int) -> None:
        inner(x)

    symbol, code = vendor.compiled(kernel, KERNEL, vendor.EntryCompiler)
    assert code[:4] == b"\x7fELF"
    assert symbol.encode() in code
    assert vendor.RAISES.encode() not in code
    (overload,) = inner.overloads.values()
    assert isinstance(overload.library, vendor.Representation)
    assert overload.library.get_asm_str()


def test_numba_shows_what_may_raise() -> None:
    def kernel(step: int) -> None:
        for _ in range(0, 9, step):
            pass

    assert vendor.RAISES.encode() in vendor.compiled(kernel, KERNEL, vendor.EntryCompiler)[1]


def test_numbas_typing_context_is_asked_once_for_each_kind_of_call() -> None:
    def kernel(x: int) -> None:
        x * x * x

    vendor.compiled(kernel, KERNEL, vendor.EntryCompiler)
    known = dict(vendor._signatures)
    products = [s for (_, args), s in known.items() if args == (WORD, WORD)]
    assert numba.core.typing.signature(WORD, WORD, WORD) in products
    vendor.compiled(kernel, KERNEL, vendor.EntryCompiler)
    assert vendor._signatures == known


def test_numba_has_the_passes_of_the_lean_pipeline() -> None:
    manager = vendor.PassManager("contract")
    for step in (
        vendor.TranslateByteCode, vendor.FixupArgs, vendor.IRProcessing,
        vendor.NopythonTypeInference, vendor.AnnotateTypes, vendor.EntryLowering,
        vendor.NoPythonBackend,
    ):  # fmt: skip
        manager.add_pass(step, step.__name__)
    manager.finalize()
    assert manager.finalized
    assert callable(vendor.CompilerBase.define_pipelines)


def test_numba_dispatchers_take_a_pipeline_class() -> None:
    options = {"nopython": True}
    made = vendor.CPUDispatcher(
        py_func=lambda x: x + 1, locals={}, targetoptions=options, pipeline_class=Compiler
    )
    assert made(2) == 3


def test_numba_errors_and_builders_are_where_they_were() -> None:
    assert issubclass(vendor.TypingError, vendor.NumbaError)
    assert callable(vendor.cgutils.alloca_once)
    with pytest.raises(vendor.NumbaError):
        _compiled(lambda x: x.nothing)


def test_numba_says_for_which_cpu_it_compiles() -> None:
    name, features = vendor.target_cpu()
    assert name
    assert features == "" or features[0] in "+-"
    assert vendor.thread_limit() >= 1


SAYS = "from dualgraph import vendor; print(*vendor.target_cpu()); print(vendor.target_has('avx2'))"


@pytest.mark.parametrize(
    ("features", "has"), [("+avx2,-avx512f", "True"), ("-avx2", "False")], ids=["avx2", "none"]
)
def test_the_cpu_that_the_user_names_is_the_one_compiled_for(features: str, has: str) -> None:
    wish = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features}
    command = [sys.executable, "-c", SAYS]
    said = subprocess.run(
        command, env={"PYTHONPATH": str(PACKAGE.parent), **wish}, capture_output=True, text=True
    )
    assert said.stdout.split("\n")[:2] == [f"haswell {features}", has], said.stderr


def test_numpy_makes_ufuncs_of_native_loops() -> None:
    word = numba.types.int64
    loop = numba.cfunc(numba.types.void(word, word, word, word))(lambda a, b, c, d: None)
    made = vendor.ufunc_of_loop(loop.address, (np.dtype("f8"),) * 2, "contract")
    assert (made.nin, made.nout, made.types) == (1, 1, ["d->d"])
    made(np.zeros(3), out=np.zeros(3))
    general = vendor.ufunc_of_loop(loop.address, (np.dtype("f4"),) * 3, "g", "(m,k),(k,n)->(m,n)")
    assert (general.signature, general.types) == ("(m,k),(k,n)->(m,n)", ["ff->f"])
    assert general(np.zeros((2, 3), "f4"), np.zeros((3, 4), "f4")).shape == (2, 4)


def test_numpy_wheels_bring_an_openblas_whose_threads_can_be_set() -> None:
    found = vendor.openblas_threads()
    if found is None:
        pytest.skip("NumPy was not installed from a wheel with OpenBLAS")
    get, put = found
    before = get()
    put(1)
    assert get() == 1
    put(before)


def test_cpython_and_numpy_keep_pointers_where_they_are_found() -> None:
    items, data = vendor.object_layout()
    array = np.arange(3)
    pair = (None, array)
    word = ctypes.c_int64.from_address
    assert word(id(pair) + items + 8).value == id(array)
    assert word(id(array) + data).value == array.ctypes.data == vendor.data_address(array)
    assert vendor.data_address(array[1:]) == array.ctypes.data + 8


def _count(x: object) -> int:
    return sys.getrefcount(x)


def test_cpython_counts_references() -> None:
    """Counts tell what is held from what is not, or are not used at all."""
    argument, attribute = vendor.fewest_references()
    if argument == 0:
        assert attribute == 0
        return
    held = object()
    alone, kept = _count(object()), _count(held)  # outside of assert, which holds what it shows
    assert alone <= argument < kept
    owner = type("Owner", (), {})()
    owner.value = object()
    alone = sys.getrefcount(owner.value)
    also = owner.value
    kept = sys.getrefcount(owner.value)
    assert alone <= attribute < kept
    assert also is owner.value


def test_an_old_numpy_is_a_named_error() -> None:
    text = "import numpy; numpy.__version__ = '2.2.6'\nimport dualgraph.vendor"
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{text}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "dualgraph needs NumPy 2.3 or newer, this is 2.2.6: pip install" in said.stderr
