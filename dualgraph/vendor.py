"""Every private part of Numba, NumPy and CPython that this package leans on, and nothing else.

What a library documents is imported where it is needed. What it does not document may change with
any release: it lies here, behind one name each, and `tests/test_vendor.py` holds a contract test
for each name, so that a release which breaks one says in one line which.
"""

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

_OLDEST_NUMPY = (2, 3)
if tuple(map(int, np.__version__.split(".")[:2])) < _OLDEST_NUMPY:
    raise ImportError(
        f"dualgraph needs NumPy {'.'.join(map(str, _OLDEST_NUMPY))} or newer, this is "
        f"{np.__version__}: pip install --upgrade numpy"
    )

import llvmlite.binding as llvm  # noqa: E402  (after the check: Numba itself may refuse an old NumPy)
from llvmlite import ir  # noqa: E402
from numba import _dynfunc, config  # type: ignore[attr-defined]  # noqa: E402
from numba.core import cgutils as cgutils  # noqa: E402
from numba.core.codegen import CPUCodeLibrary  # noqa: E402
from numba.core.compiler import (  # noqa: E402
    CompilerBase as CompilerBase,
    DefaultPassBuilder,
    Flags,
)
from numba.core.compiler_lock import global_compiler_lock  # noqa: E402
from numba.core.compiler_machinery import (  # noqa: E402
    PassManager as PassManager,
    register_pass,
)
from numba.core.errors import (  # noqa: E402
    NumbaError as NumbaError,
    TypingError as TypingError,
)
from numba.core.lowering import Lower  # noqa: E402
from numba.core.registry import CPUDispatcher as CPUDispatcher, cpu_target  # noqa: E402
from numba.core.typed_passes import (  # noqa: E402
    AnnotateTypes as AnnotateTypes,
    NativeLowering,
    NoPythonBackend as NoPythonBackend,
    NopythonTypeInference as NopythonTypeInference,
)
from numba.core.typing.context import Context  # noqa: E402
from numba.core.untyped_passes import (  # noqa: E402
    FixupArgs as FixupArgs,
    IRProcessing as IRProcessing,
    TranslateByteCode as TranslateByteCode,
)
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]  # noqa: E402

# --- Numba ---------------------------------------------------------------------------------------


class Representation(CPUCodeLibrary):
    """Functions as LLVM represents them, optimized; no machine code is made of them.

    Numba makes some of every function, also of those that only live on inside of others.
    """

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        for function in ll_module.functions:
            if not function.is_declaration:  # Numba sets the passes up for these as well
                passes, builder = self._codegen._function_pass_manager()
                passes.run(function, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def _finalize_specific(self) -> None:
        pass

    def object_code(self) -> bytes:
        """Return the object file of these functions."""
        self._ensure_finalized()
        return self._codegen._tm.emit_object(self._final_module)


class _Typing(Context):
    """Numba's typing context; it remembers the type of each kind of call.

    Numba finds that of ``i + 1`` by trying dozens of rules, anew for each addition of each kernel.
    """

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        if kws:
            return super().resolve_function_type(func, args, kws)
        if (func, args) not in _signatures:
            found = super().resolve_function_type(func, args, kws)
            if found is None:
                return None
            _signatures[func, args] = found
        return _signatures[func, args]


_signatures: dict[tuple[Any, Any], Any] = {}


def _remembering(context: Context) -> _Typing:
    made = _Typing.__new__(_Typing)
    made.__dict__ = context.__dict__  # all its rules
    return made


class QuietCompiler(CompilerBase):
    """A pipeline that ends in a `Representation`."""

    def __init__(self, typing: Context, *rest: Any) -> None:
        super().__init__(typing, *rest)
        self.state.typingctx = _remembering(typing)


class _EntryLower(Lower):
    """Lowers a function and writes the C function that calls it, for which Numba has a module."""

    def lower_normal_function(self, fndesc: Any) -> None:
        super().lower_normal_function(fndesc)
        kinds = [self.context.get_value_type(t) for t in fndesc.argtypes]
        shape = ir.FunctionType(ir.VoidType(), kinds)
        entry = ir.Function(self.module, shape, fndesc.llvm_cfunc_wrapper_name)
        builder = ir.IRBuilder(entry.append_basic_block("entry"))
        status, _ = self.call_conv.call_function(
            builder, self.function, fndesc.restype, fndesc.argtypes, entry.args, ("noinline",)
        )
        with builder.if_then(status.is_error, likely=False):
            # The word is none of a function that raises nothing: LLVM then drops the whole branch.
            byte = ir.IntType(8)
            raises = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [byte]), RAISES)
            word = builder.bitcast(status.excinfoptr, byte.as_pointer())
            builder.call(raises, [builder.load(word)])
        builder.ret_void()


RAISES = "dualgraph_kernel_raises"
"""The symbol that the object code of a kernel mentions if it may raise a Python error."""


def _without_machine_code(state: Any) -> None:
    state.library = Representation(state.targetctx.codegen(), state.func_id.func_qualname)
    state.flags.no_compile = True


@register_pass(mutates_CFG=True, analysis_only=False)
class EntryLowering(NativeLowering):
    """To LLVM, with an entry for C."""

    _name = "dualgraph_entry_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return _EntryLower

    def run_pass(self, state: Any) -> Literal[True]:
        _without_machine_code(state)
        return super().run_pass(state)


@register_pass(mutates_CFG=True, analysis_only=False)
class _InnerLowering(NativeLowering):
    """To LLVM, for other functions to call."""

    _name = "dualgraph_inner_lowering"

    def run_pass(self, state: Any) -> Literal[True]:
        _without_machine_code(state)
        super().run_pass(state)
        described, environment = state.cr.fndesc, state.cr.env
        name = described.qualname.split(".")[-1]
        handle = _dynfunc.make_function(
            described.lookup_module(), name, name, 0, environment, (state.library,)
        )
        state.targetctx.insert_user_function(handle, described, [state.library])
        state.cr = state.cr._replace(cfunc=handle)
        return True


class EntryCompiler(QuietCompiler):
    """Numba's whole pipeline, for a function with an entry for C."""

    lowering: type[NativeLowering] = EntryLowering

    def define_pipelines(self) -> list[PassManager]:
        """Return the one pipeline."""
        manager, builder = PassManager("quiet"), DefaultPassBuilder
        manager.passes.extend(builder.define_untyped_pipeline(self.state).passes)
        manager.passes.extend(builder.define_typed_pipeline(self.state).passes)
        for step, description in builder.define_nopython_lowering_pipeline(self.state).passes:
            manager.add_pass(self.lowering if step is NativeLowering else step, description)
        manager.finalize()
        return [manager]


class InnerCompiler(EntryCompiler):
    """Numba's whole pipeline, for a function that only compiled code calls."""

    lowering = _InnerLowering


@global_compiler_lock
def compiled(function: Any, signature: Any, pipeline: type[QuietCompiler]) -> tuple[str, bytes]:
    """Compile a function for C by a pipeline with `EntryLowering`: its symbol and object file."""
    flags = Flags()
    options = {  # no objects of Python, and no memory whose references are counted
        "nopython": True,
        "error_model": "numpy",
        "no_cpython_wrapper": True,
        "no_cfunc_wrapper": True,
        "_nrt": False,
    }
    cpu_target.options.parse_as_flags(flags, options)
    contexts: tuple[Any, Any] = cpu_target.typing_context, cpu_target.target_context
    kind = signature.args, signature.return_type
    made = pipeline(*contexts, None, *kind, flags, {}).compile_extra(function)
    return made.fndesc.llvm_cfunc_wrapper_name, made.library.object_code()


def target_cpu() -> tuple[str, str]:
    """Return the CPU and the features that Numba compiles for: the host's, or the user's wish.

    The wish is ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``; features are ``"+avx2,-avx512f"``.
    """
    wish, features = vars(config)["CPU_NAME"], vars(config)["CPU_FEATURES"]
    name = llvm.get_host_cpu_name() if wish is None else wish
    return name, llvm.get_host_cpu_features().flatten() if features is None else features


def target_has(feature: str) -> bool:
    """Tell whether Numba compiles for a CPU with a feature such as ``"avx2"``.

    Which features a CPU brings that is named without listing any, only LLVM knows: then the host
    answers, but for AVX-512, which costs more than it gains where it is emulated.
    """
    listed = target_cpu()[1]
    if listed:
        return f"+{feature}" in listed.split(",")
    host = llvm.get_host_cpu_features()
    return not feature.startswith("avx512") and bool(host.get(feature))


def thread_limit() -> int:
    """Return how many threads Numba's pool may have."""
    return vars(config)["NUMBA_NUM_THREADS"]


# --- NumPy ---------------------------------------------------------------------------------------

_FROM_DATA, _FROM_DATA_AND_SIGNATURE = 1, 31  # entries of the table in numpy/ufuncobject.h
_NO_IDENTITY = -1
_kept: list[Any] = []  # NumPy keeps only pointers to what a ufunc is made of


def _ufunc_api(index: int, *extra: type) -> Any:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = get(_multiarray_umath._UFUNC_API, None)
    entry = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[index]
    c = ctypes
    head = [c.c_void_p, c.c_void_p, c.c_char_p, c.c_int, c.c_int, c.c_int, c.c_int]
    prototype = c.PYFUNCTYPE(c.py_object, *head, c.c_char_p, c.c_char_p, c.c_int, *extra)
    return prototype(entry)


_from_data = _ufunc_api(_FROM_DATA)
_from_data_and_signature = _ufunc_api(_FROM_DATA_AND_SIGNATURE, ctypes.c_char_p)


def ufunc_of_loop(
    loop: int,
    dtypes: tuple[np.dtype, ...],
    name: str,
    signature: str = "",
    data: int | None = None,
) -> Any:
    """Return a ufunc of one native inner loop; the last of the dtypes is that of its output.

    ``signature`` such as ``(m,k),(k,n)->(m,n)`` makes it a generalized one. ``data`` is what the
    loop gets as its last argument.
    """
    loops = (ctypes.c_void_p * 1)(loop)
    passed = (ctypes.c_void_p * 1)(data)
    kinds = bytes(d.num for d in dtypes)
    label, core = name.encode(), signature.encode()
    _kept.append((loops, passed, kinds, label, core))
    facts = (loops, passed, kinds, 1, len(dtypes) - 1, 1, _NO_IDENTITY, label, b"", 0)
    return _from_data_and_signature(*facts, core) if signature else _from_data(*facts)


def openblas_threads() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Return how to read and to set the threads of the OpenBLAS of NumPy's wheel, if it is one."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            library = ctypes.CDLL(str(path))
            for name in ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_",
                         "scipy_openblas_{}_num_threads", "openblas_{}_num_threads"):  # fmt: skip
                if hasattr(library, name.format("set")):
                    get, put = (getattr(library, name.format(v)) for v in ("get", "set"))
                    return get, put
    return None


# --- CPython -------------------------------------------------------------------------------------


@cache
def object_layout() -> tuple[int, int]:
    """Return the byte offsets of a tuple's first item and of an array's data pointer.

    They are found by looking, so that a CPython or NumPy with another layout is an error here and
    not a wrong read.
    """
    probe = np.zeros(1)
    holder = (probe,)
    return _offset_of(holder, id(probe)), _offset_of(probe, probe.ctypes.data)


def _offset_of(owner: object, word: int) -> int:
    words = (ctypes.c_int64 * 8).from_address(id(owner))
    for i in range(2, 8):
        if words[i] == word:
            return 8 * i
    raise RuntimeError(f"cannot find the pointers inside of a {type(owner).__name__}")


_word_at = ctypes.c_int64.from_address
_DATA = object_layout()[1]


def data_address(array: np.ndarray) -> int:
    """Return where the elements of an array lie (``array.ctypes.data``, at a tenth of its cost)."""
    return _word_at(id(array) + _DATA).value


class _Holder:
    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = object()


def _count(x: object) -> int:
    return sys.getrefcount(x)


def _count_of_held() -> int:
    held = object()
    return _count(held)


def fewest_references() -> tuple[int, int]:
    """Return `sys.getrefcount` of an argument that its caller does not keep, and of an attribute.

    Less or equal says that nobody else holds the object. Counting is an affair of CPython's
    versions: where it cannot tell what is held from what is not, both numbers are 0, so that
    nothing counts as held by nobody.
    """
    alone, holder = _count(object()), _Holder()
    return (alone, sys.getrefcount(holder.held)) if alone < _count_of_held() else (0, 0)
