"""From the bytes of a file back to Python structures. Nothing in a file is ever run."""

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.types import DTYPES, Size
from ...eager.construct import from_numpy
from ...eager.tensor import Tensor
from ...errors import LoadError
from ...extras import load as load_extra
from ...nn.parameter import Parameter
from ...ops.create.creation import Generator
from .encode import FORMAT, KIND, VERSION

_NUMPY = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
}
_CONVERT = (
    "Convert it where PyTorch is installed: safetensors.torch.save_file({k: v.contiguous() for k, "
    "v in torch.load(path, weights_only=True).items()}, 'model.safetensors')"
)
_FOREIGN = (
    (b"PK\x03\x04", "a PyTorch checkpoint (a zip archive with pickled code), or another zip file"),
    (b"\x80", "a pickle, as older PyTorch checkpoints are"),
    (b"\x93NUMPY", "a NumPy .npy file: use dualgraph.from_numpy(numpy.load(path))"),
    (b"\x89HDF", "an HDF5 file"),
    (b"GGUF", "a GGUF file"),
)


def decode(data: bytes, source: str) -> Any:
    """Return the object that the bytes of a safetensors file hold; raise `LoadError` for others."""
    arrays = _arrays(data, source)
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    if FORMAT not in metadata:
        return {name: from_numpy(array) for name, array in arrays.items()}
    try:
        found = json.loads(metadata[FORMAT])
        _check_version(found["version"], source)
        return _Decoder(arrays).decode(found["structure"])
    except LoadError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise LoadError(
            f"load: the structure in {source} is damaged ({type(error).__name__}: {error}); "
            "the tensors can still be read with safetensors.safe_open"
        ) from error


def _check_version(version: Any, source: str) -> None:
    if version != VERSION:
        raise LoadError(
            f"load: {source} has version {version!r} of dualgraph's format, this dualgraph "
            f"reads version {VERSION}: install a newer one"
        )


def _arrays(data: bytes, source: str) -> dict[str, np.ndarray]:
    library = load_extra("safetensors", "save", "load()")
    for magic, what in _FOREIGN:
        if data.startswith(magic) and data[4:8] != bytes(4):  # else the length of a header
            advice = f". It is not opened, because that could run code. {_CONVERT}"
            pickled = "pickle" in what
            raise LoadError(f"load: {source} is {what}{advice if pickled else ''}")
    try:
        entries = library.deserialize(data)
    except library.SafetensorError as error:
        size = f"{len(data)} bytes"
        raise LoadError(
            f"load: {source} ({size}) is no whole safetensors file: {error}. It was cut off "
            "while being copied, or has another format; load another copy"
        ) from error
    return {name: _array(name, entry, source) for name, entry in entries}


def _array(name: str, entry: dict[str, Any], source: str) -> np.ndarray:
    dtype = _NUMPY.get(entry["dtype"])
    if dtype is None:
        raise LoadError(
            f"load: tensor {name!r} in {source} has the dtype {entry['dtype']}, which "
            f"dualgraph does not have: convert it to one of {', '.join(_NUMPY)} first"
        )
    flat = np.frombuffer(bytearray(entry["data"]), dtype) if entry["data"] else np.empty(0, dtype)
    if dtype == "bool":
        flat = flat.view("uint8") != 0  # a byte of 2 is not a bool
    return flat.reshape(entry["shape"])


class _Decoder:
    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.memory: dict[str, Tensor] = {}
        self.objects: dict[Any, Any] = {}
        self.kinds: dict[str, Callable[[dict], Any]] = {
            "tensor": self._tensor,
            "generator": lambda x: Generator().set_state(self._named(x["name"])),
            "dict": lambda x: dict(self._items(x)),
            "ordered": lambda x: OrderedDict(self._items(x)),
            "tuple": lambda x: tuple(self.decode(v) for v in x["items"]),
            "size": lambda x: Size(self.decode(v) for v in x["items"]),
            "float": lambda x: {"inf": np.inf, "-inf": -np.inf, "nan": np.nan}[x["value"]],
            "dtype": lambda x: DTYPES[x["value"]],
        }

    def decode(self, x: Any) -> Any:
        if isinstance(x, list):
            return [self.decode(v) for v in x]
        if not isinstance(x, dict):
            return x
        if KIND in x:
            return self.kinds[x[KIND]](x)
        return {k: self.decode(v) for k, v in x.items()}

    def _items(self, x: dict) -> list[tuple[Any, Any]]:
        return [(self.decode(k), self.decode(v)) for k, v in x["items"]]

    def _named(self, name: str) -> Tensor:
        """Return the one tensor that owns the memory of this name."""
        if name not in self.memory:
            self.memory[name] = from_numpy(self.arrays[name])
        return self.memory[name]

    def _tensor(self, x: dict) -> Any:
        key = (x["object"], x["name"])
        if key not in self.objects:
            known = x["name"] in self.memory
            shown = self._named(x["name"]).detach() if known else self._named(x["name"])
            if x.get("parameter"):
                self.objects[key] = Parameter(shown, bool(x.get("grad")))
            else:
                self.objects[key] = shown.requires_grad_() if x.get("grad") else shown
        return self.objects[key]
