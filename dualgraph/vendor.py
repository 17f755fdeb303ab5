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
from typing import Any

import numpy as np

_OLDEST_NUMPY = (2, 3)
if tuple(map(int, np.__version__.split(".")[:2])) < _OLDEST_NUMPY:
    raise ImportError(
        f"dualgraph needs NumPy {'.'.join(map(str, _OLDEST_NUMPY))} or newer, this is "
        f"{np.__version__}: pip install --upgrade numpy"
    )

import llvmlite.binding as llvm  # noqa: E402  (after the check: Numba itself may refuse an old NumPy)
from numba import config  # noqa: E402
from numba.core import cgutils as cgutils  # noqa: E402
from numba.core.compiler import Compiler as Compiler, CompilerBase as CompilerBase  # noqa: E402
from numba.core.compiler_machinery import PassManager as PassManager  # noqa: E402
from numba.core.errors import (  # noqa: E402
    NumbaError as NumbaError,
    TypingError as TypingError,
)
from numba.core.registry import CPUDispatcher as CPUDispatcher  # noqa: E402
from numba.core.typed_passes import (  # noqa: E402
    AnnotateTypes as AnnotateTypes,
    IRLegalization as IRLegalization,
    NativeLowering as NativeLowering,
    NoPythonBackend as NoPythonBackend,
    NopythonTypeInference as NopythonTypeInference,
)
from numba.core.untyped_passes import (  # noqa: E402
    FixupArgs as FixupArgs,
    IRProcessing as IRProcessing,
    TranslateByteCode as TranslateByteCode,
)
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]  # noqa: E402

# --- Numba ---------------------------------------------------------------------------------------


def object_code(compiled: Any) -> bytes:
    """Return the object file of what `numba.cfunc` compiled."""
    return compiled._library.serialize_using_object_code()[2][0]


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
