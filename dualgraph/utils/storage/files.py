"""`save` and `load`: safetensors files, replaced atomically, read without running code."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, LoadError, SaveError
from ...extras import load as load_extra
from ...ops.arguments import check_device
from ...ops.build import need
from .decode import decode
from .encode import FORMAT, Encoder


def save(obj: Any, f: Any) -> None:
    """Write tensors, and dicts, lists, tuples, numbers, strings, dtypes and generators around them.

    ``f`` is a path or a binary file object. The format is safetensors (needs ``dualgraph[save]``);
    a flat dict of tensors is a plain safetensors file, which others read. A file is replaced as a
    whole or not at all, also when the process is killed; equal objects give equal files. Tensors on
    the same memory are written once and share it after `load`; views that overlap otherwise are
    written one by one. Raises `SaveError` naming the place of what cannot be saved: a module, for
    example, instead of its ``state_dict()``.

    >>> import io
    >>> import dualgraph as dg
    >>> file = io.BytesIO()
    >>> dg.save({"step": 3, "w": dg.ones(2)}, file)
    >>> dg.load(io.BytesIO(file.getvalue()))
    {'step': 3, 'w': tensor([1., 1.])}
    """
    library = load_extra("safetensors.numpy", "save", "save()")
    encoder = Encoder()
    metadata = {FORMAT: encoder.structure(obj)}  # one key: the library does not order them
    data = library.save(encoder.arrays, metadata)
    if hasattr(f, "write"):
        f.write(data)
    else:
        _replace(_path("save", f), data)


def _path(name: str, f: Any) -> Path:
    if not isinstance(f, str | os.PathLike):
        raise ArgumentError(f"{name}: expected a path or a file object, got {type(f).__name__}")
    return Path(os.path.realpath(f))  # behind a link is the file to be replaced


def _replace(path: Path, data: bytes) -> None:
    """Put a whole new file in the place of the old one."""
    if path.is_dir():
        raise SaveError(f"save: {path} is a folder; give the path of a file")
    with _temporary(path) as temporary:
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        with open(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        os.replace(temporary, path)
    _sync_folder(path.parent)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Give a name in the same folder; remove what is left there after an error."""
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        yield temporary
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.add_note(f"dualgraph.save: nothing was written to {path}, which is as before")
        raise


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a loss of power, where the system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some file systems have no such thing; the content is safe already
    finally:
        os.close(handle)


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """Return what `save` wrote, or a dict of the tensors of any safetensors file.

    ``f`` is a path or a binary file object, which is read to its end. No file can run code:
    ``weights_only`` says nothing more. ``map_location`` is the CPU or nothing; ``mmap`` is ignored.
    Raises `LoadError` for a damaged or foreign file, PyTorch's checkpoints among them (the message
    says how to convert those), and ``FileNotFoundError`` where there is none.
    """
    need(pickle_module is None, "load: pickle_module has no meaning, nothing is ever unpickled")
    if isinstance(map_location, dict):
        for device in map_location.values():
            check_device("load", device)
    elif not callable(map_location):
        check_device("load", map_location)
    if hasattr(f, "read"):
        return decode(_bytes(f), f"the file object {getattr(f, 'name', f)!r}")
    path = _path("load", f)
    if path.is_dir():
        raise LoadError(f"load: {path} is a folder; give the path of a file")
    return decode(path.read_bytes(), str(path))


def _bytes(f: Any) -> bytes:
    data = f.read()
    if not isinstance(data, bytes | bytearray):
        raise LoadError("load: the file object is a text file; open it with 'rb'")
    return bytes(data)
