"""From readable source text to a native address, through a disk cache of our own.

A kernel is Python source with one entry function. Cold, Numba compiles it as a C callback and the
object code is stored; warm, llvmlite links the stored object without touching Numba's compiler.
Every object gets a linker of its own: Numba numbers inner symbols per process, so that two objects
from two processes may use one name for different bodies.

A cache file is ``magic, sha256(rest), symbol, newline, object code``. What does not match is
rebuilt; a folder that cannot be written is bypassed. Both warn once, neither is fatal.
"""

import contextlib
import gc
import hashlib
import linecache
import os
import re
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from numba import types

from ....config import settings
from ....errors import CacheWarning, CompileError
from ....vendor import RAISES, EntryCompiler, NumbaError, compiled, target_cpu
from . import workers
from .lean import LeanCompiler

MAGIC = b"DGOBJ1\n"
PROGRAM_KERNEL = types.void(types.int64, types.int64, types.int64)  # (argument block, lo, hi)
UFUNC_LOOP = types.void(types.int64, types.int64, types.int64, types.int64)  # NumPy's inner loop


@dataclass(slots=True)
class NativeStats:
    """What compiling has cost this process so far: seconds by phase, and counts."""

    llvm_seconds: float = 0.0
    load_seconds: float = 0.0
    compiled: int = 0
    loaded: int = 0
    kept: list[Any] = field(default_factory=list)  # owners of the machine code, never freed


_PACKAGE = Path(__file__).parents[3]
_CPU = _PACKAGE / "targets" / "cpu"
_IMPORTED = ("arguments.py", "geometry.py", "memory.py", "prelude.py", "routines/sliding.py")
SOURCES = (
    _PACKAGE / "vendor.py",
    *sorted((_PACKAGE / "numerics").rglob("*.py")),
    *(_CPU / name for name in _IMPORTED),
    *sorted((_CPU / "gemm").glob("*.py")),
    *sorted((_CPU / "toolchain").glob("*.py")),
)
"""What kernels import, and how they are compiled; the rest of this target writes their text."""
stats = NativeStats()
_addresses: dict[str, int] = {}
_lock = threading.RLock()


@cache
def environment() -> str:
    """Everything beside its text that a kernel's machine code depends on."""
    texts = [p.read_bytes() for p in SOURCES]
    host = " ".join([llvm.get_process_triple(), *target_cpu()])
    versions = f"{numba.__version__} {llvmlite.__version__} {np.__version__} {sys.version}"
    return hashlib.sha256(b"\0".join([*texts, host.encode(), versions.encode()])).hexdigest()


def content_name(prefix: str, text: str) -> str:
    """Return a name for this source: equal text, equal name."""
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def address_of(text: str, name: str, signature: Any = PROGRAM_KERNEL) -> int:
    """Return the native address of the entry function ``{name}`` of this source.

    ``text`` writes the entry as ``def KERNEL(...)``; it is renamed to ``name``, which must be a
    content name. Raises `CompileError` when Numba refuses the source.
    """
    with _lock:
        if name not in _addresses:
            _addresses[name] = _load(name, signature) or _compile(text, name, signature)
        return _addresses[name]


def prepare(kernels: dict[str, str]) -> None:
    """Compile program kernels (text by name) that no cache has: many of them by several processes.

    Errors of a kernel come when its address is asked for.
    """
    with _lock:
        new = {n: t for n, t in kernels.items() if n not in _addresses and not _is_cached(n)}
        if len(new) < workers.FEWEST:
            return
        order = sorted(new, key=lambda name: name.startswith("loop"))  # what takes longest first
        start, own = time.perf_counter(), stats.llvm_seconds
        made = workers.compile_together(
            {n: new[n] for n in order}, lambda text, name: address_of(text, name), environment()
        )
        stats.llvm_seconds = own + time.perf_counter() - start
        for name in made:
            address_of(new[name], name)
        stats.compiled += len(made)
        stats.loaded -= len(made)


def _is_cached(name: str) -> bool:
    return os.path.exists(_object_path(name, PROGRAM_KERNEL))


def compile_to_cache(text: str, name: str) -> None:
    """Compile a program kernel for the cache alone."""
    with _lock:
        if not _is_cached(name):
            _compile(text, name, PROGRAM_KERNEL)


def source_path(name: str) -> Path:
    """Return where the source of a kernel is kept for people to read."""
    return settings.cache_dir / f"{name}.py"


def _object_path(name: str, signature: Any) -> Path:
    key = hashlib.sha256(f"{name} {signature} {environment()}".encode()).hexdigest()[:24]
    return settings.cache_dir / f"{name}-{key}.o"


def _load(name: str, signature: Any) -> int | None:
    path = _object_path(name, signature)
    start = time.perf_counter()
    try:
        blob = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        warnings.warn(CacheWarning(f"cannot read {path} ({error}); compiling again"), stacklevel=4)
        return None
    digest, rest = blob[len(MAGIC) : len(MAGIC) + 32], blob[len(MAGIC) + 32 :]
    if not blob.startswith(MAGIC) or hashlib.sha256(rest).digest() != digest:
        warnings.warn(CacheWarning(f"{path} is damaged; compiling again"), stacklevel=4)
        return None
    symbol, _, code = rest.partition(b"\n")
    if name.encode() not in symbol:
        warnings.warn(CacheWarning(f"{path} holds another kernel; compiling again"), stacklevel=4)
        return None
    address = _link(code, symbol.decode())
    stats.load_seconds += time.perf_counter() - start
    stats.loaded += 1
    return address


@cache
def _target() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(jit=True)


def _link(code: bytes, symbol: str) -> int:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    stats.kept.append(engine)
    return engine.get_function_address(symbol)


def python_function(text: str, name: str) -> Any:
    """Return the entry function of a source as Python, with its file in the cache."""
    text = re.sub(r"\bKERNEL\b", name, text)
    path = source_path(name)
    if not _holds(path, text):
        _store(path, text.encode())
    # the cache folder may be read-only: tracebacks then still show the source
    linecache.cache[str(path)] = (len(text), None, text.splitlines(True), str(path))
    namespace: dict[str, Any] = {"__name__": "dualgraph.targets.cpu.prelude"}
    exec(compile(text, str(path), "exec"), namespace)
    return namespace[name]


def _holds(path: Path, text: str) -> bool:
    """Tell whether a file has this text already: what Numba caches for it goes by its date."""
    with contextlib.suppress(OSError):
        return path.read_bytes() == text.encode()
    return False


def _compile(text: str, name: str, signature: Any) -> int:
    start = time.perf_counter()
    function, path = python_function(text, name), source_path(name)
    try:
        with _no_collection():
            symbol, code = _native(function, signature)
    except NumbaError as error:
        raise CompileError(
            f"Numba could not compile the kernel {name} ({path}):\n{error}"
        ) from error
    if RAISES.encode() in code:
        raise CompileError(
            f"the kernel {name} ({path}) may raise a Python error, which a program cannot pass on: "
            "write the test as a comparison (a range() with a variable step raises for step 0)"
        )
    rest = symbol.encode() + b"\n" + code
    _store(_object_path(name, signature), MAGIC + hashlib.sha256(rest).digest() + rest)
    address = _link(code, symbol)
    stats.llvm_seconds += time.perf_counter() - start
    stats.compiled += 1
    return address


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Let Python's collector of cycles wait: it would go through the whole process, many times."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _native(function: Any, signature: Any) -> tuple[str, bytes]:
    """Return the C callback of a Python function, by the short way where that is enough."""
    try:
        return compiled(function, signature, LeanCompiler)
    except NumbaError:  # such as a variable of two types; or the text is wrong: then it says so
        return compiled(function, signature, EntryCompiler)


@cache
def _warn_unwritable(folder: Path, reason: str) -> None:
    message = f"the kernel cache {folder} cannot be written ({reason}); kernels are compiled anew"
    warnings.warn(CacheWarning(f"{message} in every process. Set DUALGRAPH_CACHE."), stacklevel=6)


def _store(path: Path, blob: bytes) -> None:
    """Write a file so that another process sees all of it or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(blob)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        _warn_unwritable(path.parent, error.strerror or str(error))
