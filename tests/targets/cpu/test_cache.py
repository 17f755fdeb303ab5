"""The disk cache: warm loads compile nothing and give equal bits; damage warns, never fails."""

import ctypes
import gc
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.config import settings
from dualgraph.errors import CacheWarning, CompileError
from dualgraph.targets.cpu.prelude import SCALAR_TABLES, with_imports
from dualgraph.targets.cpu.toolchain import native

KERNEL = """def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    p = ptr_f8(a[0])
    for i in range(hi - lo):
        p[i] = exp_f8(p[i]) + f8({constant})
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Use an empty cache folder, and forget which kernels this process has."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(settings, "cache_dir", folder)
    monkeypatch.setattr(native, "_addresses", {})
    native._warn_unwritable.cache_clear()
    yield folder
    native._warn_unwritable.cache_clear()


def kernel_text(constant: float) -> str:
    return with_imports(KERNEL.format(constant=constant))


def forget() -> None:
    """Make the next use of a kernel go to the disk."""
    native._addresses.clear()


def call(text: str) -> np.ndarray:
    """Run the kernel on four numbers."""
    address = native.address_of(text, native.content_name("test", text))
    values = np.array([0.0, 1.0, -1.0, 0.5])
    block = np.array([values.ctypes.data], np.int64)
    run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(address)
    run(block.ctypes.data, 0, 4)
    return values


def expected(constant: float) -> np.ndarray:
    return dg.exp(dg.tensor(np.array([0.0, 1.0, -1.0, 0.5]))).numpy() + constant


def counted(function: Callable[[], Any]) -> tuple[Any, int, int]:
    """Return the result, and how many kernels were compiled and loaded."""
    before = native.stats.compiled, native.stats.loaded
    result = function()
    return result, native.stats.compiled - before[0], native.stats.loaded - before[1]


def object_file(folder: Path) -> Path:
    (found,) = folder.glob("test_*.o")
    return found


# --- in one process ------------------------------------------------------------------------------


def test_cold_then_warm(cache: Path) -> None:
    text = kernel_text(1.0)
    first, compiled, loaded = counted(lambda: call(text))
    assert (compiled, loaded) == (1, 0)
    again, compiled, loaded = counted(lambda: call(text))
    assert (compiled, loaded) == (0, 0)
    forget()
    second, compiled, loaded = counted(lambda: call(text))
    assert (compiled, loaded) == (0, 1)
    for values in (first, again, second):
        np.testing.assert_array_equal(values, expected(1.0))


def test_the_source_is_kept_for_people(cache: Path) -> None:
    text = kernel_text(1.25)
    call(text)
    name = native.content_name("test", text)
    assert native.source_path(name).read_text() == text.replace("KERNEL", name)
    assert {p.suffix for p in cache.iterdir()} == {".py", ".o"}  # no temporary file is left


def _truncate(blob: bytes) -> bytes:
    return blob[: len(blob) // 2]


def _flip(blob: bytes) -> bytes:
    middle = len(blob) // 2
    return blob[:middle] + bytes([blob[middle] ^ 1]) + blob[middle + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "truncated": _truncate,
    "flipped byte": _flip,
    "flipped in the digest": lambda b: b[:10] + bytes([b[10] ^ 1]) + b[11:],
    "foreign": lambda b: b"\x7fELF" + b"\0" * 5000,
    "empty": lambda b: b"",
    "magic alone": lambda b: native.MAGIC,
    "appended": lambda b: b + b"x",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_rebuilt_with_a_warning(cache: Path, kind: str) -> None:
    text = kernel_text(2.0)
    call(text)
    path = object_file(cache)
    good = path.read_bytes()
    path.write_bytes(DAMAGE[kind](good))
    forget()
    with pytest.warns(CacheWarning, match=r"test_.* is damaged; compiling again"):
        values, compiled, _ = counted(lambda: call(text))
    np.testing.assert_array_equal(values, expected(2.0))
    assert compiled == 1
    forget()
    _, compiled, loaded = counted(lambda: call(text))  # repaired: no warning (they are errors)
    assert (compiled, loaded) == (0, 1)


def test_an_object_in_the_place_of_another_kernel(cache: Path) -> None:
    """A valid file under the wrong name holds another symbol: it must not be run."""
    first, second = kernel_text(3.0), kernel_text(4.0)
    call(first)
    blob = object_file(cache).read_bytes()
    forget()
    call(second)
    name = native.content_name("test", second)
    path = next(p for p in cache.glob("*.o") if p.name.startswith(name))
    path.write_bytes(blob)
    forget()
    with pytest.warns(CacheWarning, match="compiling again"):
        values = call(second)
    np.testing.assert_array_equal(values, expected(4.0))


def test_an_unreadable_entry_is_rebuilt_with_a_warning(cache: Path) -> None:
    """A folder where the file should be: reading fails, whoever runs the test."""
    text = kernel_text(5.0)
    call(text)
    path = object_file(cache)
    path.unlink()
    path.mkdir()
    forget()
    with pytest.warns(CacheWarning) as caught:
        values = call(text)
    np.testing.assert_array_equal(values, expected(5.0))
    assert any("cannot read" in str(w.message) for w in caught)


def test_a_cache_path_that_cannot_be_a_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning for the process; every kernel still works."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setattr(settings, "cache_dir", blocked / "cache")
    with pytest.warns(CacheWarning) as caught:
        values = [call(kernel_text(c)) for c in (6.0, 7.0)]
    np.testing.assert_array_equal(values, [expected(6.0), expected(7.0)])
    writes = [str(w.message) for w in caught if "cannot be written" in str(w.message)]
    assert len(writes) == 1
    assert str(blocked / "cache") in writes[0]
    assert "Set DUALGRAPH_CACHE" in writes[0]
    assert len(caught) == 1
    assert blocked.read_text() == "not a folder"


def test_the_key_holds_the_text_the_signature_and_the_environment(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = native.content_name("test", kernel_text(1.0))
    assert name != native.content_name("test", kernel_text(2.0))
    path = native._object_path(name, native.PROGRAM_KERNEL)
    assert path != native._object_path(name, native.UFUNC_LOOP)
    monkeypatch.setattr(native, "environment", lambda: "another machine")
    assert path != native._object_path(name, native.PROGRAM_KERNEL)


def test_source_that_numba_refuses_is_a_named_error(cache: Path) -> None:
    text = "def KERNEL(args, lo, hi):\n    args.nothing()\n"
    name = native.content_name("test", text)
    with pytest.raises(CompileError, match=f"could not compile the kernel {name}"):
        native.address_of(text, name)
    assert not list(cache.glob("*.o"))


def test_source_that_may_raise_is_a_named_error(cache: Path) -> None:
    text = "def KERNEL(args, lo, hi):\n    for _ in range(0, 9, hi):\n        pass\n"
    name = native.content_name("test", text)
    with pytest.raises(CompileError, match=f"the kernel {name} .* may raise a Python error"):
        native.address_of(text, name)
    assert not list(cache.glob("*.o"))


def test_the_collector_of_cycles_waits_while_a_kernel_is_compiled(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def compile_and_look(*arguments: Any) -> Any:
        seen.append(gc.isenabled())
        return compiled(*arguments)

    compiled = native.compiled
    monkeypatch.setattr(native, "compiled", compile_and_look)
    for text in (kernel_text(31.0), kernel_text(32.0)):
        native.address_of(text, native.content_name("test", text))
    assert seen == [False, False]
    assert gc.isenabled()
    gc.disable()
    try:
        text = kernel_text(33.0)
        native.address_of(text, native.content_name("test", text))
        assert not gc.isenabled()
    finally:
        gc.enable()


# --- across processes ----------------------------------------------------------------------------

STEP = """
import hashlib
import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.targets.cpu.toolchain.native import stats

dg.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Dropout(0.2))
opt = optim.Adam(model.parameters())
loss = nn.CrossEntropyLoss()

def step(x, target):
    opt.zero_grad()
    value = loss(model(x), target)
    value.backward()
    opt.step()
    return value

f = dg.compile(step)
x, target = dg.randn(6, 4), dg.tensor([0, 1, 2, 0, 1, 2])
for _ in range(3):
    f(x, target)
blob = b"".join(p.detach().numpy().tobytes() for p in model.parameters())
print(hashlib.sha256(blob).hexdigest(), stats.compiled, stats.loaded)
"""


def start(script: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start Python on a script with this cache folder; warnings are errors."""
    environment = {**os.environ, "DUALGRAPH_CACHE": str(folder)}
    command = [sys.executable, "-W", "error::UserWarning", "-c", textwrap.dedent(script)]
    pipe = subprocess.PIPE
    command += arguments
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def finish(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.split()


def test_a_second_process_compiles_nothing_and_has_equal_bits(tmp_path: Path) -> None:
    """Two processes fill one cold cache at once; a third finds everything in it."""
    together = [start(STEP, tmp_path) for _ in range(2)]
    first, second = (finish(p) for p in together)
    assert first[0] == second[0]
    assert int(first[1]) > 0
    assert int(second[1]) > 0
    warm = finish(start(STEP, tmp_path))
    assert warm[0] == first[0]
    assert int(warm[1]) == 0
    assert int(warm[2]) > 10
    assert not [p for p in tmp_path.iterdir() if p.suffix not in (".py", ".o", ".nbi", ".nbc")]


def test_the_cpu_compiled_for_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` change the machine code, so the key as well."""
    keys = set()
    for cpu in (("haswell", "+avx2"), ("haswell", ""), ("znver4", "+avx2")):
        monkeypatch.setattr(native, "target_cpu", lambda cpu=cpu: cpu)
        keys.add(native.environment.__wrapped__())
    assert len(keys) == 3


SCALARS = """
import ctypes
import inspect
import numpy as np
from dualgraph.numerics import random
from dualgraph.targets.cpu.toolchain import native
from dualgraph.targets.cpu.prelude import SCALAR_TABLES, SUFFIX, with_imports

def calls(table, dtype):
    for (name, kind), function in table.items():
        terms = ", ".join("x" for _ in inspect.signature(function.py_func).parameters)
        if table is random.SCALARS:
            last = {"below": ", i8(9)", "poisson": ", x"}.get(name, "")
            terms = f"i8(x), i8(3), i8(4){last}"
        if kind == dtype:
            yield name, f"{name}_{SUFFIX[dtype]}({terms})"

def run(dtype, expressions):
    s = SUFFIX[dtype]
    text = with_imports(
        "def KERNEL(args, lo, hi):\\n"
        f"    p, out = ptr_{s}(ptr_i8(args)[0]), ptr_{s}(ptr_i8(args)[1])\\n"
        "    for i in range(hi - lo):\\n"
        "        x = p[i]\\n"
        + "".join(f"        out[{4 * k} + i] = {e}\\n" for k, e in enumerate(expressions))
    )
    address = native.address_of(text, native.content_name("scalar", text))
    values = np.array([0.25, 0.5, 0.75, 0.3], dtype)
    results = np.empty((len(expressions), 4), dtype)
    block = np.array([values.ctypes.data, results.ctypes.data], np.int64)
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(address)
    call(block.ctypes.data, 0, 4)
    return [row.tobytes().hex() for row in results]

groups = [
    (dtype, dict(calls(table, dtype)))
    for table in SCALAR_TABLES
    for dtype in sorted({dtype for _, dtype in table})
]
for dtype, named in (*groups, ("float64", {"ipow": "ipow_i8(i8(x * 8), i8(x * 10))"})):
    for name, bits in zip(named, run(dtype, list(named.values()))):
        print(name, dtype, bits, sep=":", flush=True)
print(native.stats.compiled, native.stats.loaded)
"""


def test_every_scalar_function_works_when_loaded_warm(tmp_path: Path) -> None:
    """A call that is left in the object code would be an unresolved symbol of a warm load."""
    cold = finish(start(SCALARS, tmp_path))
    warm = finish(start(SCALARS, tmp_path))
    assert warm[:-2] == cold[:-2]
    assert {tuple(line.split(":")[:2]) for line in warm[:-2]} == {
        *(key for table in SCALAR_TABLES for key in table),
        ("ipow", "float64"),
    }
    assert cold[-1] == warm[-2] == "0"
    assert cold[-2] == warm[-1] != "0"


def test_a_read_only_cache_is_bypassed_in_a_process(tmp_path: Path) -> None:
    """A whole compiled function without any cache: one warning, the right result."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    script = """
    import warnings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import dualgraph as dg
        f = dg.compile(lambda x: dg.tanh(x) * 2 + 1)
        x = dg.tensor([0.5, -1.0])
        same = bool((f(x) == dg.tanh(x) * 2 + 1).all())
    print(same, [type(w.message).__name__ for w in caught].count("CacheWarning"), len(caught))
    """
    assert finish(start(script, blocked / "cache")) == ["True", "1", "1"]
