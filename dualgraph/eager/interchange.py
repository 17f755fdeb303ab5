"""Memory shared with other libraries: NumPy arrays, DLPack and buffers."""

from array import array
from typing import Any

import numpy as np

from ..core.types import numpy_dtype, public_dtype
from ..errors import ArgumentError, DTypeError, ExchangeError
from ..ops.arguments import check_device, need_int
from .frontend import eager_frontend
from .tensor import Tensor

_CPU = frozenset({1, 3})  # DLPack's kDLCPU, and memory of the host that CUDA has pinned


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Return a tensor on the memory of a NumPy array: changes are seen by both.

    Raises `DTypeError` for dtypes that dualgraph does not have.
    """
    if not isinstance(ndarray, np.ndarray):
        raise DTypeError(f"from_numpy: got {type(ndarray).__name__}, not an ndarray")
    public_dtype(ndarray.dtype)
    regular = ndarray.dtype.isnative and ndarray.flags.aligned
    whole = all(s % ndarray.itemsize == 0 for s in ndarray.strides)
    return eager_frontend.tensor(ndarray if regular and whole else np.array(ndarray))


def viewed(obj: Any, dtype: Any = None, buffers: bool = False) -> Any:
    """Return a tensor on the memory of an object that shares it, and any other object as it is.

    With ``buffers`` these are also objects with the buffer protocol: raw bytes hold elements of the
    dtype (uint8 without one), typed buffers keep their own.
    """
    if isinstance(obj, Tensor | np.ndarray | np.generic):
        return obj
    if hasattr(obj, "__dlpack__"):
        return from_dlpack(obj)
    if buffers and isinstance(obj, bytes | bytearray | memoryview | array):
        kind = memoryview(obj).format
        raw = kind in ("B", "b", "c")
        return frombuffer(obj, dtype=(dtype or np.dtype("uint8")) if raw else np.dtype(kind))
    return obj


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a tensor on the memory of another library's array, through DLPack.

    ``copy=True`` copies, ``copy=False`` forbids it. Raises `ExchangeError` for memory that is not
    the CPU's and for what the other library refuses to share, `DTypeError` for dtypes that
    dualgraph does not have.

    >>> import numpy as np
    >>> import dualgraph as dg
    >>> a = np.zeros(2, np.float32)
    >>> dg.from_dlpack(a).add_(1)
    tensor([1., 1.])
    >>> a
    array([1., 1.], dtype=float32)
    """
    check_device("from_dlpack", device)
    name = type(ext_tensor).__name__
    if not hasattr(ext_tensor, "__dlpack__"):
        raise ArgumentError(
            f"from_dlpack: {name} has no __dlpack__; pass the array, not its capsule"
        )
    where = int(ext_tensor.__dlpack_device__()[0])
    if where not in _CPU:
        raise ExchangeError(
            f"from_dlpack: the {name} lies on a device of kind {where}: move it first"
        )
    options: dict[str, Any] = {} if copy is None else {"copy": copy}
    try:
        found = np.from_dlpack(ext_tensor, **options)
    except RuntimeError as error:  # of NumPy: a dtype that it does not have
        raise DTypeError(f"from_dlpack: {error} ({_dtype_of(ext_tensor)})") from error
    except BufferError as error:
        raise ExchangeError(f"from_dlpack: {error}") from error
    return from_numpy(found)


def _dtype_of(x: Any) -> str:
    return f"the dtype is {getattr(x, 'dtype', 'unknown')}"


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """Return a vector on the memory of an object with the buffer protocol.

    ``count`` elements (-1: all) from ``offset``, in bytes. Memory that is read-only, as that of
    ``bytes``, gives a tensor that cannot be changed in place. Raises `ArgumentError` where the
    elements do not fit the buffer.

    >>> import dualgraph as dg
    >>> dg.frombuffer(bytearray([1, 0, 2, 0]), dtype=dg.int16)
    tensor([1, 2], dtype=dualgraph.int16)
    """
    wanted = numpy_dtype(dtype)
    many, start = need_int("frombuffer", "count", count), need_int("frombuffer", "offset", offset)
    try:
        found = np.frombuffer(buffer, wanted, many, start)
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"frombuffer: {error}") from error
    out = from_numpy(found)
    return out.requires_grad_() if requires_grad else out


def exported(x: Tensor, options: dict[str, Any]) -> Any:
    """Return the DLPack capsule of a tensor; raise `ExchangeError` for what must not be shared."""
    if x.tracked:
        raise ExchangeError("__dlpack__: a tensor that requires grad cannot be shared: detach() it")
    values = x.numpy()
    if not values.flags.writeable and options.get("copy") is not True:
        raise ExchangeError(
            "__dlpack__: this tensor is read-only (an expanded view, a constant, or read-only "
            "memory), and the other side could write to it: clone() it"
        )
    try:
        return values.__dlpack__(**options)
    except BufferError as error:
        raise ExchangeError(f"__dlpack__: {error}") from error


def _dlpack(
    self: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: Any = None,
    copy: bool | None = None,
) -> Any:
    """Return a DLPack capsule on the tensor's memory, for ``from_dlpack`` of other libraries.

    Raises `ExchangeError` for tensors that require grad and for read-only memory.
    """
    if stream not in (None, -1):
        raise ExchangeError("__dlpack__: the CPU has no streams, stream must be None")
    if dl_device is not None and tuple(dl_device) != (1, 0):
        raise ExchangeError(f"__dlpack__: {dl_device} is not the CPU, (1, 0)")
    return exported(self, {"max_version": max_version, "copy": copy})


def _dlpack_device(self: Tensor) -> tuple[int, int]:
    """Return DLPack's name of the CPU."""
    return (1, 0)


Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = _dlpack_device  # type: ignore[attr-defined]
