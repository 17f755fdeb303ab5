"""Saving and loading: every bit comes back, a file is whole or untouched, nothing in it is run."""

import io
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import dualgraph as dg
from dualgraph import extras, nn, optim
from dualgraph.errors import ArgumentError, LoadError, MissingExtraError, SaveError, TraceError

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


def through(obj: Any) -> Any:
    file = io.BytesIO()
    dg.save(obj, file)
    return dg.load(io.BytesIO(file.getvalue()))


# --- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_tensors_keep_every_bit(dtype: str, shape: tuple) -> None:
    x = dg.from_numpy(np.arange(math.prod(shape)).reshape(shape).astype(dtype))
    y = through({"x": x, "t": x.T})
    assert (y["x"].dtype, y["x"].shape) == (x.dtype, x.shape)
    assert y["x"].numpy().tobytes() == x.numpy().tobytes()
    assert y["t"].tolist() == x.T.tolist()
    if not y["x"].requires_grad:
        y["x"].zero_()  # memory of its own, that can be written to


def test_special_floats_keep_their_bits() -> None:
    bits = np.array([0x7FC00001, 0xFFC12345, 0x80000000, 1, 0x7F800000], np.uint32)
    assert through(dg.from_numpy(bits.view(np.float32))).numpy().tobytes() == bits.tobytes()


def test_structures() -> None:
    obj = {
        "plain": [1, -(2**80), 0.1, -0.0, True, None, "wörd \ud800"],
        "floats": (math.inf, -math.inf),
        "keys": {1: "int", "1": "str", None: 2, 2.5: 3, (1, "a"): 4, True + 1: 5},
        "$": {"$": "tensor", "name": "x"},
        "ordered": OrderedDict(b=1, a=(2, [3])),
        "size": dg.ones(2, 3).shape,
        "dtype": dg.float16,
        "empty": [{}, [], (), ""],
    }
    back = through(obj)
    assert back == obj
    assert math.copysign(1, back["plain"][3]) == -1
    assert isinstance(back["size"], dg.Size)
    assert type(back["ordered"]) is OrderedDict
    assert back["dtype"] is dg.float16
    assert math.isnan(through(math.nan))


def test_parameters_gradients_and_sharing() -> None:
    p = nn.Parameter(dg.ones(3))
    x = dg.zeros(2, requires_grad=True)
    back = through({"p": p, "again": p, "alias": p.detach(), "x": x, "y": x * 2})
    assert isinstance(back["p"], nn.Parameter)
    assert back["again"] is back["p"]
    with dg.no_grad():
        back["alias"].fill_(7)
    assert back["p"].tolist() == [7, 7, 7]
    assert [back[k].requires_grad for k in ("p", "alias", "x", "y")] == [True, False, True, True]
    assert back["y"].is_leaf


def test_tied_parameters_are_written_once() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    file = io.BytesIO()
    dg.save(net.state_dict(), file)
    assert sorted(safetensors.numpy.load(file.getvalue())) == ["0.bias", "0.weight", "1.bias"]
    other = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    other.load_state_dict(dg.load(io.BytesIO(file.getvalue())))
    assert all((other.state_dict()[k] == v).all() for k, v in net.state_dict().items())


def test_names_that_collide_stay_apart() -> None:
    obj = {"a.b": dg.tensor(1), "a": {"b": dg.tensor(2)}, "__metadata__": dg.tensor(3), "": 4}
    back = through(obj)
    assert (back["a.b"].item(), back["a"]["b"].item(), back["__metadata__"].item()) == (1, 2, 3)


def test_generators_continue() -> None:
    g = dg.Generator().manual_seed(-5)
    dg.rand(3, generator=g)
    twin = through([g])[0]
    assert dg.rand(4, generator=twin).tolist() == dg.rand(4, generator=g).tolist()


def test_equal_objects_give_equal_files() -> None:
    assert len({Flat({"b": dg.ones(2), "a": [1, dg.zeros(1)]}).data for _ in range(3)}) == 1


def test_other_readers_and_writers(tmp_path: Path) -> None:
    net = nn.Linear(2, 3)
    dg.save(net.state_dict(), tmp_path / "a.safetensors")
    arrays = safetensors.numpy.load_file(tmp_path / "a.safetensors")
    assert sorted(arrays) == ["bias", "weight"]
    safetensors.numpy.save_file(arrays, tmp_path / "b.safetensors")
    back = dg.load(str(tmp_path / "b.safetensors"), map_location="cpu", weights_only=True)
    assert (back["weight"] == net.weight).all()


# --- a resumed run --------------------------------------------------------------------------------

RUN = """
import sys
import dualgraph as dg
from dualgraph import nn, optim

mode, first, last, source, target = sys.argv[1:]
dg.manual_seed(1)
net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.Tanh(), nn.Linear(8, 1))
net.register_buffer("seen", dg.zeros(()))
opt = optim.Adam(net.parameters(), lr=0.01, weight_decay=0.1)
own = dg.Generator().manual_seed(9)
if source:
    saved = dg.load(source)
    net.load_state_dict(saved["net"])
    opt.load_state_dict(saved["opt"])
    dg.set_rng_state(saved["rng"])
    own = saved["own"]

def step(x):
    opt.zero_grad()
    loss = (net(x) ** 2).mean()
    loss.backward()
    opt.step()
    return loss

step = dg.compile(step) if mode == "compiled" else step
losses = [step(dg.randn(5, 4, generator=own)).item() for _ in range(int(first), int(last))]
state = {"net": net.state_dict(), "opt": opt.state_dict(), "rng": dg.get_rng_state(), "own": own}
dg.save({**state, "next": dg.rand(3), "losses": losses}, target)
"""


def run_steps(folder: Path, mode: str, first: int, last: int, source: str = "") -> Any:
    target = str(folder / f"{mode}{first}{last}")
    command = [sys.executable, "-c", RUN, mode, str(first), str(last), source, target]
    subprocess.run(command, check=True, timeout=120)
    return target


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_a_resumed_run_continues_bit_for_bit(tmp_path: Path, mode: str) -> None:
    whole = dg.load(run_steps(tmp_path, mode, 0, 10))
    half = run_steps(tmp_path, mode, 0, 5)
    rest = dg.load(run_steps(tmp_path, mode, 5, 10, half))
    assert dg.load(half)["losses"] + rest.pop("losses") == whole.pop("losses")
    a, b = Flat(whole), Flat(rest)
    assert a.structure == b.structure
    assert a.bits == b.bits


class Flat:
    """The structure and the bits of what a file holds."""

    def __init__(self, obj: Any) -> None:
        file = io.BytesIO()
        dg.save(obj, file)
        self.data = file.getvalue()
        arrays = safetensors.numpy.load(self.data)
        self.bits = {name: array.tobytes() for name, array in arrays.items()}
        self.structure = header(self.data)


def header(data: bytes) -> str:
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size])["__metadata__"]["dualgraph"]


# --- what cannot be saved -------------------------------------------------------------------------


def cyclic() -> list:
    x: list = []
    x.append(x)
    return x


def deep() -> list:
    x: list = []
    for _ in range(5000):
        x = [x]
    return x


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        ({"model": nn.Linear(1, 1)}, r"model is a Linear.*save its state_dict\(\)"),
        ({"opt": [optim.SGD([nn.Parameter(dg.ones(1))])]}, r"opt.0 is a SGD.*state_dict"),
        ({"a": np.ones(2)}, "a is a ndarray of NumPy: save dualgraph.tensor"),
        ({"a": np.float64(2)}, r"x\.item\(\)"),
        ({"a": {1, 2}}, "a is a set; what can be saved"),
        (SimpleNamespace(), "the object is a SimpleNamespace"),
        (signal.SIGINT, r"save int\(x\)"),
        ({b"k": 1}, "a key of type bytes"),
        (cyclic(), "contains itself"),
        (deep(), "nested too deeply"),
    ],
)
def test_what_cannot_be_saved_is_named(obj: Any, text: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(SaveError, match=text):
        dg.save(obj, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_saving_is_not_traced() -> None:
    with pytest.raises(TraceError, match=r"save\(\)"):
        dg.compile(lambda x: dg.save(x, io.BytesIO()))(dg.ones(2))


# --- whole or untouched ---------------------------------------------------------------------------

KILLED = """
import os, sys, time
import dualgraph as dg
real = os.fsync
def slow(handle):
    print("written", flush=True)
    time.sleep(60)
os.fsync = slow
dg.save({"x": dg.ones(1000)}, sys.argv[1])
"""


def test_a_killed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    dg.save({"x": dg.zeros(3)}, path)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        child.kill()
    assert dg.load(path)["x"].tolist() == [0, 0, 0]
    dg.save({"x": dg.ones(2)}, path)
    assert dg.load(path)["x"].tolist() == [1, 1]


def test_an_error_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "model"
    dg.save([1], path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        dg.save([2], path)
    assert "which is as before" in caught.value.__notes__[0]
    assert dg.load(path) == [1]
    assert os.listdir(tmp_path) == ["model"]


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # the tests may run as root, who may write anywhere
    with pytest.raises(PermissionError) as caught:
        dg.save([2], tmp_path / "model")
    assert "nothing was written" in caught.value.__notes__[0]


def test_modes_links_and_folders(tmp_path: Path) -> None:
    path, link = tmp_path / "model", tmp_path / "link"
    dg.save([1], path)
    path.chmod(0o640)
    link.symlink_to(path)
    dg.save([2], link)
    assert link.is_symlink()
    assert dg.load(path) == [2]
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(SaveError, match="is a folder"):
        dg.save([1], tmp_path)
    with pytest.raises(LoadError, match="is a folder"):
        dg.load(tmp_path)
    with pytest.raises(ArgumentError, match="path or a file object, got int"):
        dg.save([1], 3)


# --- files that are not what they should be -------------------------------------------------------


class Bomb:
    """Would run code when unpickled."""

    def __reduce__(self) -> tuple:
        return os.abort, ()


def torch_file() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    return file.getvalue()


def packed(structure: str, version: str = "1") -> bytes:
    text = f'{{"version":{version},"structure":{structure}}}'
    return safetensors.numpy.save({"x": np.ones(2)}, {"dualgraph": text})


NPY = io.BytesIO()
np.save(NPY, np.ones(2))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", r"\(0 bytes\) is no whole safetensors file"),
        (packed("1")[:-1], "cut off"),
        (packed("1")[:30], "cut off"),
        (b"\xff" * 100, "no whole safetensors file"),
        (torch_file(), r"a PyTorch checkpoint.*could run code.*safetensors\.torch\.save_file"),
        (pickle.dumps(Bomb(), 2), "a pickle, as older PyTorch.*save_file"),
        (NPY.getvalue(), "numpy.load"),
        (packed("1", version="2"), "version 2 .*install a newer"),
        (packed("{"), "structure in .* is damaged"),
        (packed('{"$":"tensor","name":"y","object":0}'), "damaged .KeyError: 'y'"),
        (packed('{"$":"os.system"}'), "damaged"),
        (packed('{"$":["x"]}'), "damaged"),
        (packed('{"$":"dict","items":[[[],1]]}'), "damaged"),
        (packed('{"$":"generator","name":"x"}'), "damaged.*state is int64"),
        (packed("[" * 100_000), "damaged"),
        (safetensors.numpy.save({"x": np.ones(2, "u8")}), "'x' .* dtype U64, which"),
    ],
    ids=range(16),
)
def test_damaged_and_foreign_files(data: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(LoadError, match=text) as caught:
        dg.load(path)
    assert str(path) in str(caught.value)


def test_any_cut_is_noticed() -> None:
    file = io.BytesIO()
    dg.save({"a": dg.ones(2), "b": [1, 2]}, file)
    data = file.getvalue()
    for n in range(len(data)):
        with pytest.raises(LoadError):
            dg.load(io.BytesIO(data[:n]))


def test_arguments_of_load(tmp_path: Path) -> None:
    path = tmp_path / "x"
    dg.save({"a": 1}, path)
    for where in ("cpu", dg.device("cpu"), {"cuda:0": "cpu"}, lambda s, _: s, None):
        assert dg.load(path, where, weights_only=False, mmap=True) == {"a": 1}
    with pytest.raises(ArgumentError, match="'cuda' does not exist"):
        dg.load(path, "cuda")
    with pytest.raises(ArgumentError, match="nothing is ever unpickled"):
        dg.load(path, pickle_module=pickle)
    with pytest.raises(LoadError, match="open it with 'rb'"):
        dg.load(io.StringIO("x"))
    with pytest.raises(FileNotFoundError):
        dg.load(tmp_path / "none")


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"pip install 'dualgraph\[save\]'"):
        dg.save([1], io.BytesIO())


def test_concurrent_saves_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    script = "import sys, dualgraph as dg\nfor i in range(20): dg.save([i] * 9999, sys.argv[1])"
    children = [subprocess.Popen([sys.executable, "-c", script, str(path)]) for _ in range(2)]
    while not path.exists() and all(c.poll() is None for c in children):
        time.sleep(0.01)
    while any(c.poll() is None for c in children):
        assert len(set(dg.load(path))) == 1
    assert [c.returncode for c in children] == [0, 0]
    assert os.listdir(tmp_path) == ["x"]
